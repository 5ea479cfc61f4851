"""The other side of ICI: what SAP CRM does for one agent. The agent's desk and the tests use it.

It subscribes with a callback address of its own, receives events there and calls operations. Whatever it
receives twice, or late, is answered and ignored (H6).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from aiohttp import web

import ivr
from ivr.errors import IvrError, LocalProtocolError, RemoteProtocolError
from ivr.ici import envelope, items
from ivr.ici.client_http import ANSWER_LIMIT, basic, describe_failure, read_capped
from ivr.ici.dialect import OK, Dialect, load
from ivr.ici.switchboard import IciEvent, IciRefusal, PhoneCallChanged, PhoneCallItem, SubscriptionEnded, UserView
from ivr.ici.wire import Values

log = logging.getLogger(__name__)

CALLBACK_PATH: Final = "/IciEvent"
TIMEOUT: Final = 10.0
"""Seconds an operation may take."""
REMEMBERED: Final = 1000
"""Items whose newest sequence number is kept."""


class CrmClient:
    """One agent's screen, as ICI sees it.

    `on_event` is called on the loop, in order, with PhoneCallChanged, UserChanged, ItemAttachedDataChanged or
    SubscriptionEnded, after the event was acknowledged. Operations raise `IciRefusal` with the code of the
    fault, or `IvrError` naming host, port, stage and remedy when the engine cannot be reached. `callback_host`
    is an address of this machine that the engine reaches and lists in ``ici.callbacks``. With `app_url` somebody
    else listens there, for many screens perhaps, and hands events to `take`. `tls`: whom to
    believe and what to show over https; else as the system does.
    """

    def __init__(
        self,
        url: str,
        user: str,
        *,
        password: str = "",
        dialect: str | Dialect = "default",
        callback_host: str = "127.0.0.1",
        callback_port: int = 0,
        app_url: str = "",
        tls: ssl.SSLContext | None = None,
        on_event: Callable[[IciEvent], None],
    ) -> None:
        self._url = url.rstrip("/")
        self._user = user
        self._authorization = {"Authorization": basic(user, password)} if password else {}
        self._dialect = dialect if isinstance(dialect, Dialect) else load(dialect)
        self._listen = (callback_host, callback_port)
        self._on_event = on_event
        self._app_id = secrets.token_hex(8).upper()
        self._app_url = app_url
        self._tls = tls
        self._subscribed = False
        self._newest: dict[str, int] = {}
        self._inbox: asyncio.Queue[IciEvent] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.product = ("", "")
        """Name and version of the other side, known after `start`."""

    @property
    def app_url(self) -> str:
        """Where events are to be posted; empty before `start`."""
        return self._app_url

    @property
    def app_id(self) -> str:
        """The address of this screen behind `app_url`."""
        return self._app_id

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the callback server and exchange product information. After a failure nothing stays open."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls or True),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        try:
            await self._open_callback()
            own = {"productName": "ivr agent desk", "productVersion": ivr.__version__}
            answer = await self._call("IciSystem", "exchangeProductInformation", own)
        except BaseException:
            await self.close()
            raise
        self.product = (answer["productName"] or "", answer["productVersion"] or "")

    async def close(self) -> None:
        """Unsubscribe if need be, and close everything."""
        if self._subscribed:
            try:
                await self.unsubscribe()
            except IvrError as failure:
                log.info("ici_unsubscribe_failed user=%s cause=%r", self._user, str(failure))
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _open_callback(self) -> None:
        self._reader = asyncio.get_running_loop().create_task(self._read_inbox())
        if self._app_url:
            return  # somebody else listens, and calls `take`
        host, port = self._listen
        app = web.Application()
        app.router.add_post(CALLBACK_PATH, self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as failure:
            reason = failure.strerror or failure
            raise IvrError(
                f"cannot listen for events on {host} port {port}: {reason}; choose another address"
            ) from None
        bound = self._runner.addresses[0][1]
        self._app_url = f"http://{f'[{host}]' if ':' in host else host}:{bound}{CALLBACK_PATH}"

    # --- operations ------------------------------------------------------------------------------

    async def subscribe(self, workcenter: str) -> None:
        """Log on. The work centre is the agent's phone, or empty for the one of the engine's settings.

        Every log-on has an application id of its own, so that the end of an older one is not taken for its end.
        """
        older, self._app_id = self._app_id, secrets.token_hex(8).upper()
        self._newest.clear()
        try:
            values = {**self._subscription(), "workcenterId": workcenter, "channels": ["telephony"]}
            await self._call("IciUser", "subscribe", values)
        except BaseException:
            self._app_id = older
            raise
        self._subscribed = True

    async def unsubscribe(self) -> None:
        """Log off."""
        self._subscribed = False
        await self._call("IciUser", "unsubscribe", self._subscription())

    async def get_attributes(self) -> UserView:
        """The agent as the engine sees one. Ends a subscription that exists: for the start of a screen."""
        answer = await self._call("IciUser", "getAttributes", {"userId": self._user})
        return items.parse_user(answer[OK], self._dialect)

    async def set_workmode(self, workmode: int) -> None:
        """1 logged off, 2 ready, 3 not ready, or a reason of the site."""
        await self._call("IciUser", "setCurrentWorkmode", {"userId": self._user, "workmodeId": str(workmode)})

    async def get_workmodes(self) -> list[tuple[int, str]]:
        """Code and text of the work modes to choose from."""
        listed = (await self._call("IciUser", "getWorkmodes", {"userId": self._user}))[OK]
        return [(items.parse_workmode(entry["id"] or ""), entry["description"] or "") for entry in listed]

    async def get_presence(self, users: list[str]) -> dict[str, str]:
        """Available, Busy or Logged Off, by user."""
        listed = (await self._call("IciSystem", "getPresence", {"userIds": users}))[OK]
        word = self._dialect.word
        return {one["userId"] or "": word("presence", one["presence"] or "") for one in listed}

    async def set_queues(self, queues: list[str]) -> None:
        """Sign on to exactly these queues."""
        await self._call("IciUser", "setCurrentQueues", {"userId": self._user, "queueIds": queues})

    async def accept(self, item_id: str) -> None:
        await self._control("accept", item_id)

    async def reject(self, item_id: str) -> None:
        await self._control("reject", item_id)

    async def drop(self, item_id: str) -> None:
        await self._control("drop", item_id)

    async def hold(self, item_id: str) -> None:
        await self._control("hold", item_id)

    async def unhold(self, item_id: str) -> None:
        await self._control("unhold", item_id)

    async def reroute(self, item_id: str, queue: str) -> None:
        """Refuse the call; the caller waits in that queue."""
        await self._call("IciPhoneCall", "reroute", {"itemId": item_id, "queueId": queue})

    async def mute(self, item_id: str) -> None:
        await self._control("mute", item_id)

    async def unmute(self, item_id: str) -> None:
        await self._control("unmute", item_id)

    async def blind_transfer(self, item_id: str, destination: str, document: str = "") -> None:
        """Let go of the caller, with what the blocks of `document` say.

        A destination is an agent id, ``queue:NAME``, ``menu:STEP`` or a listed number.
        """
        values = {"itemId": item_id, "destination": destination, "attachedData": document or None}
        await self._call("IciPhoneCall", "blindTransfer", values)

    async def dial(self, destination: str, document: str = "") -> str:
        """Call a colleague, ``queue:NAME`` or a listed number, the agent's own telephone first; returns the new
        item. With a caller on hold a colleague or number is asked about him, as by `consult`."""
        values = {"userId": self._user, "destination": destination, "attachedData": document or None}
        return (await self._call("IciPhoneCall", "dial", values))[OK] or ""

    async def consult(self, item_id: str, destination: str) -> str:
        """Call an agent or a listed number while the caller waits; returns the new item."""
        answer = await self._call("IciPhoneCall", "consult", {"itemId": item_id, "destination": destination})
        return answer[OK] or ""

    async def toggle(self, item_id: str, other_id: str) -> None:
        """Talk to the other of two calls."""
        await self._call("IciPhoneCall", "toggle", {"itemId": item_id, "otherItemId": other_id})

    async def warm_transfer(self, item_id: str, consult_item_id: str) -> None:
        """Give the caller to whom was consulted."""
        await self._pair("warmTransfer", item_id, consult_item_id)

    async def conference(self, item_id: str, consult_item_id: str) -> None:
        """All three talk."""
        await self._pair("conference", item_id, consult_item_id)

    async def send_dtmf(self, item_id: str, digits: str) -> None:
        """Play keys to the caller."""
        await self._call("IciPhoneCall", "sendDTMF", {"itemId": item_id, "digits": digits})

    async def get_properties(self, item_id: str) -> PhoneCallItem:
        """The newest snapshot of an item."""
        answer = await self._call("IciItem", "getProperties", {"itemId": item_id})
        return items.parse_phone_call(answer[OK], self._dialect)

    async def get_attached_data(self, item_id: str) -> str:
        """The whole document."""
        return (await self._call("IciItem", "getAttachedData", {"itemId": item_id}))[OK] or ""

    async def set_attached_data(self, item_id: str, document: str) -> None:
        """Write the blocks of the document; blocks that it does not have stay."""
        await self._call("IciItem", "setAttachedData", {"itemId": item_id, "attachedData": document})

    async def update_attached_data(self, item_id: str, document: str, version: int) -> int:
        """Likewise, by somebody who has read this version of the item's document; returns the one there is now.

        Raises `IciRefusal` ICI-CONFLICT, and nothing is written, where somebody else has changed one of these
        blocks since: its `facts` say which, who, and the current version.
        """
        values = {"itemId": item_id, "attachedData": document, "attachedDataVersion": version}
        return (await self._call("IciItem", "updateAttachedData", values))[OK] or 0

    async def ping(self) -> None:
        """Whether the engine answers."""
        await self._call("IciSystem", "ping", {})

    def _subscription(self) -> Values:
        return {"appUrl": self._app_url, "appId": self._app_id, "userId": self._user}

    async def _pair(self, operation: str, item_id: str, consult_item_id: str) -> None:
        await self._call("IciPhoneCall", operation, {"itemId": item_id, "consultItemId": consult_item_id})

    async def _control(self, operation: str, item_id: str) -> None:
        await self._call("IciPhoneCall", operation, {"itemId": item_id})

    async def _call(self, service_name: str, name: str, values: Values) -> Any:
        if self._session is None:
            raise LocalProtocolError(f"{name}: call start() first")
        service = self._dialect.services[service_name]
        operation = service.operations[name]
        url = f"{self._url}/{service.spelling}"
        body = envelope.request(self._dialect, service, operation, values, user=self._user)
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{self._dialect.action(service, operation)}"',
        }
        headers |= self._authorization
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                raw = await read_capped(response.content, ANSWER_LIMIT)
                charset = response.charset or ""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            raise IvrError(f"{name}: {describe_failure(url, failure)}") from failure
        if raw is None or response.status not in (200, 401, 500):
            raise RemoteProtocolError(
                f"{name}: {url} answered HTTP {response.status}; is this the address of the ICI?"
            )
        try:
            return envelope.parse_answer(raw, self._dialect, operation, charset=charset)
        except RemoteProtocolError as mistake:
            raise RemoteProtocolError(f"{name}: {url} answered HTTP {response.status}: {mistake}") from None

    # --- events ----------------------------------------------------------------------------------

    async def _receive(self, request: web.Request) -> web.Response:
        service = self._dialect.services["IciEvent"]
        try:
            raw = await read_capped(request.content, ANSWER_LIMIT)
            if raw is None:
                raise IciRefusal("ICI-TOO-BIG", f"the event is longer than {ANSWER_LIMIT} octets")
            message = envelope.parse_message(raw, self._dialect, charset=request.charset or "")
            operation = service.find(message.name)
            if operation is None:
                raise IciRefusal("ICI-NOT-SUPPORTED", f"cannot understand the ICI event {message.name[:40]!r}")
            values = message.values(operation, self._dialect, lenient=True)
            event = items.parse_event(operation.name, values, self._dialect)
        except IciRefusal as refusal:
            log.warning("ici_event_refused code=%s cause=%r", refusal.code, str(refusal))
            return _response(500, envelope.fault(refusal))
        self.take(values["appIds"], event)
        namespace = message.namespace or service.namespace
        return _response(
            200, envelope.answer(self._dialect, operation, {OK: "ok"}, name=message.name, namespace=namespace)
        )

    def take(self, app_ids: list[str], event: IciEvent) -> None:
        """An event that came in at `app_url`; ignored when it is another screen's, a repeat, or late."""
        if self._app_id in app_ids and self._is_new(event):
            if isinstance(event, SubscriptionEnded):
                self._subscribed = False
            self._inbox.put_nowait(event)

    def _is_new(self, event: IciEvent) -> bool:
        if not isinstance(event, PhoneCallChanged):
            return True
        item = event.item
        if item.sequence <= self._newest.get(item.id, -1):
            return False
        self._newest.pop(item.id, None)
        self._newest[item.id] = item.sequence
        while len(self._newest) > REMEMBERED:
            del self._newest[next(iter(self._newest))]
        return True

    async def _read_inbox(self) -> None:
        while True:
            event = await self._inbox.get()
            try:
                self._on_event(event)
            except Exception:
                # The last line of defence: one event that the desk trips over must not silence the others.
                log.exception("ici_event_handler_broken user=%s event=%s", self._user, type(event).__name__)


def _response(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type=envelope.CONTENT_TYPE, charset="utf-8")
