"""One caller's way to a person: ticket, attached data, and the agents it was offered to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ivr.agents import events as floor
from ivr.call.description import WITHDRAWN, of_caller
from ivr.call.item import Item
from ivr.call.offer import Offer
from ivr.call.record import HandoffRecord, iso
from ivr.call.tracks import record_talk
from ivr.ici.attached_data import Limits, merge
from ivr.ici.capabilities import Part
from ivr.ici.switchboard import EndReason, IciRefusal
from ivr.ici.travelling_data import CHANGES_KEPT, TravellingData, Version
from ivr.menu.events import PlaceFound, PlaceTold, StartHandoff

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit

ANNOUNCED_EVERY = 90.0
"""Seconds between two announcements of the place, where a menu has words for it (RT16)."""
PREVIOUS = "PREVIOUS"
"""Field of a call that was with an agent before: the item it was then (H20)."""
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""For a telephone that rang for a caller whom somebody else took: no missed call there. RFC 3326 section 3.1."""
logger = logging.getLogger(__name__)


class Handoff:
    """Lives from the menu's StartHandoff until agent and caller have parted.

    A caller who is passed on gets a new one; what travels with him is the visit's.
    """

    def __init__(
        self,
        ticket: str,
        visit: Visit,
        command: StartHandoff,
        exchange: Exchange,
        *,
        since: float | None = None,
        sent_to: tuple[str, ...] = (),
    ) -> None:
        """`since`: monotonic time from which a caller waits who is back from an agent. `sent_to`: agents who are
        to get the document exactly as it was left (ICI section 6.3)."""
        self.ticket = ticket
        self.visit = visit
        self.exchange = exchange
        self.queue = command.queue
        self.reason = command.reason
        self.command = command
        self.since = exchange.rooms.clock.monotonic() if since is None else since
        """Monotonic time the caller began to wait; what was spent with agents before is left out."""
        self._sent_to = sent_to
        limits = Limits(document=exchange.rooms.settings.ici.max_attached_data)
        self.data = visit.data = visit.data or TravellingData(command.application, limits)
        """The attached data, as it travels: the same through all handoffs of a visit."""
        self.asked = 0
        """Colleagues asked so far, by whoever had the caller: an item's id is never given twice."""
        self.offers: list[Offer] = []
        self.joined: Offer | None = None
        self.on_offer: Callable[[str, str], None] = lambda agent, outcome: None
        """Told of each agent: ``offered``, then ``answered`` or why not."""
        self.record = HandoffRecord(
            queue=command.queue,
            reason=command.reason,
            attached_data=self.data.blocks if self.data.document else {},
            started=exchange.rooms.clock.utc(),
        )
        earlier = visit.record.handoffs
        previous = [one.item for one in earlier if one.item]
        if earlier and earlier[-1].passed and earlier[-1].passed[-1]["how"] == "blind":
            self.record.sent_by = earlier[-1].passed[-1]["by"]
        earlier.append(self.record)
        self._news = {**command.fields, **({PREVIOUS: previous[-1]} if previous else {})}
        """What is still to be put into the document."""
        if not sent_to:
            self._tell_news()

    def _tell_news(self) -> None:
        news, self._news = self._news, {}
        self._learn(news)

    def name_previous(self) -> None:
        """The caller goes on to a colleague: the document, which goes as it is, names the item he leaves (H20)."""
        if self.record.item:
            self._learn({PREVIOUS: self.record.item})

    @property
    def waited(self) -> float:
        """Seconds in queues until now, or until an agent had the call; talking does not count."""
        now = self.exchange.rooms.clock.monotonic()
        return now - self.since if self.record.waited is None else self.record.waited

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        """Nobody but the caller."""
        return ()

    def part_of(self, item: Item) -> Part:
        return self.visit.part

    def led_by(self, offer: Offer) -> Handoff:
        """In which the agent of `offer` has the other side, to ask a third or send it on. Raises `IciRefusal`."""
        return self

    def describe(self, item: Item) -> str:
        return of_caller(self, item.agent)

    def items(self) -> list[Item]:
        """Live items that show this document, also when the caller has gone on to somebody else."""
        if (later := self._later) is not self:
            return later.items()
        found: list[Item] = [offer for offer in self.offers if offer.live]
        talk = self.joined.consultation if self.joined else None
        if talk is not None and talk.conferenced:
            found += [item for item in talk.offers if item.live and item not in found]
        return found + self.visit.own_items()

    @property
    def _later(self) -> Handoff:
        """The handoff the caller is in now: what somebody still writes who has passed him on belongs there."""
        return self.exchange.handoff_of(self.visit) or self

    def joins(self) -> floor.CallerJoined:
        """What the floor is told of a caller who comes from the menu."""
        return floor.CallerJoined(
            self.ticket,
            self.queue,
            self.command.priority_raise,
            caller=self.visit.number,
            announce=ANNOUNCED_EVERY if self.command.tells_place else 0.0,
            resume=self.command.asks_to_resume,
        )

    def tell_waiting(self, news: floor.TellWaiting | floor.OfferPlace) -> None:
        """Something for the menu to say to the caller."""
        if isinstance(news, floor.OfferPlace):
            self.visit.tell(PlaceFound())
            return
        known = (news.least, news.most) if news.least is not None and news.most is not None else None
        self.visit.tell(PlaceTold(news.position, known))

    def place_taken(self) -> None:
        """The caller pressed the key that takes a lost place again."""
        self.exchange.tell_floor(floor.PlaceTaken(self.ticket))

    def offer_to(self, agent: str) -> None:
        """Alert this agent; the fields that grow with time are brought up to date before."""
        self.visit.sounding.only_music()
        if agent not in self._sent_to:
            self._tell_news()
            self._refresh()
        offer = Offer(f"{self.ticket}.{len(self.offers) + 1}", agent, self, self.exchange)
        self.offers.append(offer)
        self.exchange.remember(offer)
        self.on_offer(agent, "offered")
        self.note_item(offer)
        offer.begin()

    @property
    def document(self) -> str:
        """The attached data as it is now."""
        return self.data.document

    def _refresh(self) -> None:
        now = self.exchange.rooms.clock.monotonic()
        # the floor knows of the time before a redial and a callback, too (RT11, RT12)
        by_place = self.exchange.agents.waiting_time(self.ticket, now)
        waited = str(int(now - self.since if by_place is None else by_place))
        live = self.command.live_fields
        self._learn({name: waited for name, source in live.items() if source == "waited"})

    def _learn(self, fields: Mapping[str, str]) -> None:
        """What the menu knows goes into the document; what agents have filled to the brim stays as it is."""
        now = self.exchange.rooms.clock.utc()
        try:
            versions = [self.data.learn(fields, now), self.data.record(self.visit.recordings.ids(), now)]
        except IciRefusal as refusal:
            self.visit.note_incident(f"attached data: {refusal}; what the menu learnt last is missing")
            return
        for version in versions:
            self._note_version(version)

    def take_over(self, asked: TravellingData, asker: str) -> None:
        """A consultation has become part of the call: its own blocks are added (ICI section 5.3.4)."""
        if not asked.document:
            return
        try:
            self._note_version(self.data.gather_notes(asked, asker, self.exchange.rooms.clock.utc()))
            together = merge(self.document, asked.document, limits=self.data.limits, only_new=True)
        except IciRefusal as refusal:  # too big together: the customer's alone is whole
            self.visit.note_incident(f"the consultation's attached data was left out: {refusal}")
            return
        self.take_from(asker, together)
        self.data.outgrow(asked)

    def take_from(self, agent: str, document: str) -> Version | None:
        """The agent's screen wrote `document`. Guarded fields stay as they were (H12), and the record tells of it.

        None when nothing is new. Raises `IciRefusal`, and then nothing has changed.
        """
        version = self.data.write(agent, document, self.exchange.rooms.clock.utc())
        self._note_version(version)
        self._note_guarded(agent, version)
        self._later.take_down()
        return version

    def _note_guarded(self, agent: str, version: Version | None) -> None:
        if version is not None and version.guarded and not version.meant:
            self.visit.note_incident(f"{agent} wrote over {', '.join(version.guarded)}; kept")

    def _note_version(self, version: Version | None) -> None:
        """In the record of the handoff the caller is in now, where the next reader looks for it."""
        record = self.visit.record.handoffs[-1]
        record.attached_data = self.data.blocks
        if version is not None:
            record.changes.append(version.document())
            del record.changes[:-CHANGES_KEPT]

    def note_asked(self, version: Version, consultation: str) -> None:
        """What is written while a colleague is asked stands in the record at once, not only when it becomes part
        of the call's own data: a kill, or a colleague who hangs up, must not lose it."""
        self._note_guarded(version.author, version)
        self.record.changes.append({**version.document(), "consultation": consultation})
        del self.record.changes[:-CHANGES_KEPT]

    def widened(self, to: str) -> None:
        """More people may have the caller from now on (RT5): part of the story."""
        self.record.widened.append({"to": to, "at": iso(self.exchange.rooms.clock.utc())})
        logger.info("handoff_widened call=%s queue=%s to=%s", self.visit.id, self.queue, to)

    def offer_of(self, agent: str) -> Offer | None:
        """The live offer to this agent."""
        return next((offer for offer in self.offers if offer.agent == agent and offer.live), None)

    def withdraw(self, agent: str, why: str) -> None:
        """Take it away from an agent who has not got it."""
        offer = self.offer_of(agent)
        if offer is None:
            return
        reasons: dict[str, EndReason] = {"rejected": "rejected", "abandoned": "abandoned", "failed": "failed"}
        self._note(agent, why)
        told_phone = ELSEWHERE if why == "taken" else ""
        offer.why = offer.why or WITHDRAWN.get(why, "")
        offer.end(reasons.get(why, "rerouted" if self.queue else "failed"), told_phone=told_phone)

    def join(self, agent: str) -> None:
        offer = self.offer_of(agent)
        if offer is None:
            return
        self.joined = offer
        self.record.item = offer.item_id
        self._note(agent, "answered")
        self.visit.joined()
        self.arrange()
        offer.connected()

    def arrange(self) -> None:
        """Let caller and agent hear each other, or the caller music while on hold."""
        media, agent = self.exchange.rooms.media, self.joined
        if agent is None:
            return
        if agent.consultation is not None:
            agent.consultation.arrange()
            return
        self.take_down()
        media.bridge(self.visit.leg, agent.leg)
        media.unhold(agent.leg)
        if agent.status == "held":
            media.hold(self.visit.leg, self.exchange.rooms.music)
        else:
            media.unhold(self.visit.leg)
        self.visit.follow_hold()
        agent.straighten()

    def take_down(self) -> None:
        """Record the caller and whoever talks with him, or no longer: as settings and attached data say."""
        if (agent := self.joined) is None:
            return
        talk = agent.consultation.in_conference if agent.consultation else {}
        version = record_talk(self.visit, {agent.leg: agent.agent} | talk, self.items())
        if version is not None:
            self._note_version(version)

    def agent_left(self, offer: Offer, reason: str, *, crashed: bool = False) -> None:
        """The agent's telephone hung up, which ends the call; or it is out of order, which must not."""
        if offer.consultation is not None:
            offer.consultation.asker_left(reason, crashed=crashed)
        elif self.joined is not offer:
            if offer.live:  # picked up and put down before the join
                self.exchange.tell_floor(floor.Rejected(offer.agent, self.ticket))
        elif crashed:
            self.exchange.transfers.put_back(self, f"{offer.agent} was lost: {reason}")
        else:
            self.exchange.part(self)
            self.visit.hang_up("agent", reason or "BYE")

    def pass_to(self, offer: Offer) -> None:
        """A colleague has the caller from now on; the floor is told by whoever calls this."""
        self.offers.append(offer)
        offer.handoff = self
        offer.consultation = None
        self.joined = offer
        self.record.agent, self.record.item = offer.agent, offer.item_id
        for entry in self.record.offers:
            if entry["item"] == offer.item_id:
                entry["outcome"] = "answered"
                entry["asked_by"] = entry.get("remote", [])[-1:]  # the caller is at the other end from now on
                entry["remote"] = list(offer.remote_numbers)

    def note_item(self, item: Item) -> dict[str, Any]:
        """Somebody's screen shows this item: after a kill it must be told that it is gone."""
        entry = item.new_entry()
        self.record.offers.append(entry)
        self.visit.save()
        return entry

    def _note(self, agent: str, outcome: str) -> None:
        self.on_offer(agent, outcome)
        for entry in reversed(self.record.offers):
            if entry["agent"] == agent and entry["outcome"] is None:
                entry["outcome"] = outcome
                return

    def end(self, outcome: str, waited: float, agent: str) -> None:
        """The wait is over, one way or another."""
        self.record.outcome, self.record.waited, self.record.agent = outcome, waited, agent
        logger.info(
            "handoff call=%s queue=%s outcome=%s agent=%s number=%s waited=%.1f",
            self.visit.id,
            self.queue,
            outcome,
            agent or "-",
            self.record.number or "-",
            waited,
        )
