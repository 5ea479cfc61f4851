"""JSON over HTTP. Also what OData stands on."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import quote

import aiohttp
from yarl import URL

from ivr.config.connectors import Answered, Body, Connector
from ivr.config.templates import filled, holes
from ivr.store.connector_contract import BadValue, ConnectorDown, ConnectorSlow, from_environment, value_text
from ivr.store.replies import Reply

MOST_OCTETS = 1_000_000
"""Of an answer. A caller hears a few values of it."""
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which a request that is safe to repeat is sent once more (RFC 9110 section 15, RFC 6585)."""
AGAIN_AFTER = 0.2
"""Seconds before that; a caller is waiting, so no more."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, ready to be sent. Not for logs: `url` has values of callers in it."""

    method: str
    url: URL = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: object = field(default=None, repr=False)
    safe: bool = False
    """May be sent twice: it only reads, or the server knows it by its key."""


class HttpConnection:
    """Connections to one server, its credentials, and the rules for sending again."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.root = URL(connector.url or from_environment(connector.url_from))
        self._session: aiohttp.ClientSession | None = None
        self._free = asyncio.Semaphore(connector.at_once)

    async def send(self, request: Sent, limit: float) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and octets of the answer. Raises ConnectorDown and ConnectorSlow."""
        try:
            async with asyncio.timeout(limit), self._free:
                return await self._send_again(request)
        except TimeoutError:
            raise ConnectorSlow("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectorDown(f"{type(error).__name__} while asking") from None

    async def _send_again(self, request: Sent) -> tuple[int, Mapping[str, str], bytes]:
        for left in reversed(range(self.connector.tries)):
            try:
                status, headers, octets = await self._send_once(request)
            except aiohttp.ClientConnectorError:
                if not left:  # nothing was sent, so that anything may be tried again
                    raise
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                if not left or not request.safe:
                    raise
            else:
                if not left or not request.safe or status not in AGAIN:
                    return status, headers, octets
            await asyncio.sleep(AGAIN_AFTER)
        raise AssertionError("the last try returns or raises")

    async def _send_once(self, request: Sent) -> tuple[int, Mapping[str, str], bytes]:
        raw = None if request.body is None else json.dumps(request.body, ensure_ascii=False).encode()
        headers = self._headers() | request.headers
        if raw is not None:
            headers["Content-Type"] = "application/json"
        async with self._opened().request(
            request.method, request.url, headers=headers, data=raw, allow_redirects=False
        ) as response:
            octets = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                octets += chunk
                if len(octets) > MOST_OCTETS:
                    raise ConnectorDown(f"an answer of more than {MOST_OCTETS} octets")
            return response.status, response.headers, bytes(octets)

    def _headers(self) -> dict[str, str]:
        login = self.connector.login
        headers = {"Accept": "application/json"} | dict(self.connector.headers)
        if login.token_from:
            headers["Authorization"] = f"Bearer {from_environment(login.token_from)}"
        if login.user_from:
            user, password = from_environment(login.user_from), from_environment(login.password_from)
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        if login.header:
            headers[login.header] = from_environment(login.value_from)
        return headers

    def _opened(self) -> aiohttp.ClientSession:
        """Cookies are kept: SAP's protection against forged requests needs its session."""
        if self._session is None:
            trust: ssl.SSLContext | bool = True
            if self.connector.trust:
                try:
                    trust = ssl.create_default_context(cafile=self.connector.trust)
                except OSError as error:
                    raise ConnectorDown(f"cannot read {self.connector.trust}: {error.strerror}") from None
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trust, limit=self.connector.at_once),
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class HttpAdapter:
    """A web service that speaks JSON."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self._connection = HttpConnection(connector)

    async def ask(self, answered: Answered, values: Mapping[str, object], key: str, limit: float) -> Reply:
        path = segments(answered.path, values, key)
        query = (*self.connector.query, *answered.query)
        request = Sent(
            method=answered.method,
            url=address(self._connection.root, path, [(name, text(value, values, key)) for name, value in query]),
            headers=headers(answered, values, key),
            body=group(answered.body, values, key) if answered.body else None,
            safe=answered.method == "GET" or bool(answered.once_header and key),
        )
        status, _, octets = await self._connection.send(request, limit)
        return Reply(parsed(octets, status), status)

    async def close(self) -> None:
        await self._connection.close()


# --- requests from templates ------------------------------------------------------------------------


def text(template: str, values: Mapping[str, object], key: str) -> str:
    return filled(template, lambda name: value_text(values, name, key))


def segments(template: str, values: Mapping[str, object], key: str) -> str:
    """A path in which a value stays inside its segment: a slash in it is escaped, and dots climb nowhere."""

    def segment(name: str) -> str:
        value = value_text(values, name, key)
        if not value.strip("."):
            raise BadValue(f"the value {name} cannot be part of an address")
        return quote(value, safe="")

    return filled(template, segment)


def address(root: URL, path: str, query: list[tuple[str, str]]) -> URL:
    """`path` is escaped already. It stays under `root`, whether that ends with a slash or not."""
    whole = f"{str(root.with_query(None).with_fragment(None)).rstrip('/')}/{path.lstrip('/')}".rstrip("/")
    pairs = [*root.query.items(), *query]
    encoded = "&".join(f"{quote(name, safe='$-_.')}={quote(value, safe='')}" for name, value in pairs)
    joint = "&" if "?" in whole else "?"
    return URL(whole + (joint + encoded if encoded else ""), encoded=True)


def headers(answered: Answered, values: Mapping[str, object], key: str) -> dict[str, str]:
    made = {name: text(value, values, key) for name, value in answered.headers}
    if answered.once_header and key:
        made[answered.once_header] = key
    return made


def group(body: Body, values: Mapping[str, object], key: str) -> dict[str, object]:
    return {
        name: _single(value, values, key) if isinstance(value, str) else group(value, values, key)
        for name, value in body
    }


def _single(template: str, values: Mapping[str, object], key: str) -> object:
    """A text, or with ``{name:number}`` and ``{name:truth}`` a JSON number or truth."""
    found = list(holes(template))
    kind = found[0][1] if len(found) == 1 else ""
    said = text(template, values, key)
    if kind == "number":
        try:
            number = Decimal(said)
        except ArithmeticError:
            raise BadValue(f"the value {found[0][0]} is no number") from None
        return int(number) if number == number.to_integral_value() else float(number)
    return said == "true" if kind == "truth" else said


def parsed(octets: bytes, status: int) -> object:
    """The JSON document of an answer; None for an empty one, and for the error page of a proxy."""
    if not octets.strip():
        return None
    try:
        return json.loads(octets, parse_float=Decimal, parse_constant=_refused)
    except (ValueError, RecursionError):
        if not 200 <= status < 300:
            return None
        raise ConnectorDown("an answer that is not JSON") from None


def _refused(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
