"""Who is told about what: the subscriptions of agents' screens.

A subscription is named by callback URL, application id and user. A user has at most one that counts: a new
log-on of the same user ends the older one. One callback URL may serve many users (an application server of
SAP), so an event for several goes there once, with the list of exactly their application ids.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ivr.ici.switchboard import IciRefusal

MAX_APP_ID: Final = 256
MAX_URL: Final = 2048

_SIP_URI: Final = re.compile(
    r"sips?:(?:[A-Za-z0-9_.!~*'()&=+$,;?/%-]{1,128}@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?(?P<rest>;[A-Za-z0-9_.!~*'()%=;-]*)?\Z"
)
_NAME: Final = re.compile(r"[\w][\w .+/-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Subscription:
    """An agent's screen that wants events."""

    app_url: str
    """Where events are posted."""
    app_id: str
    """Which of the screens behind that URL."""
    user: str
    workcenter: str = ""
    """The agent's phone, as named at log-on."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.app_url, self.app_id, self.user


class Subscriptions:
    """The subscriptions that count now, one per user."""

    def __init__(self) -> None:
        self._by_user: dict[str, Subscription] = {}

    def add(self, subscription: Subscription) -> Subscription | None:
        """Let it count, and say which other one it supersedes; None if there was none or the same one."""
        older = self._by_user.get(subscription.user)
        self._by_user[subscription.user] = subscription
        return older if older is not None and older.key != subscription.key else None

    def remove(self, subscription: Subscription) -> bool:
        """Forget exactly this one; False if another one counts by now."""
        if self._by_user.get(subscription.user) is not subscription:
            return False
        del self._by_user[subscription.user]
        return True

    def of(self, user: str) -> Subscription | None:
        return self._by_user.get(user)

    def users(self) -> list[str]:
        return list(self._by_user)

    def by_url(self, users: Iterable[str]) -> dict[str, list[Subscription]]:
        """The subscriptions of these users, grouped by where their events go."""
        groups: dict[str, list[Subscription]] = {}
        for user in dict.fromkeys(users):
            if subscription := self._by_user.get(user):
                groups.setdefault(subscription.app_url, []).append(subscription)
        return groups


def check_callback(app_url: str, app_id: str, allowed: Iterable[str]) -> None:
    """Raises `IciRefusal` ICI-BAD-VALUE for a callback that events may not be posted to."""
    problem = _url_problem(app_url, allowed)
    if problem:
        raise IciRefusal("ICI-BAD-VALUE", f"appUrl {app_url[:120]!r}: {problem}")
    if not app_id or len(app_id) > MAX_APP_ID:
        raise IciRefusal("ICI-BAD-VALUE", f"appId has {len(app_id)} characters; needed are 1 to {MAX_APP_ID}")


def _url_problem(app_url: str, allowed: Iterable[str]) -> str:
    if len(app_url) > MAX_URL or re.search(r"[\x00-\x20\x7f\\]", app_url):
        return f"needed is an http or https URL without white space of at most {MAX_URL} characters"
    try:
        url = urlsplit(app_url)
        port = url.port
    except ValueError as mistake:
        return str(mistake)
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        return "needed is an http or https URL with a host"
    if url.username is not None or url.password is not None:
        return "a user or password does not belong into the URL"
    if not host_matches(url.hostname, allowed):
        return f"the host {url.hostname} is not listed in ici.callbacks"
    return ""


def check_workcenter(workcenter: str, allowed: Iterable[str]) -> None:
    """Raises `IciRefusal` ICI-BAD-VALUE for a work centre that is no allowed phone, no name and not empty."""
    if not workcenter or (_NAME.match(workcenter) and not workcenter.isspace()):
        return
    shown = workcenter[:120]
    match = _SIP_URI.match(workcenter)
    if (
        match is None
        or "maddr" in (match["rest"] or "").lower()
        or int(match["port"] or 5060) not in range(1, 65536)
    ):
        raise IciRefusal(
            "ICI-BAD-VALUE",
            f"workcenterId {shown!r}: needed is a SIP address such as sip:desk1@127.0.0.1:5070, or a name",
        )
    host = match["host"].strip("[]")
    if not host_matches(host, allowed):
        raise IciRefusal("ICI-BAD-VALUE", f"workcenterId {shown!r}: the host {host} is not listed in ici.phones")


def host_matches(host: str, allowed: Iterable[str]) -> bool:
    """Whether the host is one of those; addresses are compared as addresses, names without case."""
    return _canonical(host) in {_canonical(entry) for entry in allowed}


def _canonical(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.rstrip(".").lower()
