"""Telephones that register here, and where they are. RFC 3261 section 10.3."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ivr.sip.challenge import Challenger, Verdict
from ivr.sip.core import Core
from ivr.sip.events import Flow, Registered
from ivr.sip.fields import NameAddress, parse_uri, plain, user_part
from ivr.sip.message import Request
from ivr.sip.reply import Header, Refusal
from ivr.sip.transaction.layer import Served

logger = logging.getLogger(__name__)

DEFAULT_EXPIRES = 3600
"""Seconds, when the telephone asks for none; also the most that is granted."""
MIN_EXPIRES = 60
"""Seconds; less is refused with 423, so that a flood of refreshes is nobody's right."""
MAX_CONTACTS = 10
"""Of one user."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a user can be reached."""

    user: str
    contact: str
    """URI, as the telephone wrote it."""
    flow: Flow
    """The way its REGISTER came: calls to a telephone behind a translator go back this way."""
    expires_at: float
    call_id: str
    sequence: int


class Registrar:
    """Bindings by user, in memory."""

    def __init__(self, core: Core) -> None:
        settings = core.settings
        key = core.rng.getrandbits(256).to_bytes(32, "big")
        self._core = core
        self._challenger = Challenger(settings.realm, settings.accounts, settings.digest_algorithms, key)
        self._bindings: dict[str, list[Binding]] = {}

    def bindings(self, user: str, now: float) -> list[Binding]:
        """The living ones, the latest first."""
        living = [binding for binding in self._bindings.get(user, ()) if binding.expires_at > now]
        return sorted(living, key=lambda binding: binding.expires_at, reverse=True)

    def receive(self, served: Served, flow: Flow, now: float) -> None:
        request = served.request
        verdict, user = self._challenger.check(request, now)
        if verdict is not Verdict.RIGHT:
            self._challenge(served, verdict, now)
        elif user_part(request.to_address.uri) != user:
            self._core.reply(served, 403, now, phrase="Not Your Address")
        else:
            self._bind(served, user, flow, now)

    def _challenge(self, served: Served, verdict: Verdict, now: float) -> None:
        if served.request.headers.get("Authorization") is not None and verdict is Verdict.WRONG:
            self._core.counters["authentication_failed"] += 1
            logger.info("register_refused source=%s", served.flow.remote[0])
        headers = self._challenger.challenges(now, verdict is Verdict.STALE)
        self._core.reply(served, 401, now, headers=headers)

    def _bind(self, served: Served, user: str, flow: Flow, now: float) -> None:
        wanted = wanted_contacts(served.request)
        if isinstance(wanted, Refusal):
            self._core.reply(served, wanted.status, now, phrase=wanted.phrase, headers=wanted.headers)
            return
        held = {binding.contact: binding for binding in self.bindings(user, now)}
        if wanted is None:
            wanted = dict.fromkeys(held, 0)
        if any(_is_older(served.request, held.get(contact)) for contact in wanted):
            self._core.reply(served, 500, now, phrase="CSeq Out of Order")
            return
        self._change(held, served.request, user, wanted, flow, now)
        self._core.reply(served, 200, now, headers=self._listing(user, now))
        for contact, expires in wanted.items():
            self._core.emit(Registered(user, plain(contact), expires, flow))

    def _change(
        self, held: dict[str, Binding], request: Request, user: str, wanted: dict[str, int], flow: Flow, now: float
    ) -> None:
        for contact, expires in wanted.items():
            held.pop(contact, None)
            if expires:
                sequence = request.cseq.sequence
                held[contact] = Binding(user, contact, flow, now + expires, request.call_id, sequence)
        latest = sorted(held.values(), key=lambda binding: binding.expires_at)[-MAX_CONTACTS:]
        self._bindings[user] = latest
        if not latest:
            del self._bindings[user]

    def _listing(self, user: str, now: float) -> list[Header]:
        return [
            ("Contact", f"<{binding.contact}>;expires={max(1, round(binding.expires_at - now))}")
            for binding in self.bindings(user, now)
        ]


def wanted_contacts(request: Request) -> dict[str, int] | Refusal | None:
    """Seconds by contact; None for "remove all of them"; a refusal when it cannot be read or granted."""
    if [value.strip() for value in request.headers.getlist("Contact")] == ["*"]:
        return None if request.text("Expires") == "0" else Refusal(400, "Contact * Needs Expires 0")
    try:
        contacts = request.addresses("Contact")
        for contact in contacts:
            parse_uri(contact.uri)
    except ValueError:
        return Refusal(400, "Malformed Contact")
    wanted = {contact.uri: _expires(contact, request) for contact in contacts[:MAX_CONTACTS]}
    if any(0 < seconds < MIN_EXPIRES for seconds in wanted.values()):
        return Refusal(423, headers=(("Min-Expires", str(MIN_EXPIRES)),))
    return wanted


def _expires(contact: NameAddress, request: Request) -> int:
    """A malformed one counts as the default. RFC 3261 section 10.2.1.1."""
    text = contact.parameters.get("expires") or request.headers.get("Expires") or ""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return DEFAULT_EXPIRES
    return min(int(digits), DEFAULT_EXPIRES)


def _is_older(request: Request, binding: Binding | None) -> bool:
    """Whether a REGISTER has been overtaken by a later one. RFC 3261 section 10.3, step 7."""
    return binding is not None and binding.call_id == request.call_id and request.cseq.sequence <= binding.sequence
