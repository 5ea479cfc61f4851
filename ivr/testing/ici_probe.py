"""One request to an ICI endpoint, well-formed or not, and exactly what came back."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from ivr.errors import IvrError, RemoteProtocolError
from ivr.ici import envelope
from ivr.ici.client_http import ANSWER_LIMIT, basic, read_capped
from ivr.ici.dialect import Dialect
from ivr.ici.switchboard import IciRefusal
from ivr.testing.ici_tls import in_the_way

TIMEOUT = 15.0
"""Seconds; longer than a server should need to give up a request that never ends."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    content_type: str
    body: bytes
    values: Mapping[str, Any] | None
    """The results; None for a fault, or for what is no SOAP."""
    fault: IciRefusal | None
    problem: str = ""
    """Why it is no SOAP 1.1."""
    fault_code: str = ""
    """The faultcode of SOAP, without its prefix."""

    def __str__(self) -> str:
        what = (
            f"fault {self.fault_code} {self.fault.code}: {self.fault}"
            if self.fault
            else self.problem or "an answer"
        )
        return f"HTTP {self.status}, {what}"[:300]


class Probe:
    """Posts to the services of one endpoint. Raises IvrError with host, port, stage and remedy when it cannot."""

    def __init__(
        self, url: str, dialect: Dialect, user: str, password: str = "", *, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whom to believe and what to show over https; else as the system does."""
        self.url = url.rstrip("/")
        self.dialect = dialect
        self.user = user
        self.has_password = bool(password)
        self._headers = {"Content-Type": "text/xml; charset=utf-8"}
        if password:
            self._headers["Authorization"] = basic(user, password)
        self._tls = tls
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls or True),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        url = f"{self.url}/{path}"
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                return response.status, await read_capped(response.content, ANSWER_LIMIT) or b""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            raise IvrError(in_the_way(url, failure)) from failure

    async def call(
        self, service: str, operation: str, values: Mapping[str, Any], *, user: str | None = None, action: str = ""
    ) -> Reply:
        """An operation by the program's names."""
        raw = self.request(service, operation, values, user=user)
        return await self.post(service, raw, operation, action=action)

    def request(
        self, service: str, operation: str, values: Mapping[str, Any], *, user: str | None = None
    ) -> bytes:
        known = self.dialect.services[service]
        of = self.user if user is None else user
        return envelope.request(self.dialect, known, known.operations[operation], values, user=of)

    async def post(
        self, service: str, raw: bytes, operation: str, *, action: str = "", content_type: str = ""
    ) -> Reply:
        """Any octets."""
        known = self.dialect.services[service]
        url = f"{self.url}/{known.spelling}"
        headers = self._headers | {"SOAPAction": f'"{action}"'}
        headers |= {"Content-Type": content_type} if content_type else {}
        try:
            async with self._session.post(url, data=raw, headers=headers, allow_redirects=False) as response:
                body = await read_capped(response.content, ANSWER_LIMIT) or b""
                kind, charset = response.content_type, response.charset or ""
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            raise IvrError(in_the_way(url, failure)) from failure
        try:
            values = envelope.parse_answer(body, self.dialect, known.operations[operation], charset=charset)
        except IciRefusal as fault:
            return Reply(status, kind, body, None, fault, fault_code=_fault_code(body))
        except RemoteProtocolError as mistake:
            return Reply(status, kind, body, None, None, str(mistake))
        return Reply(status, kind, body, values, None)


def _fault_code(body: bytes) -> str:
    _, _, rest = body.partition(b"<faultcode>")
    return rest.partition(b"<")[0].decode("utf-8", "replace").rpartition(":")[2].partition(".")[0]
