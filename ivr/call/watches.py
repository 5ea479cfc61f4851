"""The telephones that watch agents: kept through a restart, so that no lamp goes dark or lies for an hour."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from ivr.call.kept_flow import flow_document, read_flow
from ivr.call.rooms import Rooms
from ivr.call.tasks import Tasks
from ivr.errors import IvrError
from ivr.sip.watch import Watch

NUMBERS = ("version", "local_sequence", "remote_sequence")
TEXTS = ("package", "event", "entity", "call_id", "local", "remote", "remote_target")
logger = logging.getLogger(__name__)


class Watches:
    """Subscriptions on disk, as they change."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._tasks = Tasks("watches")
        self._unsaved: set[str] = set()
        self._saving = False

    async def restore(self) -> None:
        """Once every agent is shown. A document that cannot be read is left out."""
        now, utc = self._rooms.clock.monotonic(), self._rooms.clock.utc()
        for user, documents in (await self._rooms.store.watches()).items():
            for document in documents:
                if (watch := read_watch(user, document, now, utc)) is not None:
                    self._rooms.signalling.restore_watch(watch)

    def changed(self, user: str) -> None:
        """The telephones that watch him are others, or watch for longer."""
        self._unsaved.add(user)
        if not self._saving:
            self._saving = True
            self._tasks.spawn(self._save())

    async def saved(self) -> None:
        """Until everything is on disk."""
        await self._tasks.wait()

    async def _save(self) -> None:
        """The newest of each user; what changes meanwhile is written after it."""
        try:
            while self._unsaved:
                user = self._unsaved.pop()
                now, utc = self._rooms.clock.monotonic(), self._rooms.clock.utc()
                watches = self._rooms.signalling.user_agent.watches(user)
                try:
                    await self._rooms.store.save_watches(user, [watch_document(one, now, utc) for one in watches])
                except IvrError as error:
                    logger.error("watches_not_saved user=%s error=%s", user, error)
        finally:
            self._saving = False


def watch_document(watch: Watch, now: float, utc: datetime) -> dict[str, Any]:
    """Plain values, fit for JSON; the time is that of the wall, for the other clock ends with the process."""
    values = asdict(watch)
    return {
        **{name: values[name] for name in (*TEXTS, *NUMBERS)},
        "flow": flow_document(watch.flow),
        "route_set": list(watch.route_set),
        "until": (utc + timedelta(seconds=watch.expires_at - now)).isoformat(),
    }


def read_watch(user: str, document: dict[str, Any], now: float, utc: datetime) -> Watch | None:
    """Read it back; None for one that cannot be read."""
    try:
        left = (datetime.fromisoformat(document["until"]) - utc).total_seconds()
        values: dict[str, Any] = {name: str(document[name]) for name in TEXTS}
        values |= {name: int(document[name]) for name in NUMBERS}
        routes = tuple(map(str, document["route_set"]))
        watch = Watch(
            user=user, flow=read_flow(document["flow"]), expires_at=now + left, route_set=routes, **values
        )
        watch.dialog()
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("watch_not_read user=%s why=%s", user, error)
        return None
    return watch
