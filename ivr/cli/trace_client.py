"""Asks a running engine for the SIP messages it keeps."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from ivr.call.traced import Traced
from ivr.config import HostPort
from ivr.errors import IvrError

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
PATIENCE = 10.0
"""Seconds the engine has to answer."""


class TraceClient:
    """Remembers what was read, and asks for what is newer."""

    def __init__(self, url: str, listen: HostPort) -> None:
        local = f"http://{HostPort(ANYWHERE.get(listen.host, listen.host), listen.port)}"
        self._url = (url or local).rstrip("/")
        self._chosen: dict[str, str] = {}
        self._after = 0
        # No proxy of the environment: the engine answers this machine alone.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def choose(self, *, call: str, number: str, source: str) -> None:
        """Read only this from now on, from the beginning."""
        given = {"call": call, "number": number, "source": source}
        self._chosen = {key: value for key, value in given.items() if value}
        self._after = 0

    def read(self, **chosen: str) -> list[Traced]:
        """What has come since the last time. Raises IvrError when the engine does not tell."""
        messages: list[Traced] = []
        more = True
        while more:
            document = self._get({**self._chosen, **chosen, "after": str(self._after)})
            try:
                messages += map(Traced.of_document, document["messages"])
                newest = int(document["newest"])
                more, is_on = bool(document["more"]), bool(document["on"])
            except (KeyError, TypeError, ValueError) as error:
                raise IvrError(f"{self._url}/sip-trace does not answer as this version does: {error!r}") from error
            if not is_on:
                raise IvrError("the engine keeps no SIP messages: set trace.kept in its ivr.toml above 0")
            if newest < self._after:  # the engine was started anew, and so were its numbers
                newest, more = 0, True
            self._after = newest
        return messages

    def _get(self, query: dict[str, str]) -> dict[str, Any]:
        address = f"{self._url}/sip-trace?{urlencode(query)}"
        try:
            with self._opener.open(address, timeout=PATIENCE) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            raise IvrError(f"{self._url}/sip-trace: {error.code} {error.reason}; {_told(error)}") from error
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            remedy = "start the engine with `ivr serve`, or name its address with --url"
            raise IvrError(f"no engine answers at {self._url}: {why}; {remedy}") from error
        if not isinstance(document, dict):
            raise IvrError(f"{self._url}/sip-trace does not answer as an engine does; name another with --url")
        return document


def _told(error: urllib.error.HTTPError) -> str:
    """What the engine says about its refusal."""
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return "is that the address of an engine?"
