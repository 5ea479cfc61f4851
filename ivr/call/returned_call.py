"""A customer who is rung back: our call to him, the menu's words, and then his place in the queue."""

from __future__ import annotations

import dataclasses
import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ivr.agents import events as floor
from ivr.call.handoff import Handoff
from ivr.call.leg import VoiceLeg
from ivr.call.visit import Visit
from ivr.errors import IvrError
from ivr.menu import events as menu
from ivr.menu.machine import MenuMachine
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

CALLED = "callback"
"""What stands in the record where the number that was dialled stands in others."""
OF_THE_FIRST_CALL = frozenset({"reason", "topic", "path"})
"""Values of attached data that tell why the customer called; the new call knows nothing of that."""
nowhere = sip.Flow("udp", ("127.0.0.1", 0), ("127.0.0.1", 0))
logger = logging.getLogger(__name__)


class ReturnedCall(Visit):
    """A visit that we begin. Nobody is reserved for it until a person has asked for the agent by a key."""

    def __init__(self, command: floor.RingCustomer, promise: Mapping[str, Any], exchange: Exchange) -> None:
        self.ticket = command.ticket
        self.wants_agent = False
        """A person has answered and waits for the agent."""
        self.somebody = False
        """A key was pressed: no machine does that."""
        self._promise = promise
        stamp = exchange.rooms.clock.utc().strftime("%Y%m%d-%H%M%S")
        leg = f"customer-{command.ticket}-{secrets.token_hex(2)}"
        ours = sip.IncomingCall(leg, leg, command.number, f"tel:{command.number}", CALLED, CALLED, b"", nowhere)
        super().__init__(f"{stamp}-{secrets.token_hex(3)}", ours, exchange)
        self.machine = MenuMachine(
            self.menu,
            call_id=self.id,
            recogniser_languages=self.rooms.recogniser.languages,
            currency=self.rooms.settings.store.currency,
            start=str(promise.get("rings", "")),
            language=str(promise.get("language", "")),
        )
        self._ringing = False

    # --- ringing ------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Ring the customer; whatever goes wrong is told to the floor as a try in vain."""
        number = self.incoming.calling_number
        try:
            line = await self.exchange.phones.outside(f"tel:{number}")
            self.voice = VoiceLeg(self.leg, line.flow.local[0], self.rooms.media, self.rooms.settings.sip.srtp)
            await self.voice.open()
        except (IvrError, OSError) as error:
            logger.warning("callback_not_rung ticket=%s error=%s", self.ticket, error)
            self.finish("failure", f"could not be rung: {error}")
            return
        self.peer = line.flow.remote[0]
        await self.rooms.store.save_call(self.record.document())
        if self.over:
            return
        self._ringing = True
        called = self._promise.get("called") or self.menu.name
        self.voice.call(lambda sdp: self.rooms.signalling.call(self.leg, line, sdp, called))

    def on_sip(self, event: sip.Output) -> None:
        match event:
            case sip.CallAccepted():
                self._confirmed(event.answer)
            case sip.CallRefused() if not self.over and self.voice.calls_again(event.status):
                logger.info("callback_wants_savp ticket=%s", self.ticket)
            case sip.CallRefused():
                self._ringing = False
                self.finish("caller", f"not reached: {event.status}")
            case sip.CallEnded():
                self._ringing = False
                super().on_sip(event)
            case _:
                super().on_sip(event)

    def hang_up(self, by: str, reason: str) -> None:
        if self._ringing:
            super().hang_up(by, reason)
        else:
            self.finish(by, reason)

    def _key(self, key: str, at: float) -> None:
        self.somebody = True
        super()._key(key, at)

    # --- the agent ----------------------------------------------------------------------------------------

    def _wait_for_agent(self, command: menu.StartHandoff) -> None:
        """The first handoff takes the place that was kept, unless the customer was too slow for it."""
        now = self.rooms.clock.monotonic()
        kept = not self.wants_agent and self.exchange.agents.waiting_time(self.ticket, now) is not None
        if not kept:
            super()._wait_for_agent(command)
            return
        self.wants_agent = True
        self.sounding.wait(command.waiting)
        command = dataclasses.replace(command, fields=self._fields(command.fields))
        self.exchange.handoffs[self.ticket] = Handoff(self.ticket, self, command, self.exchange)
        self.save()
        self.exchange.tell_floor(floor.CustomerAnswered(self.ticket))

    def _fields(self, fields: Mapping[str, str]) -> dict[str, str]:
        """What the first call learnt, and over it what this one knows: above all that nothing is proved."""
        before: dict[str, str] = dict(self._promise.get("fields") or {})
        names = self.menu.fields
        of_first = {name for name in before if names.get(name) in OF_THE_FIRST_CALL and before[name]}
        return before | {name: value for name, value in fields.items() if value and name not in of_first}

    def finish(self, by: str, reason: str) -> None:
        if not self.over:
            super().finish(by, reason)
            self.exchange.calling_back.over(self)
