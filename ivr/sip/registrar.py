"""Telephones that register here, and where they are. RFC 3261 section 10.3."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ivr.sip.bindings import MAX_CONTACTS, Binding, Bindings, OutOfOrder, Wish
from ivr.sip.challenge import Challenger, Verdict
from ivr.sip.core import Core
from ivr.sip.events import Flow, Registered, RegistrationToKeep
from ivr.sip.fields import NameAddress, parse_uri, plain, user_part
from ivr.sip.guesses import Guesses
from ivr.sip.message import Request
from ivr.sip.reply import Header, Refusal
from ivr.sip.sources import source_of
from ivr.sip.transaction.layer import Served

logger = logging.getLogger(__name__)

DEFAULT_EXPIRES = 3600
"""Seconds, when the telephone asks for none; also the most that is granted."""
MIN_EXPIRES = 60
"""Seconds; less is refused with 423, so that a flood of refreshes is nobody's right."""
LONGEST_NAME = 64
"""Characters of a user name that guesses are counted by."""


class Registrar:
    """Bindings by user, and who may change them."""

    def __init__(self, core: Core) -> None:
        settings = core.settings
        key = core.rng.getrandbits(256).to_bytes(32, "big")
        self.bindings = Bindings()
        self._core = core
        self._challenger = Challenger(settings.realm, settings.accounts, settings.digest_algorithms, key)
        self._guesses = Guesses()
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
        request, source = served.request, source_of(flow.remote[0])
        given = self._challenger.given(request)
        user = given.get("username", "") if given else ""
        if self._must_wait(source, user[:LONGEST_NAME] if given else None, flow, now):
            self._core.layer.remove(served)
            self._core.drop("REGISTER of somebody who guesses passwords", flow, "authentication_dropped")
            return
        # The same work is done for a user nobody knows: the time it takes tells nothing.
        verdict = self._challenger.judge(given, request.method, source, now) if given else Verdict.WRONG
        if given is None or verdict is not Verdict.RIGHT:
            if given is not None and verdict is Verdict.WRONG:
                self._note_wrong(source, user[:LONGEST_NAME], given, now)
            headers = self._challenger.challenges(source, now, verdict is Verdict.STALE)
            self._core.reply(served, 401, now, headers=headers)
            return
        self._guesses.right(source, user[:LONGEST_NAME])
        if user_part(request.to_address.uri) != user:
            self._core.reply(served, 403, now, phrase="Not Your Address")
        else:
            self._bind(served, user, flow, now)

    def _must_wait(self, source: str, user: str | None, flow: Flow, now: float) -> bool:
        """`user` is None where no credentials were given."""
        if user is None:
            return self._guesses.is_scanning(source, now)
        held = self.bindings.of(user, now)
        if any(binding.flow.remote == flow.remote for binding in held):
            return False
        known_here = any(source_of(binding.flow.remote[0]) == source for binding in held)
        return self._guesses.must_wait(source, user, now, known_here=known_here)

    def _note_wrong(self, source: str, user: str, given: dict[str, str], now: float) -> None:
        """A nonce that is not ours proves nothing, not even where the request came from: that costs nobody."""
        self._core.counters["authentication_failed"] += 1
        ours = self._challenger.is_ours(given, source)
        if ours and self._guesses.wrong(source, user, now):
            logger.warning("register_guessed source=%s user=%s", source, plain(user))
        else:
            logger.info("register_refused source=%s", source)

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
