from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ivr.store.contracts import Callback
from ivr.store.sqlite import SqliteStore


def record(number: int, *, ended: str | None = "", **more: Any) -> dict[str, Any]:
    return {
        "id": f"call-{number}",
        "caller": "+15550100",
        "started": f"2026-11-22T15:{number:02d}:00+00:00",
        "ended": f"2026-11-22T15:{number:02d}:30+00:00" if ended == "" else ended,
        **more,
    }


async def test_a_record_comes_back_as_it_was_saved(store: SqliteStore) -> None:
    saved = record(
        1,
        path=["greet", "main", "main"],
        digits="1••••",
        handoff={"queue": "general", "attached_data": {"SAP-IC": {"ACCOUNT": "4000000002"}}},
        prompts=["saludo ñ", "‮txet", "\x00", "\ud800"],
        steps=[{"step": "greet", "at": 0.25, "exit": None}],
    )
    await store.save_call(saved)
    assert await store.call("call-1") == saved
    assert await store.call("call-2") is None


async def test_saving_again_replaces(store: SqliteStore) -> None:
    await store.save_call(record(1, ended=None))
    assert await store.call("last") is None
    await store.save_call(record(1))
    assert (await store.call("last"))["id"] == "call-1"  # type: ignore[index]
    assert len(await store.calls()) == 1


async def test_last_is_the_one_that_ended_last_and_not_one_that_goes_on(store: SqliteStore) -> None:
    await store.save_call(record(1, ended="2026-11-22T16:00:00+00:00"))
    await store.save_call(record(2))
    await store.save_call(record(3, ended=None))
    assert (await store.call("last"))["id"] == "call-1"  # type: ignore[index]


async def test_calls_are_listed_newest_first_and_not_all(store: SqliteStore) -> None:
    for number in (2, 5, 1, 4, 3):
        await store.save_call(record(number, ended=None if number == 5 else ""))
    assert [one["id"] for one in await store.calls()] == ["call-5", "call-4", "call-3", "call-2", "call-1"]
    assert [one["id"] for one in await store.calls(2)] == ["call-5", "call-4"]
    assert await store.calls(0) == []


async def test_a_record_with_odd_values_is_kept_all_the_same(store: SqliteStore) -> None:
    at = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    await store.save_call(
        {"id": "odd\ud800", "caller": "\ud800", "started": at, "owed": Decimal("84.20"), "of": object}
    )
    kept = await store.call("odd\ud800")
    assert kept is not None
    assert (kept["started"], kept["owed"]) == ("2026-11-22T15:00:00+00:00", "84.20")


async def test_callbacks_are_kept_in_the_order_they_were_promised(store: SqliteStore) -> None:
    def callback(number: str, hour: int, **more: Any) -> Callback:
        noted = datetime(2026, 11, 22, hour, 0, tzinfo=UTC)
        return Callback(number, "general", "ASKED_FOR_AGENT", f"call-{hour}", {"ACCOUNT": "4000000002"}, noted)

    later, sooner = callback("+15550100", 16), callback("+15550101", 15)
    await store.note_callback(later)
    await store.note_callback(sooner)
    await store.note_callback(later)  # the same visit, the same number: one promise
    assert await store.callbacks() == [sooner, later]


async def test_agent_states_survive_a_restart(store: SqliteStore, path: Any, hasher: Any) -> None:
    await store.save_agent_state("desk1", {"state": "available", "workmode": 2, "next_workmode": None})
    await store.save_agent_state("desk1", {"state": "not_ready", "workmode": 1001, "reason": "lunch"})
    await store.save_agent_state("desk2", {"state": "off"})
    await store.close()
    again = await SqliteStore.open(path, hasher=hasher)
    assert await again.agent_states() == {
        "desk1": {"state": "not_ready", "workmode": 1001, "reason": "lunch"},
        "desk2": {"state": "off"},
    }
    await again.close()


@pytest.mark.parametrize("call_id", ["", "last", "'; DROP TABLE calls; --"])
async def test_a_call_that_is_not_there_is_none(store: SqliteStore, call_id: str) -> None:
    assert await store.call(call_id) is None
