"""Telephones that hold, take back, or die, and what becomes of the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from house import House
from sounds import tone_level

from ivr.call.leg import VoiceLeg
from ivr.call.refusal import refusal_of
from ivr.config import MediaSettings
from ivr.errors import RemoteProtocolError
from ivr.ici.switchboard import IciRefusal
from ivr.media.messages import StreamFormat
from ivr.sdp import NotAcceptable, SessionDescription
from ivr.testing.phone import PhoneCall

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


async def until_tone(listener: PhoneCall, speaker: PhoneCall, hertz: float) -> None:
    """Until one hears the other's tone: bridges and answers take the time they take."""
    begun = len(listener.recording)
    async with asyncio.timeout(15):
        while tone_level(listener.recording[begun:], hertz) < 0.8:
            await speaker.talk_tone(hertz, 0.3)


async def music(listener: PhoneCall) -> None:
    """Until something is heard though nobody speaks."""
    await listener.wait_for_sound(10, after=asyncio.get_running_loop().time())


async def test_who_is_left_hears_music_while_a_telephone_holds_and_is_taken_care_of_when_it_dies(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    house = await build_house(media=MediaSettings(ports=(25000, 25199), silence_timeout=0.8))
    desk = await house.desk("desk1")
    caller = await (await house.phone()).dial(house.uri)
    await caller.wait_for_sound()
    await caller.press("10")
    agent = await desk.phone.next_call()
    item = await desk.item("connected")

    assert await agent.offer("sendonly") == 200
    assert agent.sessions[-1].media[0].has("recvonly")
    await desk.item("held")
    await music(caller)
    held, heard = agent.sound.reception.received, caller.sound.reception.received
    async with asyncio.timeout(15):
        while caller.sound.reception.received < heard + 15:
            await asyncio.sleep(0.02)
    assert agent.sound.reception.received == held, "sound to a telephone that holds us"
    with pytest.raises(IciRefusal, match="telephone holds"):
        await desk.client.unhold(item.id)
    assert await agent.offer() == 200
    await desk.item("connected", after=len(desk.items) - 1)

    assert await caller.offer("inactive") == 200
    assert caller.sessions[-1].media[0].has("inactive")
    await music(agent)
    assert desk.items[-1].status == "connected"
    assert await caller.offer() == 200

    for offer, status in ((b"v=1\r\n", 400), (OFFER.replace(b"RTP/AVP", b"RTP/SAVP"), 488)):
        caller.reoffered = asyncio.get_running_loop().create_future()
        while not caller._phone.signalling.offer(caller.leg, offer):
            await asyncio.sleep(0.05)
        assert await caller.reoffered == status
    await until_tone(caller, agent, 880)  # as it was before

    second = await house.desk("desk2")
    agent.sound.muted = True
    ended = await desk.item("ended")
    assert (ended.id, ended.reason) == (item.id, "failed")
    taken = await second.item("connected")
    assert f"<PREVIOUS>{item.id}</PREVIOUS>" in taken.attached_data
    assert not caller.is_over
    caller.sound.muted = True
    assert (await second.item("ended")).reason == "failed"
    record = await house.record(within=10)
    assert record["end"] == {"by": "failure", "reason": "no sound from the caller for 1 s"}
    assert [(h["agent"], h["outcome"]) for h in record["handoffs"]] == [
        ("desk1", "answered"),
        ("desk2", "answered"),
    ]


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (RemoteProtocolError("no v= line"), 400, []),
        (NotAcceptable("opus is offered", 305), 488, [("Warning", '305 192.0.2.1 "opus is offered"')]),
        (NotAcceptable('a "b" \\ \x00', 399), 488, [("Warning", "399 192.0.2.1 \"a 'b' \\\\ ?\"")]),
    ],
)
def test_a_refusal_names_its_reason(error: RemoteProtocolError, status: int, headers: object) -> None:
    assert refusal_of(error, "192.0.2.1") == (status, headers)


def test_a_warning_names_an_ipv6_host_in_brackets() -> None:
    assert refusal_of(NotAcceptable("x", 304), "::1")[1] == [("Warning", '304 [::1] "x"')]


class Worker:
    """The media worker's side of a leg: what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[tuple[str, int], StreamFormat]] = []

    def set_remote(self, leg: str, remote: tuple[str, int], form: StreamFormat) -> None:
        self.told.append((remote, form))


@pytest.fixture
def leg() -> tuple[VoiceLeg, Worker]:
    worker = Worker()
    return VoiceLeg("a", "127.0.0.1", worker, "off"), worker  # type: ignore[arg-type]


def version(sdp: bytes) -> int:
    return SessionDescription.parse(sdp).origin.version


def test_the_version_grows_by_one_when_something_changed_and_only_then(leg: tuple[VoiceLeg, Worker]) -> None:
    voice, _ = leg
    first = voice.answer(OFFER)
    assert version(first) == 1
    assert voice.answer(OFFER) == first  # a session timer's refresh
    assert version(voice.answer(OFFER + b"a=sendonly\r\n")) == 2
    assert version(voice.answer(OFFER)) == 3
    assert version(voice.offer()) == 4


@pytest.mark.parametrize(
    ("change", "held", "remote"),
    [
        ((b"", b""), False, ("127.0.0.1", 4000)),
        ((b"RTP/AVP 0\r\n", b"RTP/AVP 0\r\na=sendonly\r\n"), True, ("127.0.0.1", 4000)),
        ((b"RTP/AVP 0\r\n", b"RTP/AVP 0\r\na=inactive\r\n"), True, ("127.0.0.1", 4000)),
        ((b"RTP/AVP 0\r\n", b"RTP/AVP 0\r\na=recvonly\r\n"), False, ("127.0.0.1", 4000)),
        ((b"t=0 0", b"t=0 0\r\na=sendonly"), True, ("127.0.0.1", 4000)),
        ((b"c=IN IP4 127.0.0.1", b"c=IN IP4 0.0.0.0"), True, ("0.0.0.0", 4000)),
        ((b"4000", b"4444"), False, ("127.0.0.1", 4444)),
    ],
)
def test_the_worker_is_told_of_direction_and_place(
    change: tuple[bytes, bytes], held: bool, remote: tuple[str, int], leg: tuple[VoiceLeg, Worker]
) -> None:
    voice, worker = leg
    voice.answer(OFFER.replace(*change))
    assert voice.holds_us is held
    assert (worker.told[-1][0], worker.told[-1][1].send) == (remote, not held)


def test_a_late_offer_is_ours_and_its_answer_counts(leg: tuple[VoiceLeg, Worker]) -> None:
    voice, worker = leg
    offered = SessionDescription.parse(voice.offer())
    assert [media.formats for media in offered.media] == [("0", "8", "101")]
    voice.take_answer(OFFER.replace(b"RTP/AVP 0", b"RTP/AVP 8"))
    assert worker.told[-1][1].codec == "PCMA"
    voice.take_answer(b"nonsense")  # an ACK without an offer of ours before it has nothing to say
    with pytest.raises(NotAcceptable):
        voice.offer()
        voice.take_answer(OFFER.replace(b"4000", b"0"))
