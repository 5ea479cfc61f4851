"""The kept SIP messages over HTTP, for `ivr sip-trace` on this machine."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

from aiohttp import web

from ivr.clock import Clock
from ivr.ici.endpoint_access import is_loopback, refuse_browsers
from ivr.ici.switchboard import IciRefusal
from ivr.sip.trace import Trace, TracedMessage, call_of

MOST = 5000
"""Messages in one answer; the rest is asked for with `after`."""


class SipTrace:
    """``GET /sip-trace``: to this machine alone, and to no page in a browser. Secrets are masked before.

    ``call`` (a call's id or a Call-ID), ``number``, ``source`` choose whole calls; ``after`` is the serial number
    of the last message that was seen.
    """

    def __init__(self, trace: Trace, clock: Clock) -> None:
        self._trace = trace
        self._clock = clock

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/sip-trace", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        try:
            refuse_browsers(request.headers)
        except IciRefusal as refusal:
            return web.json_response({"error": str(refusal)}, status=403)
        if not is_loopback(request.remote or ""):
            return web.json_response({"error": "the trace is shown on this machine only"}, status=403)
        query = request.query
        after = query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            return web.json_response({"error": f"after is {after[:40]!r}; it must be a number"}, status=400)
        document = await asyncio.to_thread(
            self.document,
            call=query.get("call", ""),
            number=query.get("number", ""),
            source=query.get("source", ""),
            after=int(after),
        )
        return web.json_response(document)

    def document(self, *, call: str = "", number: str = "", source: str = "", after: int = 0) -> dict[str, Any]:
        trace = self._trace
        newest = trace.newest
        messages: list[dict[str, Any]] = []
        for message in trace.select(call=call, number=number, source=source, after=after):
            messages.append(self._message(message))
            if len(messages) == MOST:
                newest = message.serial
                break
        return {
            "on": trace.is_on,
            "kept": len(trace),
            "octets": trace.octets,
            "more": len(messages) == MOST,
            "newest": newest,
            "messages": messages,
        }

    def _message(self, message: TracedMessage) -> dict[str, Any]:
        moment = self._clock.utc() - timedelta(seconds=self._clock.monotonic() - message.at)
        name = self._trace.name_of(message.call_id)
        return {
            "serial": message.serial,
            "at": moment.isoformat(timespec="microseconds"),
            "received": message.received,
            "transport": message.flow.transport,
            "local": list(message.flow.local),
            "remote": list(message.flow.remote),
            "call": call_of(name),
            "leg": name,
            "data": base64.b64encode(message.shown).decode(),
        }
