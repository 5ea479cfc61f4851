"""The people of a scenario: agents with a desktop and a telephone, callers, and numbers outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from call.scenarios.ledger import Ledger
from call.scenarios.voices import Voice

from ivr.ici.client import EventSender
from ivr.ici.switchboard import (
    IciEvent,
    IciRefusal,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    ProcessingStatus,
    SubscriptionEnded,
    UserChanged,
    UserView,
)
from ivr.testing.crm_peer import CrmScreen
from ivr.testing.phone import Answering, PhoneCall, ScriptedPhone

PATIENCE = 20.0
"""Seconds anything awaited may take on a machine that is busy with other things."""
STILL = 3
"""Times in a row that nothing is on its way to a desktop, 20 ms apart, before the next step is taken."""

Step = Callable[[str], Awaitable[None]]


async def until(true: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not true():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE:g} s: {what}") from None


class Telephone(ScriptedPhone):
    """It rings until somebody picks it up."""

    def __init__(self, user: str) -> None:
        self._hand = asyncio.Event()
        self._way = Answering(picked_up=self._hand)
        super().__init__(user, answering=self._way)

    @property
    def _ringing(self) -> list[PhoneCall]:
        return [one for one in self._calls.values() if one.incoming and not one.is_over and not one.answered]

    async def rings(self) -> None:
        await until(lambda: self._ringing, f"{self.user}'s telephone rings")

    async def stops_ringing(self) -> None:
        await until(lambda: not self._ringing, f"{self.user}'s telephone stops ringing")

    async def pick_up(self) -> PhoneCall:
        await self.rings()
        self._hand.set()
        call = await self.next_call(PATIENCE)
        self._hand.clear()
        return call

    async def decline(self) -> None:
        """The key that says busy."""
        await self.rings()
        self._way.status = 486
        self._hand.set()
        await self.stops_ringing()
        self._hand.clear()
        self._way.status = 200


class Agent:
    """One person at one desktop. What the desktop is told and asks for is in `ledger`."""

    def __init__(self, name: str, user: str, phone: Telephone, ledger: Ledger, step: Step) -> None:
        self.name = name
        self.user = user
        self.phone = phone
        self.ledger = ledger
        self.events: list[IciEvent] = []
        self.screen: CrmScreen
        self.publisher: EventSender
        self.voice: Voice
        self.on_alerting: Callable[[], object] | None = None
        self._step = step
        self._taken = 0
        """Events that `sees` has gone past."""
        self._logged_on = 0
        """Events before the newest log-on."""

    def take(self, event: IciEvent) -> None:
        self.events.append(event)
        self.ledger.told(event)
        if self.on_alerting and isinstance(event, PhoneCallChanged) and event.item.status == "alerting":
            self.on_alerting()

    # --- telephone ----------------------------------------------------------------------------------------

    async def picks_up(self) -> Voice:
        await self.phone.rings()
        await self._step(f"{self.name} picks up")
        self.voice = Voice(self.name, await self.phone.pick_up(), of=self.user)
        return self.voice

    async def declines(self) -> None:
        await self.phone.rings()
        await self._step(f"{self.name}'s telephone says busy")
        await self.phone.decline()

    async def hangs_up(self) -> None:
        await self._step(f"{self.name} hangs up the telephone")
        await self.voice.call.hang_up()

    async def is_hung_up_on(self) -> None:
        await until(lambda: self.voice.call.is_over, f"{self.name}'s telephone is free")
        assert self.voice.call.ended_by == "remote"

    # --- desktop ------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Until nothing more is on its way to this desktop."""
        still = 0
        while still < STILL:
            lane = self.publisher._screens.get(self.user)
            still = 0 if lane is not None and (lane.waiting or lane.busy or lane.held) else still + 1
            await asyncio.sleep(0.02)

    async def asks(self, operation: str, *arguments: str) -> str:
        """An operation of ICI, by the name that `CrmClient` has for it; its result."""
        await self.settled()
        self.ledger.asked(operation, *arguments)
        result: str | None = await getattr(self.screen.client, operation)(*arguments)
        if result:
            self.ledger.name_item(result)
        return result or ""

    async def is_refused(self, code: str, operation: str, *arguments: str, saying: str) -> None:
        """The operation is answered with that fault, whose text says this."""
        try:
            await self.asks(operation, *arguments)
        except IciRefusal as refusal:
            assert refusal.code == code and saying in str(refusal), f"{operation}: {refusal.code}: {refusal}"
            self.ledger.refused(code)
        else:
            raise AssertionError(f"{operation} {arguments} is not refused")

    async def is_ready(self) -> None:
        """The button: after log-on, a refused call or wrap-up."""
        await self.asks("set_workmode", "2")
        await self.is_told("Ready")

    async def ends_wrap_up(self, then: str = "Ready") -> None:
        """By the button; `then` is what the agent was before, and wants to be again."""
        await self.is_told("Wrap-up")
        await self.asks("set_workmode", {"Ready": "2", "Not ready": "3"}[then])
        await self.is_told(then)

    async def logs_on_again(self) -> None:
        """As after a reload of the browser."""
        await self.settled()
        self.ledger.asked("subscribe")
        self._begins_again()
        await self.screen.log_on_again(self.phone.uri)

    def _begins_again(self) -> None:
        self._logged_on = len(self.events)
        self.ledger.begins_again()

    async def can_be_reached_again(self) -> None:
        """From now on the desktop can be found; it has not noticed anything."""
        await self._step(f"{self.name}'s desktop can be reached again")
        self._begins_again()

    def loses_heartbeat(self) -> None:
        """The browser is dead: at the next call SAP finds out, rejects it and logs the agent off."""
        self.screen.heartbeat_lost()
        reject = self.screen.client.reject

        async def noted(item_id: str) -> None:
            self.ledger.asked("reject", item_id, "and unsubscribe")
            await reject(item_id)

        self.screen.client.reject = noted  # type: ignore[method-assign]

    async def newest(self, item_id: str, status: ProcessingStatus) -> PhoneCallItem:
        """Until the last event of that call has this status."""

        def last() -> PhoneCallItem | None:
            told = [event.item for event in self.events if isinstance(event, PhoneCallChanged)]
            mine = [item for item in told if item.id == item_id]
            return mine[-1] if mine and mine[-1].status == status else None

        await until(last, f"{self.name}'s {item_id} is {status}; told {self._last()}")
        item = last()
        assert item is not None
        return item

    async def sees(self, status: ProcessingStatus, item_id: str = "") -> PhoneCallItem:
        """The next event of a call (of that one) that has this status; those before it are past."""
        found: list[PhoneCallItem] = []

        def come() -> bool:
            for at in range(self._taken, len(self.events)):
                event = self.events[at]
                if not isinstance(event, PhoneCallChanged) or event.item.status != status:
                    continue
                if item_id in ("", event.item.id):
                    found.append(event.item)
                    self._taken = at + 1
                    return True
            return False

        await until(come, f"{self.name} sees {item_id or 'a call'} {status}; told {self._last()}")
        return found[0]

    async def is_told(self, text: str) -> UserView:
        """Until the agent's state is called so on his desktop."""

        def newest() -> UserView | None:
            views = [event.user for event in self.events[self._logged_on :] if isinstance(event, UserChanged)]
            return views[-1] if views and views[-1].workmode_text == text else None

        await until(newest, f"{self.name} is {text}; told {self._last()}")
        view = newest()
        assert view is not None
        return view

    async def is_told_data(self) -> ItemAttachedDataChanged:
        """The newest news of attached data that somebody else wrote."""

        def news() -> list[ItemAttachedDataChanged]:
            return [event for event in self.events if isinstance(event, ItemAttachedDataChanged)]

        await until(news, f"{self.name} is told of attached data")
        return news()[-1]

    async def loses_subscription(self) -> SubscriptionEnded:
        def ended() -> list[SubscriptionEnded]:
            return [event for event in self.events if isinstance(event, SubscriptionEnded)]

        await until(ended, f"{self.name}'s subscription ends")
        return ended()[-1]

    def _last(self) -> str:
        return "; ".join(row.text for row in self.ledger.rows[-4:])


class Caller:
    """Somebody who has called, and waits in the queue."""

    def __init__(self, name: str, number: str, call: PhoneCall, step: Step) -> None:
        self.name = name
        self.number = number
        self.voice = Voice(name, call, of=number)
        self._step = step

    async def hangs_up(self) -> None:
        await self._step(f"the {self.name} hangs up")
        await self.voice.call.hang_up()

    async def is_hung_up_on(self) -> None:
        await until(lambda: self.voice.call.is_over, f"the {self.name}'s call is over")
        assert self.voice.call.ended_by == "remote"
