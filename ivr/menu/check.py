from __future__ import annotations

from ivr.errors import Problem
from ivr.menu.model import Menu
from ivr.menu.source import Node


def check(
    menu: Menu, root: Node, connectors: frozenset[str] | None, recogniser_languages: frozenset[str] | None
) -> list[Problem]:
    return []
