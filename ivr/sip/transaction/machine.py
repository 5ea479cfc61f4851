"""What the four machines share.

A machine is a table: in this state, on this input, do these things and go to that state. Inputs are
messages and timers; what it does is put effects on a list: bytes to send, a response for its user, a failure.
An input the table does not know in a state is absorbed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar, Literal

from ivr.sip.message import Response
from ivr.sip.timers import Alarms, Timers


class State(Enum):
    """RFC 3261 figures 5 to 8, RFC 6026 figures 3 and 5."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What can happen to a transaction."""

    REQUEST = auto()
    """The request, or its repetition."""
    ACK = auto()
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    """A final response from 300 on."""
    TRANSPORT_ERROR = auto()
    A = auto()
    B = auto()
    D = auto()
    E = auto()
    F = auto()
    G = auto()
    H = auto()
    I = auto()  # noqa: E741
    J = auto()
    K = auto()
    L = auto()
    M = auto()

    @classmethod
    def of_status(cls, status: int) -> Input:
        if status < 200:
            return cls.PROVISIONAL
        return cls.SUCCESS if status < 300 else cls.FAILURE


@dataclass(frozen=True, slots=True)
class Transmit:
    """Bytes for the wire."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PassUp:
    """A response for the transaction's user."""

    response: Response


@dataclass(frozen=True, slots=True)
class Failed:
    """No final response came, no ACK came, or the transport died."""

    why: Literal["timeout", "transport"]


Effect = Transmit | PassUp | Failed
Action = Callable[[Any, float], None]
"""A method of the machine, with `now`."""
Table = Mapping[tuple[State, Input], tuple[State, tuple[Action, ...]]]


class Machine:
    """One transaction: state, alarms, and the table that moves it."""

    TABLE: ClassVar[Table]
    __slots__ = ("_alarms", "_effects", "reliable", "state", "timers")

    def __init__(self, state: State, reliable: bool, timers: Timers) -> None:
        self.state = state
        self.reliable = reliable
        """Whether the transport repeats by itself (TCP): then the transaction does not."""
        self.timers = timers
        self._alarms = Alarms()
        self._effects: list[Effect] = []

    @property
    def deadline(self) -> float | None:
        return self._alarms.deadline

    @property
    def terminated(self) -> bool:
        return self.state is State.TERMINATED

    def expire(self, now: float) -> list[Effect]:
        for name in self._alarms.due(now):
            self._step(Input[name], now)
        return self._take()

    def transport_failed(self, now: float) -> list[Effect]:
        """The transport could not send, or the connection is gone."""
        self._step(Input.TRANSPORT_ERROR, now)
        return self._take()

    def _step(self, what: Input, now: float) -> bool:
        """Follow the table; whether it knows this input in this state."""
        row = self.TABLE.get((self.state, what))
        if row is None:
            return False
        self.state, actions = row
        for action in actions:
            action(self, now)
        if self.terminated:
            self._alarms.clear()
        return True

    def _take(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _after(self, name: str, seconds: float, now: float) -> None:
        self._alarms[name] = now + seconds

    def _send(self, data: bytes) -> None:
        if data:
            self._effects.append(Transmit(data))

    def fail_timeout(self, now: float) -> None:
        self._effects.append(Failed("timeout"))

    def fail_transport(self, now: float) -> None:
        self._effects.append(Failed("transport"))
