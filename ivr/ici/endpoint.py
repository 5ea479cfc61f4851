"""The address that SAP CRM calls: SOAP 1.1 over HTTP, and the WSDLs."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ivr.config.settings import IciSettings
from ivr.ici import endpoint_listing, envelope, wsdl
from ivr.ici.capabilities import NotAllowed
from ivr.ici.client import EventSender
from ivr.ici.client_http import XML_TYPES, read_capped
from ivr.ici.dialect import Dialect, Operation, Service, load
from ivr.ici.endpoint_access import CHALLENGE, Unauthorised, authorise, refuse_browsers
from ivr.ici.endpoint_monitor import MonitorFeed
from ivr.ici.endpoint_operations import OFF_LOOP, Operations, Outcome
from ivr.ici.endpoint_trace import IciTrace
from ivr.ici.switchboard import IciRefusal, Switchboard

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROOT: Final = "/ici"
ESCAPE_FACTOR: Final = 5
"""A document grows at most so much by being escaped once: ``&`` becomes ``&amp;``."""
ENVELOPE_SIZE: Final = 65536
"""Octets for all of a request that is not attached data."""
STRANGE_KEPT: Final = 256
"""Unknown parameters that are logged, once each."""
READ_TIMEOUT: Final = 10.0
"""Seconds a request may take to arrive in full."""


@dataclass(slots=True)
class _Journal:
    """What the log line of a request says. Never a value of attached data."""

    number: int
    service: str
    operation: str = "-"
    user: str = "-"
    item: str = "-"
    outcome: str = "ok"
    request: bytes = b""


class IciEndpoint:
    """Serves the operations of ICI for one telephone system."""

    def __init__(
        self,
        switchboard: Switchboard,
        sender: EventSender,
        settings: IciSettings,
        dialect: Dialect | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        trace: IciTrace | None = None,
    ) -> None:
        """`trace` gets what is asked and answered. `tls` is for what is posted to supervisors; the sender has its
        own."""
        self._switchboard = switchboard
        self._trace = trace
        self._dialect = dialect or load(settings.dialect)
        self._monitor = MonitorFeed(switchboard, settings, self._dialect, tls, trace)
        self._operations = Operations(switchboard, sender, self._monitor, settings, self._dialect)
        self._size = ESCAPE_FACTOR * settings.max_attached_data + ENVELOPE_SIZE
        self._numbers = itertools.count(1)
        self.starting = False
        """What was before is not known yet: a log-on now would take the place of the state it is to return to."""
        self._strange: set[tuple[str, str]] = set()
        """Parameters that nobody knows and that were logged: operation and name."""
        self.outcomes: Counter[str] = Counter()
        """How many requests ended how: ``ok`` or the code of the fault."""

    async def restore_monitors(self, monitors: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on with what supervisors had subscribed to before a restart, as `keep_monitor` put it on disk."""
        await self._monitor.restore(monitors)

    async def close(self) -> None:
        """End what supervisors are told; the screens of agents are the sender's."""
        await self._monitor.close()

    def add_to(self, app: web.Application) -> None:
        """Add the routes ``/ici/<service>``, and what is said beside them."""
        for service in self._dialect.services.values():
            path = f"{ROOT}/{service.spelling}"
            app.router.add_get(path, self._describer(service))
            app.router.add_post(path, self._server(service))
        for path in (ROOT, f"{ROOT}/{{rest:.*}}"):
            app.router.add_get(path, self._list)
            app.router.add_post(path, self._refuse)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        rest = request.match_info.get("rest", "")
        address = wsdl.address(request.scheme, request.host, _own_address(request), ROOT)
        text = endpoint_listing.page(self._dialect, rest, address)
        return web.Response(status=404 if rest.strip("/") else 200, text=text)

    async def _refuse(self, request: web.Request) -> web.StreamResponse:
        journal = _Journal(next(self._numbers), _shown(request.match_info.get("rest", "")))
        refusal = endpoint_listing.no_service(self._dialect, request.match_info.get("rest", ""))
        journal.outcome = refusal.code
        self._record(journal, time.monotonic())
        return _response(500, envelope.fault(refusal))

    # --- WSDL ------------------------------------------------------------------------------------

    def _describer(self, service: Service) -> Handler:
        async def describe(request: web.Request) -> web.StreamResponse:
            if "wsdl" not in {key.lower() for key in request.query}:
                text = f"POST SOAP 1.1 requests here; the description is at {request.path}?wsdl\n"
                return web.Response(status=405, text=text, headers={"Allow": "POST"})
            location = wsdl.address(request.scheme, request.host, _own_address(request), request.path)
            body = wsdl.describe(self._dialect, service, location)
            return web.Response(body=body, content_type=envelope.CONTENT_TYPE, charset="utf-8")

        return describe

    # --- operations ------------------------------------------------------------------------------

    def _server(self, service: Service) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            began = time.monotonic()
            journal = _Journal(next(self._numbers), service.name)
            outcome = Outcome({})
            try:
                body, outcome = await self._serve(request, service, journal)
                response = _response(200, body)
            except Unauthorised as refusal:
                journal.outcome = f"{refusal.code} {refusal.why}"
                response = _response(401, envelope.fault(refusal))
                response.headers["WWW-Authenticate"] = CHALLENGE
            except IciRefusal as refusal:
                journal.outcome = refusal.code
                told = refusal.worded(self._dialect) if isinstance(refusal, NotAllowed) else refusal
                response = _response(500, envelope.fault(told))
            except Exception:
                # The last line of defence: whatever breaks behind an operation, the CRM side gets an answer.
                log.exception("ici_operation_broken id=%d operation=%s", journal.number, journal.operation)
                journal.outcome = "ICI-INTERNAL"
                trouble = IciRefusal(
                    "ICI-INTERNAL", "the telephone system could not do it; see its log", server=True
                )
                response = _response(500, envelope.fault(trouble))
            self._record(journal, began)
            if self._trace is not None and journal.request and isinstance(response.body, bytes):
                name = f"{journal.service}.{journal.operation}"
                self._trace.note("in", journal.user, name, journal.request, response.body)
            await self._send(request, response, outcome)
            return response

        return serve

    async def _serve(self, request: web.Request, service: Service, journal: _Journal) -> tuple[bytes, Outcome]:
        refuse_browsers(request.headers)
        message = await self._message(request, journal)
        operation = self._operation(service, message)
        journal.operation, journal.user = operation.name, _shown(message.user)
        self._authorise(request, message.user, operation)
        if self.starting and not operation.anonymous:
            raise IciRefusal("ICI-BUSY", "the telephone system is starting; try again in a moment", server=True)
        values = message.values(operation, self._dialect)
        journal.item = _shown(values.get("itemId") or "-")
        outcome = await self._operations.run(service.name, operation.name, message.user, values)
        namespace = message.namespace or service.namespace
        body = envelope.answer(self._dialect, operation, outcome.values, name=message.name, namespace=namespace)
        return body, outcome

    async def _message(self, request: web.Request, journal: _Journal) -> envelope.Message:
        if request.content_type not in XML_TYPES:
            raise IciRefusal("ICI-HTTP", f"the content type is {request.content_type[:60]!r}; needed is text/xml")
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                raw = await read_capped(request.content, self._size)
        except TimeoutError:
            raise IciRefusal("ICI-HTTP", f"the request did not arrive within {READ_TIMEOUT:g} seconds") from None
        except web.RequestPayloadError as mistake:
            raise IciRefusal("ICI-HTTP", f"the body cannot be read: {mistake}") from None
        if raw is None:
            raise IciRefusal("ICI-TOO-BIG", f"the request is longer than {self._size} octets")
        journal.request = raw
        charset = request.charset or ""
        if len(raw) < OFF_LOOP:
            return envelope.parse_message(raw, self._dialect, charset=charset)
        return await asyncio.to_thread(envelope.parse_message, raw, self._dialect, charset=charset)

    def _operation(self, service: Service, message: envelope.Message) -> Operation:
        said = message.parameters
        operation = service.find(message.name, said)
        if operation is None:
            raise IciRefusal(
                "ICI-NOT-SUPPORTED", f"Operation {message.name[:64]} of {service.name} is not supported"
            )
        known = {field.spelling for field in operation.parameters}
        for name in dict.fromkeys(said):
            strange = (operation.name, name)
            if name not in known and strange not in self._strange and len(self._strange) < STRANGE_KEPT:
                self._strange.add(strange)
                log.info("ici_unknown_parameter operation=%s parameter=%s", operation.name, _shown(name))
        return operation

    def _authorise(self, request: web.Request, user: str, operation: Operation) -> None:
        if user:
            authorization = request.headers.get("Authorization", "")
            authorise(self._switchboard, user, peer=request.remote or "", authorization=authorization)
        elif not operation.anonymous:
            element = f"{{{self._dialect.header_namespace}}}{self._dialect.header_element}"
            raise IciRefusal("ICI-NO-USER", f"the SOAP header names no user; needed is the element {element}")

    async def _send(self, request: web.Request, response: web.Response, outcome: Outcome) -> None:
        """Write the answer; what must come after it, comes after it, even when nobody reads the answer."""
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError as failure:
            log.info("ici_answer_not_read cause=%r", failure)
        finally:
            if outcome.after is not None:
                outcome.after()

    def _record(self, journal: _Journal, began: float) -> None:
        self.outcomes[journal.outcome.partition(" ")[0]] += 1
        log.log(
            logging.DEBUG if (journal.operation, journal.outcome) == ("ping", "ok") else logging.INFO,
            "ici_operation id=%d service=%s operation=%s user=%s item=%s outcome=%r ms=%.1f",
            journal.number,
            journal.service,
            journal.operation,
            journal.user,
            journal.item,
            journal.outcome,
            1000 * (time.monotonic() - began),
        )


def _response(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type=envelope.CONTENT_TYPE, charset="utf-8")


def _own_address(request: web.Request) -> str:
    own = request.transport.get_extra_info("sockname") if request.transport else None
    if not own:
        return "localhost"
    host = f"[{own[0]}]" if ":" in own[0] else own[0]
    return f"{host}:{own[1]}"


def _shown(text: str) -> str:
    """A stranger's text, fit for one field of a log line."""
    return re.sub(r"[^\w.:@+-]", "?", text[:64]) or "-"
