"""Calls to a draft: everything is as it would be, but nobody and nothing outside is touched.

handoff    honest words instead of an agent, then the exit `busy`
transfer   the exit `failed`; no number is dialled, least of all the emergency line's
callback   noted in the call record only
lookup     asked, unless it is marked `once`: those change something, and are `down`
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.call.record import HandoffRecord
from ivr.menu import events as menu

if TYPE_CHECKING:
    from ivr.call.visit import Visit

DRAFT = "draft"
"""User part that reaches the draft, where one is served."""
OUTCOME = "draft"
"""Of a handoff that went nowhere, in the record."""
WORDS = {
    "en": "This is a draft. No person is called.",
    "es": "Esto es un borrador. No se llama a ninguna persona.",
    "de": "Dies ist ein Entwurf. Es wird niemand angerufen.",
}
AFTER = 5.0
"""Seconds until a handoff that goes nowhere ends: the words, and a little of what a caller who waits hears."""
logger = logging.getLogger(__name__)


class Sandbox:
    """Takes the commands of a draft's menu that would reach somebody."""

    def __init__(self, visit: Visit, tell: Callable[[menu.Event], None]) -> None:
        self._visit = visit
        self._drive = tell
        self._waiting: asyncio.Task[None] | None = None

    def takes(self, command: menu.Command) -> bool:
        """Whether it was one of those; the visit does the others."""
        match command:
            case menu.StartHandoff():
                self._hand_off(command)
            case menu.CancelHandoff():
                self._cancel()
                self._visit.sounding.silence()
            case menu.StartTransfer():
                logger.info("draft_transfer call=%s", self._visit.id)
                self._soon(menu.TransferEnded("failed"))
            case menu.NoteCallback():
                logger.info("draft_callback call=%s", self._visit.id)
                self._soon(menu.CallbackNoted(True))
            case menu.LookUp(once=True):
                entry = {"name": command.name, "outcome": OUTCOME, "seconds": 0.0}
                self._visit.record.lookups.append(entry)
                self._soon(menu.LookupEnded(command.lookup, "down"))
            case _:
                return False
        return True

    def _hand_off(self, command: menu.StartHandoff) -> None:
        visit = self._visit
        logger.info("draft_handoff call=%s queue=%s", visit.id, command.queue)
        fields = {command.application: dict(command.fields)} if command.application else {}
        record = HandoffRecord(command.queue, command.reason, fields, visit.rooms.clock.utc(), outcome=OUTCOME)
        visit.record.handoffs.append(record)
        visit.sounding.wait((self._words(), *command.waiting))
        self._waiting = visit.tasks.spawn(self._nobody())

    def _words(self) -> menu.Piece:
        spoken = self._visit.machine.facts.language
        language = spoken if spoken in WORDS else "en"
        return menu.Piece("draft.nobody", language, WORDS[language])

    async def _nobody(self) -> None:
        await asyncio.sleep(AFTER)
        self._waiting = None
        self._visit.sounding.silence()
        self._visit.handoff_ended(menu.HandoffEnded("busy"))

    def _cancel(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _soon(self, event: menu.Event) -> None:
        self._visit.tasks.spawn(self._tell(event))

    async def _tell(self, event: menu.Event) -> None:
        self._drive(event)
