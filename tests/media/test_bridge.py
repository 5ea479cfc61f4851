"""Two legs that hear each other, in a real worker."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ivr.errors import LocalProtocolError
from ivr.media.messages import KeyHeard, PlayEnded, StreamFormat
from ivr.media.rtp import RtpPacket
from ivr.media.telephone_event import TelephoneEvent

SILENT = {b"\xff" * 160, b"\xd5" * 160}


def is_sound(packet: Any) -> bool:
    return packet.payload_type in (0, 8) and packet.payload not in SILENT


async def together(desk: Any, phone: Any, other_format: StreamFormat | None = None) -> tuple[Any, Any]:
    """A caller and an agent, latched and bridged."""
    caller, agent = phone(), phone()
    await desk.call("caller", caller)
    await desk.call("agent", agent, other_format, beside="caller")
    desk.workers.bridge("caller", "agent")
    await desk.settled("caller")
    return caller, agent


async def talk(source: Any, target: Any, payloads: list[bytes], payload_type: int = 0) -> list[Any]:
    """Send in the rhythm of what comes; the packets with sound that arrive."""
    got = []
    for payload in payloads:
        source.speak(payload, payload_type)
        got.append(await target.until(is_sound))
    return got


async def test_both_hear_each_other_through_both_laws(
    desk: Any, phone: Any, tone: Any, companded: Any, heard: Any, level_at: Any
) -> None:
    caller, agent = await together(desk, phone, StreamFormat("PCMA", 8, 97))
    there = await talk(caller, agent, companded(tone(700, 0.3), "PCMU"))
    back = await talk(agent, caller, companded(tone(1300, 0.3), "PCMA"), 8)
    assert {packet.payload_type for packet in there} == {8}
    assert {packet.payload_type for packet in back} == {0}
    assert level_at(heard(there, "PCMA"), 700) == pytest.approx(-20, abs=0.3)
    assert level_at(heard(back, "PCMU"), 1300) == pytest.approx(-20, abs=0.3)
    assert level_at(heard(back, "PCMU"), 700) < -55


async def test_the_agent_hears_one_stream_from_us_with_the_gaps_of_the_caller(
    desk: Any, phone: Any, tone: Any, companded: Any
) -> None:
    caller, agent = await together(desk, phone)
    await agent.collect(3)
    payloads = companded(tone(700, 0.4), "PCMU")
    got = await talk(caller, agent, payloads[:10])
    caller.sequence_number += 2  # two packets lost on their way to us
    caller.timestamp += 320
    got += await talk(caller, agent, payloads[10:])
    assert {packet.ssrc for packet in agent.packets} == {agent.packets[0].ssrc} != {caller.ssrc}
    assert [packet.marker for packet in got] == [True] + [False] * 19
    numbers = [(b.sequence_number - a.sequence_number) % 65536 for a, b in pairwise(got)]
    times = [(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(got)]
    assert numbers == [1] * 9 + [3] + [1] * 9
    assert times == [160] * 9 + [480] + [160] * 9
    before = agent.packets[agent.packets.index(got[0]) - 1]
    assert (got[0].sequence_number - before.sequence_number) % 65536 == 1
    assert 160 <= (got[0].timestamp - before.timestamp) % 2**32 <= 16000


async def test_silence_fills_in_when_the_other_side_stops_sending(
    desk: Any, phone: Any, tone: Any, companded: Any
) -> None:
    caller, agent = await together(desk, phone)
    await talk(caller, agent, companded(tone(700, 0.1), "PCMU"))
    last = agent.packets[-1]
    filled = await agent.collect(10)
    assert all(packet.payload in SILENT and not packet.marker for packet in filled)
    numbers = [(b.sequence_number - a.sequence_number) % 65536 for a, b in pairwise([last, *filled])]
    assert set(numbers) == {1}
    assert all(0 < (b.timestamp - a.timestamp) % 2**32 < 32000 for a, b in pairwise([last, *filled]))


async def test_keys_are_told_and_passed_on_with_the_other_sides_payload_type(desk: Any, phone: Any) -> None:
    caller, agent = await together(desk, phone, StreamFormat("PCMU", 0, 97))
    caller.press("8")
    key = await desk.event(KeyHeard)
    assert (key.leg, key.key) == ("caller", "8")
    packets = [await agent.until(lambda packet: packet.payload_type == 97) for _ in range(6)]
    events = [TelephoneEvent.decode(packet.payload) for packet in packets]
    assert {event.key for event in events} == {"8"}
    assert [event.end for event in events] == [False] * 3 + [True] * 3
    assert len({packet.timestamp for packet in packets}) == 1
    assert packets[0].marker


async def test_the_rest_of_a_key_pressed_before_the_bridge_is_not_passed_on(desk: Any, phone: Any) -> None:
    caller, agent = phone(), phone()
    await desk.call("caller", caller)
    await desk.call("agent", agent, beside="caller")
    began = caller.timestamp
    caller.press("0")
    assert (await desk.event(KeyHeard)).key == "0"
    desk.workers.bridge("caller", "agent")
    await desk.settled("caller")
    for _ in range(3):
        end = TelephoneEvent(0, True, 10, 800).encode()
        caller.send(RtpPacket(101, caller.sequence_number, began, caller.ssrc, end))
        caller.sequence_number = (caller.sequence_number + 1) & 0xFFFF
    caller.press("8")
    got = [await agent.until(lambda packet: packet.payload_type == 101) for _ in range(6)]
    assert {TelephoneEvent.decode(packet.payload).key for packet in got} == {"8"}


async def test_keys_are_not_passed_to_a_side_that_did_not_agree_to_them(desk: Any, phone: Any) -> None:
    caller, agent = await together(desk, phone, StreamFormat("PCMU", 0, None))
    caller.press("8")
    assert (await desk.event(KeyHeard)).key == "8"
    packets = await agent.collect(10)
    assert {packet.payload_type for packet in packets} == {0}


async def test_who_is_held_hears_music_and_is_not_heard(
    desk: Any, phone: Any, tone: Any, tone_file: Any, companded: Any, heard: Any, level_at: Any
) -> None:
    caller, agent = await together(desk, phone)
    await talk(caller, agent, companded(tone(700, 0.1), "PCMU"))
    desk.workers.hold("caller", tone_file(440, 1.0))
    await caller.until(is_sound)
    for payload in companded(tone(700, 0.2), "PCMU"):
        caller.speak(payload)
    for payload in companded(tone(1300, 0.2), "PCMU"):
        agent.speak(payload)
    caller.press("3")
    assert (await desk.event(KeyHeard)).key == "3"
    music = await caller.collect(15)
    assert level_at(heard(music), 440) == pytest.approx(-20, abs=0.5)
    assert not any(level_at(heard([packet]), 1300) > -30 for packet in caller.packets[-30:])
    agent.packets.clear()
    assert not any(is_sound(packet) or packet.payload_type == 101 for packet in await agent.collect(12))
    desk.workers.unhold("caller")
    await desk.settled("caller")
    again = await talk(caller, agent, companded(tone(700, 0.1), "PCMU"))
    assert again[0].marker
    assert not any(isinstance(event, PlayEnded) for event in desk.events)


async def test_an_announcement_is_heard_instead_of_the_other_side(
    desk: Any, phone: Any, tone: Any, tone_file: Any, companded: Any, heard: Any, level_at: Any
) -> None:
    caller, agent = await together(desk, phone)
    desk.workers.play("agent", "whisper", [tone_file(900, 0.3)])
    first = await agent.until(is_sound)
    packets = [first]
    for payload in companded(tone(2000, 0.28), "PCMU"):
        caller.speak(payload)
        packets.append(await agent.receive())
    assert level_at(heard(packets), 900) == pytest.approx(-20, abs=0.3)
    assert level_at(heard(packets), 2000) < -45
    assert (await desk.event(PlayEnded)).finished


async def test_parting_ends_it_and_so_does_closing_either_side(
    desk: Any, phone: Any, tone: Any, companded: Any
) -> None:
    caller, agent = await together(desk, phone)
    desk.workers.unbridge("agent", "caller")
    await desk.settled("caller")
    for payload in companded(tone(700, 0.1), "PCMU"):
        caller.speak(payload)
    assert not any(is_sound(packet) for packet in await agent.collect(10))
    desk.workers.bridge("caller", "agent")
    await desk.settled("caller")
    await talk(agent, caller, companded(tone(700, 0.1), "PCMU"))
    await desk.workers.close_leg("agent")
    caller.packets.clear()
    assert not any(is_sound(packet) for packet in await caller.collect(5))


async def test_legs_of_different_workers_say_how_to_bring_them_together(make_desk: Any, phone: Any) -> None:
    desk = await make_desk(workers=2)
    await desk.call("a", phone())
    await desk.call("b", phone())
    await desk.call("c", phone(), beside="a")
    with pytest.raises(LocalProtocolError, match="beside='a'"):
        desk.workers.bridge("a", "b")
    desk.workers.bridge("a", "c")
    assert [health["legs"] for health in desk.workers.health] == [2, 1]
