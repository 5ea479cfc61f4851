"""What goes into the conversation and what comes out of it.

`MenuMachine` is pure: `machine.handle(event, now)` and `machine.expire(now)` return commands, and
`machine.deadline` says when to wake it. `now` is monotonic seconds; the wall clock enters once, with
`CallAnswered`, and is carried forward from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# --- pieces of sound -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a prompt that is rendered or recorded as one sound."""

    prompt: str
    """Prompt id it belongs to."""
    language: str
    text: str
    """What is said; for a voice to speak. Values are already words ("eighty-four dollars")."""
    recording: str = ""
    """File under ``audio/<language>/`` to use if it exists; synthesis of `text` if not."""
    secret: bool = False
    """Never write its text to a log or record."""


# --- events: past ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The caller hears us."""

    calling_number: str
    """Telephone number as text, E.164 with plus where it is one; empty if withheld or no number."""
    called: str
    utc: datetime
    """Wall-clock time of this event, zone UTC."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One key, ``0``-``9``, ``*``, ``#``, ``A``-``D``."""

    key: str


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller started to speak; whatever may be interrupted by speech has fallen silent.

    The machine stops its no-input timer until PhraseHeard.
    """


@dataclass(frozen=True, slots=True)
class PhraseHeard:
    """What the recogniser made of an utterance."""

    phrase: str
    """A phrase of the Listen command, or digits as one string (``4000000002``), or empty for no match."""
    confidence: float = 1.0
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """The play of this number is over: played to its end, or interrupted."""

    play: int
    finished: bool


@dataclass(frozen=True, slots=True)
class LookupEnded:
    """The answer to a LookUp. One that comes after its limit is ignored by the machine."""

    lookup: int
    outcome: Literal["ok", "not_found", "refused", "slow", "down"]
    """`slow` is decided by the machine itself, too, at the limit."""
    values: dict[str, object] = field(default_factory=dict, repr=False)
    """By names of `gives`. Money is Decimal, dates are datetime.date, a list is a list of such dicts;
    numbers of telephones and accounts are text."""


@dataclass(frozen=True, slots=True)
class HandoffEnded:
    """What became of the StartHandoff. After ``answered`` the agent has the call until it ends."""

    outcome: Literal["answered", "busy", "closed", "failed"]
    agent: str = ""


@dataclass(frozen=True, slots=True)
class HandoffResumed:
    """After ``answered``: the caller waits again, as the agent passed him on or is gone. HandoffEnded follows."""


@dataclass(frozen=True, slots=True)
class DataEntered:
    """What agents have entered for the menu (``from_agent:``), told before the call comes back from them."""

    values: Mapping[str, str] = field(repr=False)
    """All of them, by the menu's names; empty text for a field that is empty or not there."""


@dataclass(frozen=True, slots=True)
class SentBack:
    """The agent sent the caller back to this step of the menu; what is proved stays proved."""

    step: str


@dataclass(frozen=True, slots=True)
class PlaceTold:
    """Where a waiting caller stands, and how long it takes: a range of minutes, or None where nobody can say."""

    position: int
    wait_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PlaceFound:
    """The caller was cut off in this queue a moment ago and may have the place again."""


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """What became of the StartTransfer."""

    outcome: Literal["answered", "failed"]


@dataclass(frozen=True, slots=True)
class CallbackNoted:
    """Whether the callback is durably noted."""

    noted: bool


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The StartRecording of this number is over, and what was said is on disk."""

    recording: int
    file: str
    """The file's name; empty when nothing was said, or nothing could be kept."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    """The caller is gone; nothing can be played any more. The machine is done."""


Event = (
    CallAnswered
    | KeyPressed
    | SpeechBegan
    | PhraseHeard
    | PromptEnded
    | LookupEnded
    | HandoffEnded
    | HandoffResumed
    | DataEntered
    | SentBack
    | PlaceTold
    | PlaceFound
    | TransferEnded
    | CallbackNoted
    | RecordingEnded
    | CallerHungUp
)

# --- commands: imperative --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayPrompt:
    """Play these pieces one after another. A play already running is replaced."""

    play: int
    pieces: tuple[Piece, ...]
    prompts: tuple[str, ...]
    """Prompt ids, for the record."""
    interrupt: Literal["any", "keys", "speech", "never"]
    """What stops it at once, in the media worker, before the machine hears of it (barge-in)."""


@dataclass(frozen=True, slots=True)
class StopPrompt:
    """Fall silent."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Recognise speech from now on, also while a prompt plays, until StopListening or another Listen."""

    language: str
    phrases: tuple[str, ...]
    digits: bool
    """Digit strings are allowed too."""


@dataclass(frozen=True, slots=True)
class StopListening:
    """Speech is of no interest."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the customer store (or another connector)."""

    lookup: int
    name: str
    """A name under `data:`, such as ``balance``."""
    values: dict[str, object] = field(repr=False)
    """Its `needs`. Values named `secret` must not be logged."""
    limit: float
    """Seconds; the machine itself gives up then."""
    once: bool = False
    key: str = ""
    """Idempotency key: the same key twice must have the effect of once."""


@dataclass(frozen=True, slots=True)
class StartHandoff:
    """Find an agent. Until HandoffEnded the caller hears `waiting` and music, not the machine's prompts."""

    queue: str
    reason: str
    priority_raise: int
    application: str
    """ICI Application id of the attached data."""
    fields: dict[str, str]
    """Attached data at this moment, without the fields of `live_fields`."""
    live_fields: dict[str, str]
    """Field name to built-in value that is still growing: only ``waited`` (whole seconds)."""
    waiting: tuple[Piece, ...]
    """Said at entry and again now and then; may be empty."""
    tells_place: bool = False
    """PlaceTold is wanted: there are words for it."""
    asks_to_resume: bool = False
    """PlaceFound is wanted: there are words for it."""


@dataclass(frozen=True, slots=True)
class HandoffClosed:
    """Nobody is looked for, as the queue is closed at this hour. For the record: the step takes its own exit."""

    queue: str
    reason: str
    application: str
    fields: dict[str, str]
    """Attached data, as an agent would have seen it."""


@dataclass(frozen=True, slots=True)
class CancelHandoff:
    """The caller chose something else while waiting: withdraw everything."""

    for_callback: bool = False
    """He would rather be called back."""


@dataclass(frozen=True, slots=True)
class TellWaiting:
    """Say this to a caller who waits, once, and go on with the words and music of the queue."""

    pieces: tuple[Piece, ...]
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakePlace:
    """The caller pressed the key that takes the lost place again."""


@dataclass(frozen=True, slots=True)
class StartTransfer:
    """Connect the caller to an outside address, ``tel:…`` or ``sip:…``; TransferEnded tells."""

    to: str


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    """The caller chose something else while the outside address rang: stop ringing there."""


@dataclass(frozen=True, slots=True)
class NoteCallback:
    """Keep a promise to call `number` back, durably; CallbackNoted tells."""

    number: str
    queue: str
    """Queue of the handoff that led here; empty if none."""
    reason: str
    fields: dict[str, str]
    keep_place: bool
    rings: str = ""
    """Step at which the call begins when the customer has been rung; empty: nobody is rung by itself."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Beep, and keep what the caller says; RecordingEnded tells."""

    recording: int
    step: str
    most: float
    """Seconds."""
    silence: float
    """Seconds without speech that end it."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording now; what was said until here is kept."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""

    reason: str


# --- commands that only tell the record -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepEntered:
    """The call is at this step now; `path` grows by it."""

    step: str


@dataclass(frozen=True, slots=True)
class StepLeft:
    """The call left the step by this exit: a key of the step (``ok``, ``refused``), ``key 1``,
    ``said agent``, ``no_input``, ``no_match``, ``go``, ``requires``, ``everywhere 9``, ``hung_up``."""

    step: str
    exit: str


@dataclass(frozen=True, slots=True)
class KeysConsumed:
    """The oldest `count` keys not yet told about were taken by a question (or were its end key)."""

    count: int
    secret: bool
    """True: they stay masked for ever."""


@dataclass(frozen=True, slots=True)
class KeysDropped:
    """The oldest `count` keys not yet told about were thrown away; they stay masked."""

    count: int


@dataclass(frozen=True, slots=True)
class GoalReached:
    """A business goal named by `goal:`."""

    goal: str


Command = (
    PlayPrompt
    | StopPrompt
    | Listen
    | StopListening
    | LookUp
    | StartHandoff
    | HandoffClosed
    | CancelHandoff
    | TellWaiting
    | TakePlace
    | StartTransfer
    | CancelTransfer
    | NoteCallback
    | StartRecording
    | StopRecording
    | HangUp
    | StepEntered
    | StepLeft
    | KeysConsumed
    | KeysDropped
    | GoalReached
)
