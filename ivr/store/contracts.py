"""What the rest of the house may ask of durable storage. SQL stays behind it.

Everything here is asynchronous; the implementation runs in a thread of its own, never on the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

Outcome = Literal["ok", "not_found", "refused", "slow", "down"]
"""``slow`` is a connector's; the customer store is either there or ``down``."""


@dataclass(frozen=True, slots=True)
class LookupResult:
    """Answer to a look-up. `values` by the names a menu's `data:` section `gives`."""

    outcome: Outcome
    values: dict[str, object] = field(default_factory=dict, repr=False)
    """Money is Decimal, days are date, times of day are datetime in the zone of the place they are about, lists
    are lists of dicts, flags are bool, the rest is text. A day that is not known is None."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer, without the PIN."""

    account: str
    phone: str
    first_name: str
    last_name: str
    language: str
    amount_due: Decimal
    due_date: date | None
    bill_amount: Decimal | None
    bill_date: date | None
    method_name: str
    """Such as ``bank account`` or ``card``; empty for none on file."""
    method_last4: str
    locked_until: datetime | None
    """UTC; None when not locked."""
    notes: str = ""
    area: str = ""
    """Where the customer is supplied; what outages are looked up by."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A promise to call somebody back."""

    number: str
    queue: str
    reason: str
    call_id: str
    attached_data: dict[str, str]
    noted: datetime
    ticket: str = ""
    """Under which the engine rings; empty for one that people are to ring."""
    tries: int = 0
    """Calls of the engine made in vain."""
    not_before: datetime | None = None
    """When the engine may ring next; None where it does not ring, or no more."""
    outcome: str = ""
    """What became of it; empty while it is open. Of the engine's, an `Outcome` of `ivr.agents.events`; of the
    others ``done``."""
    over: datetime | None = None


class Customers(Protocol):
    """Questions menus ask, by the name of the look-up."""

    async def look_up(self, name: str, values: dict[str, object], *, key: str = "") -> LookupResult:
        """Answer `find_caller find_account check_pin balance last_bill payments pay_method pay promise outage`.

        `key` makes `pay` and `promise` idempotent: the same key answers the same receipt and books once.
        A store that cannot answer gives the outcome ``down``; nothing is raised for strangers' values.
        """
        ...

    async def customer(self, account: str) -> Customer | None: ...

    async def customers(self) -> list[Customer]: ...

    async def unlock(self, account: str) -> bool:
        """True if there is such an account; it is unlocked then and its failures are forgotten."""
        ...


class CallRecords(Protocol):
    """One durable document per call; the document's shape is `ivr.call.record`'s."""

    async def save_call(self, record: dict[str, Any]) -> None:
        """Insert or replace by ``record["id"]``. On disk when this returns."""
        ...

    async def call(self, call_id: str) -> dict[str, Any] | None:
        """One record; ``last`` is the newest that has ended."""
        ...

    async def calls(self, most: int = 50) -> list[dict[str, Any]]:
        """Newest first."""
        ...


class Promises(Protocol):
    """Callbacks and agent states: on disk before anybody is told."""

    async def note_callback(self, callback: Callback) -> None: ...

    async def callbacks(self) -> list[Callback]:
        """All, open and over, oldest first."""
        ...

    async def finish_callbacks(self, outcome: str, *, call_id: str = "", ticket: str = "") -> int:
        """Those of a ticket are over; or those of a call that people are to ring. How many were open."""
        ...

    async def save_agent_state(self, agent: str, state: dict[str, Any]) -> None: ...

    async def agent_states(self) -> dict[str, dict[str, Any]]: ...


class Contacts(Protocol):
    """Contact records: one per agent who took an inbound call. The document's shape is `ivr.call.contact`'s."""

    async def save_contact(self, contact: dict[str, Any]) -> None:
        """Insert or replace by ``contact["id"]``. On disk when this returns."""
        ...

    async def contacts(self, *, call_id: str = "", account: str = "", most: int = 50) -> list[dict[str, Any]]:
        """Of a call, of a customer's account, or of everybody; newest first."""
        ...


class Screens(Protocol):
    """Where agents' desktops want their events, so that a restart of ours does not log anybody off."""

    async def save_screen(self, user: str, screen: dict[str, Any] | None) -> None:
        """Insert or replace; None forgets it. On disk when this returns."""
        ...

    async def screens(self) -> dict[str, dict[str, Any]]: ...

    async def save_monitor(self, user: str, monitor: dict[str, Any] | None) -> None:
        """The same for the feed of figures of a supervisor, which is a subscription of its own."""
        ...

    async def monitors(self) -> dict[str, dict[str, Any]]: ...


class Telephones(Protocol):
    """Where telephones are registered; the shape of one is `ivr.call.telephones`'s."""

    async def save_bindings(self, user: str, bindings: list[dict[str, Any]]) -> None:
        """All of a user's, in the place of what was there. On disk when this returns."""
        ...

    async def bindings(self) -> dict[str, list[dict[str, Any]]]: ...

    async def save_watches(self, user: str, watches: list[dict[str, Any]]) -> None:
        """The same for telephones that watch a user; the shape of one is `ivr.call.watches`'s."""
        ...

    async def watches(self) -> dict[str, list[dict[str, Any]]]: ...


class FloorBooks(Protocol):
    """What agents and queues go on with after a restart."""

    async def save_queue_days(self, day: str, figures: dict[str, dict[str, Any]]) -> None:
        """The sums of a day (ISO 8601) so far, by queue; `ivr.agents.figures.QueueFigures` has the shape."""
        ...

    async def queue_days(self, first: str, last: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Sums by day, then by queue; both days are included."""
        ...

    async def save_callback_place(self, ticket: str, place: dict[str, Any] | None, *, outcome: str = "") -> None:
        """Insert or replace; None forgets it, and `outcome` is what became of the promise. On disk when this
        returns."""
        ...

    async def callback_places(self) -> dict[str, dict[str, Any]]:
        """By ticket."""
        ...


class Store(Customers, CallRecords, Promises, Contacts, Screens, Telephones, FloorBooks, Protocol):
    """Everything durable."""

    async def close(self) -> None: ...
