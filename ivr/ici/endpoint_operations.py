"""What each operation of ICI does, given an authorised user and well-formed parameters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import ivr
from ivr.config.settings import IciSettings
from ivr.ici import attached_data, items
from ivr.ici.capabilities import check
from ivr.ici.client import EventSender
from ivr.ici.dialect import OK, Dialect
from ivr.ici.endpoint_monitor import MonitorFeed
from ivr.ici.subscriptions import Subscription, check_callback, check_workcenter
from ivr.ici.switchboard import IciRefusal, PhoneCallChanged, PhoneCallItem, Switchboard, UserChanged
from ivr.ici.travelling_data import NoSuchVersion
from ivr.ici.wire import Values

PRODUCT: Final = "ivr"
OFF_LOOP: Final = 4096
"""Octets of XML from which on it is read in a thread: longer takes the loop a noticeable time."""
MERGE_TRIES: Final = 5
"""How often a merge starts again because somebody else wrote the document meanwhile."""
LAST_OF_SAP: Final = 999
"""Work modes above are a site's own reasons for not being ready."""

_DIGITS: Final = re.compile(r"[0-9*#A-Da-d]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an operation, and what must happen only after it is on its way."""

    values: Mapping[str, Any]
    after: Callable[[], None] | None = None


Handler = Callable[[str, Values], Awaitable[Outcome]]
DONE: Final = Outcome({OK: "ok"})


class Operations:
    """The operations of the four services, by service and name."""

    def __init__(
        self,
        switchboard: Switchboard,
        sender: EventSender,
        monitor: MonitorFeed,
        settings: IciSettings,
        dialect: Dialect,
    ) -> None:
        self._switchboard = switchboard
        self._sender = sender
        self._monitor = monitor
        self._settings = settings
        self._dialect = dialect
        self._limits = attached_data.Limits(document=settings.max_attached_data)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._handlers: dict[tuple[str, str], Handler] = {
            ("IciSystem", "exchangeProductInformation"): self._exchange_product_information,
            ("IciSystem", "getWorkcenterCapability"): self._get_workcenter_capability,
            ("IciSystem", "getPresenceQueueInfo"): self._get_presence_queue_info,
            ("IciSystem", "getPresence"): self._get_presence,
            ("IciSystem", "ping"): self._ping,
            ("IciUser", "getAttributes"): self._get_attributes,
            ("IciUser", "subscribe"): self._subscribe,
            ("IciUser", "unsubscribe"): self._unsubscribe,
            ("IciUser", "setCurrentWorkmode"): self._set_current_workmode,
            ("IciUser", "getWorkmodes"): self._get_workmodes,
            ("IciUser", "setCurrentQueues"): self._set_current_queues,
            ("IciUser", "getQueues"): self._get_queues,
            ("IciMonitor", "subscribeMonitor"): self._subscribe_monitor,
            ("IciMonitor", "unsubscribeMonitor"): self._unsubscribe_monitor,
            ("IciItem", "getAttachedData"): self._get_attached_data,
            ("IciItem", "setAttachedData"): self._set_attached_data,
            ("IciItem", "updateAttachedData"): self._update_attached_data,
            ("IciItem", "getProperties"): self._get_properties,
            ("IciItem", "accept"): self._call_control("accept", switchboard.accept),
            ("IciItem", "reject"): self._call_control("reject", switchboard.reject),
            ("IciItem", "reroute"): self._reroute,
            ("IciItem", "forward"): self._blind_transfer,
            ("IciPhoneCall", "accept"): self._call_control("accept", switchboard.accept),
            ("IciPhoneCall", "reject"): self._call_control("reject", switchboard.reject),
            ("IciPhoneCall", "drop"): self._call_control("drop", switchboard.drop),
            ("IciPhoneCall", "hold"): self._call_control("hold", switchboard.hold),
            ("IciPhoneCall", "unhold"): self._call_control("unhold", switchboard.unhold),
            ("IciPhoneCall", "sendDTMF"): self._send_dtmf,
            ("IciPhoneCall", "mute"): self._call_control("mute", partial(switchboard.mute, on=True)),
            ("IciPhoneCall", "unmute"): self._call_control("unmute", partial(switchboard.mute, on=False)),
            ("IciPhoneCall", "reroute"): self._reroute,
            ("IciPhoneCall", "blindTransfer"): self._blind_transfer,
            ("IciPhoneCall", "dial"): self._dial,
            ("IciPhoneCall", "consult"): self._consult,
            ("IciPhoneCall", "toggle"): self._of_two("toggle", "otherItemId", switchboard.toggle),
            ("IciPhoneCall", "warmTransfer"): self._of_two(
                "warmTransfer", "consultItemId", switchboard.warm_transfer
            ),
            ("IciPhoneCall", "conference"): self._of_two("conference", "consultItemId", switchboard.conference),
        }

    async def run(self, service: str, operation: str, user: str, values: Values) -> Outcome:
        """Do it. Raises `IciRefusal` for whatever may not or cannot be done."""
        handler = self._handlers.get((service, operation))
        if handler is None:
            raise IciRefusal("ICI-NOT-SUPPORTED", f"Operation {operation} of {service} is not supported")
        if "userId" in values and values["userId"] != user:
            raise IciRefusal("ICI-NOT-OWNER", f"user {user!r} may not act for user {values['userId'][:64]!r}")
        return await handler(user, values)

    # --- system ----------------------------------------------------------------------------------

    async def _exchange_product_information(self, user: str, values: Values) -> Outcome:
        return Outcome({"productName": PRODUCT, "productVersion": ivr.__version__})

    async def _get_workcenter_capability(self, user: str, values: Values) -> Outcome:
        check_workcenter(values["workcenterId"], self._settings.phones)
        return Outcome({"freeSeating": True})

    async def _get_presence_queue_info(self, user: str, values: Values) -> Outcome:
        if values["channelId"].strip().lower() in self._dialect.other_channels:
            return Outcome({OK: []})
        return Outcome({OK: [items.queue_info(queue) for queue in self._switchboard.queues()]})

    async def _get_presence(self, user: str, values: Values) -> Outcome:
        found = []
        for other in values["userIds"]:
            known = self._switchboard.has_user(other)
            word = self._switchboard.user(other).presence if known else "Logged Off"
            options = list(self._dialect.presence_options.get(word, ()))
            found.append({"userId": other, "presence": self._dialect.code("presence", word), "options": options})
        return Outcome({OK: found})

    async def _ping(self, user: str, values: Values) -> Outcome:
        return DONE

    # --- user ------------------------------------------------------------------------------------

    async def _get_attributes(self, user: str, values: Values) -> Outcome:
        """Called when an agent's screen starts, so an older subscription is a dead one (ICI.md section 6.1)."""
        async with self._lock(user):
            view = self._switchboard.user(user)
            if self._sender.end(user, "superseded", "User logged on elsewhere"):
                await self._switchboard.screen_lost(user)
        return Outcome({OK: items.user(view, self._dialect)})

    async def _subscribe(self, user: str, values: Values) -> Outcome:
        app_url, app_id, workcenter = values["appUrl"], values["appId"], values["workcenterId"].strip()
        check_callback(app_url, app_id, self._settings.callbacks)
        check_workcenter(workcenter, self._settings.phones)
        async with self._lock(user):
            screen = self._sender.open(Subscription(app_url, app_id, user, workcenter))
            try:
                await self._switchboard.log_on(user, workcenter)
            except BaseException:
                self._sender.abandon(screen)
                raise
            await self._switchboard.keep_screen(user, app_url, app_id, workcenter)

        def resynchronise() -> None:
            calls = [PhoneCallChanged(item) for item in self._switchboard.items(user)]
            self._sender.release(screen, [UserChanged(self._switchboard.user(user)), *calls])

        return Outcome(DONE.values, resynchronise)

    async def _unsubscribe(self, user: str, values: Values) -> Outcome:
        async with self._lock(user):
            current = self._sender.subscription_of(user)
            if current is None or current.key != (values["appUrl"], values["appId"], user):
                raise IciRefusal(
                    "ICI-NOT-SUBSCRIBED", f"user {user!r} has no subscription of this appUrl and appId"
                )
            await self._switchboard.log_off(user, "unsubscribed")
        if self._sender.subscription_of(user) is not current:
            return DONE
        return Outcome(DONE.values, lambda: self._leave(user, current))

    def _leave(self, user: str, subscription: Subscription) -> None:
        if self._sender.subscription_of(user) is subscription:
            self._sender.end(user, "unsubscribed", "The agent logged off")

    async def _set_current_workmode(self, user: str, values: Values) -> Outcome:
        workmode = items.parse_workmode(values["workmodeId"].strip())
        known = {*self._dialect.workmodes, *(code for code, _ in self._switchboard.workmodes(user))}
        own = max(known) > LAST_OF_SAP
        if workmode not in known and (own or workmode <= LAST_OF_SAP):
            listed = ", ".join(str(code) for code in sorted(known))
            more = "" if own else f", and a site's own above {LAST_OF_SAP}"
            raise IciRefusal("ICI-BAD-VALUE", f"the work mode {workmode} is unknown; there are: {listed}{more}")
        if workmode != 1 and self._sender.subscription_of(user) is None:
            raise IciRefusal("ICI-NOT-SUBSCRIBED", f"user {user!r} is not logged on; call subscribe first")
        await self._switchboard.set_workmode(user, workmode)
        return DONE

    async def _get_workmodes(self, user: str, values: Values) -> Outcome:
        listed = [
            {"id": str(code), "description": items.workmode_text(code, text, self._dialect)}
            for code, text in self._switchboard.workmodes(user)
        ]
        return Outcome({OK: listed})

    async def _set_current_queues(self, user: str, values: Values) -> Outcome:
        queues = list(dict.fromkeys(values["queueIds"]))
        known = [queue.id for queue in self._switchboard.queues()]
        if unknown := [queue for queue in queues if queue not in known]:
            raise IciRefusal(
                "ICI-BAD-VALUE", f"the queue {unknown[0][:64]!r} is unknown; there are: {', '.join(known)}"
            )
        await self._switchboard.set_queues(user, queues)
        return DONE

    async def _get_queues(self, user: str, values: Values) -> Outcome:
        texts = {queue.id: queue.description for queue in self._switchboard.queues()}
        mine = self._switchboard.user(user).queues
        return Outcome({OK: [{"id": queue, "description": texts.get(queue, queue)} for queue in mine]})

    # --- monitor ---------------------------------------------------------------------------------

    async def _subscribe_monitor(self, user: str, values: Values) -> Outcome:
        return Outcome(DONE.values, await self._monitor.subscribe(user, values["appUrl"], values["appId"]))

    async def _unsubscribe_monitor(self, user: str, values: Values) -> Outcome:
        return Outcome(DONE.values, await self._monitor.unsubscribe(user, values["appUrl"], values["appId"]))

    # --- item ------------------------------------------------------------------------------------

    async def _get_attached_data(self, user: str, values: Values) -> Outcome:
        return Outcome({OK: self._owned(user, values["itemId"], "getAttachedData").attached_data})

    async def _get_properties(self, user: str, values: Values) -> Outcome:
        return Outcome({OK: items.phone_call(self._owned(user, values["itemId"], "getProperties"), self._dialect)})

    async def _update_attached_data(self, user: str, values: Values) -> Outcome:
        """As `setAttachedData` with a version, which is told anew: the writer gets no event of his own change."""
        await self._set_attached_data(user, values)
        return Outcome({OK: self._owned(user, values["itemId"], "setAttachedData").attached_data_version})

    async def _set_attached_data(self, user: str, values: Values) -> Outcome:
        item_id, incoming = values["itemId"], values["attachedData"]
        version = values.get("attachedDataVersion")
        item = self._owned(user, item_id, "setAttachedData")
        for _ in range(MERGE_TRIES):
            merged = await self._merge(item, incoming)
            old, item = item.attached_data, self._owned(user, item_id, "setAttachedData")
            if item.attached_data == old:
                if version is not None:
                    self._check_version(user, item_id, merged, version)
                await self._switchboard.set_attached_data(user, item_id, merged)
                return DONE
        raise IciRefusal("ICI-BUSY", "others keep writing this document; try again", item_id=item_id, server=True)

    def _check_version(self, user: str, item_id: str, merged: str, version: int) -> None:
        """Nothing may be awaited between this and the write."""
        try:
            self._switchboard.check_version(user, item_id, merged, version)
        except NoSuchVersion as refusal:
            fields = self._dialect.services["IciItem"].operations["updateAttachedData"].parameters
            spelt = next(one.spelling for one in fields if one.name == "attachedDataVersion")
            raise NoSuchVersion(refusal.number, refusal.newest, field=spelt, item_id=item_id) from None
        except IciRefusal as refusal:
            raise IciRefusal(refusal.code, str(refusal), item_id=item_id, facts=refusal.facts) from None

    async def _merge(self, item: PhoneCallItem, incoming: str) -> str:
        try:
            if len(incoming) + len(item.attached_data) < OFF_LOOP:
                return attached_data.merge(item.attached_data, incoming, limits=self._limits)
            return await asyncio.to_thread(attached_data.merge, item.attached_data, incoming, limits=self._limits)
        except IciRefusal as refusal:
            raise IciRefusal(refusal.code, str(refusal), item_id=item.id) from None

    # --- phone call ------------------------------------------------------------------------------

    def _call_control(self, operation: str, act: Callable[[str, str], Awaitable[None]]) -> Handler:
        async def handler(user: str, values: Values) -> Outcome:
            self._owned(user, values["itemId"], operation)
            await act(user, values["itemId"])
            return DONE

        return handler

    def _of_two(self, operation: str, second: str, act: Callable[[str, str, str], Awaitable[None]]) -> Handler:
        """An operation on the two calls of a consultation; both must be the user's."""

        async def handler(user: str, values: Values) -> Outcome:
            for item_id in (values["itemId"], values[second]):
                self._owned(user, item_id, operation)
            await act(user, values["itemId"], values[second])
            return DONE

        return handler

    async def _reroute(self, user: str, values: Values) -> Outcome:
        self._owned(user, values["itemId"], "reroute")
        await self._switchboard.reroute(user, values["itemId"], values["queueId"])
        return DONE

    async def _blind_transfer(self, user: str, values: Values) -> Outcome:
        """What the agent wrote goes along; it is kept even if the destination is refused."""
        self._owned(user, values["itemId"], "blindTransfer")
        if values.get("attachedData"):
            await self._set_attached_data(user, values)
        await self._switchboard.blind_transfer(user, values["itemId"], values["destination"])
        return DONE

    async def _dial(self, user: str, values: Values) -> Outcome:
        if self._sender.subscription_of(user) is None:
            raise IciRefusal("ICI-NOT-SUBSCRIBED", f"user {user!r} is not logged on; call subscribe first")
        document = values.get("attachedData") or ""
        if document:
            attached_data.read(document, limits=self._limits)
        return Outcome({OK: await self._switchboard.dial(user, values["destination"], document)})

    async def _consult(self, user: str, values: Values) -> Outcome:
        self._owned(user, values["itemId"], "consult")
        return Outcome({OK: await self._switchboard.consult(user, values["itemId"], values["destination"])})

    async def _send_dtmf(self, user: str, values: Values) -> Outcome:
        self._owned(user, values["itemId"], "sendDTMF")
        if not _DIGITS.match(values["digits"]):
            raise IciRefusal(
                "ICI-BAD-VALUE", "digits: needed are 1 to 64 of 0-9 * # A-D", item_id=values["itemId"]
            )
        await self._switchboard.send_dtmf(user, values["itemId"], values["digits"])
        return DONE

    def _owned(self, user: str, item_id: str, operation: str) -> PhoneCallItem:
        """The item, if it is the user's own and the operation is legal in its state."""
        item = self._switchboard.item(item_id)
        if item is None:
            raise IciRefusal("ICI-UNKNOWN-ITEM", f"there is no item {item_id[:64]!r}", item_id=item_id[:64])
        if self._switchboard.owner(item_id) != user:
            raise IciRefusal("ICI-NOT-OWNER", f"the item {item_id!r} is not one of user {user!r}", item_id=item_id)
        check(item, operation)
        return item

    def _lock(self, user: str) -> asyncio.Lock:
        lock = self._locks.get(user)
        if lock is None:
            lock = self._locks[user] = asyncio.Lock()
        return lock
