"""What agents have entered for the menu, out of the attached data of a call."""

from __future__ import annotations

from ivr.ici.travelling_data import TravellingData
from ivr.menu import events as menu
from ivr.menu.model import Menu

RETURNING = (menu.SentBack, menu.HandoffResumed, menu.HandoffEnded)
"""The caller is the menu's again, or may be: it is told first what agents have entered."""


def entered(read: Menu, data: TravellingData) -> menu.DataEntered:
    """Every value of ``from_agent:``; empty where no agent has written it."""
    blocks = data.blocks
    values = {
        name: blocks.get(field.application, {}).get(field.name, "") for field, name in read.from_agent.items()
    }
    return menu.DataEntered(values)
