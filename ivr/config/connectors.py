"""Where look-ups are answered: what ``menus/connectors.yaml`` says, after reading.

The menu room reads it, the store room connects by it; both know it from here. Everything is frozen and
hashable, so that two versions of a menu with the same connector share one set of connections. Secrets are
never in it, only the names of the environment variables that hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["sqlite", "sql", "http", "odata", "soap"]
KINDS: tuple[Kind, ...] = ("sqlite", "sql", "http", "odata", "soap")
Outcome = Literal["ok", "not_found", "refused", "slow", "down"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "not_found", "refused", "slow", "down")
As = Literal["text", "number", "money", "cents", "date", "time", "truth"]
AS: tuple[As, ...] = ("text", "number", "money", "cents", "date", "time", "truth")
ONCE_KEY = "once_key"
"""Name by which a template takes the idempotency key of a ``once`` look-up."""

Body = tuple[tuple[str, "str | Body"], ...]
"""Names to templates, or to groups of them."""


@dataclass(frozen=True, slots=True)
class Login:
    """How a connector shows who we are. All fields are names of environment variables, never secrets."""

    user_from: str = ""
    password_from: str = ""
    token_from: str = ""
    """Sent as ``Authorization: Bearer …``."""
    header: str = ""
    """Name of a header that carries `value_from`."""
    value_from: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        names = (self.user_from, self.password_from, self.token_from, self.value_from)
        return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True)
class Breaking:
    """When a connector is given up for a while."""

    after: int = 5
    """Failures in a row after which nobody is sent there any more."""
    rest: float = 30.0
    """Seconds until one look-up may try again."""


@dataclass(frozen=True, slots=True)
class Connector:
    """One system that answers look-ups."""

    name: str
    kind: Kind
    url: str = ""
    """HTTP root, database URL, or place of the WSDL (a file's path as well)."""
    url_from: str = ""
    """Environment variable that holds the URL instead; for database URLs with a password."""
    version: Literal["v2", "v4"] = "v2"
    """Of OData."""
    login: Login = Login()
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with every request."""
    query: tuple[tuple[str, str], ...] = ()
    """Appended to every address, such as ``sap-client=100``."""
    trust: Path | None = None
    """PEM file of the authority that vouches for the server; the system's authorities without it."""
    limit: float = 10.0
    """Seconds one look-up may take here; the menu's own limit counts too."""
    tries: int = 2
    """How often a request is sent that is safe to repeat."""
    at_once: int = 8
    """Look-ups at the same time; the others wait within their limit."""
    breaking: Breaking = Breaking()
    service: str = ""
    """Of a WSDL with several."""
    port: str = ""
    place: str = field(default="", compare=False)
    """File and line, for messages."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables it cannot do without."""
        return ((self.url_from,) if self.url_from else ()) + self.login.variables


@dataclass(frozen=True, slots=True)
class Taken:
    """One value taken from an answer."""

    name: str
    """As the menu calls it."""
    path: tuple[str, ...] = ()
    """Keys and positions from the top of the answer; empty: the answer itself."""
    kind: As = "text"
    each: tuple[Taken, ...] = ()
    """For a list: what is taken of every entry."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer means when everything named here fits."""

    outcome: Outcome
    status: tuple[int, ...] = ()
    code: str = ""
    """Of a fault or an OData error; ``*`` stands for any signs."""
    field: tuple[str, ...] = ()
    equals: str | None = None
    """Text of `field`; with neither this nor `empty`, that it is there."""
    empty: bool = False
    """That `field` is missing or empty."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How one look-up of the menus is answered."""

    name: str
    connector: Connector
    operation: str = ""
    """Of the store, or of a SOAP service."""
    read: str = ""
    """SQL with ``:name`` parameters."""
    method: str = "GET"
    path: str = ""
    """Template of the address under the connector's URL."""
    entity: str = ""
    """OData entity set to read."""
    create: str = ""
    """OData entity set to add to."""
    key: tuple[tuple[str, str], ...] = ()
    filter: str = ""
    select: tuple[str, ...] = ()
    order: str = ""
    expand: str = ""
    top: int = 0
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: Body = ()
    once_header: str = ""
    """Header that carries the idempotency key, by which the server books a repeated request once."""
    gives: tuple[Taken, ...] = ()
    rules: tuple[Rule, ...] = ()
    only_one: bool = False
    """Several rows are nobody."""
    line: int = field(default=0, compare=False)

    @property
    def values(self) -> tuple[str, ...]:
        """Names it gives, as far as this file says."""
        return tuple(taken.name for taken in self.gives)
