"""What may be done with a call just now, by its processing status and its part in a consultation.

Names are ours; the dialect spells them. They are recomputed and sent at every change, because the toolbar of
the agent's screen is built from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from ivr.ici.dialect import Dialect
from ivr.ici.switchboard import IciRefusal, PhoneCallItem, ProcessingStatus

Part = Literal["single", "waiting", "paired", "consulted", "outbound", "direct"]
"""``waiting``: one of the two calls of a consultation that has not been answered; ``paired``: one of the two when
it has; ``consulted``: the colleague's, who may leave but not dispose of somebody else's caller; ``outbound``: a
call the agent has dialled, which has no queue to come back to, or one with a colleague who asks a third just now;
``direct``: one with a colleague."""

LEGAL: Final[Mapping[ProcessingStatus, tuple[str, ...]]] = {
    "dialing": ("drop",),
    "alerting": ("accept", "reject", "reroute"),
    "connected": ("drop", "hold", "consult", "blindTransfer", "mute", "dtmf", "setAttachedData"),
    "held": ("unhold", "drop", "blindTransfer", "setAttachedData"),
    "conferenced": ("drop", "mute", "setAttachedData"),
    "wrapup": ("end", "setAttachedData"),
    "ended": (),
}
_PAIR: Final = ("toggle", "warmTransfer", "conference", "drop", "setAttachedData")
_SPECIAL: Final[Mapping[tuple[Part, ProcessingStatus], tuple[str, ...]]] = {
    ("waiting", "held"): ("drop", "setAttachedData"),
    ("paired", "held"): _PAIR,
    ("paired", "connected"): (*_PAIR, "mute", "dtmf"),
    ("consulted", "alerting"): ("accept", "reject"),
    ("consulted", "connected"): ("drop", "mute", "setAttachedData"),
    ("direct", "alerting"): ("accept", "reject"),
    ("outbound", "connected"): ("drop", "hold", "mute", "dtmf", "setAttachedData"),
    ("outbound", "held"): ("unhold", "drop", "setAttachedData"),
}
"""Where the part changes what the status allows."""

_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "drop": frozenset({"drop", "end"}),
    "sendDTMF": frozenset({"dtmf"}),
} | {
    name: frozenset({name})
    for name in (
        "accept",
        "reject",
        "reroute",
        "hold",
        "unhold",
        "consult",
        "toggle",
        "blindTransfer",
        "warmTransfer",
        "conference",
        "mute",
        "unmute",
        "setAttachedData",
    )
}
"""One of these allows the operation; an operation that is not named here changes nothing and is always legal."""

_HARMLESS: Final = frozenset({("accept", "connected"), ("setAttachedData", "ended")})
"""Not offered, and not refused: the telephone was quicker than the screen, and the two are one acceptance in
either order; and a hang-up does not end what the agent writes about the call, such as a reason in wrap-up."""


def capabilities_of(status: ProcessingStatus, part: Part = "single", *, muted: bool = False) -> tuple[str, ...]:
    """What is legal in that status."""
    legal = _SPECIAL.get((part, status), LEGAL[status])
    return tuple("unmute" if name == "mute" and muted else name for name in legal)


class NotAllowed(IciRefusal):
    """ICI-STATE: an operation that is not legal just now, with what is."""

    def __init__(self, operation: str, status: ProcessingStatus, allowed: Iterable[str], *, item_id: str) -> None:
        self.operation, self.status, self.allowed = operation, status, tuple(allowed)
        super().__init__("ICI-STATE", self._text(operation, status, self.allowed), item_id=item_id)

    def worded(self, dialect: Dialect) -> IciRefusal:
        """The same as this peer spells it."""
        calls = dialect.services["IciPhoneCall"].operations
        items = dialect.services["IciItem"].operations
        operation = (calls.get(self.operation) or items.get(self.operation) or calls["drop"]).spelling
        status = dialect.statuses[self.status]
        state = status.id if status.id == self.status else f"{status.id} ({status.description})"
        allowed = [dialect.capabilities.get(name, name) for name in self.allowed]
        return IciRefusal(self.code, self._text(operation, state, allowed), item_id=self.item_id)

    def _text(self, operation: str, state: str, allowed: Iterable[str]) -> str:
        why = ""
        if self.operation == "mute" and "unmute" in self.allowed:
            why = ": it is muted already"
        elif self.operation == "unmute" and "mute" in self.allowed:
            why = ": it is not muted"
        legal = ", ".join(allowed) or "nothing"
        return f"Operation {operation} not allowed in state {state}{why}; allowed now: {legal}"


def check(item: PhoneCallItem, operation: str) -> None:
    """Raises `NotAllowed`, naming the state and what is legal, if the operation is not legal now."""
    if (operation, item.status) in _HARMLESS:
        return
    needed = _NEEDS.get(operation)
    allowed = item.capabilities or LEGAL[item.status]
    if needed is None or needed & set(allowed):
        return
    raise NotAllowed(operation, item.status, allowed, item_id=item.id)
