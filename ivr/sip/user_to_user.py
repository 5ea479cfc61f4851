"""User-to-user information: a small datum that travels with a call and means nothing to SIP. RFC 7433.

>>> UserToUser(b"ticket-7", content="x-ivr").encode()
'7469636b65742d37;encoding=hex;content=x-ivr'
>>> UserToUser.parse("7469636b65742d37;encoding=hex").data
b'ticket-7'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ivr.sip.fields import TOKEN, parse_parameters, split_outside_quotes, unquoted

NAME = "User-to-User"
MAX_DATA = 1024
"""Octets; ISDN carries 128 (RFC 7434 section 3), applications are asked to stay small."""
MAX_VALUES = 8
"""Values of one message that are looked at; one for each application is the rule."""


@dataclass(frozen=True, slots=True)
class UserToUser:
    """One value of the header. RFC 7433 section 4.1."""

    data: bytes
    purpose: str = ""
    """Name of the application's package; empty for the one of ISDN (RFC 7434)."""
    content: str = ""
    """How the application is to read the data; empty for its default."""

    @classmethod
    def parse(cls, text: str) -> UserToUser:
        """:raises ValueError: it has no data, too much of it, or is not in the encoding it names."""
        head, *rest = split_outside_quotes(text, ";")
        parameters = parse_parameters(";".join(rest))
        value = unquoted(head)
        encoding = parameters.get("encoding", "").lower()
        if encoding not in ("", "hex"):
            raise ValueError(f"User-to-User has the encoding {encoding[:20]!r}; only hex is known")
        # without the parameter the ISDN package means hex (RFC 7434 section 7); many senders mean their text
        is_hex = encoding == "hex" or (not head.startswith('"') and _is_hex(value))
        data = bytes.fromhex(value) if is_hex else value.encode("utf-8", "surrogateescape")
        if not data or len(data) > MAX_DATA:
            raise ValueError(f"User-to-User has {len(data)} octets; 1 to {MAX_DATA} are read")
        return cls(data, parameters.get("purpose", ""), parameters.get("content", ""))

    def encode(self) -> str:
        """:raises ValueError: purpose or content is no token."""
        parameters = [("encoding", "hex"), ("purpose", self.purpose), ("content", self.content)]
        for name, value in parameters:
            if value and not TOKEN.fullmatch(value):
                raise ValueError(f"{name} must be a token, not {value[:40]!r}")
        return ";".join([self.data.hex(), *(f"{name}={value}" for name, value in parameters if value)])

    @property
    def text(self) -> str:
        """For people and stores: the data where it is readable text, else in hex."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            return self.data.hex()
        return text if text.isprintable() else self.data.hex()


def read_user_to_user(values: Iterable[str]) -> tuple[UserToUser, ...]:
    """Every readable value of the headers of that name; what cannot be read is as if it were not there."""
    found: list[UserToUser] = []
    for part in (part for value in values for part in split_outside_quotes(value, ",") if part):
        if len(found) == MAX_VALUES:
            break
        try:
            found.append(UserToUser.parse(part))
        except ValueError:
            continue
    return tuple(found)


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and bool(text) and all(letter in "0123456789abcdefABCDEF" for letter in text)
