"""Telephones that register here, and where they are. RFC 3261 section 10.3."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.sip.bindings import MAX_CONTACTS, Binding, Bindings, OutOfOrder, Wish
from ivr.sip.core import Core
from ivr.sip.events import Flow, Registered, RegistrationToKeep
from ivr.sip.fields import NameAddress, parse_uri, plain, user_part
from ivr.sip.identities import Identities
from ivr.sip.message import Request
from ivr.sip.reply import Header, Refusal
from ivr.sip.transaction.layer import Served

DEFAULT_EXPIRES = 3600
"""Seconds, when the telephone asks for none; also the most that is granted."""
MIN_EXPIRES = 60
"""Seconds; less is refused with 423, so that a flood of refreshes is nobody's right."""


class Registrar:
    """Bindings by user, and who may change them."""

    def __init__(self, core: Core) -> None:
        self.bindings = Bindings()
        self.identities = Identities(core, self.bindings)
        self._core = core
        self._waiting: dict[int, tuple[Served, str]] = {}
        """Requests that are not answered yet, with their users; as many as there are transactions at most."""
        self._requests = 0

    # --- time

    @property
    def deadline(self) -> float | None:
        return self.bindings.deadline

    def expire(self, now: float) -> None:
        for binding in self.bindings.expire(now):
            self._core.emit(Registered(binding.user, plain(binding.contact), 0, binding.flow))
        self._core.queue.watch(self)

    def restore(self, bindings: Iterable[Binding], now: float) -> None:
        """Take the bindings from before a restart, of users that there still are."""
        accounts = self._core.settings.accounts
        self.bindings.restore((binding for binding in bindings if binding.user in accounts), now)
        self._core.queue.watch(self)

    # --- REGISTER

    def receive(self, served: Served, flow: Flow, now: float) -> None:
        if (user := self.identities.user_of(served, flow, now)) is None:
            return
        if user_part(served.request.to_address.uri) != user:
            self._core.reply(served, 403, now, phrase="Not Your Address")
        else:
            self._bind(served, user, flow, now)

    def _bind(self, served: Served, user: str, flow: Flow, now: float) -> None:
        request = served.request
        wanted = wanted_contacts(request)
        if isinstance(wanted, Refusal):
            self._core.reply(served, wanted.status, now, phrase=wanted.phrase, headers=wanted.headers)
            return
        try:
            done = self.bindings.change(user, wanted, request.call_id, request.cseq.sequence, flow, now)
        except OutOfOrder:
            self._core.reply(served, 500, now, phrase="CSeq Out of Order")
            return
        self._core.queue.watch(self)
        waits = self._core.settings.durable_registrar and bool(done)
        if not waits:
            self._core.reply(served, 200, now, headers=self._listing(user, now))
        for wish in done:
            self._core.emit(Registered(user, plain(wish.contact), wish.expires, flow))
        if waits:
            self._requests += 1
            self._waiting[self._requests] = served, user
            self._core.emit(RegistrationToKeep(user, self._requests))

    def kept(self, number: int, now: float) -> None:
        """The bindings outlive us now, and the telephone may rely on that. Harmless when said twice."""
        if (waiting := self._waiting.pop(number, None)) is not None:
            served, user = waiting
            self._core.reply(served, 200, now, headers=self._listing(user, now))

    def _listing(self, user: str, now: float) -> list[Header]:
        return [
            ("Contact", f"<{binding.contact}>;expires={max(1, round(binding.expires_at - now))}")
            for binding in self.bindings.of(user, now)
        ]


def wanted_contacts(request: Request) -> list[Wish] | Refusal | None:
    """What a REGISTER wants; None for "remove all of them"; a refusal when it cannot be read or granted."""
    if [value.strip() for value in request.headers.getlist("Contact")] == ["*"]:
        return None if request.text("Expires") == "0" else Refusal(400, "Contact * Needs Expires 0")
    try:
        contacts = request.addresses("Contact")
        for contact in contacts:
            parse_uri(contact.uri)
    except ValueError:
        return Refusal(400, "Malformed Contact")
    wanted = [Wish(contact.uri, _expires(contact, request), _q(contact)) for contact in contacts[:MAX_CONTACTS]]
    if any(0 < wish.expires < MIN_EXPIRES for wish in wanted):
        return Refusal(423, headers=(("Min-Expires", str(MIN_EXPIRES)),))
    return wanted


def _expires(contact: NameAddress, request: Request) -> int:
    """A malformed one counts as the default. RFC 3261 section 10.2.1.1."""
    text = contact.parameters.get("expires") or request.headers.get("Expires") or ""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return DEFAULT_EXPIRES
    return min(int(digits), DEFAULT_EXPIRES)


def _q(contact: NameAddress) -> float:
    """A malformed one counts as none. RFC 3261 section 20.10."""
    text = contact.parameters.get("q", "").strip()
    try:
        value = float(text) if text and len(text) <= 5 else 1.0
    except ValueError:
        return 1.0
    return value if 0.0 <= value <= 1.0 else 1.0
