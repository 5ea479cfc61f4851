"""What the application may want of those who watch users: the part of `UserAgent` that is about SUBSCRIBE."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.sip.core import Core
from ivr.sip.dialog_info import Lamp
from ivr.sip.events import Output
from ivr.sip.lamps import Lamps
from ivr.sip.presence_status import PresenceStatus
from ivr.sip.watch import Watch


class Watched:
    """Users whom telephones may watch."""

    _core: Core
    _lamps: Lamps

    def show_lamp(self, user: str, lamp: Lamp, now: float) -> list[Output]:
        """How telephones that watch the user are to show him; before the first time nobody can watch him."""
        self._lamps.show(user, lamp, now)
        return self._core.take_outbox()

    def show_status(self, user: str, status: PresenceStatus, now: float) -> list[Output]:
        """Whether he may be called, for telephones that watch his presence."""
        self._lamps.show_status(user, status, now)
        return self._core.take_outbox()

    def watches(self, user: str) -> list[Watch]:
        """Who watches a user, to be kept: again after each `WatchesChanged`."""
        return self._lamps.watches(user)

    def restore_watches(self, watches: Iterable[Watch], now: float) -> list[Output]:
        """Go on with what was kept before a restart, once all users are shown: each telephone is told how things
        are. Raises ValueError for one that cannot be read; those before it go on."""
        self._lamps.restore(watches, now)
        return self._core.take_outbox()
