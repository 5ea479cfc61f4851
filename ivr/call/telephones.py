"""The telephones that are registered here: kept through a restart, and told to the floor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ivr.call.destination import place_of
from ivr.call.kept_flow import flow_document, read_flow
from ivr.call.rooms import Rooms
from ivr.call.tasks import Tasks
from ivr.call.watches import Watches
from ivr.errors import IvrError
from ivr.sip.bindings import Binding
from ivr.sip.events import Registered, RegistrationToKeep, WatchesChanged

SLOW = 4.0
"""Seconds after which a telephone is answered although the disk is not: it repeats its REGISTER for 32 seconds at
most (timer F), and one that gets no answer can neither call nor be called."""
logger = logging.getLogger(__name__)


class Telephones:
    """Bindings of the registrar, on disk as they change, and before the telephone is told so."""

    def __init__(self, rooms: Rooms, on_change: Callable[[str], None]) -> None:
        """`on_change` is told the user whose telephones are others now."""
        self._rooms = rooms
        self._tasks = Tasks("telephones")
        self._watches = Watches(rooms)
        self._on_change = on_change
        self._unsaved: set[str] = set()
        self._waiting: dict[str, list[int]] = {}
        """REGISTERs that wait for the disk, by user."""
        self._slow: dict[int, asyncio.TimerHandle] = {}
        self._saving = False

    async def restore(self) -> None:
        """Take what was registered before a restart. A document that cannot be read is left out."""
        now, utc = self._rooms.clock.monotonic(), self._rooms.clock.utc()
        found = [
            binding
            for user, documents in (await self._rooms.store.bindings()).items()
            for document in documents
            if (binding := read_binding(user, document, now, utc)) is not None
        ]
        self._rooms.signalling.restore_bindings(found)
        await self._watches.restore()

    def on_registered(self, event: Registered | RegistrationToKeep | WatchesChanged) -> None:
        """Something has changed, or: a telephone waits until that is on disk."""
        if isinstance(event, WatchesChanged):
            self._watches.changed(event.user)
            return
        if isinstance(event, RegistrationToKeep):
            self._waiting.setdefault(event.user, []).append(event.number)
            self._slow[event.number] = asyncio.get_running_loop().call_later(SLOW, self._answer, event.number)
            return
        word = "registered" if event.expires else "unregistered"
        source = place_of(event.flow)
        logger.info(
            "%s user=%s contact=%s expires=%d from=%s", word, event.user, event.contact, event.expires, source
        )
        self._unsaved.add(event.user)
        if not self._saving:
            self._saving = True
            self._tasks.spawn(self._save())
        self._on_change(event.user)

    async def _save(self) -> None:
        """The newest of each user; what changes meanwhile is written after it."""
        try:
            while self._unsaved:
                user = self._unsaved.pop()
                waiting = self._waiting.pop(user, [])
                now, utc = self._rooms.clock.monotonic(), self._rooms.clock.utc()
                documents = [binding_document(binding, now, utc) for binding in self._of(user)]
                try:
                    await self._rooms.store.save_bindings(user, documents)
                except IvrError as error:
                    logger.error("bindings_not_saved user=%s error=%s", user, error)
                for number in waiting:
                    self._answer(number)
        finally:
            self._saving = False

    def _answer(self, number: int) -> None:
        if (timer := self._slow.pop(number, None)) is not None:
            timer.cancel()
            self._rooms.signalling.registration_kept(number)

    async def saved(self) -> None:
        """Until everything that was registered, or subscribed to, is on disk."""
        await self._tasks.wait()
        await self._watches.saved()

    def _of(self, user: str) -> list[Binding]:
        return self._rooms.signalling.user_agent.bindings(user, self._rooms.clock.monotonic())

    def document(self) -> dict[str, list[dict[str, Any]]]:
        """For `/health`: contacts by user."""
        now = self._rooms.clock.monotonic()
        return {
            user: [
                {"contact": b.contact, "from": place_of(b.flow), "q": b.q, "expires": round(b.expires_at - now)}
                for b in bindings
            ]
            for user, bindings in sorted(self._rooms.signalling.user_agent.registered(now).items())
        }


def binding_document(binding: Binding, now: float, utc: datetime) -> dict[str, Any]:
    """Plain values, fit for JSON; the time is that of the wall, for the other clock ends with the process."""
    return {
        "contact": binding.contact,
        **flow_document(binding.flow),
        "until": (utc + timedelta(seconds=binding.expires_at - now)).isoformat(),
        "call_id": binding.call_id,
        "sequence": binding.sequence,
        "q": binding.q,
    }


def read_binding(user: str, document: dict[str, Any], now: float, utc: datetime) -> Binding | None:
    """Read it back; None for one that cannot be read."""
    try:
        flow = read_flow(document)
        left = (datetime.fromisoformat(document["until"]) - utc).total_seconds()
        contact, call_id = str(document["contact"]), str(document["call_id"])
        return Binding(user, contact, flow, now + left, call_id, int(document["sequence"]), float(document["q"]))
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("binding_not_read user=%s why=%s", user, error)
        return None
