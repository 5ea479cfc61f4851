"""The two server machines: we are asked. RFC 3261 section 17.2, RFC 6026 section 7.1."""

from __future__ import annotations

from typing import ClassVar

from ivr.sip.timers import Timers
from ivr.sip.transaction.machine import Effect, Input, Machine, State, Table

_S = State
_I = Input


class ServerTransaction(Machine):
    """A peer's request with our responses; its repetitions end here."""

    __slots__ = ("_last", "_next")

    def __init__(self, state: State, reliable: bool, timers: Timers) -> None:
        super().__init__(state, reliable, timers)
        self._last = b""
        """The response that a repeated request gets again."""
        self._next = b""

    def repeated(self, now: float) -> list[Effect]:
        """The request has come once more."""
        self._step(_I.REQUEST, now)
        return self._take()

    def respond(self, status: int, data: bytes, now: float) -> list[Effect]:
        """A response from our side. One that comes too late (a second final answer) is dropped."""
        self._next = data
        self._step(_I.of_status(status), now)
        return self._take()

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self.state not in (_S.TRYING, _S.PROCEEDING)

    def send_response(self, now: float) -> None:
        self._last = self._next
        self._send(self._last)

    def send_again(self, now: float) -> None:
        self._send(self._last)


class InviteServer(ServerTransaction):
    """An INVITE of a peer.

    ::

        PROCEEDING --3xx..6xx--> COMPLETED --ACK--> CONFIRMED --I--> TERMINATED
            |                       +--H (no ACK)--> TERMINATED
            +--2xx--> ACCEPTED --L--> TERMINATED

    A final answer from 300 on is repeated by G until the ACK. In ACCEPTED repetitions of the INVITE are
    absorbed: the 2xx is repeated by the dialog until its ACK comes (section 13.3.1.4).
    """

    __slots__ = ("_interval",)

    def __init__(self, reliable: bool, timers: Timers) -> None:
        super().__init__(State.PROCEEDING, reliable, timers)
        self._interval = timers.t1

    def acknowledged(self, now: float) -> bool:
        """An ACK with our branch came; whether it belonged to a final answer from 300 on."""
        return self._step(_I.ACK, now)

    def start_g_h(self, now: float) -> None:
        self._after("H", self.timers.patience, now)
        if not self.reliable:
            self._after("G", self._interval, now)

    def repeat_later(self, now: float) -> None:
        self._interval = min(2 * self._interval, self.timers.t2)
        self._after("G", self._interval, now)

    def start_i(self, now: float) -> None:
        self._alarms.stop("G", "H")
        self._after("I", 0.0 if self.reliable else self.timers.t4, now)

    def start_l(self, now: float) -> None:
        self._after("L", self.timers.patience, now)

    TABLE: ClassVar[Table] = {
        (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (ServerTransaction.send_again,)),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (ServerTransaction.send_response,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (start_l, ServerTransaction.send_response)),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (start_g_h, ServerTransaction.send_response)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (ServerTransaction.send_again,)),
        (_S.COMPLETED, _I.G): (_S.COMPLETED, (repeat_later, ServerTransaction.send_again)),
        (_S.COMPLETED, _I.H): (_S.TERMINATED, (Machine.fail_timeout,)),
        (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, (start_i,)),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.CONFIRMED, _I.ACK): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.I): (_S.TERMINATED, ()),
        (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (ServerTransaction.send_response,)),
        (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, (Machine.fail_transport,)),
        (_S.ACCEPTED, _I.L): (_S.TERMINATED, ()),
    }


class NonInviteServer(ServerTransaction):
    """Any other request of a peer.

    ::

        TRYING --1xx--> PROCEEDING --2xx..6xx--> COMPLETED --J--> TERMINATED
           \\______________________________________^
    """

    __slots__ = ()

    def __init__(self, reliable: bool, timers: Timers) -> None:
        super().__init__(State.TRYING, reliable, timers)

    def start_j(self, now: float) -> None:
        self._after("J", 0.0 if self.reliable else self.timers.patience, now)

    TABLE: ClassVar[Table] = {
        (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (ServerTransaction.send_response,)),
        (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (start_j, ServerTransaction.send_response)),
        (_S.TRYING, _I.FAILURE): (_S.COMPLETED, (start_j, ServerTransaction.send_response)),
        (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (ServerTransaction.send_again,)),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (ServerTransaction.send_response,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (start_j, ServerTransaction.send_response)),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (start_j, ServerTransaction.send_response)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (ServerTransaction.send_again,)),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.COMPLETED, _I.J): (_S.TERMINATED, ()),
    }
