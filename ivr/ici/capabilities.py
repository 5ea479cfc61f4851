"""What may be done with a call just now, by its processing status.

Names are ours; the dialect spells them. They are recomputed and sent at every change, because the toolbar of
the agent's screen is built from them. What other operations of ICI would add (consult, transfer, conference)
is left out until it works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.ici.switchboard import IciRefusal, PhoneCallItem, ProcessingStatus

LEGAL: Final[Mapping[ProcessingStatus, tuple[str, ...]]] = {
    "dialing": ("drop",),
    "alerting": ("accept", "reject"),
    "connected": ("drop", "hold", "dtmf", "setAttachedData"),
    "held": ("unhold", "drop"),
    "conferenced": ("drop", "setAttachedData"),
    "wrapup": ("end", "setAttachedData"),
    "ended": (),
}

_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "accept": frozenset({"accept"}),
    "reject": frozenset({"reject"}),
    "drop": frozenset({"drop", "end"}),
    "hold": frozenset({"hold"}),
    "unhold": frozenset({"unhold"}),
    "sendDTMF": frozenset({"dtmf"}),
    "setAttachedData": frozenset({"setAttachedData"}),
}
"""One of these allows the operation; an operation that is not named here changes nothing and is always legal."""

_HARMLESS: Final = frozenset({("accept", "connected"), ("setAttachedData", "ended")})
"""Not offered, and not refused: the telephone was quicker than the screen, and the two are one acceptance in
either order; and a hang-up does not end what the agent writes about the call, such as a reason in wrap-up."""


def capabilities_of(status: ProcessingStatus) -> tuple[str, ...]:
    """What is legal in that status."""
    return LEGAL[status]


def check(item: PhoneCallItem, operation: str) -> None:
    """Raises `IciRefusal` ICI-STATE, naming the state, if the operation is not legal now."""
    if (operation, item.status) in _HARMLESS:
        return
    needed = _NEEDS.get(operation)
    if needed is None or needed & set(item.capabilities or LEGAL[item.status]):
        return
    raise IciRefusal("ICI-STATE", f"Operation {operation} not allowed in state {item.status}", item_id=item.id)
