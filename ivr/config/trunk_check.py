"""What the settings of one ``[[sip.trunks]]`` must be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from ivr.config.settings import Trunk

TrunkProblem = tuple[str, str]
"""The key, and what is wrong with it and what to write instead."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_USER = re.compile(r"[A-Za-z0-9+._~!*'()&=$,;?/-]+")
_PLACE = re.compile(r"sips?:(\[[0-9A-Fa-f:.]+\]|[^@\s;:\[\]]+)(:\d{1,5})?(;[^\s<>]*)?")
"""A SIP address without a user."""
_PREFIX = re.compile(r"tel:\+?[0-9]+|sips?:\S+")
_NUMBER = re.compile(r"\+?[0-9]+")
SHOWN = ("own", "caller")


def trunk_problems(trunk: Trunk, before: Sequence[Trunk]) -> Iterator[TrunkProblem]:
    """Every mistake; `before` are the trunks read already."""
    if not _NAME.fullmatch(trunk.name):
        found = f"is {trunk.name!r}" if trunk.name else "is missing"
        yield "name", f"{found}; give every [[sip.trunks]] a name of letters, digits and hyphens"
    elif trunk.name.lower() in (other.name.lower() for other in before):
        yield "name", f"{trunk.name!r} is used twice; every trunk needs a name of its own"
    if not trunk.registrar and not trunk.gateway:
        yield "registrar", "is missing, and so is gateway; name one, like sip:pbx.example"
    for key, place in (("registrar", trunk.registrar), ("proxy", trunk.proxy), ("gateway", trunk.gateway)):
        if place and not _PLACE.fullmatch(place):
            yield key, f"is {place!r}; write a SIP address without a user, like sip:pbx.example"
    if trunk.registrar and not trunk.user:
        yield "user", "is missing; a registration needs the user we are at the registrar"
    for key, user in (("user", trunk.user), ("login", trunk.login)):
        if user and not (_USER.fullmatch(user) if key == "user" else user.isprintable()):
            yield key, f"is {user!r}; write the user name without the host"
    if trunk.password and not (trunk.login or trunk.user):
        yield "password", "belongs to nobody; name the user too"
    if not 60 <= trunk.expires <= 86_400:
        yield "expires", f"is {trunk.expires}; it must be between 60 and 86400"
    if trunk.ping is not None and not (trunk.ping == 0 or 5 <= trunk.ping <= 3600):
        yield "ping", f"is {trunk.ping:g}; it must be between 5 and 3600 seconds, or 0 for never"
    if trunk.show not in SHOWN:
        yield "show", f"is {trunk.show!r}; write one of {', '.join(SHOWN)}"
    for number in trunk.numbers:
        if not _NUMBER.fullmatch(number):
            yield "numbers", f"{number!r} is no number; write it like +15550100"
    for prefix in trunk.dial:
        if not _PREFIX.fullmatch(prefix):
            yield "dial", f'{prefix!r} is no prefix of a number; write it like "tel:+1555"'
    for address in trunk.addresses:
        if not _is_numeric(address):
            yield "addresses", f"{address!r} is no numeric address; write the one its messages come from"


def password_variable(name: str) -> str:
    """The environment variable that a trunk's password may be in."""
    return f"IVR_SIP_TRUNKS_{name.upper().replace('-', '_')}_PASSWORD"


def host_of(place: str) -> str:
    """The host of a SIP address, without brackets; empty when there is none."""
    match = re.match(r"sips?:(?:[^@\s]*@)?(\[[^\]\s]+\]|[^@\s:;]+)", place)
    return match[1].strip("[]").lower() if match else ""


def _is_numeric(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
