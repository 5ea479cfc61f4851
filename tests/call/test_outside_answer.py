"""What becomes of a line outside whose answers cannot be used, without wire."""

from __future__ import annotations

from typing import Any

from ivr.call.outside import OutsideCall
from ivr.errors import RemoteProtocolError
from ivr.sip.events import CallAccepted, SessionAnswered


class Stage:
    """An exchange, its rooms, the caller's visit and the line's sound, and what was asked of them."""

    def __init__(self, **how: Any) -> None:
        self.did: list[tuple[str, ...]] = []
        self.outcomes: list[bool] = []
        self.rooms = self.signalling = self.media = self.record = self
        self.id, self.over, self.incidents = "v-1", False, []
        self.outside = OutsideCall("v-1", "tel:+15550000911", self, self, self.outcomes.append, **how)  # type: ignore[arg-type]
        self.outside._voice = self  # type: ignore[assignment]

    def take_answer(self, answered: bytes) -> None:
        raise RemoteProtocolError("no codec")

    def hang_up(self, *said: str) -> None:
        self.did.append(said)

    def note_incident(self, what: str) -> None:
        self.did.append(("incident", what))


def test_an_unusable_answer_to_our_new_offer_ends_the_line_and_the_joined_caller_says_why() -> None:
    stage = Stage()
    stage.outside._up = stage.outside.joined = True
    stage.outside.on_sip(SessionAnswered(stage.outside.leg, b"nonsense"))
    why = "unusable SDP in the answer to our offer: no codec"
    assert stage.did == [("outside-v-1",), ("outside", why)]


def test_an_agent_who_speaks_with_the_line_hears_that_it_is_gone() -> None:
    gone: list[str] = []
    stage = Stage(on_gone=gone.append)
    stage.outside._up = True
    stage.outside.on_sip(SessionAnswered(stage.outside.leg, b"nonsense"))
    assert gone == ["unusable SDP in the answer to our offer: no codec"]
    assert stage.did == [("outside-v-1",)]


def test_an_unusable_first_answer_is_in_the_record() -> None:
    stage = Stage()
    stage.outside.on_sip(CallAccepted(stage.outside.leg, b"nonsense"))
    assert stage.did == [("incident", "tel:+15550000911 answered with unusable SDP: no codec"), ("outside-v-1",)]
    assert stage.outcomes == [False]
