"""Captured traces and WSDLs of other systems: the envelopes in them, and the dialect they speak.

A trace may be anything that has SOAP envelopes in it: an export of ``CRM_ICI_TRACES``, a log, a capture, escaped
once or not. A WSDL is turned into one empty envelope for each operation, and learnt from in the same way.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from lxml import etree

from ivr.errors import IvrError
from ivr.ici.dialect import Dialect, Field, Operation, Service, load
from ivr.ici.envelope import SOAP
from ivr.ici.switchboard import IciRefusal
from ivr.ici.xml import children, local_name, parse
from ivr.testing.ici_wsdl import envelopes_of

_ENVELOPE: Final = re.compile(r"<(?P<prefix>[\w.-]+:)?Envelope\b.*?</(?P=prefix)Envelope\s*>|<Envelope\b.*?</Envelope\s*>", re.DOTALL)  # noqa: E501  # fmt: skip
_PLAIN: Final = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Heard:
    """One envelope of a trace."""

    raw: bytes
    root: etree._Element
    operation: etree._Element
    """The child of the body."""

    @property
    def name(self) -> str:
        return local_name(self.operation)

    @property
    def namespace(self) -> str:
        return etree.QName(self.operation).namespace or ""

    @property
    def is_answer(self) -> bool:
        return self.name.endswith(("Response", "_RESPONSE", "_response")) or self.name == "Fault"


def read_trace(text: str, source: str) -> list[Heard]:
    """The envelopes, in order; those of a WSDL are made. Raises IvrError when there are none."""
    found = []
    for candidate in (text, html.unescape(text)):
        found = [heard for match in _ENVELOPE.finditer(candidate) if (heard := _heard(match[0].encode()))]
        if found:
            return found
    if "definitions" in text:
        found = [heard for raw in envelopes_of(text, source) if (heard := _heard(raw))]
    if not found:
        raise IvrError(
            f"{source}: there is no SOAP 1.1 envelope in it; name a trace with envelopes, or a WSDL 1.1"
        )
    return found


def _heard(raw: bytes) -> Heard | None:
    try:
        root = parse(raw)
    except IciRefusal:
        return None
    body = root.find(f"{{{SOAP}}}Body")
    inside = children(body) if body is not None else []
    return Heard(raw, root, inside[0]) if inside else None


@dataclass(slots=True)
class Lesson:
    """What a trace taught."""

    document: dict[str, Any]
    """Content of the dialect file: only what is different from the base."""
    unknown: list[str] = field(default_factory=list)
    """Everything that no name of the base fits, as paths."""
    understood: int = 0
    """Envelopes whose operation is known."""

    def text(self) -> str:
        """The file, with what a person has to decide at its head."""
        head = ["# Drafted from a trace: look through it, then name it with ici.dialect."]
        if self.unknown:
            head += ["# Nothing of ours fits these; add them where they belong, or leave them:"]
            head += [f"#   {path}" for path in self.unknown]
        return "\n".join(head) + "\n" + yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True)


def learn_dialect(heard: list[Heard], *, base: str = "default", name: str = "learned") -> Lesson:
    """The dialect of whoever spoke, as what it has different from `base`."""
    return _Learner(load(base), {"extends": base, "name": name}).learn(heard)


class _Learner:
    def __init__(self, base: Dialect, document: dict[str, Any]) -> None:
        self.base = base
        self.lesson = Lesson(document)
        self._unknown: dict[str, None] = {}
        self._qualified: set[bool] = set()

    def learn(self, heard: list[Heard]) -> Lesson:
        for one in heard:
            self._header(one)
            if one.name == "Fault":
                continue
            known = self._operation(one)
            if known is None:
                self._unknown[f"operation {one.name} in {one.namespace or 'no namespace'}"] = None
                continue
            self.lesson.understood += 1
            service, operation = known
            at = self._path("services", service.name)
            if one.namespace and one.namespace != service.namespace:
                at["namespace"] = one.namespace
            fields = operation.results if one.is_answer else operation.parameters
            spelling = one.name.removesuffix("Response") if one.is_answer else one.name
            if spelling not in (operation.spelling, *operation.aliases) and not one.is_answer:
                self._path("services", service.name, "operations", operation.name)["spelling"] = spelling
            where = (
                "services",
                service.name,
                "operations",
                operation.name,
                "results" if one.is_answer else "parameters",
            )
            self._fields(one.operation, fields, where, one.name)
        self._style()
        self.lesson.unknown = list(self._unknown)
        self._prune(self.lesson.document)
        return self.lesson

    # --- parts -------------------------------------------------------------------------------------------

    def _header(self, one: Heard) -> None:
        header = one.root.find(f"{{{SOAP}}}Header")
        known = {self.base.header_element, *self.base.header_aliases}
        for entry in children(header) if header is not None else []:
            leaves = [leaf for leaf in entry.iter() if isinstance(leaf.tag, str) and not len(leaf)]
            users = [leaf for leaf in leaves if local_name(leaf) in known or "user" in local_name(leaf).lower()]
            if not users:
                self._unknown[f"header {local_name(entry)}"] = None
                continue
            element, namespace = local_name(users[0]), etree.QName(entry).namespace or ""
            at = self._path("header")
            if element != self.base.header_element:
                at["element"] = element
            if namespace and namespace != self.base.header_namespace:
                at["namespace"] = namespace

    def _operation(self, one: Heard) -> tuple[Service, Operation] | None:
        wanted = _key(one.name.removesuffix("Response") if one.is_answer else one.name)
        best: tuple[int, Service, Operation] | None = None
        for service in self.base.services.values():
            for operation in service.operations.values():
                names = {_key(name) for name in (operation.name, operation.spelling, *operation.aliases)}
                if wanted in names or (service.name == "IciEvent" and wanted.removesuffix("event") in names):
                    said = {
                        _key(local_name(child)) for child in one.operation.iter() if isinstance(child.tag, str)
                    }
                    fit = sum(_key(field.spelling) in said for field in operation.parameters)
                    fit += 2 * (_key(service.name.removeprefix("Ici")) in _key(one.namespace))
                    if best is None or fit > best[0]:
                        best = fit, service, operation
        return best and best[1:]

    def _fields(
        self, parent: etree._Element, fields: tuple[Field, ...], where: tuple[str, ...], path: str
    ) -> None:
        known = {_key(name): field for field in fields for name in (field.name, field.spelling)}
        for child in children(parent):
            self._qualified.add(bool(etree.QName(child).namespace))
            field = known.get(_key(local_name(child)))
            if field is None:
                sample = " ".join((child.text or "").split())[:30]
                self._unknown[f"{path}/{local_name(child)}" + (f" (such as {sample!r})" if sample else "")] = None
                continue
            if local_name(child) != field.spelling:
                self._path(*where)[field.name] = {"spelling": local_name(child)}
            entries = children(child) if field.many else [child]
            for entry in entries:
                if field.many and local_name(entry) != self.base.list_item:
                    self.lesson.document["list_item"] = local_name(entry)
                if field.type in self.base.types:
                    inner = self.base.types[field.type]
                    self._fields(entry, inner, ("types", field.type), f"{path}/{local_name(child)}")
            if field.name == "processingStatus":
                self._status(child)

    def _status(self, element: etree._Element) -> None:
        texts = {_key(local_name(part)): (part.text or "").strip() for part in children(element)}
        code = texts.get("id", "")
        if code and code not in {status.id for status in self.base.statuses.values()}:
            self._unknown[
                f"status {code!r} ({texts.get('description', '')}): which of {', '.join(self.base.statuses)}?"
            ] = None

    def _style(self) -> None:
        if self._qualified == {True} and not self.base.qualified:
            self.lesson.document |= {"style": "document", "qualified": True}
        elif self._qualified == {False} and self.base.qualified:
            self.lesson.document |= {"style": "rpc", "qualified": False}

    def _path(self, *keys: str) -> dict[str, Any]:
        at = self.lesson.document
        for key in keys:
            at = at.setdefault(key, {})
        return at

    def _prune(self, at: dict[str, Any]) -> None:
        for key, value in list(at.items()):
            if isinstance(value, dict):
                self._prune(value)
                if not value:
                    del at[key]


def _key(name: str) -> str:
    """The same for names that differ in case, underscores and a leading one only."""
    return _PLAIN.sub("", name.lower())
