"""Real calls over SIP while versions are swapped, and calls to a draft."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from house import House
from sounds import likeness

from ivr.call import draft as draft_module
from ivr.clock import SystemClock
from ivr.config import MenuSettings, shipped
from ivr.engine.shelf import shelf_of
from ivr.menu.load import load_menu

KNOWN = "+15550100"
OLD_WORDS = "What has happened?"
NEW_WORDS = "Tell us why you call."
Build = Callable[..., Awaitable[House]]


def edited(folder: Path, *changes: tuple[str, str]) -> None:
    path = folder / "northgas.yaml"
    text = path.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(8):
        while not true():
            await asyncio.sleep(0.02)


async def test_a_live_call_keeps_its_version_and_its_queues_and_the_next_gets_the_new_one(
    build_house: Build, tmp_path: Path
) -> None:
    folder = tmp_path / "menus"
    shutil.copytree(shipped("menus"), folder)
    house = await build_house(menu=MenuSettings(folder=folder, audio=shipped("audio")))
    exchange = house.engine.exchange
    assert exchange is not None
    before = exchange.menu.version
    desk = await house.desk("desk1")
    phone = await house.phone(KNOWN)
    call = await phone.dial(house.uri)
    await call.wait_for_sound()

    edited(folder, ("queue: general", "queue: helpers"), ("\n  general: ", "\n  helpers: "))
    prompts = folder / "prompts" / "en.yaml"
    prompts.write_text(prompts.read_text().replace(OLD_WORDS, NEW_WORDS), "utf-8")
    shelf = shelf_of(house.settings)
    version = shelf.put(load_menu("northgas", folder))
    shelf.swap("northgas", version, action="publish", who="test", when=SystemClock().utc())
    await until(lambda: exchange.menu.version == version)

    (visit,) = exchange.visits.values()
    assert visit.menu.version == before
    old, new = await house.clip(OLD_WORDS), await house.clip(NEW_WORDS)
    await call.press("5", pace=0.04, held=0.06)  # typed ahead of the main menu
    await until(lambda: likeness(call.recording, old) > 0.85)
    assert likeness(call.recording, new) < 0.8
    await call.press("0", pace=0.04, held=0.06)
    await desk.item("connected")  # through the queue that only the old version has
    await call.hang_up()
    record = await house.record()
    assert record["menu"] == f"northgas@{before}"
    assert record["handoff"]["queue"] == "general"

    second = await phone.dial(house.uri)
    await second.wait_for_sound()
    (visit,) = exchange.visits.values()
    assert visit.menu.version == version
    await second.press("5", pace=0.04, held=0.06)
    await until(lambda: likeness(second.recording, new) > 0.85)
    assert likeness(second.recording, old) < 0.8
    await second.hang_up()


async def test_a_draft_is_dialled_and_reaches_no_agent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_module, "AFTER", 0.5)
    exchange = house.engine.exchange
    assert exchange is not None
    exchange.draft = dataclasses.replace(exchange.menu, version="draft0000001")
    desk = await house.desk("desk1")
    phone = await house.phone(KNOWN)
    call = await phone.dial(house.uri.replace("sip:ivr@", "sip:draft@"))
    await call.wait_for_sound()
    await call.press("0", pace=0.04, held=0.06)
    await until(lambda: [visit for visit in exchange.visits.values() if "call_me" in visit.record.path])
    await call.hang_up()
    record = await house.record()
    assert record["menu"] == "northgas@draft0000001 (draft)"
    assert (record["handoff"]["outcome"], record["handoff"]["offers"]) == ("draft", [])
    assert desk.items == []
    assert exchange.handoffs == {}
    assert await house.store.callbacks() == []


async def test_an_emergency_in_a_draft_dials_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_module, "AFTER", 0.2)
    exchange = house.engine.exchange
    assert exchange is not None
    exchange.draft = exchange.menu
    phone = await house.phone(KNOWN)
    call = await phone.dial(house.uri.replace("sip:ivr@", "sip:draft@"))
    await call.wait_for_sound()
    await call.press("9", pace=0.04, held=0.06)
    await until(lambda: [visit for visit in exchange.visits.values() if "emergency_told" in visit.record.path])
    assert exchange.outside == {}
    await call.hang_up()


async def test_draft_is_a_name_like_any_other_where_no_draft_is_served(house: House) -> None:
    exchange = house.engine.exchange
    assert exchange is not None
    phone = await house.phone(KNOWN)
    call = await phone.dial(house.uri.replace("sip:ivr@", "sip:draft@"))
    await call.wait_for_sound()
    (visit,) = exchange.visits.values()
    assert (visit.draft, visit.menu) == (False, exchange.menu)
    await call.hang_up()
