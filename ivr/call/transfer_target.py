"""Where an agent may send a caller, or call himself: the destinations of ICI, read and checked.

desk2             a colleague whose presence is Available
queue:billing     a queue of the caller's menu, if it is open
menu:main    a step of the caller's menu
+15550000911      an outside number that ``sip.dial`` lists (``tel:`` and ``sip:`` addresses too)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ivr.ici.switchboard import IciRefusal
from ivr.menu.hours import is_open

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit
    from ivr.menu.model import Menu

Kind = Literal["agent", "queue", "step", "number"]


@dataclass(frozen=True, slots=True)
class TransferTarget:
    """One place to go, checked a moment ago."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return {"queue": "queue:", "step": "menu:"}.get(self.kind, "") + self.name


def find_target(
    exchange: Exchange,
    visit: Visit,
    text: str,
    *,
    by: str,
    kinds: tuple[Kind, ...] = ("agent", "queue", "step", "number"),
) -> TransferTarget:
    """What `text` means when the agent `by` says it about the caller of `visit`.

    Raises `IciRefusal`: ICI-BAD-VALUE for what is no destination, ICI-STATE for one that cannot be reached now.
    """
    destination = _read(exchange, text.strip())
    if destination.kind not in kinds:
        raise IciRefusal(
            "ICI-BAD-VALUE", f"{text[:64]!r} cannot be called; write an agent's id or a listed number"
        )
    match destination.kind:
        case "agent":
            _check_agent(exchange, destination.name, by)
        case "queue":
            _check_queue(exchange, visit.menu, destination.name)
        case "step":
            if not visit.plays_menu:
                raise IciRefusal("ICI-BAD-VALUE", f"{text[:64]!r} is for callers; this one is a colleague")
            if destination.name not in visit.menu.steps:
                raise IciRefusal(
                    "ICI-BAD-VALUE", f"the menu {visit.menu.name} has no step {destination.name[:64]!r}"
                )
        case "number":
            _check_number(exchange, destination.name)
    return destination


def find_dialled(exchange: Exchange, text: str, *, by: str) -> TransferTarget:
    """What the agent `by` may call himself: a colleague, a queue, a listed number. Raises `IciRefusal`."""
    destination = _read(exchange, text.strip())
    match destination.kind:
        case "agent":
            _check_agent(exchange, destination.name, by)
        case "queue":
            _check_queue(exchange, exchange.menu, destination.name)
        case "number":
            _check_number(exchange, destination.name)
        case "step":
            raise IciRefusal(
                "ICI-BAD-VALUE",
                f"{text[:64]!r} cannot be dialled: a step is for callers; "
                "write an agent's id, queue:NAME or a listed number",
            )
    return destination


def _read(exchange: Exchange, text: str) -> TransferTarget:
    if text.startswith("queue:"):
        return TransferTarget("queue", text.removeprefix("queue:"))
    if text.startswith("menu:"):
        return TransferTarget("step", text.removeprefix("menu:"))
    if exchange.has_agent(text):
        return TransferTarget("agent", text)
    if text.startswith(("tel:", "sip:", "sips:")):
        return TransferTarget("number", text)
    if text.startswith("+") and text[1:].isascii() and text[1:].isdigit():
        return TransferTarget("number", f"tel:{text}")
    raise IciRefusal(
        "ICI-BAD-VALUE",
        f"{text[:64]!r} is no destination; write an agent's id, queue:NAME, menu:STEP or a number",
    )


def _check_agent(exchange: Exchange, agent: str, by: str) -> None:
    if agent == by:
        raise IciRefusal("ICI-BAD-VALUE", f"{agent} cannot be called by himself; name a colleague")
    presence = exchange.agents.agent(agent).presence
    if presence != "Available":
        raise IciRefusal("ICI-STATE", f"{agent} is {presence}; only who is Available can be called")


def _check_queue(exchange: Exchange, menu: Menu, name: str) -> None:
    queue = menu.queues.get(name)
    if queue is None:
        known = ", ".join(menu.queues) or "none"
        raise IciRefusal("ICI-BAD-VALUE", f"there is no queue {name[:64]!r}; known are {known}")
    hours = menu.hours.get(queue.open)
    if hours is not None and not is_open(hours, exchange.rooms.clock.utc()):
        raise IciRefusal("ICI-STATE", f"the queue {name} is closed now")


def _check_number(exchange: Exchange, number: str) -> None:
    sip = exchange.rooms.settings.sip
    listed = [*sip.dial, *(prefix for trunk in sip.trunks for prefix in trunk.dial)]
    if not any(number.startswith(prefix) for prefix in listed):
        raise IciRefusal(
            "ICI-BAD-VALUE", f"{number[:64]} is not listed in sip.dial; only listed numbers are called"
        )
