"""Voices straight between two telephones (`media.bridge = "direct"`), and back when they are needed here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from house import House
from sounds import tone_level

from ivr.call.direct import DirectBridges, DirectMedia, Side
from ivr.call.leg import VoiceLeg
from ivr.config import MediaSettings
from ivr.media.messages import LegOpened
from ivr.sdp import LocalMedia, SessionDescription, answer
from ivr.sip import events as sip
from ivr.testing.phone import PhoneCall

Build = Callable[..., Awaitable[House]]


def place(call: PhoneCall) -> tuple[str, int]:
    assert call.local is not None
    return call.local.host, call.local.port


async def until_from(listener: PhoneCall, source: tuple[str, int] | None) -> None:
    """Until sound comes from there; None for the engine, wherever."""
    async with asyncio.timeout(15):
        while source != listener.sound.source if source else listener.sound.source in PLACES:
            await asyncio.sleep(0.02)


PLACES: list[tuple[str, int] | None] = []
"""Of the two telephones."""


async def until_tone(listener: PhoneCall, speaker: PhoneCall, hertz: float) -> None:
    begun = len(listener.recording)
    async with asyncio.timeout(15):
        while tone_level(listener.recording[begun:], hertz) < 0.8:
            await speaker.talk_tone(hertz, 0.3)


async def test_voices_go_straight_and_come_back_for_music_and_for_the_queue(build_house: Build) -> None:
    house = await build_house(media=MediaSettings(ports=(25200, 25399), silence_timeout=0.6, bridge="direct"))
    desk = await house.desk("desk1")
    caller = await (await house.phone()).dial(house.uri)
    await caller.wait_for_sound()
    await caller.press("10")
    agent = await desk.phone.next_call()
    item = await desk.item("connected")
    PLACES[:] = [place(caller), place(agent)]
    await until_from(caller, place(agent))
    await until_from(agent, place(caller))
    await until_tone(caller, agent, 880)

    await desk.client.hold(item.id)
    await until_from(caller, None)
    await caller.wait_for_sound(10, after=asyncio.get_running_loop().time())  # music
    await desk.client.unhold(item.id)
    await until_from(caller, place(agent))

    assert await caller.offer("sendonly") == 200  # the caller's own hold key
    await until_from(agent, None)
    await agent.wait_for_sound(10, after=asyncio.get_running_loop().time())
    assert await caller.offer() == 200
    await until_from(agent, place(caller))
    assert await caller.offer() == 200  # said again, as session timers do: nothing moves
    assert agent.sound.source == place(caller)
    assert caller.sessions[-1].media[0].port == place(agent)[1]
    await caller.hang_up()
    assert (await desk.item("ended")).reason == "normal"
    assert (await house.record())["incidents"] == []


# --- the order of things, without wire or clock -----------------------------------------------------------


class Worker:
    """Remembers whose sound was sent away."""

    def __init__(self) -> None:
        self.away: dict[str, Callable[[], None]] = {}
        self.here: list[str] = []

    async def open_leg(self, leg: str, host: str, *, beside: str | None = None) -> LegOpened:
        return LegOpened(leg, 20000 if leg == "caller" else 20002)

    def set_remote(self, leg: str, remote: object, form: object) -> None:
        self.away.pop(leg, None)
        self.here.append(leg)

    def send_away(self, leg: str, bring_back: Callable[[], None]) -> None:
        self.away[leg] = bring_back


class Phones:
    """Two telephones behind a SIP user agent: each offer is noted, and answered when the test says so."""

    def __init__(self, worker: Worker) -> None:
        self.offers: list[tuple[str, SessionDescription]] = []
        self.lost: list[str] = []
        self.local = {
            "caller": LocalMedia("127.0.0.1", 4000, 1),
            "agent": LocalMedia("127.0.0.1", 5000, 2),
        }
        self.sides = {
            name: Side(name, VoiceLeg(name, "127.0.0.1", worker, "off"), self.lost.append)  # type: ignore[arg-type]
            for name in self.local
        }
        self.busy = 0
        """Offers that cannot be made just now."""
        self.direct = DirectMedia(self.sides["caller"], self.sides["agent"], self, "call")  # type: ignore[arg-type]

    async def call(self) -> None:
        """Both are in a call, through the worker."""
        for name, side in self.sides.items():
            await side.voice.open()
            side.voice.take_answer(self.reply(name, SessionDescription.parse(side.voice.offer())))

    def reply(self, name: str, offered: SessionDescription) -> bytes:
        return answer(offered, self.local[name]).description.encode()

    def offer(self, leg: str, sdp: bytes) -> bool:
        if self.busy:
            self.busy -= 1
            return False
        self.offers.append((leg, SessionDescription.parse(sdp)))
        return True

    def accept_offer(self, leg: str, sdp: bytes) -> None:
        self.offers.append((f"answer to {leg}", SessionDescription.parse(sdp)))

    async def next(self, leg: str) -> SessionDescription:
        """The next offer, which must be for this leg."""
        async with asyncio.timeout(10):
            while not self.offers:
                await asyncio.sleep(0)
        name, offered = self.offers.pop(0)
        assert name == leg
        return offered

    async def accept(self, leg: str) -> SessionDescription:
        offered = await self.next(leg)
        assert self.direct.takes(sip.SessionAnswered(leg, self.reply(leg, offered)))
        return offered

    async def refuse(self, leg: str, status: int = 488) -> None:
        await self.next(leg)
        assert self.direct.takes(sip.SessionRefused(leg, status, ""))

    async def quiet(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        assert self.offers == []

    async def straight(self) -> None:
        self.direct.begin()
        await self.accept("agent")
        await self.accept("caller")
        await self.quiet()


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def phones(worker: Worker) -> Phones:
    made = Phones(worker)
    await made.call()
    worker.here.clear()
    return made


def target(offered: SessionDescription) -> tuple[str | None, int]:
    return offered.host, offered.media[0].port


async def test_each_is_offered_the_other_and_the_worker_lets_go(phones: Phones, worker: Worker) -> None:
    phones.direct.begin()
    assert target(await phones.accept("agent")) == ("127.0.0.1", 4000)
    assert worker.away == {}  # the caller still talks to us
    assert target(await phones.accept("caller")) == ("127.0.0.1", 5000)
    await phones.quiet()
    assert phones.direct.is_straight and set(worker.away) == {"caller", "agent"}
    assert not phones.direct.takes(sip.KeyInfo("caller", "5"))  # the menu hears of keys as ever


async def test_one_codec_is_offered_the_one_the_caller_speaks(phones: Phones) -> None:
    phones.local["agent"] = LocalMedia("127.0.0.1", 5000, 2, codecs=("PCMA",))
    phones.direct.begin()
    offered = await phones.next("agent")
    assert offered.media[0].formats == ("0", "101")
    phones.direct.takes(sip.SessionRefused("agent", 488, ""))
    await phones.quiet()
    assert not phones.direct.is_straight


async def test_an_agent_who_refuses_changes_nothing(phones: Phones, worker: Worker) -> None:
    phones.direct.begin()
    await phones.refuse("agent")
    await phones.quiet()
    assert (worker.away, worker.here, phones.lost) == ({}, [], [])


async def test_a_caller_who_refuses_brings_the_agent_back(phones: Phones, worker: Worker) -> None:
    phones.direct.begin()
    await phones.accept("agent")
    await phones.refuse("caller")
    assert (await phones.accept("agent")).media[0].port != 4000
    await phones.quiet()
    assert (worker.away, worker.here, phones.lost) == ({}, ["agent"], [])


async def test_a_caller_who_takes_another_port_is_told_to_the_agent(phones: Phones) -> None:
    phones.direct.begin()
    await phones.accept("agent")
    phones.local["caller"] = LocalMedia("127.0.0.1", 4444, 1)
    await phones.accept("caller")
    assert target(await phones.accept("agent")) == ("127.0.0.1", 4444)
    await phones.quiet()
    assert phones.direct.is_straight


async def test_what_is_asked_of_the_worker_brings_both_back(phones: Phones, worker: Worker) -> None:
    await phones.straight()
    worker.away["caller"]()
    worker.away["agent"]()
    assert [(await phones.accept(name)).media[0].port for name in ("caller", "agent")] == [20000, 20002]
    await phones.quiet()
    assert set(worker.here) == {"caller", "agent"} and not phones.direct.is_straight


async def test_it_comes_back_also_in_the_middle_of_going(phones: Phones, worker: Worker) -> None:
    phones.direct.begin()
    offered = await phones.next("agent")
    phones.direct.bring_back()
    phones.direct.takes(sip.SessionAnswered("agent", phones.reply("agent", offered)))
    await phones.accept("agent")
    await phones.quiet()
    assert (worker.away, worker.here) == ({}, ["agent"])


async def test_a_telephone_that_cannot_be_brought_back_is_lost(phones: Phones) -> None:
    await phones.straight()
    phones.direct.bring_back()
    await phones.accept("caller")
    await phones.refuse("agent", 488)
    await phones.quiet()
    assert len(phones.lost) == 1


async def test_an_offer_that_meets_another_is_made_again(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.call.direct.AGAIN", 0.0)
    phones.busy = 3
    await phones.straight()
    assert phones.direct.is_straight


async def test_the_same_said_again_is_answered_with_the_same(phones: Phones) -> None:
    await phones.straight()
    again = VoiceLeg("x", "127.0.0.1", Worker(), "off")  # type: ignore[arg-type]
    again._local = phones.local["caller"]
    assert phones.direct.takes(sip.SessionOffered("caller", again.offer()))
    answered = await phones.next("answer to caller")
    assert target(answered) == ("127.0.0.1", 5000)
    await phones.quiet()


async def test_a_change_by_one_telephone_brings_the_other_back(phones: Phones, worker: Worker) -> None:
    await phones.straight()
    again = VoiceLeg("x", "127.0.0.1", Worker(), "off")  # type: ignore[arg-type]
    again._local = LocalMedia("127.0.0.1", 4000, 1, direction="sendonly")
    assert not phones.direct.takes(sip.SessionOffered("caller", again.offer()))  # its owner answers
    await phones.accept("agent")
    await phones.quiet()
    assert worker.here == ["agent"]


async def test_nothing_is_offered_to_who_hung_up_and_the_other_comes_back(phones: Phones, worker: Worker) -> None:
    await phones.straight()
    phones.direct.leave("agent")
    worker.away["caller"]()
    await phones.accept("caller")
    await phones.quiet()
    assert (worker.here, phones.lost) == (["caller"], [])


async def test_whoever_talked_with_a_call_that_another_replaces_comes_back(phones: Phones, worker: Worker) -> None:
    bridges = DirectBridges(phones)  # type: ignore[arg-type]
    bridges.straighten("call", phones.sides["caller"], phones.sides["agent"])
    for name in ("agent", "caller"):
        offered = await phones.next(name)
        assert bridges.takes(sip.SessionAnswered(name, phones.reply(name, offered)))
    await phones.quiet()
    bridges.part("caller")
    offered = await phones.next("agent")
    assert bridges.takes(sip.SessionAnswered("agent", phones.reply("agent", offered)))
    await phones.quiet()
    assert worker.here == ["agent"]
    assert not bridges.takes(sip.SessionRefused("caller", 488, ""))


async def test_who_holds_is_not_sent_away(phones: Phones) -> None:
    voice = phones.sides["caller"].voice
    voice.offer()
    voice.take_answer(
        phones.reply("caller", SessionDescription.parse(voice.offer())).replace(b"sendrecv", b"sendonly")
    )
    phones.direct.begin()
    await phones.quiet()
