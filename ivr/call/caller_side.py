"""What may be different about whoever calls: mostly a customer, but agents dial each other too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.ici.capabilities import Part

if TYPE_CHECKING:
    from ivr.call.item import Item


class CallerSide:
    """The usual: a customer, who hears a menu."""

    has_customer = True
    """Whether agents' shares in the call are contacts."""
    recorded_as = "caller"
    """Whose sound a recording of this side holds."""
    plays_menu = True
    part: Part = "single"
    """What the item of an agent is who has the caller alone."""

    @property
    def held_by(self) -> str:
        """The agent of this side who holds the call by his screen; empty for nobody."""
        return ""

    def own_items(self) -> list[Item]:
        """Live items of the caller's side: of an agent who has dialled a colleague."""
        return []
