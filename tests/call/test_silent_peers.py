"""Telephones that die without a word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from house import House

from ivr.config import MediaSettings


async def test_an_agents_silence_brings_the_caller_back_to_the_queue_and_the_callers_silence_ends_the_call(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    house = await build_house(media=MediaSettings(ports=(25000, 25199), silence_timeout=1.0))
    first = await house.desk("desk1")
    caller = await (await house.phone()).dial(house.uri)
    await caller.wait_for_sound()
    await caller.press("10")
    dead = await first.phone.next_call()
    item = await first.item("connected")
    second = await house.desk("desk2")

    dead.sound.muted = True
    ended = await first.item("ended")
    assert (ended.id, ended.reason) == (item.id, "failed")
    taken = await second.item("connected")
    assert f"<PREVIOUS>{item.id}</PREVIOUS>" in taken.attached_data
    assert not caller.is_over

    caller.sound.muted = True
    ended = await second.item("ended")
    assert ended.reason == "failed"
    record = await house.record(within=10)
    assert record["end"] == {"by": "failure", "reason": "no sound from the caller for 1 s"}
    assert [(h["agent"], h["outcome"]) for h in record["handoffs"]] == [
        ("desk1", "answered"),
        ("desk2", "answered"),
    ]
    assert "desk1 was lost: no sound from the agent for 1 s" in [entry["what"] for entry in record["incidents"]]
