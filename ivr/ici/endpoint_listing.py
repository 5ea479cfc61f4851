"""What is said at addresses under ``/ici`` where there is no service: which there are, and what is not served."""

from __future__ import annotations

from typing import Final

from ivr.ici.dialect import Dialect
from ivr.ici.switchboard import IciRefusal

UNSERVED: Final = ("IciMessage", "IciChat", "IciAction", "IciContainer", "IciFolder")
"""Services of ICI for what is no telephone call: mail, chat, business items (ICI.md section 2.1)."""

_PLAIN: Final = str.maketrans("", "", "_")


def no_service(dialect: Dialect, path: str) -> IciRefusal:
    """The fault for a request to `path`, the part behind ``/ici/``."""
    name = path.strip("/")[:64]
    return IciRefusal("ICI-NOT-SUPPORTED", f"{_what_is_wrong(dialect, name)}; {_listed(dialect)}")


def page(dialect: Dialect, path: str, address: str) -> str:
    """The same for people. `address` is that of ``/ici``; `path` is empty for that address itself."""
    name = path.strip("/")[:64]
    lines = [f"{_what_is_wrong(dialect, name)}."] if name else []
    lines.append(f"SOAP 1.1 in the dialect {dialect.name}: POST to a service, GET its description:")
    for service in dialect.services.values():
        note = "  (what is posted to the other side)" if service.name == "IciEvent" else ""
        lines.append(f"  {address}/{service.spelling}?wsdl{note}")
    return "\n".join(lines) + "\n"


def _what_is_wrong(dialect: Dialect, name: str) -> str:
    if not name:
        return "this is the address of all services, not of one"
    for service in dialect.services.values():
        if _same(name, service.name) and name != service.spelling:
            return f"the service {service.name} is called {service.spelling} in the dialect {dialect.name}"
        if _same(name, service.spelling):
            return f"the service is written {service.spelling}"
    if any(_same(name, other) for other in UNSERVED):
        return f"the service {name} is not supported: telephone calls only, no mail, chat or business items"
    return f"there is no service {name!r}"


def _listed(dialect: Dialect) -> str:
    names = ", ".join(one.spelling for one in dialect.services.values() if one.name != "IciEvent")
    return f"there are, in the dialect {dialect.name}: {names}"


def _same(name: str, other: str) -> bool:
    """Whether two names of a service differ in how they are written only."""
    one, two = (text.translate(_PLAIN).lower().removeprefix("ici") for text in (name, other))
    return one == two
