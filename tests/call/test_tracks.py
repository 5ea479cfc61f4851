"""Conversations are recorded leg by leg, named to everybody in them, and nothing else of a call is kept."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from call.test_consultation import all_talk, consulting
from call.test_transfer import both_ways, in_step, with_agent
from house import House

from ivr.call.tracks import is_wanted
from ivr.config import RecordingSettings
from ivr.ici.attached_data import build, read
from ivr.ici.switchboard import IciRefusal, ItemAttachedDataChanged
from ivr.media.g711 import Samples
from ivr.media.g711_wav import read_g711

ALL = RecordingSettings(conversations="all")


def files(house: House, record: dict[str, Any]) -> list[Path]:
    return [house.settings.var / entry["file"] for entry in record["recordings"]]


def strongest(sound: Samples, hertz: float) -> float:
    """The share of the tone in that quarter of a second, of those with sound in them, that has most of it."""
    pieces = sound[: len(sound) // 2000 * 2000].reshape(-1, 2000).astype(float)
    loud = pieces[np.abs(pieces).max(axis=1) > 500]
    wave = np.exp(2j * np.pi * hertz / 8000 * np.arange(2000))
    shares = 2 * np.abs(loud @ wave) ** 2 / (2000 * (loud**2).sum(axis=1))
    return float(shares.max(initial=0.0))


async def test_h14_everybody_in_a_conference_is_told_of_new_data_and_of_the_recordings_of_every_leg(
    build_house: object,
) -> None:
    house: House = await build_house(recording=ALL)  # type: ignore[operator]
    caller, one, other, first, second, item, consult_id = await consulting(house)
    assert read((await first.item("connected")).attached_data)["IVR/RECORDINGS"].keys() == {"R1", "R2"}
    await asyncio.gather(one.talk_tone(1500, 0.5), caller.talk_tone(1800, 0.5))  # among agents, and to the music
    await first.client.conference(item.id, consult_id)
    await second.item("conferenced")
    call_id = item.id.partition("-h")[0]
    ids = {"R1": f"caller {call_id}-r1", "R2": f"desk1 {call_id}-r2", "R3": f"desk2 {call_id}-r3"}
    told = await first.data()
    assert (told.item_id, read(told.document)["IVR/RECORDINGS"]) == (item.id, ids)
    assert read((await second.item("conferenced")).attached_data)["IVR/RECORDINGS"] == ids
    await all_talk(caller, one, other)

    mine, version = second.items[-1].id, (await second.item("conferenced")).attached_data_version
    newer = await second.client.update_attached_data(mine, build("NOTES", {"TEXT": "all agree"}), version)
    async with asyncio.timeout(5):
        while read(first_news(first.events)[-1].document).get("NOTES") is None:
            await asyncio.sleep(0.02)
    news = first_news(first.events)[-1]
    assert (news.version, read(news.document)["NOTES"], newer > version) == (newer, {"TEXT": "all agree"}, True)
    with pytest.raises(IciRefusal, match="'NOTES' was changed by desk2") as late:
        await first.client.update_attached_data(item.id, build("NOTES", {"TEXT": "mine"}), version)
    assert late.value.facts["currentVersion"] == str(newer)

    await one.hang_up()
    await second.client.set_attached_data(mine, build("CRM", {"RECORD": "no"}))
    await caller.talk_tone(2100, 0.4)  # the caller does not want to be recorded
    await second.client.blind_transfer(mine, "menu:main")
    await in_step(house, "main")
    await caller.hang_up()
    await second.item("ended")

    record = await house.record()
    assert [(entry["leg"], entry["id"]) for entry in record["recordings"]] == [
        ("caller", f"{call_id}-r1"),
        ("desk1", f"{call_id}-r2"),
        ("desk2", f"{call_id}-r3"),
    ]
    assert [entry["why"] for entry in record["recordings"]] == ["refused", "parted", "refused"]
    sounds = [read_g711(file) for file in files(house, record)]
    for sound, hertz in zip(sounds, (440, 700, 1100), strict=True):
        levels = {tone: strongest(sound, tone) for tone in (440, 700, 1100, 1500, 1800, 2100)}
        assert levels.pop(hertz) > 0.8
        assert max(levels.values()) < 0.2, (hertz, levels)
    begins = [record["recordings"][n]["at"] + first_sound(sounds[n]) for n in range(3)]
    assert max(begins) - min(begins) < 0.35, "all began to talk at once"
    authors = [(one["author"], one["blocks"]) for one in record["handoff"]["attached_data_changes"]]
    assert ("desk2", ["NOTES"]) in authors and ("menu", ["IVR/RECORDINGS"]) in authors


def first_news(events: list[Any]) -> list[ItemAttachedDataChanged]:
    return [event for event in events if isinstance(event, ItemAttachedDataChanged)]


def first_sound(sound: Samples) -> float:
    """Seconds."""
    return float(np.argmax(np.abs(sound) > 1000)) / 8000


async def test_what_a_caller_types_and_says_in_the_menu_is_in_no_file_and_a_dead_worker_leaves_them_whole(
    build_house: object,
) -> None:
    house: House = await build_house(recording=RecordingSettings("queues", ("general",)))  # type: ignore[operator]
    caller, first = await with_agent(house)
    agent = await first.phone.next_call()
    await both_ways(caller, agent)
    await asyncio.sleep(0.6)  # what is on disk at a kill is what was said more than a second before
    assert house.engine.exchange is not None
    for pid in house.engine.exchange.rooms.media.pids:
        os.kill(pid, signal.SIGKILL)
    call_id = first.items[-1].id.partition("-h")[0]
    async with asyncio.timeout(10):
        while f"{call_id}-r4" not in first.items[-1].attached_data and not any(
            f"{call_id}-r4" in news.document for news in first_news(first.events)
        ):
            await asyncio.sleep(0.02)
    await both_ways(caller, agent)
    await first.client.blind_transfer(first.items[-1].id, "menu:main")
    await in_step(house, "main")
    await asyncio.gather(caller.talk_tone(1500, 0.4), caller.press("4711", pace=0.06, held=0.06))
    await caller.hang_up()
    record = await house.record()
    assert [(entry["leg"], entry["why"]) for entry in record["recordings"]] == [
        ("caller", "worker_died"),
        ("desk1", "worker_died"),
        ("caller", "parted"),
        ("desk1", "parted"),
    ]
    for file, hertz in zip(files(house, record), (440, 880, 440, 880), strict=True):
        sound = read_g711(file)
        assert strongest(sound, hertz) > 0.8
        assert strongest(sound, 1500) < 0.2
        assert strongest(sound, 1320 - hertz) < 0.2, "who talks there is in a file of his own"


@pytest.mark.parametrize(
    ("setting", "changes", "recorded"),
    [
        (RecordingSettings(), {}, False),
        (ALL, {}, True),
        (RecordingSettings("queues", ("billing",)), {}, True),
        (RecordingSettings("queues", ("general",)), {}, False),
        (ALL, {"draft": True}, False),
        (ALL, {"has_customer": False}, False),
        (ALL, {"blocks": {"SAP-IC": {"RECORD": " No "}}}, False),
        (ALL, {"blocks": {"SAP-IC": {"RECORD": "yes"}}}, True),
    ],
)
def test_nobody_is_recorded_unless_settings_and_people_want_it(
    setting: RecordingSettings, changes: dict[str, Any], recorded: bool
) -> None:
    visit: Any = SimpleNamespace(
        rooms=SimpleNamespace(settings=SimpleNamespace(recording=setting)),
        draft=changes.get("draft", False),
        has_customer=changes.get("has_customer", True),
        record=SimpleNamespace(handoffs=[SimpleNamespace(queue="general"), SimpleNamespace(queue="billing")]),
        data=SimpleNamespace(blocks=changes["blocks"]) if "blocks" in changes else None,
    )
    assert is_wanted(visit) is recorded
