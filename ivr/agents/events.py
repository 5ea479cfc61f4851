"""What goes into the floor (agents and queues) and what comes out of it.

`Floor.handle(event, now)` and `Floor.expire(now)` return commands; `Floor.deadline` says when to wake it.
Codes AG…, PR…, RT… name the behaviours that tests are called after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ivr.agents.desktop import ScreenFound as ScreenFound
from ivr.agents.desktop import ScreenLost as ScreenLost
from ivr.agents.queue_rule import EMERGENCY as EMERGENCY
from ivr.agents.queue_rule import QueueRule as QueueRule
from ivr.agents.queue_rule import Spill as Spill
from ivr.agents.sign_on import QueuesLeft as QueuesLeft
from ivr.agents.states import AgentState as AgentState
from ivr.agents.states import Presence as Presence

WORKMODE_LOGGED_OFF, WORKMODE_READY, WORKMODE_NOT_READY = 1, 2, 3
"""SAP's fixed codes; a site's own reasons are above 999."""
WORKMODE_WRAP_UP = 4
"""Ours: chosen in wrap-up it begins anew, chosen in a call one follows (AG12)."""


# --- events -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """An agent subscribed: not ready until a work mode says so (AG1)."""

    agent: str


@dataclass(frozen=True, slots=True)
class WorkmodeChosen:
    """The agent's own choice: 1, 2, 3, a site's reason above 999, or 4 for a longer wrap-up."""

    agent: str
    workmode: int


@dataclass(frozen=True, slots=True)
class PhoneChanged:
    """An agent's telephone can be reached, or cannot: it has registered, its registration has ended, the log-on
    named one. Who cannot be rung is offered nothing (AG19); a call goes on."""

    agent: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class CallerJoined:
    """A caller waits from now on."""

    ticket: str
    queue: str
    priority_raise: int = 0
    joined: float | None = None
    """Monotonic seconds; None for now. An earlier time keeps the age of a caller who waited before."""
    caller: str = ""
    """The caller's number, by which the last agent and a lost place are found; empty where it is not known."""
    returned: bool = False
    """Comes from an agent, not from the menu: goes before others of the same priority (RT14)."""
    announce: float = 0.0
    """Seconds between two announcements of place and wait (RT16); 0 for none."""
    resume: bool = False
    """The caller can be asked whether to take a place again that was lost (RT12)."""


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller hung up, or chose something else, before an agent had the call. Everything is withdrawn."""

    ticket: str
    why: Literal["abandoned", "callback"] = "abandoned"
    """``callback``: chose to be called back instead."""


@dataclass(frozen=True, slots=True)
class PlaceTaken:
    """The caller pressed the key that takes the lost place again (RT12)."""

    ticket: str


@dataclass(frozen=True, slots=True)
class CallbackPromised:
    """Somebody shall be rung when it is his turn (RT11)."""

    ticket: str
    queue: str
    caller: str
    """Number to ring."""
    of: str = ""
    """The ticket whose place is kept: one that waits, or ended within the last minutes; empty for a new place."""


@dataclass(frozen=True, slots=True)
class CustomerAnswered:
    """A person is on the line and wants the agent: from now on the ticket is like any other."""

    ticket: str


@dataclass(frozen=True, slots=True)
class CustomerNotReached:
    """Nobody answered, or no person did: it is tried again later, three times in all."""

    ticket: str


@dataclass(frozen=True, slots=True)
class CallbackDeclined:
    """The customer wants nobody any more."""

    ticket: str


@dataclass(frozen=True, slots=True)
class QueueClosed:
    """Opening hours are over: nobody is called back, and who waits is served or not as the settings say (RT9)."""

    queue: str


@dataclass(frozen=True, slots=True)
class QueueOpened:
    """Opening hours have begun."""

    queue: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The agent accepted on the screen."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class PhoneAnswered:
    """The agent's telephone was picked up; counts as accept too (H5)."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The agent refused on the screen or on the telephone (AG7)."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """The telephone could not be reached at all (AG17), or the screen refused the event (H3)."""

    agent: str
    ticket: str
    why: Literal["phone", "screen"]


@dataclass(frozen=True, slots=True)
class CallHeld:
    """The agent put the caller on hold."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class CallRetrieved:
    """The agent took the caller back."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class AgentCallEnded:
    """Agent and caller have parted."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class WrapUpFinished:
    """The agent ended wrap-up without choosing a work mode."""

    agent: str


@dataclass(frozen=True, slots=True)
class OutsideAnswered:
    """The outside line of RingOutside has the caller."""

    ticket: str


@dataclass(frozen=True, slots=True)
class OutsideFailed:
    """The outside line of RingOutside did not answer: the ticket goes on waiting."""

    ticket: str


@dataclass(frozen=True, slots=True)
class CallerSent:
    """A caller is for these agents alone, one after the other, as after a transfer, or to be consulted.

    Who is not there, or does not take the call, is passed over. After the last one the caller waits in `queue`
    like everybody else; with no queue the ticket ends as ``failed``.
    """

    ticket: str
    agents: tuple[str, ...]
    queue: str = ""
    caller: str = ""
    """Calling number; empty when it was withheld, and for a consultation, in which nobody gets the caller."""
    ring: float = 20.0
    """Seconds each telephone rings where there is no queue to say so."""
    priority_raise: int = 0
    joined: float | None = None
    """As of CallerJoined."""


@dataclass(frozen=True, slots=True)
class CallerMoved:
    """A caller who waits goes on waiting in another queue; the agent who sent him there is passed over (AG7)."""

    agent: str
    ticket: str
    queue: str


@dataclass(frozen=True, slots=True)
class CallTaken:
    """`agent` had the call, `by` has it from now on: both were talking, in a consultation or a conference."""

    ticket: str
    agent: str
    by: str
    caller: str = ""
    """Calling number: `by` is the last agent from now on."""


Event = (
    LoggedOn
    | WorkmodeChosen
    | QueuesLeft
    | ScreenLost
    | ScreenFound
    | PhoneChanged
    | CallerJoined
    | CallerLeft
    | PlaceTaken
    | CallbackPromised
    | CustomerAnswered
    | CustomerNotReached
    | CallbackDeclined
    | QueueClosed
    | QueueOpened
    | Accepted
    | PhoneAnswered
    | Rejected
    | OfferFailed
    | CallHeld
    | CallRetrieved
    | AgentCallEnded
    | WrapUpFinished
    | OutsideAnswered
    | OutsideFailed
    | CallerSent
    | CallerMoved
    | CallTaken
)

# --- commands ---------------------------------------------------------------------------------------

Outcome = Literal["answered", "abandoned", "overflow", "callback", "closed", "failed", "unreached"]
"""How a ticket ends. ``callback``: the caller chose to be called. ``unreached``: a callback after its tries.
``failed``: nobody of those to whom a caller was sent, and there was no queue to go on in."""
Withdrawn = Literal["abandoned", "missed", "rejected", "failed", "overtaken", "taken", "closed"]
"""Why an offer ended. ``taken``: somebody else answered first."""


@dataclass(frozen=True, slots=True)
class OfferCall:
    """Alert this agent's screen, then telephone. The agent is reserved by a lease until `until`."""

    agent: str
    ticket: str
    until: float
    """Monotonic seconds at which the offer ends by itself."""


@dataclass(frozen=True, slots=True)
class WithdrawOffer:
    """Stop the telephone and take the call off the screen."""

    agent: str
    ticket: str
    why: Withdrawn


@dataclass(frozen=True, slots=True)
class JoinCall:
    """Both the agent's telephone and the caller are there: bridge them."""

    agent: str
    ticket: str


@dataclass(frozen=True, slots=True)
class RingOutside:
    """Ring an outside address for this ticket; agents may still be offered it meanwhile."""

    ticket: str
    to: str


@dataclass(frozen=True, slots=True)
class CancelOutside:
    """An agent was quicker: stop ringing outside."""

    ticket: str


@dataclass(frozen=True, slots=True)
class TicketEnded:
    """The caller waits no more. Told exactly once per ticket (RT15)."""

    ticket: str
    outcome: Outcome
    waited: float
    """Seconds."""
    agent: str = ""
    why: Literal["", "unstaffed"] = ""
    """``unstaffed``: an overflow because nobody who could take the caller is logged on (RT8)."""


@dataclass(frozen=True, slots=True)
class TicketWidened:
    """More people may have the caller from now on (RT5). For the story of the call."""

    ticket: str
    to: str
    """``level 2``, ``group``, ``any_agent`` or ``queue NAME``."""


@dataclass(frozen=True, slots=True)
class TellWaiting:
    """Tell a waiting caller the place and, where it is known, an honest range of the wait (RT16)."""

    ticket: str
    position: int
    """1 is next."""
    least: int | None = None
    most: int | None = None
    """Whole minutes, rounded up; None where nobody can say."""


@dataclass(frozen=True, slots=True)
class OfferPlace:
    """The caller lost a place in this queue just now: ask whether to take it again (RT12)."""

    ticket: str


@dataclass(frozen=True, slots=True)
class RingCustomer:
    """It is the turn of a callback: ring the customer. No agent is reserved meanwhile (RT11)."""

    ticket: str
    number: str
    until: float
    """Monotonic seconds at which an answer no longer counts."""


@dataclass(frozen=True, slots=True)
class StopCustomer:
    """Stop ringing the customer."""

    ticket: str


@dataclass(frozen=True, slots=True)
class CallbackChanged:
    """What is to be kept of a callback; save it. After its TicketEnded it is to be forgotten."""

    ticket: str
    queue: str
    caller: str
    number: int
    """The place: tickets are numbered in the order of arrival."""
    joined: float
    """Monotonic seconds, as `not_before`."""
    tries: int
    """Calls made in vain."""
    not_before: float


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """An agent's state, work mode or presence changed. Save, then tell."""

    agent: str
    state: AgentState
    reason: str
    """Of not_ready: ``logon rejected missed screen_lost phone_lost`` or a site's code; else empty."""
    workmode: int
    next_workmode: int | None
    """Asked for while busy; taken when the call and its wrap-up are over."""
    presence: Presence
    ticket: str | None = field(default=None)
    phone: bool = True
    """Whether the telephone can be reached, as far as is known."""
    left: frozenset[str] = frozenset()
    """Queues signed off from."""


Command = (
    OfferCall
    | WithdrawOffer
    | JoinCall
    | RingOutside
    | CancelOutside
    | TicketEnded
    | TicketWidened
    | TellWaiting
    | OfferPlace
    | RingCustomer
    | StopCustomer
    | CallbackChanged
    | AgentChanged
)
