from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ivr.store.contracts import LookupResult
from ivr.store.pins import LOCK_TIME, MOST_FAILURES, Attempts, attempt, is_pin
from ivr.store.samples import sample_pins
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_pins import PinHasher

MARIA, NOBODY = "4000000002", "4000000341"


async def pin(store: SqliteStore, account: object, tried: object) -> LookupResult:
    return await store.look_up("check_pin", {"account": account, "pin": tried})


async def test_the_right_pin_opens_the_account(store: SqliteStore) -> None:
    result = await pin(store, MARIA, "2580")
    assert (result.outcome, result.values) == ("ok", {"tries_left": "5", "locked": False})


async def test_every_sample_opens_with_its_own_pin_but_the_locked_one(store: SqliteStore) -> None:
    assert sample_pins() == {
        "4000000002": "2580",
        "4000000010": "1397",
        "4000000028": "4071",
        "4000000036": "9924",
    }
    outcomes = {account: (await pin(store, account, tried)).outcome for account, tried in sample_pins().items()}
    assert outcomes == {"4000000002": "ok", "4000000010": "ok", "4000000028": "ok", "4000000036": "refused"}


async def test_five_wrong_pins_lock_for_fifteen_minutes_over_all_calls(
    store: SqliteStore, clock: Any, path: Path, hasher: Any
) -> None:
    for left in ("4", "3", "2"):
        result = await pin(store, MARIA, "0000")
        assert (result.outcome, result.values) == ("refused", {"tries_left": left, "locked": False})
    await store.close()
    again = await SqliteStore.open(path, clock=clock, hasher=hasher)
    assert (await pin(again, MARIA, "0000")).values == {"tries_left": "1", "locked": False}
    assert (await pin(again, MARIA, "0000")).values == {"tries_left": "0", "locked": True}

    hashed = hasher.count
    result = await pin(again, MARIA, "2580")
    assert (result.outcome, result.values) == ("refused", {"tries_left": "0", "locked": True})
    assert hasher.count == hashed + 1  # the right PIN of a locked account costs what a wrong one costs
    assert (await again.customer(MARIA)).locked_until == clock.now + timedelta(minutes=15)  # type: ignore[union-attr]

    clock.advance(minutes=14, seconds=59)
    assert (await pin(again, MARIA, "2580")).outcome == "refused"
    clock.advance(seconds=1)
    assert (await again.customer(MARIA)).locked_until is None  # type: ignore[union-attr]
    assert (await pin(again, MARIA, "0000")).values == {"tries_left": "4", "locked": False}
    assert (await pin(again, MARIA, "2580")).outcome == "ok"
    await again.close()


async def test_success_gives_all_tries_back(store: SqliteStore) -> None:
    for _ in range(4):
        await pin(store, MARIA, "0000")
    assert (await pin(store, MARIA, "2580")).values == {"tries_left": "5", "locked": False}
    assert (await pin(store, MARIA, "0000")).values == {"tries_left": "4", "locked": False}


async def test_an_unknown_account_answers_like_a_wrong_pin_up_to_and_through_the_lock(
    store: SqliteStore, hasher: Any, path: Path
) -> None:
    def written() -> int:
        with sqlite3.connect(path) as other:
            return int(other.execute("SELECT count(*) FROM pin_attempts").fetchone()[0])

    for number in range(1, MOST_FAILURES + 2):
        hashed = hasher.count
        known = await pin(store, MARIA, "0000")
        unknown = await pin(store, NOBODY, "0000")
        assert hasher.count == hashed + 2, "one hash each"
        assert unknown.values == known.values
        assert (known.outcome, unknown.outcome) == ("refused", "not_found")
        assert known.values["locked"] is (number >= MOST_FAILURES)
    assert written() == 3  # the locked sample, the customer and the stranger: each is one durable row


@pytest.mark.parametrize("account", ["", None, 4000000002, "4000000003", "x" * 5000, "\ud800"])
async def test_a_number_that_is_no_account_costs_a_hash_too(
    store: SqliteStore, hasher: Any, account: object
) -> None:
    hashed = hasher.count
    result = await pin(store, account, "2580")
    assert (result.outcome, result.values) == ("not_found", {"tries_left": "4", "locked": False})
    assert hasher.count == hashed + 1


@pytest.mark.parametrize("tried", ["", None, 2580, "25800", "٢٥٨٠", "2580\n", "\ud800", "9" * 100_000])
async def test_a_pin_of_another_shape_is_a_wrong_pin(store: SqliteStore, tried: object) -> None:
    assert (await pin(store, MARIA, tried)).values == {"tries_left": "4", "locked": False}


async def test_guesses_made_side_by_side_all_count(store: SqliteStore) -> None:
    results = await asyncio.gather(*(pin(store, MARIA, "0000") for _ in range(8)))
    assert sorted(str(result.values["tries_left"]) for result in results) == list("00001234")
    assert (await pin(store, MARIA, "2580")).values == {"tries_left": "0", "locked": True}


async def test_a_caller_who_hangs_up_does_not_take_the_failure_back(
    store: SqliteStore, path: Path, clock: Any, hasher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, verify = threading.Event(), threading.Event(), PinHasher.verify

    def held(hasher: PinHasher, pin_hash: str, tried: str) -> bool:
        begun.set()
        assert go_on.wait(10)
        return verify(hasher, pin_hash, tried)

    monkeypatch.setattr(PinHasher, "verify", held)
    task = asyncio.ensure_future(pin(store, MARIA, "0000"))
    await asyncio.to_thread(begun.wait, 10)
    balance = await store.look_up("balance", {"account": MARIA})
    assert balance.outcome == "ok"  # a hash under way holds up nobody
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await store.close()  # waits for attempts under way
    again = await SqliteStore.open(path, clock=clock, hasher=hasher)
    assert (await pin(again, MARIA, "0000")).values["tries_left"] == "3"
    await again.close()


async def test_unlocking_forgets_the_failures(store: SqliteStore) -> None:
    assert (await pin(store, "4000000036", "9924")).values["locked"] is True
    assert await store.unlock("4000000036") is True
    assert (await pin(store, "4000000036", "9924")).outcome == "ok"
    assert await store.unlock(NOBODY) is False


async def test_a_pin_hashed_at_other_costs_is_hashed_anew_when_it_is_right(
    store: SqliteStore, path: Path, clock: Any
) -> None:
    await store.close()

    def stored() -> str:
        with sqlite3.connect(path) as other:
            return str(other.execute("SELECT pin_hash FROM customers WHERE account = ?", [MARIA]).fetchone()[0])

    dearer = await SqliteStore.open(path, clock=clock, hasher=PinHasher(time_cost=2, memory=16))
    assert stored().startswith("$argon2id$v=19$m=8,t=1,p=1$")
    await pin(dearer, MARIA, "0000")
    assert stored().startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert (await pin(dearer, MARIA, "2580")).outcome == "ok"
    assert stored().startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert (await pin(dearer, MARIA, "2580")).outcome == "ok"
    await dearer.close()


async def test_failures_of_strangers_do_not_fill_the_disk(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ivr.store import sqlite_pins
    from ivr.store.numbers import luhn_digit

    monkeypatch.setattr(sqlite_pins, "MOST_STRANGERS", 10)
    await pin(store, MARIA, "0000")
    for number in range(60):
        payload = f"9000000{number:02d}"
        await pin(store, payload + luhn_digit(payload), "0000")
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM pin_attempts").fetchone()[0] <= 34 + 10 + 1
    assert (await pin(store, MARIA, "0000")).values["tries_left"] == "3"


async def test_no_pin_is_in_a_log_a_repr_or_an_exception(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    results = [await pin(store, MARIA, "7391") for _ in range(6)]
    await store.close()
    results.append(await pin(store, MARIA, "7391"))
    assert results[-1].outcome == "down"
    assert "pin_locked account=4000000002" in caplog.text
    for text in [caplog.text, repr(results), repr(store), repr(vars(store))]:
        assert "7391" not in text and "2580" not in text


def test_a_lock_is_neither_prolonged_nor_survived_by_its_failures() -> None:
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    let_in, locked = attempt(Attempts(MOST_FAILURES - 1), False, noon)
    assert (let_in, locked) == (False, Attempts(MOST_FAILURES, noon + LOCK_TIME))
    assert attempt(locked, False, noon + timedelta(minutes=10)) == (False, locked)
    assert attempt(locked, True, noon + LOCK_TIME - timedelta(seconds=1)) == (False, locked)
    assert attempt(locked, False, noon + LOCK_TIME) == (False, Attempts(1))
    assert attempt(locked, True, noon + LOCK_TIME) == (True, Attempts())


def test_pins_are_four_ascii_digits() -> None:
    assert is_pin("0000") and not any(map(is_pin, ["", "123", "12345", "12a4", "٢٥٨٠", 1234, None]))
