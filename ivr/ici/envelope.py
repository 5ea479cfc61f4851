"""SOAP 1.1 envelopes: requests, answers, faults. Section numbers are those of the W3C note of 8 May 2000."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from ivr.errors import RemoteProtocolError
from ivr.ici import wire, xml
from ivr.ici.dialect import Dialect, Operation, Service
from ivr.ici.switchboard import IciRefusal

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
"""Namespace of SOAP 1.1; any other gets the fault VersionMismatch (section 4.1.2)."""
CONTENT_TYPE: Final = "text/xml"

_FAULT_CODES: Final = {"ICI-VERSION": "VersionMismatch", "ICI-MUST-UNDERSTAND": "MustUnderstand"}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an event as it came in."""

    name: str
    """Local name of the operation element."""
    namespace: str
    """Its namespace, whatever it is."""
    user: str
    """On whose behalf, from the header; empty if it names none."""
    element: etree._Element

    @property
    def parameters(self) -> list[str]:
        """Local names of what it carries."""
        return [xml.local_name(child) for child in xml.children(self.element)]

    def values(self, operation: Operation, dialect: Dialect, *, lenient: bool = False) -> wire.Values:
        """The parameters. Raises `IciRefusal` ICI-BAD-VALUE."""
        return wire.read(self.element, operation.parameters, dialect, lenient=lenient)


def parse_message(raw: bytes, dialect: Dialect, *, charset: str = "") -> Message:
    """A request or an event. Raises `IciRefusal` for anything that is not a SOAP 1.1 envelope."""
    root = xml.parse(raw, charset=charset)
    body = _body(root)
    operation = xml.children(body)
    if len(operation) != 1:
        found = f"has {len(operation)} elements" if operation else "is empty"
        raise IciRefusal("ICI-XML", f"the SOAP body {found}; needed is the element of one operation")
    name = etree.QName(operation[0])
    return Message(name.localname, name.namespace or "", _user(root, dialect), operation[0])


def request(
    dialect: Dialect, service: Service, operation: Operation, values: Mapping[str, Any], *, user: str
) -> bytes:
    """The envelope that calls an operation, or reports an event."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    if user:
        header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
        named = etree.SubElement(
            header,
            f"{{{dialect.header_namespace}}}{dialect.header_element}",
            nsmap={"h": dialect.header_namespace},
        )
        named.text = xml.legal(user)
    _body_of(envelope, operation.spelling, service.namespace, operation.parameters, values, dialect)
    return _bytes(envelope)


def answer(
    dialect: Dialect, operation: Operation, values: Mapping[str, Any], *, name: str, namespace: str
) -> bytes:
    """The envelope that answers the request called `name` in `namespace` (section 7.1: name and "Response")."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    _body_of(envelope, f"{name}Response", namespace, operation.results, values, dialect)
    return _bytes(envelope)


def fault(refusal: IciRefusal) -> bytes:
    """The envelope of a fault (section 4.4); stable code, item and further facts in ``detail/iciError``."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    element = etree.SubElement(body, f"{{{SOAP}}}Fault")
    code = _FAULT_CODES.get(refusal.code, "Server" if refusal.server else "Client")
    etree.SubElement(element, "faultcode").text = f"soap:{code}"
    etree.SubElement(element, "faultstring").text = xml.legal(str(refusal))
    error = etree.SubElement(etree.SubElement(element, "detail"), "iciError")
    etree.SubElement(error, "code").text = refusal.code
    if refusal.item_id:
        etree.SubElement(error, "itemId").text = xml.legal(refusal.item_id)
    for name, value in refusal.facts.items():
        etree.SubElement(error, name).text = xml.legal(value)
    return _bytes(envelope)


def parse_answer(raw: bytes, dialect: Dialect, operation: Operation, *, charset: str = "") -> wire.Values:
    """The results of an operation.

    Raises `IciRefusal` with the code of the fault if it is one, `RemoteProtocolError` if it is no SOAP at all.
    """
    try:
        answered = xml.children(_body(xml.parse(raw, charset=charset)))
    except IciRefusal as mistake:
        raise RemoteProtocolError(f"the answer is not SOAP 1.1: {mistake}") from None
    if answered and answered[0].tag == f"{{{SOAP}}}Fault":
        raise _refusal(answered[0])
    if not answered:
        return {field.name: [] if field.many else None for field in operation.results}
    return wire.read(answered[0], operation.results, dialect, lenient=True)


def _refusal(element: etree._Element) -> IciRefusal:
    texts = {
        xml.local_name(part): (part.text or "").strip() for part in element.iter() if isinstance(part.tag, str)
    }
    server = texts.get("faultcode", "").rpartition(":")[2].startswith("Server")
    text = texts.get("faultstring") or "the fault has no text"
    known = ("Fault", "faultcode", "faultstring", "faultactor", "detail", "iciError", "code", "itemId")
    facts = {name: value for name, value in texts.items() if name not in known}
    code, item_id = texts.get("code") or "ICI-FAULT", texts.get("itemId", "")
    return IciRefusal(code, text, item_id=item_id, server=server, facts=facts)


def _body(root: etree._Element) -> etree._Element:
    if xml.local_name(root) != "Envelope":
        raise IciRefusal("ICI-XML", f"the root is {xml.local_name(root)[:40]!r}; needed is a SOAP 1.1 Envelope")
    if etree.QName(root).namespace != SOAP:
        raise IciRefusal("ICI-VERSION", f"the envelope is not SOAP 1.1; needed is the namespace {SOAP}")
    bodies = root.findall(f"{{{SOAP}}}Body")
    if len(bodies) != 1:
        raise IciRefusal("ICI-XML", f"the envelope has {len(bodies) or 'no'} Body; needed is one")
    return bodies[0]


def _user(root: etree._Element, dialect: Dialect) -> str:
    header = root.find(f"{{{SOAP}}}Header")
    if header is None:
        return ""
    names = {dialect.header_element, *dialect.header_aliases}
    users: set[str] = set()
    for entry in xml.children(header):
        ours = [part for part in entry.iter() if isinstance(part.tag, str) and xml.local_name(part) in names]
        if ours:
            users |= {(part.text or "").strip() for part in ours}
        elif entry.get(f"{{{SOAP}}}mustUnderstand") == "1":
            raise IciRefusal("ICI-MUST-UNDERSTAND", f"the header {xml.local_name(entry)[:40]!r} is not understood")
    if len(users) > 1:
        raise IciRefusal("ICI-NO-USER", f"the SOAP header names {len(users)} users; needed is one")
    return users.pop() if users else ""


def _body_of(
    envelope: etree._Element,
    name: str,
    namespace: str,
    fields: tuple[Any, ...],
    values: Mapping[str, Any],
    dialect: Dialect,
) -> None:
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    tag = f"{{{namespace}}}{name}" if namespace else name
    element = etree.SubElement(body, tag, nsmap={"n": namespace} if namespace else None)
    wire.write(element, fields, values, dialect, namespace if dialect.qualified else "")


def _bytes(envelope: etree._Element) -> bytes:
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)
