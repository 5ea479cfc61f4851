"""A caller's own side is asked to call the number outside: whatever it answers, the caller is never lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ivr.call import referral
from ivr.call.destination import Destination
from ivr.call.reference import PURPOSE, headers_for, reference_in, travelling
from ivr.call.referral import Referral
from ivr.errors import IvrError, LocalProtocolError
from ivr.sip.events import Flow, Place, ReferAccepted, ReferEnded, ReferProgress
from ivr.sip.user_to_user import UserToUser

TO = "tel:+15550199"
TARGET = "sip:+15550199@trunk.example"


class Stage:
    """The parts of an exchange that a referral meets, and what it did with them."""

    def __init__(self) -> None:
        self.id = "call-7"
        self.sip_leg = "in-7"
        self.leaving = ""
        self.rooms = self.signalling = self.incoming = self
        self.user_to_user = (UserToUser(b"order-9"), UserToUser(b"call-1", PURPOSE))
        self.asked: list[tuple[Any, ...]] = []
        self.outcomes: list[bool] = []
        self.hung_up: list[tuple[str, str]] = []
        self.fails: Exception | None = None

    @property
    def phones(self) -> Stage:
        return self

    async def outside(self, to: str) -> Destination:
        assert to == TO
        if isinstance(self.fails, IvrError | OSError):
            raise self.fails
        flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
        return Destination(TARGET, (Place(TARGET, (flow,)),))

    def refer(self, leg: str, target: str, *, user_to_user: Any) -> None:
        self.asked.append((leg, target, user_to_user))

    def hang_up(self, by: str, reason: str) -> None:
        self.hung_up.append((by, reason))


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def asked(stage: Stage) -> Referral:
    one = Referral(TO, stage, stage, stage.outcomes.append)  # type: ignore[arg-type]
    one.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return one


async def test_the_callers_side_is_asked_with_what_travels_with_the_call(stage: Stage) -> None:
    await asked(stage)
    assert stage.asked == [("in-7", TARGET, (UserToUser(b"call-7", PURPOSE), UserToUser(b"order-9")))]
    assert stage.outcomes == []


async def test_once_the_caller_is_there_we_leave(stage: Stage) -> None:
    one = await asked(stage)
    for event in (ReferAccepted("in-7"), ReferProgress("in-7", 180, "Ringing")):
        one.on_sip(event)
    assert (stage.outcomes, stage.hung_up) == ([], [])
    one.on_sip(ReferEnded("in-7", "succeeded", 200, "OK"))
    assert (stage.outcomes, stage.hung_up) == ([True], [("system", f"transferred to {TO}")])


@pytest.mark.parametrize(
    ("outcome", "status"), [("failed", 486), ("failed", 603), ("refused", 405), ("refused", 408), ("silent", 0)]
)
async def test_each_failure_goes_back_to_the_menu_once(stage: Stage, outcome: Any, status: int) -> None:
    one = await asked(stage)
    one.on_sip(ReferAccepted("in-7"))
    assert stage.leaving == f"transferred to {TO}"
    one.on_sip(ReferEnded("in-7", outcome, status, "Why"))
    assert (stage.outcomes, stage.hung_up, stage.leaving) == ([False], [], "")


@pytest.mark.parametrize("error", [IvrError("not listed"), OSError("no such host"), LocalProtocolError("busy")])
async def test_a_number_that_cannot_be_asked_for_is_a_failure_too(stage: Stage, error: Exception) -> None:
    stage.fails = error
    await asked(stage)
    assert (stage.asked, stage.outcomes) == ([], [False])


async def test_a_side_that_will_tell_nothing_gets_a_while_to_leave(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(referral, "QUIET", 0.01)
    one = await asked(stage)
    one.on_sip(ReferAccepted("in-7"))
    one.on_sip(ReferEnded("in-7", "accepted", 202, "Accepted"))
    assert (stage.outcomes, stage.leaving) == ([], f"transferred to {TO}")
    async with asyncio.timeout(5):
        while not stage.outcomes:
            await asyncio.sleep(0.01)
    assert (stage.outcomes, stage.leaving) == ([False], "")


async def test_a_side_that_hangs_up_after_accepting_has_left_for_the_number(stage: Stage) -> None:
    one = await asked(stage)
    one.on_sip(ReferAccepted("in-7"))
    one.on_sip(ReferEnded("in-7", "ended", 202, "Accepted"))
    assert (stage.outcomes, stage.leaving) == ([], f"transferred to {TO}")


async def test_a_transfer_that_was_given_up_is_heard_of_no_more(stage: Stage) -> None:
    one = await asked(stage)
    one.end()
    one.on_sip(ReferEnded("in-7", "failed", 486, "Busy Here"))
    assert stage.outcomes == []


def test_the_reference_to_a_call_takes_the_place_of_an_older_one() -> None:
    brought = [UserToUser(b"call-1", PURPOSE), *(UserToUser(b"%d" % n) for n in range(10))]
    along = travelling(brought, "call-7")
    assert along[0] == UserToUser(b"call-7", PURPOSE)
    assert [value.data for value in along[1:]] == [b"%d" % n for n in range(7)]
    assert headers_for((), "h-1") == [("User-to-User", "682d31;encoding=hex;purpose=x-ivr")]


def test_only_a_reference_is_taken_for_one() -> None:
    assert reference_in([UserToUser(b"order-9"), UserToUser(b"call-7", PURPOSE)]) == "call-7"
    assert reference_in([UserToUser(b"two words", PURPOSE), UserToUser(b"x" * 121, PURPOSE)]) == ""
    assert reference_in([]) == ""
