"""Who is where: the bindings of a registrar. RFC 3261 section 10.3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ivr.sip.events import Flow
from ivr.sip.fields import numeric, parse_uri

MAX_CONTACTS = 10
"""Of one user; a further one pushes out the one that would have ended first."""
COMPARED = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that make two URIs different when only one of them has it. RFC 3261 section 19.1.4."""


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
    q: float = 1.0
    """Preference among the user's contacts, 0 to 1. RFC 3261 section 20.10."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One contact of a REGISTER."""

    contact: str
    expires: int
    """Seconds; 0 takes it back."""
    q: float = 1.0


class OutOfOrder(Exception):
    """A REGISTER that a later one has overtaken. Section 10.3, step 7."""


class Bindings:
    """Every binding of every user. A change is made whole or not at all."""

    def __init__(self) -> None:
        self._of: dict[str, list[Binding]] = {}

    def of(self, user: str, now: float) -> list[Binding]:
        """The living ones, the most preferred first, and of those the latest."""
        living = [binding for binding in self._of.get(user, ()) if binding.expires_at > now]
        return sorted(living, key=lambda binding: (-binding.q, -binding.expires_at))

    def users(self, now: float) -> dict[str, list[Binding]]:
        """Everybody who is somewhere."""
        return {user: found for user in self._of if (found := self.of(user, now))}

    def change(
        self, user: str, wishes: Sequence[Wish] | None, call_id: str, sequence: int, flow: Flow, now: float
    ) -> list[Wish]:
        """Do what one REGISTER wants; None takes everything back. What was done, contact by contact.

        Raises OutOfOrder, with nothing changed, when a contact has been bound by a later request of the same
        Call-ID.
        """
        held = self.of(user, now)
        if wishes is None:
            wishes = [Wish(binding.contact, 0) for binding in held]
        matched = [(wish, next((b for b in held if same_uri(b.contact, wish.contact)), None)) for wish in wishes]
        for _, binding in matched:
            if binding is not None and binding.call_id == call_id and sequence <= binding.sequence:
                raise OutOfOrder
        for wish, binding in matched:
            if binding in held:
                held.remove(binding)
            held = [other for other in held if not same_uri(other.contact, wish.contact)]
            if wish.expires:
                held.append(Binding(user, wish.contact, flow, now + wish.expires, call_id, sequence, wish.q))
        self._keep(user, held)
        return list(wishes)

    def restore(self, bindings: Iterable[Binding], now: float) -> None:
        """Take bindings from before a restart. Those that are over by now are left out."""
        for binding in bindings:
            others = [b for b in self.of(binding.user, now) if not same_uri(b.contact, binding.contact)]
            if binding.expires_at > now:
                self._keep(binding.user, [*others, binding])

    def expire(self, now: float) -> list[Binding]:
        """Take off what is over, and tell."""
        gone = [b for held in self._of.values() for b in held if b.expires_at <= now]
        for user in {binding.user for binding in gone}:
            self._keep(user, self.of(user, now))
        return gone

    @property
    def deadline(self) -> float | None:
        return min((b.expires_at for held in self._of.values() for b in held), default=None)

    def _keep(self, user: str, bindings: list[Binding]) -> None:
        latest = sorted(bindings, key=lambda binding: binding.expires_at)[-MAX_CONTACTS:]
        self._of[user] = latest
        if not latest:
            del self._of[user]


def same_uri(one: str, other: str) -> bool:
    """Whether two URIs mean the same place. RFC 3261 section 19.1.4.

    Headers behind a question mark are not compared: telephones put none into a Contact.
    """
    if one == other:
        return True
    try:
        first, second = parse_uri(one), parse_uri(other)
    except ValueError:
        return False
    if (first.scheme, first.user or "", first.port) != (second.scheme, second.user or "", second.port):
        return False
    if (numeric(first.host) or first.host.lower()) != (numeric(second.host) or second.host.lower()):
        return False
    return _same_parameters(first.parameters, second.parameters)


def _same_parameters(first: Mapping[str, object], second: Mapping[str, object]) -> bool:
    ours = {name.lower(): str(value or "").lower() for name, value in first.items()}
    theirs = {name.lower(): str(value or "").lower() for name, value in second.items()}
    if any(ours[name] != theirs[name] for name in ours.keys() & theirs.keys()):
        return False
    return not any(name in COMPARED for name in ours.keys() ^ theirs.keys())
