"""What the floor goes on with after a restart."""

from __future__ import annotations

from ivr.store.sqlite import SqliteStore


async def test_figures_of_a_day_are_replaced_by_newer_sums_and_found_by_day(store: SqliteStore) -> None:
    await store.save_queue_days("2026-11-21", {"billing": {"answered": 9}})
    await store.save_queue_days("2026-11-22", {"billing": {"answered": 1}, "general": {"answered": 2}})
    await store.save_queue_days("2026-11-22", {"billing": {"answered": 3}})
    await store.save_queue_days("2026-11-23", {"billing": {"answered": 4}})
    assert await store.queue_days("2026-11-21", "2026-11-22") == {
        "2026-11-21": {"billing": {"answered": 9}},
        "2026-11-22": {"billing": {"answered": 3}, "general": {"answered": 2}},
    }


async def test_the_place_of_a_callback_is_kept_until_it_is_forgotten(store: SqliteStore) -> None:
    await store.save_callback_place("c1", {"queue": "billing", "tries": 0})
    await store.save_callback_place("c1", {"queue": "billing", "tries": 1})
    await store.save_callback_place("c2", {"queue": "general", "tries": 0})
    assert (await store.callback_places())["c1"] == {"queue": "billing", "tries": 1}
    await store.save_callback_place("c1", None)
    assert set(await store.callback_places()) == {"c2"}
