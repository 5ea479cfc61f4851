"""WSDL 1.1 to one empty envelope for each operation: enough to learn names, namespaces and style from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ivr.errors import IvrError
from ivr.ici.envelope import SOAP
from ivr.ici.switchboard import IciRefusal
from ivr.ici.xml import parse

_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_BINDING: Final = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
DEEP: Final = 12
"""Levels of structures within structures; deeper ones are taken for endless."""


@dataclass(frozen=True, slots=True)
class Described:
    """One operation of a WSDL."""

    raw: bytes
    """An envelope with its names and without values."""
    action: str | None
    """Its SOAPAction, if a binding says one."""
    address: str
    """The last part of the service's address; empty where there is none."""
    style: str
    """``rpc`` or ``document``, as its binding says; ``document`` where it says nothing (WSDL 1.1 section 3.3)."""


def envelopes_of(text: str, source: str) -> Iterator[Described]:
    """One envelope for each input of the port types. Raises IvrError for what is no WSDL."""
    try:
        root = parse(text.encode(), charset="utf-8")
    except IciRefusal as mistake:
        raise IvrError(f"{source}: {mistake}") from None
    if root.tag != f"{_WSDL}definitions":
        return
    description = _Description(root)
    for operation in root.findall(f"{_WSDL}portType/{_WSDL}operation"):
        name = operation.get("name")
        yield Described(
            description.envelope(operation),
            description.actions.get(name),
            description.address,
            description.style,
        )


class _Description:
    def __init__(self, root: etree._Element) -> None:
        self.namespace = root.get("targetNamespace", "")
        self.messages = {one.get("name"): one for one in root.findall(f"{_WSDL}message")}
        self.elements: dict[str | None, tuple[etree._Element, etree._Element]] = {}
        self.types: dict[str | None, tuple[etree._Element, etree._Element]] = {}
        for schema in root.iter(f"{_XSD}schema"):
            self.elements |= {one.get("name"): (one, schema) for one in schema.findall(f"{_XSD}element")}
            self.types |= {one.get("name"): (one, schema) for one in schema.findall(f"{_XSD}complexType")}
        binding = next(root.iter(f"{_BINDING}binding"), None)
        self.style = (binding.get("style") if binding is not None else None) or "document"
        bound = root.iterfind(f"{_WSDL}binding/{_WSDL}operation")
        said = ((one.get("name"), one.find(f"{_BINDING}operation")) for one in bound)
        self.actions = {name: how.get("soapAction", "") for name, how in said if how is not None}
        port = next(root.iter(f"{_BINDING}address"), None)
        self.address = (port.get("location") or "" if port is not None else "").rstrip("/").rpartition("/")[2]
        self.headers = [self.messages.get(_local(one.get("message"))) for one in root.iter(f"{_BINDING}header")]

    def envelope(self, operation: etree._Element) -> bytes:
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
        header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
        for message in self.headers[:1]:
            for part in message.findall(f"{_WSDL}part") if message is not None else []:
                self._element(header, part.get("element"))
        body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
        asked = operation.find(f"{_WSDL}input")
        message = self.messages.get(_local(asked.get("message") if asked is not None else None))
        parts = message.findall(f"{_WSDL}part") if message is not None else []
        if len(parts) == 1 and parts[0].get("element"):
            self._element(body, parts[0].get("element"))
        else:
            wrapper = etree.SubElement(body, f"{{{self.namespace}}}{operation.get('name')}")
            for part in parts:
                child = etree.SubElement(wrapper, str(part.get("name")))
                self._fill(child, part.get("type"), 0)
        return etree.tostring(envelope)

    def _element(self, parent: etree._Element, name: str | None) -> None:
        declared = self.elements.get(_local(name))
        if declared is None:
            return
        element, schema = declared
        made = etree.SubElement(parent, f"{{{schema.get('targetNamespace', '')}}}{element.get('name')}")
        inline = element.find(f"{_XSD}complexType")
        if inline is not None:
            self._members(made, inline, schema, 0)
        else:
            self._fill(made, element.get("type"), 0)

    def _fill(self, element: etree._Element, type_name: str | None, depth: int) -> None:
        declared = self.types.get(_local(type_name))
        if declared is not None and depth < DEEP:
            self._members(element, *declared, depth)

    def _members(self, element: etree._Element, kind: etree._Element, schema: etree._Element, depth: int) -> None:
        qualified = schema.get("elementFormDefault") == "qualified"
        for member in kind.iter(f"{_XSD}element"):
            name = member.get("name")
            if name:
                tag = f"{{{schema.get('targetNamespace', '')}}}{name}" if qualified else name
                self._fill(etree.SubElement(element, tag), member.get("type"), depth + 1)


def _local(name: str | None) -> str | None:
    return name and name.rpartition(":")[2]
