"""Finds the transaction of each message and runs them all. RFC 3261 sections 17.1.3, 17.2.3 and 18."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from ivr.sip.events import CloseConnection, Flow, SendBytes
from ivr.sip.fields import COOKIE
from ivr.sip.message import Request, Response
from ivr.sip.timers import TimerQueue, Timers
from ivr.sip.transaction.client import ClientTransaction, InviteClient, NonInviteClient
from ivr.sip.transaction.machine import Effect, Failed, PassUp, Transmit
from ivr.sip.transaction.server import InviteServer, NonInviteServer, ServerTransaction

ServerKey = tuple[str, ...]
ClientKey = tuple[str, str]
Send = Callable[[SendBytes | CloseConnection], None]


class Asker(Protocol):
    """Whoever sent a request and waits for the answer."""

    def on_response(self, sent: Sent, response: Response, now: float) -> None: ...

    def on_failure(self, sent: Sent, why: str, now: float) -> None: ...


class Answerer(Protocol):
    """Whoever has to answer a request, and wants to know when that became impossible."""

    def on_unreachable(self, served: Served, now: float) -> None: ...


class Sent:
    """A request of ours under way."""

    __slots__ = ("_layer", "asker", "back_to", "flow", "is_switched", "key", "machine", "request")

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, asker: Asker, back_to: Flow | None
    ) -> None:
        self._layer = layer
        self.request = request
        self.asker = asker
        self.is_switched = back_to is not None
        """Whether it went over TCP for its length alone: nothing else of the call need follow it there."""
        self.take(flow)
        self.back_to = back_to
        """The way to take when the connection for it cannot be opened."""

    def take(self, flow: Flow) -> None:
        """Begin, or begin again, over `flow`. The request has the Via for it."""
        request = self.request
        self.flow = flow
        self.back_to = None
        self.key: ClientKey = (request.top_via.branch, request.method)
        kind = InviteClient if request.method == "INVITE" else NonInviteClient
        self.machine: ClientTransaction = kind(request, flow.is_stream, self._layer.timers)

    @property
    def deadline(self) -> float | None:
        return self.machine.deadline

    def expire(self, now: float) -> None:
        self._layer.run(self, self.machine.expire(now), now)

    def abandon(self) -> None:
        """Nobody waits for this any longer, and no answer will come. RFC 3261 section 9.1."""
        self._layer.remove(self)


class Served:
    """A peer's request under way."""

    __slots__ = ("_layer", "answerer", "flow", "key", "last_response", "machine", "merge_key", "request", "tag")

    def __init__(self, layer: TransactionLayer, request: Request, flow: Flow, tag: str) -> None:
        self._layer = layer
        self.request = request
        self.flow = flow
        """Where the responses go: see `return_flow`."""
        self.tag = tag
        """What we put into To when the peer has not."""
        self.answerer: Answerer | None = None
        self.last_response: Response | None = None
        self.key = server_key(request, request.method)
        self.merge_key: tuple[str, str, str, str] | None = None
        kind = InviteServer if request.method == "INVITE" else NonInviteServer
        self.machine: ServerTransaction = kind(flow.is_stream, layer.timers)

    @property
    def deadline(self) -> float | None:
        return self.machine.deadline

    @property
    def answered(self) -> bool:
        return self.machine.answered

    def expire(self, now: float) -> None:
        self._layer.run(self, self.machine.expire(now), now)

    def acknowledged(self, now: float) -> bool:
        """An ACK with our branch came; whether it ends here, because the answer was from 300 on."""
        machine = self.machine
        taken = isinstance(machine, InviteServer) and machine.acknowledged(now)
        if taken:
            self._layer.run(self, [], now)
        return taken

    def respond(self, response: Response, now: float) -> None:
        self.last_response = response
        self._layer.run(self, self.machine.respond(response.status, response.encode(), now), now)


class TransactionLayer:
    """Every live transaction by its key."""

    def __init__(
        self,
        timers: Timers,
        queue: TimerQueue,
        send: Send,
        on_back: Callable[[Sent, Flow, float], None] = lambda sent, flow, now: None,
    ) -> None:
        """`on_back` gives a request another Via before it is sent over another flow."""
        self._on_back = on_back
        self.timers = timers
        self._queue = queue
        self._send = send
        self._sent: dict[ClientKey, Sent] = {}
        self._served: dict[ServerKey, Served] = {}
        self._merged: dict[tuple[str, str, str, str], Served] = {}

    @property
    def served_count(self) -> int:
        return len(self._served)

    @property
    def sent_count(self) -> int:
        return len(self._sent)

    def send(self, request: Request, flow: Flow, asker: Asker, now: float, *, back_to: Flow | None = None) -> Sent:
        """Send a request that has its Via, and see to it that `asker` hears of the outcome exactly once,
        apart from provisional answers and repeated 2xx. When no connection can be opened, it goes `back_to`."""
        sent = Sent(self, request, flow, asker, back_to)
        self._sent[sent.key] = sent
        self.run(sent, sent.machine.start(now), now)
        return sent

    def serve(self, request: Request, flow: Flow, tag: str) -> Served:
        """Open a server transaction."""
        served = Served(self, request, flow, tag)
        self._served[served.key] = served
        return served

    def served_for(self, request: Request, method: str) -> Served | None:
        """The transaction this request repeats, acknowledges or cancels."""
        return self._served.get(server_key(request, method))

    def is_merged(self, served: Served) -> bool:
        """Whether the same request came already by another way; RFC 3261 section 8.2.2.2. The first is noted."""
        request = served.request
        key = (request.from_tag, request.call_id, str(request.cseq.sequence), request.method)
        if self._merged.setdefault(key, served) is not served:
            return True
        served.merge_key = key
        return False

    def receive_response(self, response: Response, flow: Flow, now: float) -> bool:
        """Whether the response belonged to anything of ours."""
        sent = self._sent.get((response.top_via.branch, response.cseq.method))
        if sent is None:
            return False
        if flow.connection:
            sent.flow = flow
        sent.back_to = None
        self.run(sent, sent.machine.receive(response, now), now)
        return True

    def run(self, transaction: Sent | Served, effects: list[Effect], now: float) -> None:
        """Carry out what a machine wants, then note its new deadline or drop it.

        The bookkeeping comes first: whoever hears of the effects may start, end or look up transactions.
        """
        if transaction.machine.terminated:
            self.remove(transaction)
        elif self._is_live(transaction):
            self._queue.watch(transaction)
        for effect in effects:
            if isinstance(effect, Transmit):
                self._send(SendBytes(transaction.flow, effect.data))
            elif isinstance(transaction, Sent):
                self._tell_asker(transaction, effect, now)
            elif isinstance(effect, Failed) and effect.why == "transport" and transaction.answerer:
                transaction.answerer.on_unreachable(transaction, now)
        if transaction.machine.terminated and isinstance(transaction, Served):
            transaction.answerer = None  # who still holds us: a circle would wait for the garbage collector

    def remove(self, transaction: Sent | Served) -> None:
        self._queue.forget(transaction)
        if isinstance(transaction, Sent):
            self._sent.pop(transaction.key, None)
            return
        self._served.pop(transaction.key, None)
        if transaction.merge_key is not None:
            self._merged.pop(transaction.merge_key, None)

    def connection_lost(self, flow: Flow, now: float) -> None:
        """A TCP connection is gone, or could not be opened.

        A request under way has failed (section 17.1.4). A response may still reach the peer over a connection
        of our own (section 18.2.2); when that one fails too, it cannot.
        """
        for sent in [sent for sent in self._sent.values() if same_connection(sent.flow, flow)]:
            self._fail_or_go_back(sent, now)
        for served in [served for served in self._served.values() if same_connection(served.flow, flow)]:
            if served.flow.connection:
                served.flow = reopened(served.flow, served.request)
            else:
                self.run(served, served.machine.transport_failed(now), now)

    def _fail_or_go_back(self, sent: Sent, now: float) -> None:
        if (flow := sent.back_to) is None:
            self.run(sent, sent.machine.transport_failed(now), now)
            return
        self.remove(sent)
        self._on_back(sent, flow, now)
        sent.take(flow)
        self._sent[sent.key] = sent
        self.run(sent, sent.machine.start(now), now)

    def _is_live(self, transaction: Sent | Served) -> bool:
        if isinstance(transaction, Sent):
            return self._sent.get(transaction.key) is transaction
        return self._served.get(transaction.key) is transaction

    @staticmethod
    def _tell_asker(sent: Sent, effect: PassUp | Failed, now: float) -> None:
        if isinstance(effect, PassUp):
            sent.asker.on_response(sent, effect.response, now)
        else:
            sent.asker.on_failure(sent, effect.why, now)


def server_key(request: Request, method: str) -> ServerKey:
    """What names a server transaction. RFC 3261 section 17.2.3; an ACK or CANCEL asks with INVITE's name."""
    via = request.top_via
    if via.branch.startswith(COOKIE) and via.branch != COOKIE:
        return via.branch, f"{via.host.lower()}:{via.port or ''}", method
    sequence = str(request.cseq.sequence)
    return "", request.uri, request.from_tag, request.call_id, sequence, via.host.lower(), via.branch, method


def same_connection(one: Flow, lost: Flow) -> bool:
    if not one.is_stream or one.transport != lost.transport:
        return False
    if one.connection or lost.connection:
        return one.connection == lost.connection
    return one.remote == lost.remote


def return_flow(request: Request, flow: Flow) -> Flow:
    """Where responses go: over the connection, or to the sender at its rport or Via port.

    RFC 3261 section 18.2.2, RFC 3581 section 4. A ``maddr`` is not followed: it would let a stranger
    choose whom our answers hit.
    """
    via = request.top_via
    if flow.is_stream or "rport" in via.parameters:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], via.port or 5060))


def reopened(flow: Flow, request: Request) -> Flow:
    """A connection of our own to where the request came from."""
    port = request.top_via.port or (5061 if flow.transport == "tls" else 5060)
    return replace(flow, remote=(flow.remote[0], port), connection=0)
