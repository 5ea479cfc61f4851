"""Callbacks: promised on disk, kept in the queue's order by the floor, and rung when it is their turn (RT11)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any

from ivr.agents import events as floor
from ivr.agents.saved import restored_callback, saved_callback
from ivr.call.returned_call import ReturnedCall
from ivr.errors import IvrError
from ivr.menu.events import NoteCallback

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit

logger = logging.getLogger(__name__)


class CallingBack:
    """All promises that the engine keeps itself. One without a step to begin with is for people to keep."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._kept: dict[str, dict[str, Any]] = {}
        """What is on disk, or on its way there, by ticket."""
        self._writing: asyncio.Task[None] | None = None
        self._calls: dict[str, ReturnedCall] = {}

    # --- promises -----------------------------------------------------------------------------------------

    def ticket_for(self, visit: Visit, command: NoteCallback) -> str:
        """Under which the engine will ring: that of an earlier promise of this call to the same number, or a new
        one. Empty when people are to ring: without a step to begin with, a queue, or a number that is listed."""
        queues = self._exchange.menu.queues
        if not (command.rings and command.queue in queues and self._may_be_rung(command.number)):
            return ""
        whose = {"call": visit.id, "queue": command.queue, "caller": command.number}
        same = (ticket for ticket, kept in self._kept.items() if whose.items() <= kept.items())
        return next(same, f"{visit.id}-c{secrets.token_hex(2)}")

    async def promise(self, visit: Visit, command: NoteCallback, ticket: str) -> bool:
        """Put the caller's number into the queue. False when it could not be kept: then nothing is promised."""
        exchange = self._exchange
        known = ticket in self._kept
        of = f"{visit.id}-h{len(visit.record.handoffs)}" if command.keep_place else ""
        self._kept[ticket] = self._kept.get(ticket, {}) | {
            "rings": command.rings,
            "language": command.language,
            "reason": command.reason,
            "fields": dict(command.fields),
            "call": visit.id,
            "called": visit.record.called,
        }
        if not known:
            exchange.tell_floor(floor.CallbackPromised(ticket, command.queue, command.number, of))
        try:
            await exchange.rooms.store.save_callback_place(ticket, self._kept[ticket])
        except IvrError as error:
            logger.error("callback_not_kept call=%s error=%s", visit.id, error)
            exchange.tell_floor(floor.CallerLeft(ticket))
            return False
        logger.info("callback_promised call=%s ticket=%s queue=%s", visit.id, ticket, command.queue)
        return True

    def _may_be_rung(self, number: str) -> bool:
        return any(f"tel:{number}".startswith(prefix) for prefix in self._exchange.rooms.settings.sip.dial)

    async def restored(self) -> list[Any]:
        """What was promised before a restart, for `Floor.restore`.

        A wish without a place was noted in the moment of a kill, before anything was promised: it is not kept.
        """
        clock, store = self._exchange.rooms.clock, self._exchange.rooms.store
        self._kept = await store.callback_places()
        for one in await store.callbacks():
            if one.ticket and not one.outcome and one.ticket not in self._kept:
                await store.finish_callbacks("failed", ticket=one.ticket)
        now, utc = clock.monotonic(), clock.utc()
        found = [restored_callback(ticket, document, now, utc) for ticket, document in self._kept.items()]
        return [one for one in found if one is not None]

    # --- commands of the floor ------------------------------------------------------------------------------

    def do(self, command: floor.Command) -> None:
        match command:
            case floor.CallbackChanged():
                clock = self._exchange.rooms.clock
                document = saved_callback(command, clock.monotonic(), clock.utc())
                self._kept[command.ticket] = self._kept.get(command.ticket, {}) | document
                self._write(command.ticket)
            case floor.TicketEnded(ticket=ticket) if ticket in self._kept:
                logger.info("callback_over ticket=%s outcome=%s", ticket, command.outcome)
                del self._kept[ticket]
                self._write(ticket, command.outcome)
                self._exchange.daybook.changed()
            case floor.RingCustomer():
                self._ring(command)
            case floor.StopCustomer(ticket=ticket) if ticket in self._calls:
                self._calls[ticket].hang_up("system", "nobody took the callback")

    def _ring(self, command: floor.RingCustomer) -> None:
        promise = self._kept.get(command.ticket, {})
        call = ReturnedCall(command, promise, self._exchange)
        self._calls[command.ticket] = call
        self._exchange.visits[call.id] = call
        self._exchange.legs[call.leg] = call
        call.tasks.spawn(call.begin())

    def over(self, call: ReturnedCall) -> None:
        """The call has ended; what the floor has to know of it."""
        self._calls.pop(call.ticket, None)
        if not call.wants_agent:
            kind = floor.CallbackDeclined if call.somebody else floor.CustomerNotReached
            self._exchange.tell_floor(kind(call.ticket))

    def _write(self, ticket: str, outcome: str = "") -> None:
        """One after the other, so that the newest is what stays."""
        self._writing = self._exchange.tasks.spawn(self._save(ticket, outcome, self._writing))

    async def _save(self, ticket: str, outcome: str, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        try:
            place = self._kept.get(ticket)
            await self._exchange.rooms.store.save_callback_place(ticket, place, outcome=outcome)
        except IvrError as error:
            logger.error("callback_not_saved ticket=%s error=%s", ticket, error)
