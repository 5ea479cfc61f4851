"""What ICI asks of the telephone system: implemented by `call`, called by the SOAP endpoint.

An operation answers "accepted for processing"; what became of it is told by events (ICI.md section 2.2).
Every refusal is an `IciRefusal`, which the endpoint turns into a SOAP fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from ivr.errors import IvrError

ProcessingStatus = Literal["dialing", "alerting", "connected", "held", "conferenced", "wrapup", "ended"]
EndReason = Literal["normal", "transferred", "rejected", "abandoned", "failed", "rerouted"]


class IciRefusal(IvrError):
    """An operation that cannot be done. `code` is stable for programs, the text is for people."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        item_id: str = "",
        server: bool = False,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        """Such as ``ICI-STATE ICI-UNKNOWN-ITEM ICI-UNKNOWN-USER ICI-NOT-OWNER ICI-BAD-VALUE ICI-XML``."""
        self.item_id = item_id
        self.server = server
        """True for trouble of ours (fault code Server), False for a bad request (Client)."""
        self.facts = dict(facts or {})
        """More for programs, name to value: it goes into the detail of the fault."""
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class PhoneCallItem:
    """A full snapshot of one call as one agent sees it. Becomes `phoneCall` on the wire."""

    id: str
    status: ProcessingStatus
    direction: Literal["inbound", "outbound"]
    remote_numbers: tuple[str, ...]
    called_number: str
    queue_id: str
    attached_data: str
    """The whole ItemAttachedData document, XML declaration included."""
    sequence: int
    """Grows by one at every change of the item (H6)."""
    started_at: datetime
    linked_item_id: str = ""
    reason: EndReason | None = None
    """Only when status is ended."""
    capabilities: tuple[str, ...] = ()
    """Operations that are legal now; recomputed at every change (ici.capabilities)."""
    attached_data_version: int = 0
    """Of the document; 0 where the other side numbers none."""
    description: str = ""
    """In a few words, for people: who sent the caller, what failed before, why it is over; empty for nothing."""


@dataclass(frozen=True, slots=True)
class UserView:
    """An agent as ICI shows one. Becomes `user` on the wire."""

    id: str
    name: str
    workmode: int
    workmode_text: str
    next_workmode: int | None
    presence: str
    """Available, Busy or Logged Off."""
    queues: tuple[str, ...]
    workcenter_id: str


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue as ICI shows one."""

    id: str
    description: str
    waiting: int
    longest_wait: float
    """Seconds."""


class Switchboard(Protocol):
    """The telephone system as ICI sees it. All on the event loop's thread."""

    def has_user(self, user: str) -> bool:
        """Whether there is such an agent."""
        ...

    def users(self) -> list[str]:
        """Everybody, for supervisors."""
        ...

    def password_of(self, user: str) -> str:
        """The agent's password; empty means: only from loopback."""
        ...

    def user(self, user: str) -> UserView: ...

    def queues(self) -> list[QueueView]: ...

    def workmodes(self, user: str) -> list[tuple[int, str]]: ...

    def item(self, item_id: str) -> PhoneCallItem | None: ...

    def owner(self, item_id: str) -> str:
        """The agent whose item it is; empty if unknown."""
        ...

    def items(self, user: str) -> list[PhoneCallItem]:
        """Live items of an agent, for resynchronisation after logon."""
        ...

    async def log_on(self, user: str, workcenter: str) -> None:
        """After `subscribe`. The work centre is the agent's phone: a SIP URI, or a name of the settings;
        empty for the phone of the settings."""
        ...

    async def keep_screen(self, user: str, app_url: str, app_id: str, workcenter: str) -> None:
        """Put the subscription on disk; `log_off` and `screen_lost` forget it. Raises nothing."""
        ...

    async def keep_monitor(self, user: str, app_url: str, app_id: str) -> None:
        """Put a supervisor's subscription on disk; an empty address forgets it. Raises nothing."""
        ...

    async def log_off(self, user: str, cause: str) -> None: ...

    async def screen_lost(self, user: str) -> None:
        """Events to the agent's callback have failed for good."""
        ...

    async def set_workmode(self, user: str, workmode: int) -> None: ...

    async def set_queues(self, user: str, queues: list[str]) -> None: ...

    async def accept(self, user: str, item_id: str) -> None: ...

    async def reject(self, user: str, item_id: str) -> None: ...

    async def drop(self, user: str, item_id: str) -> None: ...

    async def hold(self, user: str, item_id: str) -> None: ...

    async def unhold(self, user: str, item_id: str) -> None: ...

    async def reroute(self, user: str, item_id: str, queue: str) -> None:
        """Refuse an alerting call and let the caller wait in another queue."""
        ...

    async def mute(self, user: str, item_id: str, *, on: bool) -> None:
        """Keep the agent's own voice from everybody else."""
        ...

    async def blind_transfer(self, user: str, item_id: str, destination: str) -> None:
        """Let go of the caller: to an agent id, ``queue:NAME``, ``menu:STEP`` or a listed number."""
        ...

    async def consult(self, user: str, item_id: str, destination: str) -> str:
        """Call an agent or a listed number while the caller waits; returns the new item."""
        ...

    async def dial(self, user: str, destination: str, document: str) -> str:
        """Call a colleague, ``queue:NAME`` or a listed number: the user's own telephone first. With a caller on
        hold it is `consult`. `document` is attached data, or empty; returns the new item."""
        ...

    async def toggle(self, user: str, item_id: str, other_id: str) -> None: ...

    async def warm_transfer(self, user: str, item_id: str, consult_item_id: str) -> None: ...

    async def conference(self, user: str, item_id: str, consult_item_id: str) -> None: ...

    async def send_dtmf(self, user: str, item_id: str, digits: str) -> None: ...

    def check_version(self, user: str, item_id: str, document: str, version: int) -> None:
        """Whether a user who has read this version may write the document, merged already. Raises `IciRefusal`."""
        ...

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None: ...


@dataclass(frozen=True, slots=True)
class PhoneCallChanged:
    """Tell the owner of an item about it."""

    item: PhoneCallItem


@dataclass(frozen=True, slots=True)
class UserChanged:
    """Tell a user about his own state."""

    user: UserView


@dataclass(frozen=True, slots=True)
class ItemAttachedDataChanged:
    """Tell the holders of an item, other than the writer, about its document."""

    item_id: str
    document: str
    version: int = 0
    """Of the document; 0 where the other side numbers none."""


@dataclass(frozen=True, slots=True)
class MonitorDataChanged:
    """Tell a supervisor the figures of queues and agents."""

    data_form: str
    """An XML document (`ivr.ici.monitor`)."""


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """Tell the old callback that it will hear nothing more."""

    reason: Literal["superseded", "unsubscribed", "unreachable", "shutdown", "logged_off"]
    description: str


IciEvent = PhoneCallChanged | UserChanged | ItemAttachedDataChanged | MonitorDataChanged | SubscriptionEnded
