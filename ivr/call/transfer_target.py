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
            _check_queue(exchange, visit, destination.name)
        case "step":
            if destination.name not in visit.menu.steps:
                raise IciRefusal(
                    "ICI-BAD-VALUE", f"the menu {visit.menu.name} has no step {destination.name[:64]!r}"
                )
        case "number":
            _check_number(exchange, destination.name)
    return destination


def find_number(exchange: Exchange, text: str) -> str:
    """A number or address outside that an agent may call, as ``tel:…`` or ``sip:…``. Raises `IciRefusal`."""
    destination = _read(exchange, text.strip())
    if destination.kind != "number":
        raise IciRefusal(
            "ICI-BAD-VALUE", f"{text[:64]!r} cannot be dialled; write a listed number, such as +15550100"
        )
    _check_number(exchange, destination.name)
    return destination.name


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


def _check_queue(exchange: Exchange, visit: Visit, name: str) -> None:
    queue = visit.menu.queues.get(name)
    if queue is None:
        known = ", ".join(visit.menu.queues) or "none"
        raise IciRefusal("ICI-BAD-VALUE", f"there is no queue {name[:64]!r}; known are {known}")
    hours = visit.menu.hours.get(queue.open)
    if hours is not None and not is_open(hours, exchange.rooms.clock.utc()):
        raise IciRefusal("ICI-STATE", f"the queue {name} is closed now")


def _check_number(exchange: Exchange, number: str) -> None:
    sip = exchange.rooms.settings.sip
    listed = [*sip.dial, *(prefix for trunk in sip.trunks for prefix in trunk.dial)]
    if not any(number.startswith(prefix) for prefix in listed):
        raise IciRefusal(
            "ICI-BAD-VALUE", f"{number[:64]} is not listed in sip.dial; only listed numbers are called"
        )
