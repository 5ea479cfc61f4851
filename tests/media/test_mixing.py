"""Conferences: the sum without oneself, on one clock; and muting."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.errors import LocalProtocolError
from ivr.media.g711 import decode, encode
from ivr.media.messages import KeyHeard, RecordingClosed, StreamFormat, WorkerLost
from ivr.media.telephone_event import TelephoneEvent
from ivr.media.wav import read_wav
from ivr.media.worker.mixing import DEEPEST, MOST, Mix, Voice

FRAME = 160


class Member:
    """As much of a leg as a mix knows."""

    def __init__(self) -> None:
        self.on_hold = False
        self.muted: set[str] = set()
        self.keys: list[str] = []

    @property
    def may_be_heard(self) -> bool:
        return not self.on_hold and "from" not in self.muted

    @property
    def may_hear(self) -> bool:
        return "to" not in self.muted

    def send_key(self, key: str, duration: float) -> None:
        self.keys.append(key)


def frame(value: int) -> bytes:
    return encode("PCMA", np.full(FRAME, value, np.int16))


def level(payload: bytes | None) -> int:
    return 0 if payload is None else int(decode("PCMA", payload)[80])


def meeting(*values: int) -> tuple[Mix, list[Any]]:
    """Members who have said two frames of a constant value each."""
    mix, members = Mix(), [Member() for _ in values]
    for member, value in zip(members, values, strict=True):
        mix.enter(member)
        for _ in range(2):
            mix.put(member, "PCMA", frame(value), 1)
    return mix, members


def test_everybody_hears_the_sum_of_the_others() -> None:
    mix, members = meeting(1000, 2000, 4000)
    heard = [level(mix.heard_by(member, 1, "PCMA")) for member in members]
    assert heard == pytest.approx([6000, 5000, 3000], rel=0.05)


def test_a_round_takes_one_frame_of_each_whoever_comes_first() -> None:
    mix, (a, b, c) = meeting(1000, 2000, 4000)
    first = [mix.heard_by(member, 1, "PCMA") for member in (c, a, b)]
    assert [mix.heard_by(member, 1, "PCMA") for member in (c, a, b)] == first
    assert level(mix.heard_by(a, 2, "PCMA")) == pytest.approx(6000, rel=0.05)
    assert mix.heard_by(a, 3, "PCMA") is None, "everything has been heard"


def test_too_loud_is_the_loudest_and_does_not_turn_over() -> None:
    mix, members = meeting(30000, 30000, -30000, -30000)
    mix.leave(members[3])
    assert level(mix.heard_by(members[2], 1, "PCMA")) > 30000
    mix, members = meeting(-30000, -30000, 5)
    assert level(mix.heard_by(members[2], 1, "PCMA")) < -30000


def test_who_is_on_hold_or_muted_is_not_heard_and_does_not_fall_behind() -> None:
    mix, (a, b, c) = meeting(1000, 2000, 4000)
    b.on_hold, c.muted = True, {"from"}
    assert mix.heard_by(a, 1, "PCMA") is None
    assert level(mix.heard_by(c, 1, "PCMA")) == pytest.approx(1000, rel=0.05), "mute is one way only"
    b.on_hold, c.muted = False, set()
    assert level(mix.heard_by(a, 2, "PCMA")) == pytest.approx(6000, rel=0.05)
    assert mix.heard_by(a, 3, "PCMA") is None, "what was said on hold came late"


def test_who_shall_not_hear_hears_nothing() -> None:
    mix, (a, b) = meeting(1000, 2000)
    a.muted = {"to"}
    assert mix.heard_by(a, 1, "PCMA") is None
    assert level(mix.heard_by(b, 1, "PCMA")) == pytest.approx(1000, rel=0.05)


def test_who_leaves_in_the_middle_of_a_round_is_out_of_its_sum() -> None:
    mix, (a, _, c) = meeting(1000, 2000, 4000)
    mix.heard_by(a, 1, "PCMA")
    mix.leave(c)
    assert level(mix.heard_by(a, 1, "PCMA")) == pytest.approx(2000, rel=0.05)


def test_a_conference_has_an_end() -> None:
    mix, _ = meeting(*[1] * MOST)
    with pytest.raises(LocalProtocolError, match="at most 8"):
        mix.enter(Member())


def test_a_key_goes_to_everybody_else_but_not_to_who_is_on_hold() -> None:
    mix, (a, b, c) = meeting(0, 0, 0)
    c.on_hold = True
    mix.press(a, "5")
    assert (a.keys, b.keys, c.keys) == ([], ["5"], [])


def test_sound_begins_when_enough_is_there_and_a_gap_keeps_its_length() -> None:
    voice, ones = Voice(), np.ones(FRAME, np.int16)
    voice.put(ones, 1)
    assert voice.take() is None, "one frame is no reserve"
    voice.put(ones, 1)
    assert voice.take() is not None
    voice.put(ones, 3)
    taken = [voice.take() for _ in range(5)]
    assert [None if one is None else int(one[0]) for one in taken] == [1, 0, 0, 1, None]


def test_late_packets_are_left_out_and_a_burst_does_not_stay_as_delay() -> None:
    voice = Voice()
    voice.put(np.ones(FRAME, np.int16), 0)
    assert voice.take() is None
    for number in range(DEEPEST // FRAME + 1):
        voice.put(np.full(FRAME, number, np.int16), 1)
    first = voice.take()
    assert first is not None and first[0] == DEEPEST // FRAME - 1


# --- in a real worker ---------------------------------------------------------------------------------


async def gathered(desk: Any, phone: Any) -> list[Any]:
    phones = []
    for name, form in (("caller", None), ("agent", StreamFormat("PCMA", 8, 97)), ("third", None)):
        peer = phone()
        await desk.call(name, peer, form, beside=None if name == "caller" else "caller")
        phones.append(peer)
    desk.workers.mix(("caller", "agent", "third"))
    await desk.settled("caller")
    return phones


async def all_talk(phones: list[Any], sounds: list[list[bytes]], rounds: int) -> list[list[Any]]:
    """Everybody sends one packet for each that the first one gets; what each has got."""
    got: list[list[Any]] = [[] for _ in phones]
    for number, said in zip(range(rounds), itertools.cycle(zip(*sounds, strict=False)), strict=False):
        for peer, payload in zip(phones, said, strict=True):
            peer.speak(payload, 8 if peer is phones[1] else 0)
        for index, peer in enumerate(phones):
            got[index].append(await peer.until(lambda packet: packet.payload_type in (0, 8)))
        assert number < rounds
    return got


async def test_three_telephones_hear_the_others_and_not_themselves(
    desk: Any, phone: Any, tone: Any, companded: Any, heard: Any, level_at: Any
) -> None:
    phones = await gathered(desk, phone)
    tones = (500, 900, 1500)
    said = [companded(tone(hertz, 0.6), law) for hertz, law in zip(tones, ("PCMU", "PCMA", "PCMU"), strict=True)]
    got = await all_talk(phones, said, 28)
    for index, packets in enumerate(got):
        sound = heard(packets[10:], "PCMA" if index == 1 else "PCMU")
        levels = [level_at(sound, hertz) for hertz in tones]
        others = [levels[other] for other in range(3) if other != index]
        assert min(others) > -30, levels
        assert levels[index] < min(others) - 25, levels


async def test_keys_and_recordings_go_on_in_a_conference(
    desk: Any, phone: Any, tone: Any, companded: Any, tmp_path: Path, level_at: Any
) -> None:
    phones = await gathered(desk, phone)
    desk.workers.record("caller", "r1", tmp_path / "r.wav", longest=30, patience=5)
    said = [companded(tone(700, 0.5)), companded(tone(900, 0.5), "PCMA"), companded(tone(1500, 0.5))]
    await all_talk(phones, said, 40)
    phones[0].press("7")
    assert (await desk.event(KeyHeard)).key == "7"
    for peer, payload_type in ((phones[1], 97), (phones[2], 101)):
        packet = await peer.until(lambda packet, wanted=payload_type: packet.payload_type == wanted)
        assert TelephoneEvent.decode(packet.payload).key == "7"
    desk.workers.stop_recording("caller")
    assert (await desk.event(RecordingClosed)).seconds > 0.2
    kept = read_wav(tmp_path / "r.wav")
    assert level_at(kept[-3000:], 700) > -30 > level_at(kept[-3000:], 900)


async def test_a_bridge_takes_two_out_of_a_conference_and_the_third_hears_nobody(
    desk: Any, phone: Any, tone: Any, companded: Any, heard: Any, level_at: Any
) -> None:
    phones = await gathered(desk, phone)
    said = [companded(tone(500, 0.4)), companded(tone(900, 0.4), "PCMA"), companded(tone(1500, 0.4))]
    await all_talk(phones, said, 5)
    desk.workers.bridge("caller", "third")
    desk.workers.mute("caller", True)
    await desk.settled("caller")
    got = await all_talk(phones, said, 20)
    assert level_at(heard(got[0][6:]), 1500) > -30
    assert level_at(heard(got[1][6:], "PCMA"), 500) < -60
    assert level_at(heard(got[2][6:]), 500) < -60, "the caller is muted"
    desk.workers.mute("caller", False)
    await desk.settled("caller")
    got = await all_talk(phones, said, 20)
    assert level_at(heard(got[2][6:]), 500) > -30


async def test_after_a_worker_died_the_legs_can_be_opened_and_mixed_again(
    make_desk: Any, phone: Any, tone: Any, companded: Any, heard: Any, level_at: Any
) -> None:
    desk = await make_desk()
    await gathered(desk, phone)
    os.kill(desk.workers.pids[0], signal.SIGKILL)
    assert set((await desk.event(WorkerLost)).legs) == {"caller", "agent", "third"}
    phones = await gathered(desk, phone)
    said = [companded(tone(500, 0.4)), companded(tone(900, 0.4), "PCMA"), companded(tone(1500, 0.4))]
    got = await all_talk(phones, said, 20)
    assert level_at(heard(got[0][8:]), 900) > -30


async def test_a_conference_over_two_workers_or_of_too_many_is_refused(make_desk: Any, phone: Any) -> None:
    desk = await make_desk(workers=2)
    await desk.call("one", phone())
    await desk.call("other", phone())
    with pytest.raises(LocalProtocolError, match="different workers"):
        desk.workers.mix(("one", "other"))
