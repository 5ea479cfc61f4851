"""Whose place a call may take, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.call.direct import DirectBridges
from ivr.call.succession import take_place
from ivr.call.visit import Visit
from ivr.config import SipSettings
from ivr.errors import RemoteProtocolError
from ivr.sip.events import Flow, IncomingCall


class Stage:
    """An exchange with one visit, and what was asked of the signalling."""

    def __init__(self, peer: str = "192.0.2.1", trusted: tuple[str, ...] = ()) -> None:
        visit: Any = Visit.__new__(Visit)  # none of its rooms is needed
        visit.sip_leg, visit.leg, visit.peer, visit.over, visit.number = "in-1", "in-1", peer, False, "+15550100"
        visit.voice, visit.note_incident, visit.follow_hold = self, self.noted, lambda: None
        self.visit = visit
        self.legs: dict[str, Any] = {"in-1": visit, "agent-1": object()}
        self.rooms = self.settings = self.signalling = self.trace = self
        visit.id = "v-1"
        self.named: list[tuple[str, str]] = []
        self.direct = DirectBridges(self)  # type: ignore[arg-type]
        self.sip = SipSettings(trusted=trusted)
        self.did: list[tuple[Any, ...]] = []
        self.usable = True
        self.incidents: list[str] = []

    def noted(self, what: str) -> None:
        self.incidents.append(what)

    def name(self, call_id: str, of: str) -> None:
        self.named.append((call_id, of))

    def handoff_of(self, visit: Any) -> None:
        return None

    # the sound
    def answer(self, leg_or_offer: Any, sdp: bytes | None = None) -> bytes:
        if sdp is None:
            if not self.usable:
                raise RemoteProtocolError("no codec")
            return b"answer"
        self.did.append(("answer", leg_or_offer, sdp))
        return b""

    def offer(self) -> bytes:
        return b"offer"

    def refuse(self, leg: str, status: int, *, headers: Any = ()) -> None:
        self.did.append(("refuse", leg, status))

    def hang_up(self, leg: str) -> None:
        self.did.append(("hang up", leg))


def call(host: str, *, replaces: str = "in-1", offer: bytes = b"v=0") -> IncomingCall:
    flow = Flow("udp", ("192.0.2.2", 5060), (host, 5060))
    return IncomingCall("in-2", "c2", "+15550177", "sip:x", "ivr", "sip:ivr@h", offer, flow, replaces=replaces)


@pytest.mark.parametrize(
    ("host", "trusted"), [("192.0.2.1", ()), ("192.0.2.9", ("192.0.2.9",))], ids=["same host", "trusted"]
)
def test_a_call_from_the_same_host_or_a_trusted_one_gets_the_place(host: str, trusted: tuple[str, ...]) -> None:
    stage = Stage(trusted=trusted)
    take_place(stage, call(host))  # type: ignore[arg-type]
    assert stage.did == [("answer", "in-2", b"answer"), ("hang up", "in-1")]
    assert (stage.visit.sip_leg, stage.visit.leg, stage.visit.peer) == ("in-2", "in-1", host)
    assert (stage.legs["in-2"], stage.visit.number) == (stage.visit, "+15550177")
    assert stage.incidents == ["a call from +15550177 took the place of this one"]
    assert stage.named == [("c2", "v-1")], "its ladder would not show it beside the first"


def test_a_call_without_an_offer_gets_ours() -> None:
    stage = Stage()
    take_place(stage, call("192.0.2.1", offer=b""))  # type: ignore[arg-type]
    assert stage.did[0] == ("answer", "in-2", b"offer")


@pytest.mark.parametrize("replaces", ["in-1", "agent-1", "in-9"])
def test_a_stranger_gets_nobodys_place(replaces: str) -> None:
    stage = Stage()
    take_place(stage, call("192.0.2.66", replaces=replaces))  # type: ignore[arg-type]
    assert stage.did == [("refuse", "in-2", 403)]
    assert stage.visit.sip_leg == "in-1"


@pytest.mark.parametrize("replaces", ["agent-1", "in-9"])
def test_only_a_callers_place_can_be_taken(replaces: str) -> None:
    stage = Stage()
    take_place(stage, call("192.0.2.1", replaces=replaces))  # type: ignore[arg-type]
    assert stage.did == [("refuse", "in-2", 403)]


def test_a_call_that_cannot_be_heard_leaves_the_other_as_it_is() -> None:
    stage = Stage()
    stage.usable = False
    take_place(stage, call("192.0.2.1"))  # type: ignore[arg-type]
    assert stage.did == [("refuse", "in-2", 400)]
    assert (stage.visit.sip_leg, list(stage.legs)) == ("in-1", ["in-1", "agent-1"])
