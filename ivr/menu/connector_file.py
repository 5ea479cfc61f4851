"""Reading ``connectors.yaml``: which systems there are, and which of them answers each look-up.

``connectors:`` names the systems. Every other name at the left margin is a look-up under ``data:`` of a
menu. `sqlite`, the customer store, is always there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ivr.config.connectors import AS, KINDS, OUTCOMES, Answered, Breaking, Connector, Kind, Login, Rule, Taken
from ivr.config.operations import OPERATIONS
from ivr.errors import Problem
from ivr.menu.connector_fields import Fields
from ivr.menu.schema import meant, near
from ivr.menu.source import Mapping, Node, Scalar, Sequence, read

STORE = Connector("sqlite", "sqlite")
_SYSTEMS = "connectors"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_ALWAYS = ("kind", "limit", "break", "at_once")
_HTTP = ("url", "url_from", "login", "headers", "query", "trust", "tries")
_CONNECTOR_KEYS: dict[Kind, tuple[str, ...]] = {
    "sqlite": (),
    "sql": (*_ALWAYS, "url", "url_from"),
    "http": (*_ALWAYS, *_HTTP),
    "odata": (*_ALWAYS, *_HTTP, "version"),
    "soap": (*_ALWAYS, "wsdl", "url", "login", "trust", "service", "port"),
}
_ANSWER = ("connector", "gives", "outcomes")
_LOOKUP_KEYS: dict[Kind, tuple[str, ...]] = {
    "sqlite": ("connector", "operation"),
    "sql": (*_ANSWER, "read", "only_one"),
    "http": (*_ANSWER, "method", "path", "query", "headers", "body", "once_header"),
    "odata": (
        *_ANSWER, "entity", "create", "key", "filter", "select", "order", "expand", "top", "only_one",
        "query", "headers", "body", "once_header",
    ),
    "soap": (*_ANSWER, "operation", "send"),
}  # fmt: skip
_METHODS = ("GET", "POST", "PUT", "PATCH")
_SELECT = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ConnectorFile:
    """Everything the file says."""

    connectors: ReadOnly[str, Connector] = field(default_factory=dict)
    lookups: ReadOnly[str, Answered] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    """Look-ups with mistakes in what they give."""
    whole: bool = True
    """Whether all of it could be read; else nothing can be said of what is missing."""


def read_connectors(text: str, path: str) -> tuple[ConnectorFile, list[Problem]]:
    """The file, and every mistake in it. What has a mistake is left out, but its name is kept."""
    root, problems = read(text, path)
    if not isinstance(root, Mapping):
        message = "is not a list of look-ups; write NAME: {connector: …}"
        return ConnectorFile(whole=False), [*problems, Problem(path, message, root.line, root.column)]
    whole = bool(root.entries) or not problems
    reader = _Reader(path, problems)
    connectors = reader.connectors(root.get(_SYSTEMS))
    lookups = {}
    for key, node in root.entries:
        if key.text == _SYSTEMS:
            continue
        if not _NAME.fullmatch(key.text):
            fields = Fields(key, key.text, path, problems)
            fields.wrong("is no name of a look-up; write lower-case words joined by _", key)
        lookups[key.text] = reader.lookup(key, node, connectors)
    ordered = sorted(problems, key=lambda one: (one.line, one.column))
    unsure = frozenset(one.where.split(".")[0] for one in problems if "gives" in one.where.split(".")[1:2])
    return ConnectorFile(connectors, lookups, unsure, whole), ordered


class _Reader:
    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path, self.problems = path, problems
        self.broken: set[str] = set()
        """Connectors of no known kind: nothing more can be said about look-ups that use them."""

    # --- systems ------------------------------------------------------------------------------------

    def connectors(self, node: Node | None) -> dict[str, Connector]:
        found = {"sqlite": STORE}
        if node is None:
            return found
        if not isinstance(node, Mapping):
            Fields(node, _SYSTEMS, self.path, self.problems).wrong("is no group; write NAME: {kind: …}")
            return found
        for key, value in node.entries:
            fields = Fields(value, f"{_SYSTEMS}.{key.text}", self.path, self.problems)
            if key.text == "sqlite":
                fields.wrong("is the customer store and always there; give this connector another name", key)
                continue
            if not _NAME.fullmatch(key.text):
                fields.wrong("is no good name; write lower-case words joined by _", key)
            found[key.text] = self.connector(key, fields)
        return found

    def connector(self, key: Scalar, fields: Fields) -> Connector:
        every = dict.fromkeys(key for keys in _CONNECTOR_KEYS.values() for key in keys)
        slip = isinstance(fields.node, Mapping) and fields.get("kind") is None
        if slip and any(near(one.text, ["kind"]) for one, _ in getattr(fields.node, "entries", ())):
            fields.known(every)
        kind = fields.one_of("kind", KINDS[1:], "sqlite", slips=True)
        if kind == "sqlite":
            self.broken.add(key.text)
            if isinstance(fields.node, Mapping) and fields.get("kind") is None:
                fields.wrong(f"kind is missing; add kind: with one of {', '.join(KINDS[1:])}", key)
            elif not isinstance(fields.node, Mapping):
                fields.known(())
            return Connector(key.text, "sqlite")
        fields.known(_CONNECTOR_KEYS[kind])
        trust = fields.text("trust")
        made = Connector(
            name=key.text,
            kind=kind,
            url=self.url(kind, fields, key),
            url_from=fields.variable("url_from"),
            version=fields.one_of("version", ("v2", "v4"), "v2"),
            login=self.login(fields),
            headers=fields.pairs("headers", headers=True),
            query=fields.pairs("query"),
            trust=Path(trust) if trust else None,
            limit=fields.time("limit", 10.0),
            tries=fields.whole("tries", 2, 1, 5),
            at_once=fields.whole("at_once", 8, 1, 64),
            breaking=self.breaking(fields),
            service=fields.text("service"),
            port=fields.text("port"),
            place=f"{self.path}:{key.line}",
        )
        if made.login.variables and kind != "sql":
            self.clear_text(made, fields)
        return made

    def url(self, kind: Kind, fields: Fields, key: Scalar) -> str:
        name = "wsdl" if kind == "soap" else "url"
        url, place = fields.text(name), fields.get(name)
        if not url:
            if fields.get(name) is None and fields.get("url_from") is None:
                other = " or url_from: with an environment variable" if kind != "soap" else ""
                fields.wrong(f"{name} is missing; add {name}:{other}", key)
            return ""
        try:
            parts = urlsplit(url)
            secret = parts.password or (parts.username and kind != "sql")
        except ValueError:
            fields.wrong("is no address", place, name)
            return ""
        if secret:
            hint = "url_from: with an environment variable" if kind == "sql" else "login: with user_from:"
            fields.wrong(f"has a password in it; write {hint} instead", place, name)
        elif kind in ("http", "odata") and (parts.scheme not in ("http", "https") or not parts.hostname):
            fields.wrong("is no address; write https://…", place, name)
        elif kind == "sql" and not re.match(r"[a-z0-9_+]+:", url):
            fields.wrong("is no database address; write such as postgresql+psycopg://host/name", place, name)
        return url

    def login(self, fields: Fields) -> Login:
        inner = fields.inner("login")
        if inner is None or not inner.known(("user_from", "password_from", "token_from", "header", "value_from")):
            return Login()
        login = Login(
            inner.variable("user_from"),
            inner.variable("password_from"),
            inner.variable("token_from"),
            inner.header("header"),
            inner.variable("value_from"),
        )
        if bool(login.user_from) != bool(login.password_from):
            inner.wrong("needs both user_from and password_from")
        if bool(login.header) != bool(login.value_from):
            inner.wrong("needs both header and value_from")
        if not login.variables:
            inner.wrong("names no environment variable; write {user_from: …, password_from: …}")
        return login

    def breaking(self, fields: Fields) -> Breaking:
        inner = fields.inner("break")
        if inner is None or not inner.known(("after", "rest")):
            return Breaking()
        return Breaking(inner.whole("after", 5, 1, 1000), inner.time("rest", 30.0))

    def clear_text(self, made: Connector, fields: Fields) -> None:
        parts = urlsplit(made.url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            fields.wrong("would send its password in clear text; write https://", fields.get("url"), "url")

    # --- look-ups -----------------------------------------------------------------------------------

    def lookup(self, key: Scalar, node: Node, connectors: dict[str, Connector]) -> Answered:
        fields = Fields(node, key.text, self.path, self.problems)
        nobody = Answered(key.text, STORE, line=key.line)
        if not isinstance(node, Mapping):
            fields.known(())
            return nobody
        every = dict.fromkeys(key for keys in _LOOKUP_KEYS.values() for key in keys)
        if fields.get("connector") is None and any(near(one.text, ["connector"]) for one, _ in node.entries):
            fields.known(every)
        name = fields.text("connector")
        if not name:
            if fields.get("connector") is None:
                fields.wrong(f"connector is missing; add connector: with one of {', '.join(connectors)}", key)
            return nobody
        connector = connectors.get(name)
        if connector is None:
            message = f"{name!r} is no connector of this file{meant(name, connectors)}"
            fields.wrong(message, fields.get("connector"), "connector")
            connector = connectors.get(near(name, connectors))
        if connector is None:
            return nobody
        if connector.name in self.broken:
            return nobody
        fields.known(_LOOKUP_KEYS[connector.kind])
        answered = self.answered(key, fields, connector)
        match connector.kind:
            case "sqlite":
                self.of_store(answered, fields, key)
            case "sql":
                self.of_database(answered, fields, key)
            case "http":
                if fields.get("path") is None:
                    fields.wrong("path is missing; add path: with the rest of the address", key)
                if answered.method == "GET" and answered.body:
                    fields.wrong("has a body, and GET sends none; write method: POST", fields.get("body"), "body")
            case "odata":
                self.of_service(answered, fields, key)
            case "soap":
                if not answered.operation:
                    fields.wrong("operation is missing; add the name that the WSDL has", key)
        return answered

    def answered(self, key: Scalar, fields: Fields, connector: Connector) -> Answered:
        gives = fields.get("gives")
        return Answered(
            name=key.text,
            connector=connector,
            operation=fields.text("operation", key.text if connector.kind == "sqlite" else ""),
            read=fields.text("read"),
            method=fields.one_of("method", _METHODS, "GET"),
            path=fields.template("path"),
            entity=fields.text("entity"),
            create=fields.text("create"),
            key=fields.pairs("key", kinds=True),
            filter=fields.template("filter"),
            select=fields.texts("select"),
            order=fields.text("order"),
            expand=fields.text("expand"),
            top=fields.whole("top", 0, 1, 1000),
            query=fields.pairs("query"),
            headers=fields.pairs("headers", headers=True),
            body=fields.body("send" if connector.kind == "soap" else "body"),
            once_header=fields.header("once_header"),
            gives=() if gives is None else self.gives(gives, f"{key.text}.gives"),
            rules=self.rules(fields.get("outcomes"), f"{key.text}.outcomes"),
            only_one=fields.truth("only_one"),
            line=key.line,
        )

    def of_store(self, answered: Answered, fields: Fields, key: Scalar) -> None:
        if answered.operation not in OPERATIONS:
            message = f"{answered.operation!r} is no operation of the customer store"
            place = fields.get("operation") or key
            fields.wrong(message + meant(answered.operation, OPERATIONS), place, "operation")

    def of_database(self, answered: Answered, fields: Fields, key: Scalar) -> None:
        if not answered.read:
            fields.wrong('read is missing; add read: "SELECT … WHERE account = :account"', key)
        elif not _SELECT.match(answered.read) or ";" in answered.read.rstrip("; \n"):
            fields.wrong("is not one SELECT; databases are only read", fields.get("read"), "read")

    def of_service(self, answered: Answered, fields: Fields, key: Scalar) -> None:
        if bool(answered.entity) == bool(answered.create):
            fields.wrong("needs entity: with what to read, or create: with what to add to", key)
        if answered.create and not answered.body:
            fields.wrong("body is missing; add what create: sends", key)
        if answered.entity and answered.body:
            fields.wrong("is for create: only; take it away", fields.get("body"), "body")

    def gives(self, node: Node, where: str) -> tuple[Taken, ...]:
        fields = Fields(node, where, self.path, self.problems)
        if not isinstance(node, Mapping):
            fields.wrong("is no group; write {amount_due: {from: Amount, as: money}}")
            return ()
        return tuple(self.taken(key, value, where) for key, value in node.entries)

    def taken(self, key: Scalar, node: Node, where: str) -> Taken:
        """``amount: Amount``, ``amount: {from: Amount, as: money}`` or ``list: {from: Rows, each: {…}}``."""
        fields = Fields(node, f"{where}.{key.text}", self.path, self.problems)
        if not _NAME.fullmatch(key.text):
            fields.wrong("is no name of a value; write lower-case words joined by _", key)
        if isinstance(node, Scalar):
            return Taken(key.text, _path(node.text))
        if not fields.known(("from", "as", "each")):
            return Taken(key.text)
        each = fields.get("each")
        if each is not None and fields.get("as") is not None:
            fields.wrong("is for single values; take it away beside each:", fields.get("as"), "as")
        start = fields.text("from", "" if each is not None else key.text)
        rows = () if each is None else self.gives(each, f"{where}.{key.text}.each")
        return Taken(key.text, _path(start), fields.one_of("as", AS, "text"), rows)

    def rules(self, node: Node | None, where: str) -> tuple[Rule, ...]:
        if node is None:
            return ()
        fields = Fields(node, where, self.path, self.problems)
        if not isinstance(node, Sequence):
            fields.wrong("is no list; write a line - {status: 404, is: not_found} for each rule")
            return ()
        return tuple(self.rule(item, f"{where}[{number}]") for number, item in enumerate(node.items, 1))

    def rule(self, node: Node, where: str) -> Rule:
        fields = Fields(node, where, self.path, self.problems)
        if not fields.known(("status", "code", "field", "equals", "empty", "is")):
            return Rule("down")
        outcome = fields.one_of("is", OUTCOMES, "down")
        if fields.get("is") is None:
            fields.wrong(f"has no outcome; add is: with one of {', '.join(OUTCOMES)}")
        empty = fields.text("empty")
        rule = Rule(
            outcome=outcome,
            status=tuple(self.status(fields)),
            code=fields.text("code"),
            field=_path(empty or fields.text("field")),
            equals=fields.text("equals") if fields.get("equals") is not None else None,
            empty=bool(empty),
        )
        if not any(fields.get(key) for key in ("status", "code", "field", "empty")):
            fields.wrong("fits every answer; add status:, code:, field: or empty:")
        if rule.equals is not None and not fields.get("field"):
            fields.wrong("stands beside field: only", fields.get("equals"), "equals")
        return rule

    def status(self, fields: Fields) -> list[int]:
        found = []
        for text in fields.texts("status"):
            if re.fullmatch(r"[1-5][0-9]{2}", text):
                found.append(int(text))
            else:
                fields.wrong(
                    f"{text!r} is no HTTP status; write 404 or [404, 410]", fields.get("status"), "status"
                )
        return found


def _path(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(".") if part)
