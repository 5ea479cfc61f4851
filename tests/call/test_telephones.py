"""Where telephones are registered: on disk first, then acknowledged."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.call import telephones
from ivr.call.telephones import Telephones, binding_document
from ivr.errors import StoreError
from ivr.sip.bindings import Binding
from ivr.sip.events import Flow, Registered, RegistrationToKeep
from ivr.testing.clock import FakeClock

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))


class Disk:
    """A store that takes its time, and the answers that telephones got meanwhile."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.saved: dict[str, list[dict[str, Any]]] = {}
        self.answered: list[tuple[int, tuple[str, ...]]] = []
        """The number of the REGISTER, and who was on disk then."""
        self.free = asyncio.Event()
        self.broken = False
        self.bound: dict[str, list[Binding]] = {}
        user_agent = SimpleNamespace(bindings=lambda user, now: self.bound.get(user, []))
        signalling = SimpleNamespace(user_agent=user_agent, registration_kept=self._answer)
        rooms: Any = SimpleNamespace(clock=self.clock, store=self, signalling=signalling)
        self.telephones = Telephones(rooms, lambda user: None)

    async def save_bindings(self, user: str, bindings: list[dict[str, Any]]) -> None:
        await self.free.wait()
        if self.broken:
            raise StoreError("disk full")
        self.saved[user] = bindings

    def _answer(self, number: int) -> None:
        self.answered.append((number, tuple(sorted(self.saved))))

    def registers(self, user: str, number: int) -> None:
        self.bound[user] = [Binding(user, f"sip:{user}@192.0.2.1", FLOW, 3600.0, "c", number)]
        self.telephones.on_registered(Registered(user, f"sip:{user}@192.0.2.1", 3600, FLOW))
        self.telephones.on_registered(RegistrationToKeep(user, number))


async def test_a_telephone_is_answered_when_its_binding_is_on_disk_and_not_before() -> None:
    disk = Disk()
    disk.registers("ann", 1)
    await asyncio.sleep(0.01)
    disk.registers("bob", 2)
    disk.registers("ann", 3)  # while the first of hers is being written
    await asyncio.sleep(0.01)
    assert disk.answered == []
    disk.free.set()
    await disk.telephones.saved()
    assert disk.answered[0][0] == 1
    assert {number: set(there) >= {"bob" if number == 2 else "ann"} for number, there in disk.answered} == {
        1: True,
        2: True,
        3: True,
    }
    assert disk.saved["ann"][0]["sequence"] == 3, "what changed while it was written is lost"
    assert disk.saved["ann"] == [binding_document(disk.bound["ann"][0], disk.clock.monotonic(), disk.clock.utc())]


async def test_a_disk_that_fails_or_is_too_slow_takes_nobody_the_telephone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()
    disk.broken = True
    disk.free.set()
    disk.registers("ann", 1)
    await disk.telephones.saved()
    assert disk.answered == [(1, ())]
    assert "bindings_not_saved user=ann error=disk full" in caplog.text
    monkeypatch.setattr(telephones, "SLOW", 0.02)
    disk.free.clear()
    disk.broken = False
    disk.registers("bob", 2)
    async with asyncio.timeout(5):
        while len(disk.answered) < 2:
            await asyncio.sleep(0.01)
    disk.free.set()
    await disk.telephones.saved()
    assert disk.answered == [(1, ()), (2, ())], "answered twice"
    assert "bob" in disk.saved
