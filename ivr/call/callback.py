"""A caller's wish to be called back, on disk before anything is promised."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ivr.errors import IvrError
from ivr.menu.events import CallbackNoted, NoteCallback
from ivr.store.contracts import Callback

if TYPE_CHECKING:
    from ivr.call.visit import Visit

logger = logging.getLogger(__name__)


async def note_callback(visit: Visit, command: NoteCallback) -> CallbackNoted:
    """Whether it is on disk."""
    calling_back = visit.exchange.calling_back
    ticket = calling_back.ticket_for(visit, command)
    callback = Callback(
        number=command.number,
        queue=command.queue,
        reason=command.reason,
        call_id=visit.id,
        attached_data=dict(command.fields),
        noted=visit.rooms.clock.utc(),
        ticket=ticket,
    )
    try:
        await visit.rooms.store.note_callback(callback)
        if ticket and not await calling_back.promise(visit, command, ticket):
            await visit.rooms.store.finish_callbacks("failed", ticket=ticket)
            return CallbackNoted(False)
    except IvrError as error:
        logger.error("callback_not_noted call=%s error=%s", visit.id, error)
        return CallbackNoted(False)
    logger.info("callback_noted call=%s queue=%s", visit.id, command.queue)
    if visit.record.handoffs:
        visit.record.handoffs[-1].outcome = "callback"
    return CallbackNoted(True)
