"""Session timers: both sides learn in time that the other is gone. RFC 4028.

::

    agreed ------- half ------------------------- all but a third, or 32 s -------- expired
                    the refresher refreshes        nobody has: BYE

Every INVITE and UPDATE, and its 2xx, agrees anew on the interval and on who refreshes. ``uac`` and ``uas`` in
``refresher`` are the parts in that one transaction, so that after a re-INVITE from the other side the same
party may have the other name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import proxy

from ivr.sip.fields import parse_parameters
from ivr.sip.message import Message, Request, Response
from ivr.sip.reply import Header, Refusal

if TYPE_CHECKING:
    from ivr.sip.leg import Leg

LEAST = 90
"""Seconds; no Min-SE may be below. RFC 4028 section 5."""
MOST = 86_400
"""Seconds; a peer that wants to hear of us less often than once a day gets once a day."""
MAX_TOO_SMALL = 3
"""Times a request is sent again after 422: each proxy on the way may have a minimum of its own."""


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """The header of that name: ``1800;refresher=uac``. RFC 4028 section 4."""

    seconds: int
    refresher: str
    """``uac``, ``uas`` or empty."""

    @classmethod
    def of(cls, message: Message) -> SessionExpires | None:
        """None when there is none.

        :raises ValueError: it is no number.
        """
        seconds = message.number("Session-Expires")
        if seconds is None:
            return None
        parameters = parse_parameters((message.headers.get("Session-Expires") or "").partition(";")[2])
        refresher = parameters.get("refresher", "").lower()
        return cls(seconds, refresher if refresher in ("uac", "uas") else "")


def inspect_timer(request: Request, least: int) -> Refusal | None:
    """422 for an interval that is too small for us, from a peer that knows what to do about it (section 9);
    400 for one that is no number. `least` is our own minimum in seconds."""
    if request.method not in ("INVITE", "UPDATE"):
        return None
    try:
        wanted, _ = SessionExpires.of(request), request.number("Min-SE")
    except ValueError as error:
        return Refusal(400, f"Bad Request: {str(error)[:80]}")
    if wanted is None or wanted.seconds >= least or not _speaks_timer(request):
        return None
    return Refusal(422, headers=(("Min-SE", str(least)),))


def _speaks_timer(message: Message) -> bool:
    return "timer" in (tag.lower() for name in ("Supported", "Require") for tag in message.tokens(name))


class SessionTimer:
    """Of one leg."""

    def __init__(self, leg: Leg) -> None:
        self._leg: Leg = proxy(leg)  # it owns us: a circle would wait for the garbage collector
        settings = leg.core.settings
        self._wanted = settings.session_expires
        self._least = settings.min_session_expires
        self._too_small = 0
        self.interval = 0
        """Seconds agreed on; 0 while there is no timer."""
        self.refreshing = False
        """Whether it is on us to refresh."""
        self._expires_at = 0.0

    # --- we ask

    def headers_of_request(self) -> list[Header]:
        """Of our INVITE or UPDATE. Who is to refresh is left open at first. Section 7.1, 7.4."""
        seconds = self.interval or self._wanted
        if not seconds:
            return []
        role = f";refresher={'uac' if self.refreshing else 'uas'}" if self.interval else ""
        headers = [("Session-Expires", f"{seconds}{role}")]
        return [*headers, ("Min-SE", str(self._least))] if self._least > LEAST else headers

    def answered(self, response: Response, now: float) -> None:
        """Our INVITE or UPDATE got its 2xx. Without the header in it, there is no timer. Section 7.2."""
        agreed = _lenient(response)
        if agreed is None:
            self.stop()
            return
        self._start(agreed.seconds, agreed.refresher != "uas", now)

    def is_too_small(self, response: Response) -> bool:
        """Whether the response is a 422 after which to ask for a longer interval. Section 7.3."""
        if response.status != 422 or self._too_small >= MAX_TOO_SMALL:
            return False
        try:
            least = response.number("Min-SE") or 0
        except ValueError:
            return False
        seconds = self.interval or self._wanted
        if not seconds < least <= MOST:
            return False
        self._too_small += 1
        self._least = least
        if self.interval:
            self.interval = least
        else:
            self._wanted = least
        return True

    # --- we are asked

    def headers_of_answer(self, request: Request, now: float) -> list[Header]:
        """Of our 2xx to an INVITE or UPDATE; the timer starts with it. Section 9, table 2."""
        asked, speaks = _lenient(request), _speaks_timer(request)
        if asked is None and (not speaks or not self._wanted):
            self.stop()
            return []
        seconds = self._bounded(asked, request)
        refresher = self._refresher(asked, speaks)
        self._start(seconds, refresher == "uas", now)
        needed = [("Require", "timer")] if refresher == "uac" else []
        return [*needed, ("Session-Expires", f"{seconds};refresher={refresher}")]

    def _bounded(self, asked: SessionExpires | None, request: Request) -> int:
        """Never longer than the peer asked, nor shorter than its minimum and ours."""
        try:
            floor = request.number("Min-SE") or 0
        except ValueError:
            floor = 0
        floor = min(max(floor, self._least, LEAST), MOST)
        ours = max(self._wanted, floor) if self._wanted else MOST
        return max(min(asked.seconds, ours), LEAST) if asked else ours

    def _refresher(self, asked: SessionExpires | None, speaks: bool) -> str:
        """A peer that does not know timers cannot refresh (a proxy may have put the header there)."""
        if not speaks:
            return "uas"
        if asked is not None and asked.refresher:
            return asked.refresher
        return "uas" if self.interval and self.refreshing else "uac"

    # --- time

    def _start(self, seconds: int, refreshing: bool, now: float) -> None:
        self.interval = min(max(seconds, LEAST), MOST)
        self.refreshing = refreshing
        self._too_small = 0
        self._expires_at = now + self.interval - min(32.0, self.interval / 3)
        self._leg.set_alarm("session expired", self._expires_at)
        if refreshing:
            self._leg.set_alarm("refresh", now + self.interval / 2)
        else:
            self._leg.stop_alarms("refresh")

    def stop(self) -> None:
        if self.interval:
            self.interval, self.refreshing = 0, False
            self._leg.stop_alarms("refresh", "session expired")

    def refresh_failed(self, now: float) -> None:
        """Once more in the middle of the time that is left, as long as that is worth it."""
        left = self._expires_at - now
        if self.interval and left > 10:
            self._leg.set_alarm("refresh", now + left / 2)


def _lenient(message: Message) -> SessionExpires | None:
    try:
        return SessionExpires.of(message)
    except ValueError:
        return None
