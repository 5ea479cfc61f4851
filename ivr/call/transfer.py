"""Callers on their way from one person to the next: blind transfers, and the ways back when those fail.

    agent   the colleague, else the agent who sent the caller, else the queue he came by, with the age kept
    queue   that queue, before others of the same priority, with the age kept
    step    the caller's own menu goes on there
    number  the outside line, else as for an agent

The caller hears music all the while. ICI.md section 6.3 (5b), AGENTS_AND_HANDOFF H15, H16 and RT14.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ivr.agents import events as floor
from ivr.call.handoff import Handoff
from ivr.call.outside import OutsideCall
from ivr.call.transfer_target import TransferTarget, find_target
from ivr.menu.events import HandoffResumed, SentBack

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.offer import Offer

Told = Callable[[int], None]
STATUSES = {"offered": 180, "answered": 200, "rejected": 603, "missed": 408, "abandoned": 487}
"""What becomes of an offer to a colleague, for a telephone that asked for the transfer."""
OUTCOMES = {status: outcome for outcome, status in STATUSES.items()}
"""The same, for the record."""
logger = logging.getLogger(__name__)


class Transfers:
    """Sends callers on. Whoever asks for it: ICI, a telephone's REFER, or trouble with a telephone."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def blind(self, offer: Offer, to: str) -> None:
        """The agent of `offer` lets go of the caller, who goes `to` a destination of `ivr.call.transfer_target`.

        Raises `IciRefusal`, with nothing changed, for a destination that cannot be reached.
        """
        handoff = self._owned(offer)
        destination = find_target(self._exchange, handoff.visit, to, by=offer.agent)
        self.blind_to(offer, destination)

    def blind_to(self, offer: Offer, destination: TransferTarget, told: Told = lambda status: None) -> None:
        """Likewise, to a destination that was checked. `told` hears how it goes in statuses of SIP: 180 while
        somebody's telephone rings, 200 when the caller is there, or why not."""
        handoff = self._owned(offer).led_by(offer)
        visit = handoff.visit
        logger.info("transfer call=%s by=%s to=%s", visit.id, offer.agent, destination)
        passed = handoff.record.pass_on(offer.agent, str(destination), "blind", self._exchange.rooms.clock.utc())

        def heard(status: int) -> None:
            if status >= 200 and passed["outcome"] is None:
                passed["outcome"] = OUTCOMES.get(status, "failed")
            told(status)

        if destination.kind == "agent":
            handoff.name_previous()
        self._exchange.part(handoff, "transferred")
        match destination.kind:
            case "agent":
                self._wait_again(handoff, (destination.name, offer.agent), told=heard)
            case "queue":
                self._wait_again(handoff, (), destination.name)
                told(200)
            case "step":
                visit.tell(SentBack(destination.name))
                told(200)
            case "number":
                self._outside(handoff, destination.name, offer.agent, heard)

    def put_back(self, handoff: Handoff, why: str, agents: tuple[str, ...] = ()) -> None:
        """Whoever had the caller is gone: `agents` are asked in turn, then the queue he came by."""
        handoff.visit.note_incident(why)
        handoff.record.onward = f"queue:{handoff.queue}" if handoff.queue else ""
        self._exchange.part(handoff, "failed")
        self._wait_again(handoff, agents)

    def reroute(self, offer: Offer, queue: str) -> None:
        """The agent refuses the call and names the queue it belongs to. Raises `IciRefusal`."""
        handoff = self._owned(offer)
        destination = find_target(
            self._exchange, handoff.visit, f"queue:{queue}", by=offer.agent, kinds=("queue",)
        )
        handoff.queue = handoff.record.queue = destination.name
        offer.why = f"the caller waits in {destination.name} now"
        self._exchange.tell_floor(floor.CallerMoved(offer.agent, handoff.ticket, destination.name))

    def _owned(self, offer: Offer) -> Handoff:
        handoff = offer.handoff
        assert isinstance(handoff, Handoff), "a consulted colleague has no caller to send"
        return handoff

    def _wait_again(
        self, handoff: Handoff, agents: tuple[str, ...], queue: str = "", told: Told = lambda status: None
    ) -> None:
        visit = handoff.visit
        if visit.over:
            told(487)
            return
        command = replace(handoff.command, queue=queue or handoff.queue)
        if not (agents or command.queue):  # a colleague who had dialled this agent: nobody else is meant
            told(480)
            visit.hang_up("failure", "nobody is left in the call")
            return
        visit.sounding.wait(() if agents else command.waiting)
        visit.tell(HandoffResumed())
        since = self._exchange.rooms.clock.monotonic() - handoff.waited
        if agents:
            handoff.name_previous()
        ticket = self._exchange.begin_handoff(visit, command, since=since, sent_to=agents)
        more = command.priority_raise
        if agents:
            self._exchange.handoffs[ticket].on_offer = lambda agent, outcome: told(
                STATUSES.get(outcome, 480) if agent == agents[0] else 480
            )
            self._exchange.tell_floor(
                floor.CallerSent(ticket, agents, command.queue, visit.number, joined=since, priority_raise=more)
            )
        else:
            self._exchange.tell_floor(
                floor.CallerJoined(ticket, command.queue, more, since, visit.number, returned=True)
            )

    def _outside(self, handoff: Handoff, number: str, agent: str, told: Told) -> None:
        visit = handoff.visit
        visit.sounding.wait(())

        def outcome(joined: bool) -> None:
            line = self._exchange.outside.get(visit.id)
            if not joined and isinstance(line, OutsideCall) and handoff.record.passed:
                handoff.record.passed[-1]["why"] = line.why_not or None
            told(200 if joined else 480)
            if not joined and not visit.over:
                self._exchange.cancel_transfer(visit)
                visit.note_incident(f"{number} could not be reached")
                self._wait_again(handoff, (agent,))

        self._exchange.call_outside(visit, number, outcome)
