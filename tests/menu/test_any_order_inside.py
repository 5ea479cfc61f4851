# ruff: noqa: E501  menus stand as they are written
"""The same as for the sample, in a menu that runs another one, records, and asks for the PIN inside."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from menu.test_any_order_of_events import PIN, Chaos, assert_told_in_order, happenings

from ivr.menu.events import (
    CallerHungUp,
    LookUp,
    NoteCallback,
    PlayPrompt,
    StartHandoff,
    StartRecording,
    StopRecording,
)
from ivr.menu.load import load_menu
from ivr.menu.model import Menu, RecordStep

OUTER = """\
ivr: 1
name: outer
start: first
languages: [{code: en, prompts: en.yaml}, {code: es, prompts: es.yaml}]
defaults: {on_fault: people, no_input: [{say: p.head}, {go: people}], no_match: [{say: p.head}, {go: tape}]}
everywhere:
  - {press: 9, speak: {en: [emergency], es: [emergencia]}, go: danger}
  - {press: 0, speak: {en: [agent], es: [agente]}, go: people}
  - {press: star, go: REPEAT}
levels: {verified: {start: who, tries: 2, failed: people}}
data: {balance: {needs: [account], gives: [amount_due], requires: verified, limit: 1s}}
queues:
  emergency: {skills: [emergency], priority: 100, open: always, ring: 10s, longest: 2m}
  general: {skills: [general], priority: 10, open: always, ring: 10s}
attached_data: {application: SAP-IC, fields: {ACCOUNT: account, PATH: path, TOPIC: topic, MESSAGE: message}}
steps:
  first:
    type: menu
    say: p.head
    choices:
      - {press: 1, speak: {en: [balance], es: [saldo]}, go: owed}
      - {press: 2, speak: {en: [nonsense], es: [nada]}, go: tape}
      - {press: 3, go: BACK}
      - {press: 4, go: call_me}
  owed: {type: lookup, use: balance, requires: verified, ok: told, not_found: first, down: tape}
  told: {type: say, say: p.told, requires: verified, go: tape}
  tape: {type: record, say: p.beep, as: message, most: 30s, go: heard}
  heard: {type: check, when: [{if: message is set, go: call_me}], else: first}
  call_me: {type: callback, say: p.noted, number: phone, ask: p.number, ok: first, failed: people}
  who: {type: run, menu: inner, with: {before: message}, gives: {account: number}, say: p.who, go: RETURN}
  danger: {type: handoff, queue: emergency, reason: EMERGENCY, busy: line, closed: line, failed: line}
  line: {type: transfer, to: "tel:+15550000911", failed: bye}
  people: {type: handoff, queue: general, reason: HELP, busy: tape, closed: bye, failed: bye}
  bye: {type: say, say: p.bye, go: END}
"""
INNER = """\
ivr: 1
name: inner
takes: [before]
gives: [number]
start: number
languages: [{code: en, prompts: en.yaml}, {code: es, prompts: es.yaml}]
defaults: {on_fault: bye, no_input: [{say: p.who}, {go: bye}], no_match: [{say: p.who}, {go: BACK}]}
data: {check_pin: {needs: [number, pin], gives: [locked], secret: [pin], limit: 1s}}
steps:
  number: {type: ask, say: p.number, take: {kind: digits, length: 10}, as: number, confirm: p.back, go: pin}
  pin: {type: ask, say: p.pin, take: {kind: digits, length: 4}, as: pin, secret: true, go: prove}
  prove: {type: lookup, use: check_pin, grants: verified, ok: RETURN, refused: wrong, not_found: wrong, down: speak}
  wrong: {type: say, say: p.who, miss: verified, go: pin}
  speak: {type: record, say: p.beep, as: complaint, most: 10s, go: START}
  bye: {type: say, say: p.bye, go: END}
"""
PROMPTS = """\
p.head: Head.
p.told: "{amount_due:money}"
p.beep: Beep.
p.noted: "{phone:phone}"
p.number: Number.
p.back: "{number:digits}"
p.pin: Pin.
p.who: Who.
p.bye: Bye.
"""
WAY = [("ended", "True"), ("key", "1"), ("ended", "True"), ("keys", "40000000021"), ("keys", PIN)]


@pytest.fixture(scope="module")
def outer(tmp_path_factory: pytest.TempPathFactory) -> Menu:
    folder: Path = tmp_path_factory.mktemp("inside")
    for name, text in {"outer": OUTER, "inner": INNER}.items():
        (folder / f"{name}.yaml").write_text(text)
    for language in ("en", "es"):
        (folder / f"{language}.yaml").write_text(f"prompts: {language}\n{PROMPTS}")
    return load_menu("outer", folder)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(script=st.lists(happenings, max_size=40))
def test_no_order_of_events_breaks_or_stops_a_call(outer, script) -> None:
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("ivr.menu.machine")
    logger.addHandler(handler)
    try:
        call = Chaos(outer)
        for kind, what in script:
            call.happen(kind, what)
            assert call.machine.ended or call.machine.deadline is not None or call.waits_for_outside()
    finally:
        logger.removeHandler(handler)
    assert errors == []
    assert_told_in_order(call)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(before=st.lists(happenings, max_size=15), after=st.lists(happenings, max_size=25))
def test_a_pin_asked_for_inside_appears_in_no_command_but_its_look_up(outer, before, after) -> None:
    call = Chaos(outer)
    for kind, what in [*before, *WAY, ("lookup", "ok"), *after]:
        call.happen(kind, what)
    for command in call.commands:
        assert PIN not in repr(command)
        if isinstance(command, PlayPrompt):
            assert PIN not in " ".join(piece.text for piece in command.pieces)
        elif isinstance(command, LookUp):
            assert PIN not in str(command.values) or command.name == "check_pin"
        elif isinstance(command, (StartHandoff, NoteCallback)):
            assert PIN not in str(command.fields)
    assert PIN not in repr(call.machine)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(script=st.lists(happenings, max_size=40))
def test_nobody_is_recorded_anywhere_but_at_a_record_step(outer, script) -> None:
    """So that no question, least of all a secret one, is ever in a recording."""
    call = Chaos(outer)
    going_on = False
    for kind, what in [("ended", "True"), ("key", "2"), ("ended", "True"), *script]:
        before = len(call.commands)
        call.happen(kind, what)
        going_on = going_on and kind != "recorded"
        for command in call.commands[before:]:
            going_on = isinstance(command, StartRecording) or (going_on and not isinstance(command, StopRecording))
        step = outer.steps.get(call.machine.step)
        assert not going_on or call.machine.ended or isinstance(step, RecordStep)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(script=st.lists(happenings, max_size=30))
def test_a_caller_who_does_nothing_more_is_let_go_in_the_end(outer, script) -> None:
    call = Chaos(outer)
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


def test_the_way_to_the_pin_is_a_way(outer) -> None:
    """The property about the PIN would hold for nothing if no call came to it."""
    call = Chaos(outer)
    for kind, what in WAY:
        call.happen(kind, what)
    asked = [command for command in call.commands if isinstance(command, LookUp)]
    assert [(command.name, command.values["pin"]) for command in asked] == [("check_pin", PIN)]
