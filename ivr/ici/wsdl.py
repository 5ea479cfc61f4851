"""One WSDL 1.1 description per service, made from the dialect.

A SOAP client that reads nothing else can drive everything. Two things to know: rpc/literal has no parameters
that may be missing, so optional ones are only accepted, not described; and every binding declares the SOAP
header that names the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from lxml import etree

from ivr.ici.dialect import EVIDENCE, Dialect, Field, Operation, Service

WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
SOAP_BINDING: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"
HTTP_TRANSPORT: Final = "http://schemas.xmlsoap.org/soap/http"

NOTE: Final = (
    "Reconstructed from public sources, unverified: SAP's own description is not public. Names, namespaces and "
    "style come from the dialect {dialect}. Never certified, never compared with SAP CRM on the wire."
)
CALLBACK_NOTE: Final = " This is the callback: the CRM side serves it at the appUrl of its subscribe."

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z")


def address(scheme: str, host: str, fallback: str, path: str) -> str:
    """Where the service is, after the Host header of the request if that is a host at all."""
    return f"{scheme}://{host if _HOST.match(host) else fallback}{path}"


def describe(dialect: Dialect, service: Service, location: str) -> bytes:
    """The description of the service at that address."""
    return etree.tostring(
        _Writer(dialect, service).definitions(location), encoding="UTF-8", xml_declaration=True, pretty_print=True
    )


class _Writer:
    def __init__(self, dialect: Dialect, service: Service) -> None:
        self.dialect = dialect
        self.service = service
        self.document = dialect.style == "document"
        names: dict[Any, str] = {
            None: WSDL,
            "soap": SOAP_BINDING,
            "xsd": SCHEMA,
            "tns": service.namespace,
            "h": dialect.header_namespace,
        }
        self.root = etree.Element(_w("definitions"), nsmap=names)
        self.root.set("name", service.spelling)
        self.root.set("targetNamespace", service.namespace)

    def definitions(self, location: str) -> etree._Element:
        note = NOTE.format(dialect=self.dialect.name) + (CALLBACK_NOTE if self.service.name == "IciEvent" else "")
        etree.SubElement(self.root, _w("documentation")).text = note
        self._types()
        self._messages()
        self._port_type()
        self._binding()
        service = etree.SubElement(self.root, _w("service"), name=self.service.spelling)
        port = etree.SubElement(
            service, _w("port"), name=self._name("Port"), binding=f"tns:{self._name('Binding')}"
        )
        etree.SubElement(port, _s("address"), location=location)
        return self.root

    def _name(self, suffix: str) -> str:
        return f"{self.service.spelling}{suffix}"

    # --- types ---------------------------------------------------------------------------------------

    def _types(self) -> None:
        types = etree.SubElement(self.root, _w("types"))
        header = etree.SubElement(types, _x("schema"), targetNamespace=self.dialect.header_namespace)
        etree.SubElement(header, _x("element"), name=self.dialect.header_element, type="xsd:string")
        form = "qualified" if self.dialect.qualified else "unqualified"
        schema = etree.SubElement(
            types, _x("schema"), targetNamespace=self.service.namespace, elementFormDefault=form
        )
        used, lists = self._used_types()
        for name in used:
            self._sequence(etree.SubElement(schema, _x("complexType"), name=name), self.dialect.types[name])
        for name in lists:
            sequence = etree.SubElement(
                etree.SubElement(schema, _x("complexType"), name=_list_name(name)), _x("sequence")
            )
            item = etree.SubElement(sequence, _x("element"), name=self.dialect.list_item, type=self._one(name))
            item.set("minOccurs", "0")
            item.set("maxOccurs", "unbounded")
        if self.document:
            for operation in self.service.operations.values():
                self._wrapper(schema, operation.spelling, operation.parameters)
                self._wrapper(schema, f"{operation.spelling}Response", operation.results)

    def _wrapper(self, schema: etree._Element, name: str, fields: Iterable[Field]) -> None:
        element = etree.SubElement(schema, _x("element"), name=name)
        self._sequence(etree.SubElement(element, _x("complexType")), fields)

    def _sequence(self, parent: etree._Element, fields: Iterable[Field]) -> None:
        sequence = etree.SubElement(parent, _x("sequence"))
        for field in fields:
            element = etree.SubElement(sequence, _x("element"), name=field.spelling, type=self._type(field))
            if field.optional:
                element.set("minOccurs", "0")

    def _used_types(self) -> tuple[list[str], list[str]]:
        """Structures, and types that lists are made of, in the order of their first use."""
        used: dict[str, None] = {}
        lists: dict[str, None] = {}
        fields = [field for operation in self.service.operations.values() for field in _all_fields(operation)]
        while fields:
            field = fields.pop(0)
            if field.many:
                lists[field.type] = None
            if field.type in self.dialect.types and field.type not in used:
                used[field.type] = None
                fields += self.dialect.types[field.type]
        return list(used), list(lists)

    def _type(self, field: Field) -> str:
        return f"tns:{_list_name(field.type)}" if field.many else self._one(field.type)

    def _one(self, name: str) -> str:
        return f"tns:{name}" if name in self.dialect.types else f"xsd:{name}"

    # --- messages, port type, binding ----------------------------------------------------------------

    def _messages(self) -> None:
        header = etree.SubElement(self.root, _w("message"), name=self._name("Header"))
        part = etree.SubElement(header, _w("part"), name=self.dialect.header_element)
        part.set("element", f"h:{self.dialect.header_element}")
        for operation in self.service.operations.values():
            self._message(operation.spelling, operation.parameters)
            self._message(f"{operation.spelling}Response", operation.results)

    def _message(self, name: str, fields: tuple[Field, ...]) -> None:
        message = etree.SubElement(self.root, _w("message"), name=name)
        if self.document:
            etree.SubElement(message, _w("part"), name="parameters").set("element", f"tns:{name}")
            return
        for field in fields:
            if not field.optional:
                etree.SubElement(message, _w("part"), name=field.spelling, type=self._type(field))

    def _port_type(self) -> None:
        port_type = etree.SubElement(self.root, _w("portType"), name=self._name("PortType"))
        for operation in self.service.operations.values():
            element = etree.SubElement(port_type, _w("operation"), name=operation.spelling)
            etree.SubElement(element, _w("documentation")).text = _documentation(operation)
            etree.SubElement(element, _w("input"), message=f"tns:{operation.spelling}")
            etree.SubElement(element, _w("output"), message=f"tns:{operation.spelling}Response")

    def _binding(self) -> None:
        binding = etree.SubElement(
            self.root, _w("binding"), name=self._name("Binding"), type=f"tns:{self._name('PortType')}"
        )
        etree.SubElement(binding, _s("binding"), style=self.dialect.style, transport=HTTP_TRANSPORT)
        for operation in self.service.operations.values():
            element = etree.SubElement(binding, _w("operation"), name=operation.spelling)
            action = self.dialect.action(self.service, operation)
            etree.SubElement(element, _s("operation"), soapAction=action, style=self.dialect.style)
            asked = etree.SubElement(element, _w("input"))
            self._body(asked)
            header = etree.SubElement(asked, _s("header"), message=f"tns:{self._name('Header')}", use="literal")
            header.set("part", self.dialect.header_element)
            self._body(etree.SubElement(element, _w("output")))

    def _body(self, parent: etree._Element) -> None:
        body = etree.SubElement(parent, _s("body"), use="literal")
        if not self.document:
            body.set("namespace", self.service.namespace)


def _all_fields(operation: Operation) -> tuple[Field, ...]:
    return operation.parameters + operation.results


def _documentation(operation: Operation) -> str:
    text = f"Reconstructed; {EVIDENCE[operation.evidence]}."
    if operation.aliases:
        text += f" Also accepted as: {', '.join(operation.aliases)}."
    if optional := [field.spelling for field in operation.parameters if field.optional]:
        text += f" May also carry: {', '.join(optional)}."
    return text


def _list_name(name: str) -> str:
    return f"ListOf{name[0].upper()}{name[1:]}"


def _w(name: str) -> str:
    return f"{{{WSDL}}}{name}"


def _s(name: str) -> str:
    return f"{{{SOAP_BINDING}}}{name}"


def _x(name: str) -> str:
    return f"{{{SCHEMA}}}{name}"
