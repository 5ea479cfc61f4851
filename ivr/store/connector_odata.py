"""OData 2 and 4 in JSON, as a utility's SAP back end (Gateway, S/4HANA) speaks them.

A request that changes something needs a token against forged requests: it is fetched with a GET first, kept with
its session's cookies, and fetched again when the server says ``X-CSRF-Token: Required``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

from yarl import URL

from ivr.config.connectors import Answered, Connector
from ivr.config.templates import filled, holes
from ivr.store.connector_contract import BadValue, ConnectorDown, value_text
from ivr.store.connector_http import HttpConnection, Sent, address, group, headers, parsed, text
from ivr.store.replies import Reply

TOKEN = "X-CSRF-Token"


class OdataAdapter:
    """One OData service."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self._connection = HttpConnection(connector)
        self._token = ""
        self._fetching = asyncio.Lock()

    async def ask(self, answered: Answered, values: Mapping[str, object], key: str, limit: float) -> Reply:
        deadline = asyncio.get_running_loop().time() + limit
        if answered.create:
            status, document = await self._create(answered, values, key, deadline)
        else:
            sent = Sent(
                "GET", self._address(answered, values, key), self._headers(answered, values, key), safe=True
            )
            status, document = await self._send(sent, deadline)
        return _reply(status, document, self.connector.version)

    async def close(self) -> None:
        await self._connection.close()

    async def _create(
        self, answered: Answered, values: Mapping[str, object], key: str, deadline: float
    ) -> tuple[int, object]:
        url = address(self._connection.root, answered.create, self._query(answered, values, key))
        body = group(answered.body, values, key)
        for fresh in (False, True):
            token = await self._fetched(deadline, fresh)
            named = self._headers(answered, values, key) | {TOKEN: token}
            sent = Sent("POST", url, named, body, safe=bool(answered.once_header and key))
            status, got, octets = await self._connection.send(sent, self._left(deadline))
            if status != 403 or got.get(TOKEN, "").lower() != "required":
                break  # refused for its token, nothing was done: that alone is sent again
        return status, parsed(octets, status)

    async def _fetched(self, deadline: float, fresh: bool) -> str:
        """The token; ``unused`` where the service has none."""
        old = self._token
        async with self._fetching:
            if not self._token or (fresh and self._token == old):
                query = self._query(None, {}, "")
                sent = Sent("GET", address(self._connection.root, "", query), {TOKEN: "Fetch"}, safe=True)
                status, got, _ = await self._connection.send(sent, self._left(deadline))
                if status >= 400:
                    raise ConnectorDown(f"status {status} instead of a token")
                self._token = got.get(TOKEN, "") or "unused"
            return self._token

    async def _send(self, sent: Sent, deadline: float) -> tuple[int, object]:
        status, _, octets = await self._connection.send(sent, self._left(deadline))
        return status, parsed(octets, status)

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - asyncio.get_running_loop().time())

    # --- addresses ----------------------------------------------------------------------------------

    def _headers(self, answered: Answered, values: Mapping[str, object], key: str) -> dict[str, str]:
        version = "2.0" if self.connector.version == "v2" else "4.0"
        name = "MaxDataServiceVersion" if self.connector.version == "v2" else "OData-MaxVersion"
        return {name: version} | headers(answered, values, key)

    def _address(self, answered: Answered, values: Mapping[str, object], key: str) -> URL:
        return address(
            self._connection.root,
            answered.entity + self._key(answered, values, key),
            self._query(answered, values, key),
        )

    def _key(self, answered: Answered, values: Mapping[str, object], key: str) -> str:
        """``(Account='4000000002')``, escaped as part of a path."""
        if not answered.key:
            return ""
        parts = []
        for name, template in answered.key:
            said = text(template, values, key)
            if any(kind == "number" for _, kind in holes(template)):
                if not re.fullmatch(r"-?[0-9]{1,19}", said):
                    raise BadValue(f"the key {name} is no whole number")
                parts.append(f"{name}={said}")
            else:
                escaped = quote(said.replace("'", "''"), safe="'")
                parts.append(f"{name}='{escaped}'")
        return f"({','.join(parts)})"

    def _query(self, answered: Answered | None, values: Mapping[str, object], key: str) -> list[tuple[str, str]]:
        pairs = list(self.connector.query)
        if self.connector.version == "v2":
            pairs.append(("$format", "json"))
        if answered is None or answered.create:
            return pairs
        if answered.filter:
            pairs.append(("$filter", self._filter(answered.filter, values, key)))
        pairs += [("$select", ",".join(answered.select))] if answered.select else []
        pairs += [(f"${name}", getattr(answered, at)) for name, at in _OPTIONS if getattr(answered, at)]
        pairs += [("$top", str(answered.top))] if answered.top else []
        return [*pairs, *((name, text(value, values, key)) for name, value in answered.query)]

    def _filter(self, template: str, values: Mapping[str, object], key: str) -> str:
        """Every value is a literal of its type, so that a quotation mark in one stays a quotation mark."""
        return filled(template, lambda name: self._literal(name, values, key))

    def _literal(self, name: str, values: Mapping[str, object], key: str) -> str:
        """OData 2.0 section 6 (Primitive Data Types); OData 4.01 URL Conventions section 5.1.1.14."""
        value, old = values.get(name), self.connector.version == "v2"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Decimal):
            return f"{value:f}M" if old else f"{value:f}"
        if isinstance(value, datetime):
            raise BadValue(f"the value {name} is a moment; ask by a day")
        if isinstance(value, date):
            return f"datetime'{value.isoformat()}T00:00:00'" if old else value.isoformat()
        quoted = value_text(values, name, key).replace("'", "''")
        return f"'{quoted}'"


_OPTIONS = (("orderby", "order"), ("expand", "expand"))


def _reply(status: int, document: object, version: str) -> Reply:
    """Rows of a set, one entity, or an error with its code."""
    if isinstance(document, Mapping) and isinstance(error := document.get("error"), Mapping):
        return Reply(document, status, str(error.get("code", "")) or "unknown")
    inner = document.get("d", document) if isinstance(document, Mapping) and version == "v2" else document
    if not isinstance(inner, Mapping):
        return Reply(inner, status)
    rows = inner.get("results" if version == "v2" else "value")
    return Reply(rows, status, table=True) if isinstance(rows, list) else Reply([inner], status, table=True)
