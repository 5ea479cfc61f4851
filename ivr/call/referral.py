"""A caller whose own side is asked to call the number outside (REFER), so that we can step out of the call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.call.reference import travelling
from ivr.call.tasks import Tasks
from ivr.errors import IvrError
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit

QUIET = 32.0
"""Seconds within which a caller's side that tells nothing of its transfer must have left, or it has failed."""
Told = sip.ReferAccepted | sip.ReferProgress | sip.ReferEnded
logger = logging.getLogger(__name__)


class Referral:
    """One try. `on_outcome(True)` once the caller is there, `on_outcome(False)` when that cannot be; told once.

    Until it is told, the caller is still with us: whatever fails, the menu goes on where it says.
    """

    def __init__(self, to: str, visit: Visit, exchange: Exchange, on_outcome: Callable[[bool], None]) -> None:
        self.to = to
        self._visit = visit
        self._exchange = exchange
        self._on_outcome = on_outcome
        self._tasks = Tasks(visit.id)
        self._told = False

    def begin(self) -> None:
        self._tasks.spawn(self._ask())

    async def _ask(self) -> None:
        visit = self._visit
        values = travelling(visit.incoming.user_to_user, visit.id)
        try:
            there = await self._exchange.phones.outside(self.to)
            visit.rooms.signalling.refer(visit.sip_leg, there.uri, user_to_user=values)
        except (IvrError, OSError) as error:
            self._failed(str(error))

    def on_sip(self, event: Told) -> None:
        """What the caller's side makes of it."""
        match event:
            case sip.ReferAccepted():
                logger.info("referral_accepted call=%s to=%s", self._visit.id, self.to)
                self._visit.leaving = f"transferred to {self.to}"
            case sip.ReferProgress():
                logger.info("referral_progress call=%s to=%s status=%d", self._visit.id, self.to, event.status)
            case sip.ReferEnded(outcome="succeeded"):
                self._succeeded()
            case sip.ReferEnded(outcome="accepted"):
                self._tasks.spawn(self._wait_for_goodbye())
            case sip.ReferEnded(outcome="ended"):
                pass  # the end of the call follows, and tells what it was
            case sip.ReferEnded():
                self._failed(f"{event.outcome}: {event.status} {event.phrase}")

    def _succeeded(self) -> None:
        logger.info("referral_succeeded call=%s to=%s", self._visit.id, self.to)
        self._tell(True)
        self._visit.hang_up("system", f"transferred to {self.to}")

    async def _wait_for_goodbye(self) -> None:
        await asyncio.sleep(QUIET)
        self._failed(f"the caller is still here after {QUIET:.0f} s")

    def _failed(self, why: str) -> None:
        logger.warning("referral_failed call=%s to=%s why=%s", self._visit.id, self.to, why)
        self._visit.leaving = ""
        self._tell(False)

    def _tell(self, there: bool) -> None:
        if not self._told:
            self._told = True
            self._on_outcome(there)

    def end(self) -> None:
        """Nobody wants to hear of it any more. A REFER cannot be taken back: who is called may still answer, and
        then the caller's side hangs up."""
        self._told = True
        self._tasks.cancel()


def tell_referral(outside: object, event: Told) -> None:
    """What became of a REFER in a caller's dialog, to whoever has sent it; it may have lost interest."""
    if isinstance(outside, Referral):
        outside.on_sip(event)
