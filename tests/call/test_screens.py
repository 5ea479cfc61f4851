"""Desktops over a kill of the engine: what is on disk at any moment is enough to go on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from house import House

from ivr.call.kept_calls import AFTER_ALL
from ivr.call.screens import ghosts_of
from ivr.config import StoreSettings
from ivr.ici.switchboard import UserChanged

Builder = Callable[..., Awaitable[House]]


def as_a_kill_would_leave_it(path: Path, copy: Path) -> StoreSettings:
    """What is committed at this moment, and nothing else."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return StoreSettings(path=copy)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.05)


async def test_after_a_kill_desktops_are_logged_on_as_before_and_ghosts_are_ended(
    build_house: Builder, tmp_path: Path
) -> None:
    house = await build_house()
    desk = await house.desk("desk1")
    await desk.workmode("Ready")
    await until(lambda: str(house.engine.exchange.agents.agent("desk1").state) == "available")  # type: ignore[union-attr]
    await desk.client.set_queues(["general"])
    await until(lambda: house.engine.exchange.agents.agent("desk1").left == {"billing"})  # type: ignore[union-attr]
    off = await house.desk("desk3", ready=False)
    await off.client.set_workmode(1)
    await off.workmode("Logged off")
    gone = {"app_url": "http://127.0.0.1:1/event", "app_id": "G", "workcenter": ""}
    await house.store.save_screen("desk2", gone)
    offer = {"agent": "desk1", "item": "killed-h1.1", "at": "2026-01-02T03:05:00.000+00:00", "outcome": "answered"}
    handoff = {
        "queue": "general",
        "reason": "BILL",
        "started": offer["at"],
        "outcome": "answered",
        "offers": [offer],
    }
    killed = {"id": "killed", "started": offer["at"], "ended": None, "answered": None, "caller": "+15550100"}
    await house.store.save_call(killed | {"handoff": handoff, "handoffs": [handoff]})
    store = as_a_kill_would_leave_it(house.settings.store.path, tmp_path / "after-the-kill.db")
    heard, words = len(desk.events), len(off.events)

    again = await build_house(store=store)
    ended = await desk.item("ended", within=15)
    assert (ended.id, ended.reason) == ("killed-h1.1", "failed")
    exchange = again.engine.exchange
    assert exchange is not None
    await until(lambda: str(exchange.agents.agent("desk1").state) == "available")
    await until(lambda: set(again.engine._screens.lost.users) == {"desk2"})  # type: ignore[union-attr]
    (word,) = (event.user for event in desk.events[heard:] if isinstance(event, UserChanged))
    assert (word.queues, word.workmode_text, word.presence) == (("general",), "Ready", "Available")
    (word,) = (event.user for event in off.events[words:] if isinstance(event, UserChanged))
    assert (word.workmode_text, word.presence) == ("Logged off", "Logged Off")
    assert str(exchange.agents.agent("desk3").state) == "off", "who had logged off was logged on"
    assert str(exchange.agents.agent("desk2").state) == "off"
    assert set(await again.store.screens()) == {"desk1", "desk2", "desk3"}, "desk2's host may be in trouble"
    await again.engine.stop()
    with closing(sqlite3.connect(store.path)) as file:
        assert file.execute("SELECT count(*) FROM screens").fetchone() == (0,)


def test_ghosts_are_the_items_whose_end_no_screen_has_acknowledged() -> None:
    def offer(outcome: str | None, item: str = "x.1", **more: Any) -> dict[str, Any]:
        return {"agent": "ann", "item": item, "at": "2026-01-02T03:05:00.000+00:00", "outcome": outcome} | more

    gone = {"gone": "2026-01-02T03:06:00.000+00:00"}
    asked = {"direction": "outbound", "remote": ["bob"], "called": "bob"}
    handoffs = [
        {"queue": "q", "offers": [offer("rejected", **gone), offer("rejected", "x.2"), offer("answered", **gone)]},
        {"queue": "q", "offers": [offer("answered", "x.3"), offer(None, "x.3-c1", **asked)]},
    ]
    found = ghosts_of({"caller": "+1", "called": "8000", "handoffs": handoffs})
    assert {(user, item.status, item.reason, item.sequence) for user, item in found} == {
        ("ann", "ended", "failed", AFTER_ALL)
    }
    assert [(item.id, item.direction, item.remote_numbers, item.called_number) for _, item in found] == [
        ("x.2", "inbound", ("+1",), "8000"),
        ("x.3", "inbound", ("+1",), "8000"),
        ("x.3-c1", "outbound", ("bob",), "bob"),
    ]
    assert ghosts_of({"handoffs": [{"queue": "q", "offers": [{"agent": "ann", "outcome": None}]}]}) == []
    assert ghosts_of({}) == []
