"""Where what is known of a call can be found: a reference that travels with it as User-to-User. RFC 7433.

The reference is the id of the call, or of its handoff (which begins with that): another engine, or a CRM
system, asks for the record or the attached data by it. The data itself stays here; SIP is read by everybody on
the way. What others said about the call travels on unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ivr.sip.user_to_user import MAX_VALUES, NAME, UserToUser

PURPOSE = "x-ivr"
"""Of our own values. Who does not know it passes it by: without one they would be read as those of ISDN."""
_REFERENCE = re.compile(r"[A-Za-z0-9._:@/-]{1,120}")


def reference_in(values: Iterable[UserToUser]) -> str:
    """The call that this one goes on from, as whoever sent it calls it; empty when none is named."""
    for value in values:
        if value.purpose == PURPOSE and _REFERENCE.fullmatch(value.text):
            return value.text
    return ""


def travelling(brought: Iterable[UserToUser], reference: str) -> tuple[UserToUser, ...]:
    """What goes along with a call: what it brought, and our reference in place of an older one."""
    others = [value for value in brought if value.purpose != PURPOSE]
    return (UserToUser(reference.encode(), PURPOSE), *others[: MAX_VALUES - 1])


def headers_for(brought: Iterable[UserToUser], reference: str) -> list[tuple[str, str]]:
    """The same, for an INVITE."""
    return [(NAME, value.encode()) for value in travelling(brought, reference)]
