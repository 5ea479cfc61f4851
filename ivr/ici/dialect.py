"""The dialect: how one ICI peer spells services, operations, fields and codes.

Kept as data in ``dialects/NAME.yaml``, because only part of it is known for certain (README.md). Programs use
the names of the default dialect; the wire carries the spellings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import resources
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml

from ivr.errors import IvrError
from ivr.ici.dialect_spelling import inherit, spell

Style = Literal["rpc", "document"]
Evidence = Literal["S", "D", "I", "B", "O"]

SCALARS: Final = frozenset({"string", "int", "boolean", "dateTime"})
EVIDENCE: Final = {
    "S": "name seen in a public source",
    "D": "name derived from something seen in a public source",
    "I": "name inferred",
    "B": "name guessed",
    "O": "our own, not SAP's",
}
CODE_LISTS: Final = ("direction", "presence", "reason", "ended")
"""Codes that may be spelt otherwise: a call's direction, presence, why a call and why a subscription ended."""
OK: Final = "response"
"""The one part of every answer that says no more than ``ok``."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_TYPE: Final = re.compile(r"(?P<type>[A-Za-z]\w*)(?P<many>\*?)(?P<optional>\??)\Z")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, a result, or a member of a structure."""

    name: str
    """What the program says."""
    spelling: str
    """What the wire says."""
    type: str
    """One of SCALARS, or a structure of the dialect."""
    many: bool = False
    """A list: an element with one child per entry."""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation or event of a service."""

    name: str
    spelling: str
    aliases: tuple[str, ...]
    parameters: tuple[Field, ...]
    results: tuple[Field, ...]
    evidence: Evidence
    anonymous: bool = False
    """May be called without a user in the SOAP header."""

    @property
    def names(self) -> frozenset[str]:
        """Every name that it is known by on the wire."""
        return frozenset((self.spelling, *self.aliases))

    @property
    def needed(self) -> frozenset[str]:
        """Spellings of the parameters that may not be missing."""
        return frozenset(field.spelling for field in self.parameters if not field.optional)


@dataclass(frozen=True, slots=True)
class Service:
    """A group of operations with one address."""

    name: str
    spelling: str
    namespace: str
    operations: Mapping[str, Operation]

    def find(self, local_name: str, parameters: Collection[str] = ()) -> Operation | None:
        """The operation called so on the wire, or an alias of it.

        `parameters` are the names in the message. Where several operations share a name, as ``transfer`` does for
        one with a destination and one with two calls, it is that one which lacks the fewest, and needs the most.
        """
        known = [operation for operation in self.operations.values() if local_name in operation.names]
        said = frozenset(parameters)
        return max(known, key=lambda one: (-len(one.needed - said), len(one.needed & said)), default=None)


@dataclass(frozen=True, slots=True)
class TextElement:
    """A code and the text people see. A pair of strings on SAP's side."""

    id: str
    description: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """Everything an ICI peer could spell differently."""

    name: str
    style: Style
    qualified: bool
    soap_action: str
    list_item: str
    header_namespace: str
    header_element: str
    header_aliases: tuple[str, ...]
    types: Mapping[str, tuple[Field, ...]]
    services: Mapping[str, Service]
    statuses: Mapping[str, TextElement]
    capabilities: Mapping[str, str]
    workmodes: Mapping[int, str]
    presence_options: Mapping[str, tuple[str, ...]]
    other_channels: tuple[str, ...] = field(default=())
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Lists of codes that the peer spells otherwise: ``direction presence reason ended``, our word to its code."""

    def action(self, service: Service, operation: Operation) -> str:
        """SOAPAction of an operation: what we send and publish; any is accepted."""
        return self.soap_action.format(namespace=service.namespace, operation=operation.spelling)

    def code(self, list_name: str, word: str) -> str:
        """How the peer spells our word."""
        return self.codes.get(list_name, {}).get(word, word)

    def word(self, list_name: str, code: str) -> str:
        """Our word for the peer's code; the code itself when it is unknown."""
        listed = self.codes.get(list_name, {})
        return next((word for word, other in listed.items() if other == code), code)

    def status_of(self, spelling: str) -> str:
        """Our name of a processing status on the wire; the spelling itself when it is unknown."""
        return next((name for name, text in self.statuses.items() if text.id == spelling), spelling)

    def capability_of(self, spelling: str) -> str:
        """Our name of a capability token on the wire; the spelling itself when it is unknown."""
        return next((name for name, token in self.capabilities.items() if token == spelling), spelling)


def available() -> list[str]:
    """Names of the dialects that come with the package."""
    folder = resources.files(__package__) / "dialects"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load(name: str) -> Dialect:
    """The dialect of that name, or of a file of the site when it ends with ``.yaml``.

    Raises `IvrError` naming the known ones if there is no such dialect, or the mistake in its file.
    """
    if name.endswith(".yaml"):
        return parse(_of_site(Path(name)), source=name)
    return _shipped(name)


@cache
def _shipped(name: str) -> Dialect:
    known = available()
    if name not in known:
        others = ", ".join(known)
        raise IvrError(f"ici.dialect is {name!r}; needed is one of: {others}, or the name of a .yaml file")
    return parse(_data(name), source=f"dialects/{name}.yaml")


def _data(name: str) -> Any:
    return _yaml((resources.files(__package__) / "dialects" / f"{name}.yaml").read_text("utf-8"), name)


def _of_site(path: Path) -> Any:
    try:
        return _yaml(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise IvrError(
            f"the dialect {path} cannot be read: {why}; name a readable file with ici.dialect"
        ) from error


def _yaml(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as mistake:
        raise IvrError(f"{source}: not YAML: {' '.join(str(mistake).split())}") from mistake


def parse(data: Any, *, source: str) -> Dialect:
    """A dialect from the content of its file. Raises `IvrError` naming the mistake."""
    try:
        return _dialect(_inherited(data))
    except (KeyError, TypeError, AttributeError, ValueError) as mistake:
        what = f"key {mistake} is missing" if isinstance(mistake, KeyError) else str(mistake)
        raise IvrError(f"{source}: not a dialect: {what}") from mistake


def _inherited(data: Any) -> Any:
    base = data.get("extends")
    if base is None:
        return data
    if base not in available():
        raise ValueError(f"it extends {base!r}; needed is one of: {', '.join(available())}")
    return inherit(_inherited(_data(base)), {key: value for key, value in data.items() if key != "extends"})


def _dialect(data: Any) -> Dialect:
    style = data["style"]
    if style not in ("rpc", "document"):
        raise ValueError(f"style is {style!r}; needed is rpc or document")
    header = data["header"]
    manner = data.get("fields", "camelCase")
    types = {name: _fields(members, manner) for name, members in data["types"].items()}
    service = partial(_service, manners=(data.get("operations", "camelCase"), manner))
    services = {name: service(name, each) for name, each in data["services"].items()}
    _check_types(types, services)
    dialect = Dialect(
        name=data["name"],
        style=style,
        qualified=bool(data.get("qualified", False)),
        soap_action=data.get("soap_action", ""),
        list_item=_checked(data.get("list_item", "item")),
        header_namespace=header["namespace"],
        header_element=_checked(header["element"]),
        header_aliases=tuple(header.get("aliases", ())),
        types=MappingProxyType(types),
        services=MappingProxyType(services),
        statuses={
            name: TextElement(str(text["id"]), text["description"]) for name, text in data["statuses"].items()
        },
        capabilities={name: str(token) for name, token in data["capabilities"].items()},
        workmodes={int(code): text for code, text in data["workmodes"].items()},
        presence_options={word: tuple(options) for word, options in data["presence_options"].items()},
        other_channels=tuple(data.get("other_channels", ())),
        codes=_codes(data.get("codes") or {}),
    )
    _check_action(dialect)
    return dialect


def _codes(data: Any) -> dict[str, dict[str, str]]:
    if unknown := set(data) - set(CODE_LISTS):
        raise ValueError(f"codes has {sorted(unknown)[0]}; known are: {', '.join(CODE_LISTS)}")
    return {name: {str(word): str(code) for word, code in listed.items()} for name, listed in data.items()}


def _check_action(dialect: Dialect) -> None:
    try:
        for service in dialect.services.values():
            for operation in service.operations.values():
                dialect.action(service, operation)
    except (KeyError, IndexError, ValueError) as mistake:
        raise ValueError(
            f"soap_action has the placeholder {mistake}; there are {{namespace}} and {{operation}}"
        ) from None


def _service(name: str, data: Any, manners: tuple[str, str]) -> Service:
    operations = {key: _operation(key, value or {}, manners) for key, value in data["operations"].items()}
    _check_names(name, operations)
    return Service(name, _checked(data.get("spelling", name)), data["namespace"], MappingProxyType(operations))


def _check_names(service: str, operations: Mapping[str, Operation]) -> None:
    """One name, one operation, unless parameters tell them apart; else one would get the messages of the other."""
    for other, one in combinations(operations.values(), 2):
        alike = one.needed == other.needed or one.spelling == other.spelling
        if alike and (shared := sorted(one.names & other.names)):
            raise ValueError(f"{service}: {shared[0]} is the name of {other.name} and of {one.name}")


def _operation(name: str, data: Any, manners: tuple[str, str]) -> Operation:
    manner, of_fields = manners
    spelling = _checked(data.get("spelling", spell(name, manner)))
    listed = data.get("aliases", ())
    results = data.get("results") or {OK: "string"}
    if OK in results:  # the plain answer has a type, also where a file says nothing but its spelling
        results = {**results, OK: inherit("string", results[OK])}
    others = dict.fromkeys((spell(name, manner), *listed, *(spell(alias, manner) for alias in listed)))
    return Operation(
        name=name,
        spelling=spelling,
        aliases=tuple(alias for alias in others if alias != spelling),
        parameters=_fields(data.get("parameters") or {}, of_fields),
        results=_fields(results, of_fields),
        evidence=data["evidence"],
        anonymous=bool(data.get("anonymous", False)),
    )


def _fields(data: Any, manner: str) -> tuple[Field, ...]:
    return tuple(_field(name, value, manner) for name, value in data.items() if value is not None)


def _field(name: str, data: Any, manner: str) -> Field:
    by_rule = spell(name, manner)
    kind, spelling = (data, by_rule) if isinstance(data, str) else (data["type"], data.get("spelling", by_rule))
    match = _TYPE.match(kind)
    if match is None:
        raise ValueError(f"field {name} has the type {kind!r}; needed is NAME, NAME*, NAME? or NAME*?")
    return Field(name, _checked(spelling), match["type"], bool(match["many"]), bool(match["optional"]))


def _checked(spelling: Any) -> str:
    if not isinstance(spelling, str) or not _NAME.match(spelling):
        raise ValueError(f"spelling {spelling!r} is not a name that XML allows")
    return spelling


def _check_types(types: Mapping[str, tuple[Field, ...]], services: Mapping[str, Service]) -> None:
    members = [member for fields in types.values() for member in fields]
    for service in services.values():
        for operation in service.operations.values():
            members += [*operation.parameters, *operation.results]
    for member in members:
        if member.type not in SCALARS and member.type not in types:
            raise ValueError(f"field {member.name} has the unknown type {member.type}")
