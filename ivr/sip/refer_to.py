"""Whom a REFER asks to call: a URI that may carry headers for the INVITE. RFC 3515 section 2.1, RFC 5589.

::

    Refer-To: <sip:bob@192.0.2.7?Replaces=c1%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>
               `------target---'           `---of the call to be replaced---'

Of the headers only Replaces and User-to-User are taken: whoever asks does not write our messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ivr.sip.fields import NameAddress, check_uri, parse_uri, split_outside_quotes
from ivr.sip.message import Request
from ivr.sip.replaces import Replaces
from ivr.sip.reply import Refusal
from ivr.sip.user_to_user import NAME, UserToUser, read_user_to_user

if TYPE_CHECKING:
    from ivr.sip.leg import Leg

SCHEMES = ("sip", "sips", "tel")


@dataclass(frozen=True, slots=True)
class ReferTo:
    """The value of a Refer-To header."""

    target: str
    """URI without headers and without its method parameter."""
    replaces: Replaces | None = None
    """The call whose place the new one is to take: then the transfer is an attended one."""
    user_to_user: tuple[UserToUser, ...] = ()

    def encode(self) -> str:
        """The header's value."""
        headers = [("Replaces", self.replaces.encode())] if self.replaces else []
        headers += [(NAME, value.encode()) for value in self.user_to_user]
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in headers)
        return f"<{self.target}{'?' if query else ''}{query}>"


def refer_to(target: str, replaced: Leg | None, user_to_user: Sequence[UserToUser]) -> ReferTo:
    """Of our own REFER; `replaced` is our leg with the target.

    :raises LocalProtocolError: the target is no address, or the leg has no dialog yet.
    """
    check_uri(target)
    dialog = replaced.require_dialog() if replaced is not None else None
    return ReferTo(target, Replaces.of_peer(dialog) if dialog is not None else None, tuple(user_to_user))


def read_refer_to(request: Request) -> ReferTo | Refusal:
    """What a REFER asks for, or the answer it deserves. RFC 3515 section 2.4.2."""
    values = [
        part for value in request.headers.getlist("Refer-To") for part in split_outside_quotes(value, ",") if part
    ]
    if len(values) != 1:
        return Refusal(400, "Exactly One Refer-To Is Needed")
    try:
        uri = NameAddress.parse(values[0]).uri
    except ValueError:
        return Refusal(400, "Malformed Refer-To")
    if uri.partition(":")[0].lower() not in SCHEMES:
        return Refusal(416)
    target, _, query = uri.partition("?")
    target, method = _without_method(target)
    if method not in ("", "INVITE"):
        return Refusal(603, "Only Calls Are Made For Others")
    try:
        parse_uri(target)
        return _with_headers(target, query)
    except ValueError:
        return Refusal(400, "Malformed Refer-To")


def _without_method(uri: str) -> tuple[str, str]:
    """The URI without ``;method=``, and the method. RFC 3261 section 19.1.1."""
    base, *parameters = uri.split(";")
    kept, method = [base], ""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "method":
            method = value.strip().upper()
        else:
            kept.append(parameter)
    return ";".join(kept), method


def _with_headers(target: str, query: str) -> ReferTo:
    replaces: Replaces | None = None
    user_to_user: list[str] = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name, value = unquote(name).strip().lower(), unquote(value, errors="surrogateescape")
        if name == "replaces":
            if replaces is not None:
                raise ValueError("more than one Replaces")
            replaces = Replaces.parse(value)
        elif name == NAME.lower():
            user_to_user.append(value)
    return ReferTo(target, replaces, read_user_to_user(user_to_user))
