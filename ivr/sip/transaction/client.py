"""The two client machines: we have asked. RFC 3261 section 17.1, RFC 6026 section 7.2."""

from __future__ import annotations

from typing import ClassVar

from ivr.sip.companions import ack_of_failure
from ivr.sip.message import Request, Response
from ivr.sip.timers import Timers
from ivr.sip.transaction.machine import Effect, Input, Machine, PassUp, State, Table

_S = State
_I = Input


class ClientTransaction(Machine):
    """A request of ours with all its responses."""

    __slots__ = ("_data", "_interval", "_response", "request")

    def __init__(self, request: Request, state: State, reliable: bool, timers: Timers) -> None:
        super().__init__(state, reliable, timers)
        self.request = request
        self._data = request.encode()
        self._interval = timers.t1
        self._response: Response | None = None

    def start(self, now: float) -> list[Effect]:
        """Send the request for the first time."""
        self._step(_I.REQUEST, now)
        return self._take()

    def receive(self, response: Response, now: float) -> list[Effect]:
        self._response = response
        self._step(_I.of_status(response.status), now)
        self._response = None
        return self._take()

    def send_request(self, now: float) -> None:
        self._send(self._data)

    def pass_up(self, now: float) -> None:
        if self._response is not None:
            self._effects.append(PassUp(self._response))


class InviteClient(ClientTransaction):
    """An INVITE of ours.

    ::

        CALLING --1xx--> PROCEEDING --3xx..6xx--> COMPLETED --D--> TERMINATED
           |  \\______________|___________2xx____> ACCEPTED  --M--> TERMINATED
           +--B, transport error--> TERMINATED

    Repeated by A over UDP; each final answer from 300 on is acknowledged here. A 2xx, and each of its
    repetitions, is passed up: the ACK for it belongs to the dialog (section 13.2.2.4).
    """

    __slots__ = ()

    def __init__(self, request: Request, reliable: bool, timers: Timers) -> None:
        super().__init__(request, State.CALLING, reliable, timers)

    def begin(self, now: float) -> None:
        self._after("B", self.timers.patience, now)
        if not self.reliable:
            self._after("A", self._interval, now)

    def repeat_later(self, now: float) -> None:
        self._interval *= 2
        self._after("A", self._interval, now)

    def settle(self, now: float) -> None:
        self._alarms.stop("A", "B")

    def send_ack(self, now: float) -> None:
        if self._response is not None:
            self._send(ack_of_failure(self.request, self._response).encode())

    def start_d(self, now: float) -> None:
        self._after("D", 0.0 if self.reliable else self.timers.d, now)

    def start_m(self, now: float) -> None:
        self._after("M", self.timers.patience, now)

    TABLE: ClassVar[Table] = {
        (_S.CALLING, _I.REQUEST): (_S.CALLING, (begin, ClientTransaction.send_request)),
        (_S.CALLING, _I.A): (_S.CALLING, (repeat_later, ClientTransaction.send_request)),
        (_S.CALLING, _I.B): (_S.TERMINATED, (Machine.fail_timeout,)),
        (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, (settle, ClientTransaction.pass_up)),
        (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, (settle, start_m, ClientTransaction.pass_up)),
        (_S.CALLING, _I.FAILURE): (_S.COMPLETED, (settle, start_d, send_ack, ClientTransaction.pass_up)),
        (_S.CALLING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (ClientTransaction.pass_up,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (start_m, ClientTransaction.pass_up)),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (start_d, send_ack, ClientTransaction.pass_up)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, (send_ack,)),
        (_S.COMPLETED, _I.D): (_S.TERMINATED, ()),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (ClientTransaction.pass_up,)),
        (_S.ACCEPTED, _I.M): (_S.TERMINATED, ()),
    }


class NonInviteClient(ClientTransaction):
    """Any other request of ours.

    ::

        TRYING --1xx--> PROCEEDING --2xx..6xx--> COMPLETED --K--> TERMINATED
           |  \\_____________________________________^
           +--F, transport error--> TERMINATED  (from PROCEEDING too)

    Repeated by E over UDP, in PROCEEDING every T2.
    """

    __slots__ = ()

    def __init__(self, request: Request, reliable: bool, timers: Timers) -> None:
        super().__init__(request, State.TRYING, reliable, timers)

    def begin(self, now: float) -> None:
        self._after("F", self.timers.patience, now)
        if not self.reliable:
            self._after("E", self._interval, now)

    def repeat_later(self, now: float) -> None:
        self._interval = min(2 * self._interval, self.timers.t2)
        self._after("E", self._interval, now)

    def repeat_slowly(self, now: float) -> None:
        self._interval = self.timers.t2
        self._after("E", self._interval, now)

    def settle(self, now: float) -> None:
        self._alarms.stop("E", "F")
        self._after("K", 0.0 if self.reliable else self.timers.t4, now)

    TABLE: ClassVar[Table] = {
        (_S.TRYING, _I.REQUEST): (_S.TRYING, (begin, ClientTransaction.send_request)),
        (_S.TRYING, _I.E): (_S.TRYING, (repeat_later, ClientTransaction.send_request)),
        (_S.TRYING, _I.F): (_S.TERMINATED, (Machine.fail_timeout,)),
        (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (ClientTransaction.pass_up,)),
        (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (settle, ClientTransaction.pass_up)),
        (_S.TRYING, _I.FAILURE): (_S.COMPLETED, (settle, ClientTransaction.pass_up)),
        (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.PROCEEDING, _I.E): (_S.PROCEEDING, (repeat_slowly, ClientTransaction.send_request)),
        (_S.PROCEEDING, _I.F): (_S.TERMINATED, (Machine.fail_timeout,)),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (ClientTransaction.pass_up,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (settle, ClientTransaction.pass_up)),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (settle, ClientTransaction.pass_up)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (Machine.fail_transport,)),
        (_S.COMPLETED, _I.K): (_S.TERMINATED, ()),
    }
