"""Whatever happens in whatever order: the machine never raises, never gets stuck, never tells a PIN."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.menu.events import (
    CallAnswered,
    CallbackNoted,
    CallerHungUp,
    Command,
    Event,
    HandoffEnded,
    HangUp,
    KeyPressed,
    KeysConsumed,
    KeysDropped,
    LookUp,
    LookupEnded,
    PhraseHeard,
    PlayPrompt,
    PromptEnded,
    RecordingEnded,
    SpeechBegan,
    StartRecording,
    StepEntered,
    StepLeft,
    TransferEnded,
)
from ivr.menu.machine import MenuMachine
from ivr.menu.model import HandoffStep, Menu, TransferStep

PIN = "7351"
"""A number that no other value of these calls contains."""
VALUES: dict[str, object] = {
    "account": "4000000002",
    "first_name": "Ana",
    "language": "es",
    "tries_left": "2",
    "locked": False,
    "amount_due": Decimal("84.20"),
    "due_date": date(2026, 3, 15),
    "bill_amount": Decimal("61.05"),
    "bill_date": None,
    "payments": [{"paid_on": date(2026, 1, 4), "paid": Decimal("20.00")}],
    "method_id": "m1",
    "method_name": "bank account",
    "method_last4": "4417",
    "receipt": "88120",
    "promise_id": "p1",
    "area": "Hill Street",
    "back_at": datetime(2026, 3, 2, 18, tzinfo=UTC),
}

happenings = st.one_of(
    st.sampled_from("0123456789*#A").map(lambda key: ("key", key)),
    st.sampled_from(["1", "2", "1", "4000000002", "4000000002#", PIN, PIN + "#", "*9", "1#"]).map(
        lambda keys: ("keys", keys)
    ),
    st.sampled_from([("ended", "True"), ("ended", "False"), ("expire", ""), ("speech", "")]),
    st.sampled_from(["ok", "ok", "not_found", "refused", "down"]).map(lambda outcome: ("lookup", outcome)),
    st.sampled_from(["balance", "emergency", "agent please", "yes", "4000000002", "", "nonsense"]).map(
        lambda phrase: ("phrase", phrase)
    ),
    st.sampled_from(["answered", "busy", "closed", "failed"]).map(lambda outcome: ("handoff", outcome)),
    st.sampled_from(["answered", "failed"]).map(lambda outcome: ("transfer", outcome)),
    st.booleans().map(lambda noted: ("noted", str(noted))),
    st.sampled_from(["recordings/c-1.wav", ""]).map(lambda file: ("recorded", file)),
    st.floats(0, 40).map(lambda seconds: ("time", str(seconds))),
)


class Chaos:
    """Turns happenings into events that fit, or just do not fit, where the call is."""

    def __init__(self, menu: Menu) -> None:
        self.machine = MenuMachine(menu, call_id="c", recogniser_languages=frozenset({"en", "es"}))
        self.menu = menu
        self.now = 0.0
        self.commands: list[Command] = []
        self.pressed = 0
        self.play = self.lookup = self.recording = 0
        self.tell(CallAnswered("+15550100", "ivr", datetime(2026, 3, 2, 15, tzinfo=UTC)))

    def tell(self, event: Event) -> None:
        self.pressed += isinstance(event, KeyPressed) and not self.machine.ended
        self.note(self.machine.handle(event, self.now))

    def note(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, PlayPrompt):
                self.play = command.play
            elif isinstance(command, LookUp):
                self.lookup = command.lookup
            elif isinstance(command, StartRecording):
                self.recording = command.recording
        self.commands += commands

    def happen(self, kind: str, what: str) -> None:
        match kind:
            case "key" | "keys":
                for key in what:
                    self.now += 0.1
                    self.tell(KeyPressed(key))
            case "ended":
                self.tell(PromptEnded(self.play, what == "True"))
            case "expire":
                self.now = max(self.now, self.machine.deadline or 0.0)
                self.note(self.machine.expire(self.now))
            case "speech":
                self.tell(SpeechBegan())
            case "lookup":
                self.tell(LookupEnded(self.lookup, what, VALUES if what == "ok" else {"locked": True}))  # type: ignore[arg-type]
            case "phrase":
                self.tell(PhraseHeard(what, 0.9))
            case "handoff":
                self.tell(HandoffEnded(what))  # type: ignore[arg-type]
            case "transfer":
                self.tell(TransferEnded(what))  # type: ignore[arg-type]
            case "noted":
                self.tell(CallbackNoted(what == "True"))
            case "recorded":
                self.tell(RecordingEnded(self.recording, what, 2.0 if what else 0.0))
            case _:
                self.now += float(what)
                self.note(self.machine.expire(self.now))

    def waits_for_outside(self) -> bool:
        step = self.menu.steps.get(self.machine.step)
        return isinstance(step, (HandoffStep, TransferStep))


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=st.lists(happenings, max_size=40))
def test_no_order_of_events_breaks_or_stops_a_call(northgas, caplog, script) -> None:
    caplog.clear()
    call = Chaos(northgas)
    for kind, what in script:
        call.happen(kind, what)
        assert call.machine.ended or call.machine.deadline is not None or call.waits_for_outside()
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert_told_in_order(call)


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=st.lists(happenings, max_size=30), after=st.lists(happenings, max_size=10))
def test_a_pin_appears_in_no_command_but_the_look_up(northgas, caplog, script, after) -> None:
    call = Chaos(northgas)
    way = [("ended", "True"), ("lookup", "ok"), ("keys", "14000000002#1"), ("lookup", "ok"), ("keys", PIN)]
    for kind, what in [*script, *way, *after]:
        call.happen(kind, what)
    for command in call.commands:
        shown = repr(command)
        if isinstance(command, PlayPrompt):
            shown = " ".join(piece.text for piece in command.pieces)
        elif isinstance(command, LookUp) and command.name != "check_pin":
            shown = repr(command.values)
        assert PIN not in shown
        assert PIN not in repr(command)
    assert PIN not in repr(call.machine)
    assert PIN not in caplog.text


@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=st.lists(happenings, max_size=30))
def test_a_caller_who_does_nothing_more_is_let_go_in_the_end(northgas, script) -> None:
    call = Chaos(northgas)
    for kind, what in script:
        call.happen(kind, what)
    for _ in range(200):
        if call.machine.ended:
            break
        if call.waits_for_outside() and call.machine.deadline is None:
            call.tell(CallerHungUp())
        else:
            call.happen("expire", "")
    assert call.machine.ended
    before = len(call.commands)
    for kind, what in [("key", "1"), ("ended", "True"), ("lookup", "ok"), ("expire", ""), ("phrase", "balance")]:
        call.happen(kind, what)
    assert len(call.commands) == before


def assert_told_in_order(call: Chaos) -> None:
    """A record can be made from the commands alone: steps are left as they are entered, keys told once."""
    inside: str | None = None
    for command in call.commands:
        if isinstance(command, StepEntered):
            assert inside is None, f"{inside} was not left"
            inside = command.step
        elif isinstance(command, StepLeft):
            assert command.step == inside
            inside = None
    told = sum(command.count for command in call.commands if isinstance(command, (KeysConsumed, KeysDropped)))
    assert told <= call.pressed
    if call.machine.ended:
        assert told == call.pressed
        assert sum(isinstance(command, HangUp) for command in call.commands) <= 1
