"""What the settings of one ``[[ici.logins]]`` must be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ivr.config.settings import CallbackLogin

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


def login_problems(
    login: CallbackLogin, before: Sequence[CallbackLogin], callbacks: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Every mistake: the key, and what is wrong with it. `before` are those read already."""
    match = _HOST.fullmatch(login.host)
    if match is None:
        found = f"is {login.host!r}" if login.host else "is missing"
        yield "host", f"{found}; write the host that events are posted to, like crm.example or crm.example:8443"
    elif match[1].strip("[]").lower() not in {one.strip("[]").lower() for one in callbacks}:
        yield "host", f"{match[1]} is not listed in ici.callbacks, so nothing is posted there; add it there"
    elif login.host.lower() in (other.host.lower() for other in before):
        yield "host", f"{login.host!r} is used twice; every host has one user"
    if not login.user or ":" in login.user or not login.user.isprintable():
        found = f"is {login.user!r}" if login.user else "is missing"
        yield "user", f"{found}; write the name CRM knows us by, without a colon"
    if not login.password and match is not None:
        yield "password", f"is missing; write it, or set {login_variable(login.host)}"


def login_variable(host: str) -> str:
    """The environment variable that the password for a host may be in.

    >>> login_variable("crm.example:8443")
    'IVR_ICI_LOGINS_CRM_EXAMPLE_8443_PASSWORD'
    """
    return f"IVR_ICI_LOGINS_{re.sub(r'[^A-Z0-9]+', '_', host.upper()).strip('_')}_PASSWORD"
