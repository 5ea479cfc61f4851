"""The pure SIP user agent on real sockets: bytes in, bytes out, a timer, and events for whoever answers calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ivr.call.destination import Destination
from ivr.clock import Clock
from ivr.errors import LocalProtocolError, RemoteProtocolError
from ivr.net.door import Places
from ivr.net.routes import reaches
from ivr.net.tcp import IDLE_TIMEOUT, Connection
from ivr.net.tls import Certificates
from ivr.net.transports import Kind, Transports
from ivr.sip.bindings import Binding
from ivr.sip.dialog_info import Lamp
from ivr.sip.events import CloseConnection, Flow, MessageDropped, Output, Place, SendBytes, SourceLimited
from ivr.sip.farewell import KeptDialog
from ivr.sip.framing import StreamFramer
from ivr.sip.presence_status import PresenceStatus
from ivr.sip.registration import Line
from ivr.sip.sources import source_of
from ivr.sip.trace import Trace
from ivr.sip.user_agent import UserAgent
from ivr.sip.user_to_user import UserToUser
from ivr.sip.watch import Watch

Address = tuple[str, int]
TIME_TO_FINISH = 15.0
"""Seconds between the first octet of a message on a connection and its last, or the connection is closed."""
Way = tuple[Address, bool, str]
"""Of a connection that is being opened: to where, whether with TLS, and the name to be proved."""
logger = logging.getLogger(__name__)


class ConnectionCounts(NamedTuple):
    """Of TCP and TLS."""

    now: int
    refused: int
    """Closed for want of a place, since the start."""
    too_slow: int
    """Closed because a message took too long to come, since the start."""


class Signalling:
    """The SIP addresses of one node, on UDP, TCP and TLS.

    `on_event` gets every output that is not for the transport. Methods that act on a leg are those of
    `UserAgent` without `now`, and send what comes out.
    """

    def __init__(
        self,
        user_agent: UserAgent,
        clock: Clock,
        on_event: Callable[[Output], None],
        *,
        certificates: Certificates | None = None,
        idle_timeout: float = IDLE_TIMEOUT,
        places: Places | None = None,
        trace: Trace | None = None,
    ) -> None:
        """Without `certificates` TLS is for calling alone, to peers the system's authorities vouch for."""
        self.user_agent = user_agent
        self._clock = clock
        self._on_event = on_event
        self.trace = Trace(0) if trace is None else trace
        """What was said, for `ivr sip-trace`."""
        self._places = places or Places(source_of=source_of)
        self._transports = Transports(
            self._datagram,
            self._stream_data,
            self._stream_lost,
            certificates,
            idle_timeout=idle_timeout,
            places=self._places,
        )
        self._tcp = self._transports.tcp
        self._framers: dict[int, StreamFramer] = {}
        self._unfinished: dict[int, asyncio.TimerHandle] = {}
        """Connections with part of a message, until when they may take for the rest."""
        self._too_slow = 0
        self._opening: dict[Way, list[SendBytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """Monotonic time at which it comes."""
        self.dropped = 0
        """Messages nobody could answer."""
        self.not_opened: OSError | TimeoutError | None = None
        """Why the last connection that could not be opened could not, for a telephone that makes one call."""

    async def bind(self, host: str, port: int, *, udp: bool = True, tcp: bool = True) -> None:
        """Listen on one address more. Raises OSError when it cannot be bound; port 0 takes a free one for both."""
        await self._transports.bind(host, port, udp=udp, tcp=tcp)

    async def bind_tls(self, host: str, port: int) -> None:
        """Listen on one address more, with our certificate. Raises OSError when it cannot be bound."""
        await self._transports.bind_tls(host, port)

    @property
    def connections(self) -> ConnectionCounts:
        """TCP and TLS: how many there are, and how many there have been too many of."""
        return ConnectionCounts(self._tcp.count, self._tcp.refused + self._places.refused, self._too_slow)

    @property
    def port(self) -> int:
        """The port of the first address that is listened on."""
        return self.addresses[0][1]

    @property
    def addresses(self) -> list[Address]:
        """Everything that is listened on."""
        return [listener.address for listener in self._transports.listeners]

    @property
    def plain_addresses(self) -> list[Address]:
        """Those of UDP and TCP, one that has both twice."""
        return [listener.address for listener in self._transports.listeners if listener.kind != "tls"]

    @property
    def tls_addresses(self) -> list[Address]:
        return [listener.address for listener in self._transports.listeners if listener.kind == "tls"]

    def flow_to(self, remote: Address, transport: Kind = "udp", host: str = "") -> Flow:
        """The way to `remote`, a numeric address; an open connection is used again.

        `host` is the name it was resolved from: over TLS the peer must prove it.
        Raises OSError when no listening address is of its IP version.
        """
        local = self._transports.local(transport, remote[0])
        if transport == "udp":
            return Flow("udp", local, remote)
        proved = (host or remote[0]) if transport == "tls" else ""
        open_one = self._tcp.towards(remote, secure=transport == "tls", host=proved)
        return Flow(transport, local, remote, open_one.number if open_one else 0, proved)

    def address_towards(self, host: str) -> str | None:
        """The address of ours that a numeric one is reached from, if we listen on its IP version and there is a
        way to it."""
        try:
            ours = self._transports.local("udp", host)[0]
        except OSError:
            return None
        return ours if reaches(ours, host) else None

    # --- what an application asks for ---------------------------------------------------------------

    def ring(self, leg: str) -> None:
        self._wish(lambda now: self.user_agent.ring(leg, now))

    def answer(self, leg: str, sdp: bytes) -> None:
        self._wish(lambda now: self.user_agent.answer(leg, sdp, now))

    def refuse(self, leg: str, status: int, *, phrase: str = "", headers: Sequence[tuple[str, str]] = ()) -> None:
        self._wish(lambda now: self.user_agent.refuse(leg, status, now, phrase=phrase, headers=headers))

    def hang_up(self, leg: str, *, reason: str = "") -> None:
        self._carry_out(self.user_agent.hang_up(leg, self._now(), reason=reason))

    def invite(
        self,
        leg: str,
        target: str,
        sdp: bytes,
        flow: Flow,
        *,
        caller_uri: str,
        display_name: str = "",
        headers: Sequence[tuple[str, str]] = (),
        replaces: str = "",
        credentials: tuple[str, str] | None = None,
        places: Sequence[Place] = (),
    ) -> None:
        outputs = self.user_agent.invite(
            leg,
            target,
            sdp,
            flow,
            self._now(),
            caller_uri=caller_uri,
            display_name=display_name,
            headers=headers,
            replaces=replaces,
            credentials=credentials,
            places=places,
        )
        self.trace.name_sent(outputs, leg)
        self._carry_out(outputs)

    def call(
        self,
        leg: str,
        to: Destination,
        sdp: bytes,
        caller: str,
        *,
        display_name: str = "",
        headers: Sequence[tuple[str, str]] = (),
        replaces: str = "",
    ) -> None:
        """`invite` everywhere a destination is, as whom it wants us; `caller` is the number of who is behind."""
        self.invite(
            leg,
            to.uri,
            sdp,
            to.flow,
            caller_uri=to.caller_uri(caller),
            display_name=display_name,
            headers=[*to.headers, *headers],
            replaces=replaces,
            credentials=to.credentials,
            places=to.places,
        )

    def register(self, line: Line, flow: Flow, *, expires: int) -> None:
        self._carry_out(self.user_agent.register(line, flow, self._now(), expires=expires))

    def kept_dialog(self, leg: str) -> KeptDialog | None:
        return self.user_agent.kept_dialog(leg)

    def end_kept(self, kept: KeptDialog, reason: str) -> None:
        self._carry_out(self.user_agent.end_kept(kept, self._now(), reason))

    def probe(self, name: str, uri: str, flow: Flow, *, route: str = "") -> None:
        self._carry_out(self.user_agent.probe(name, uri, flow, self._now(), route=route))

    def show_lamp(self, user: str, lamp: Lamp) -> None:
        """For telephones that watch the user."""
        self._wish(lambda now: self.user_agent.show_lamp(user, lamp, now))

    def show_status(self, user: str, status: PresenceStatus) -> None:
        """For telephones that watch the user's presence."""
        self._wish(lambda now: self.user_agent.show_status(user, status, now))

    def restore_watch(self, watch: Watch) -> None:
        """A telephone that watched somebody before a restart."""
        self._carry_out(self.user_agent.restore_watches([watch], self._now()))

    def restore_bindings(self, bindings: Sequence[Binding]) -> None:
        """Telephones that were registered before a restart."""
        self.user_agent.restore_bindings(bindings, self._now())
        self._set_timer()

    def registration_kept(self, number: int) -> None:
        """A telephone may be told that it is registered."""
        self._carry_out(self.user_agent.registration_kept(number, self._now()))

    def refer(
        self, leg: str, target: str, *, replaces_leg: str = "", user_to_user: Sequence[UserToUser] = ()
    ) -> None:
        """Raises LocalProtocolError when the call cannot be transferred now: then no `ReferEnded` follows."""
        outputs = self.user_agent.refer(
            leg, target, self._now(), replaces_leg=replaces_leg, user_to_user=user_to_user
        )
        self._carry_out(outputs)

    def accept_refer(self, leg: str, *, status: int = 100) -> None:
        self._wish(lambda now: self.user_agent.accept_refer(leg, now, status=status))

    def refuse_refer(self, leg: str, status: int, *, phrase: str = "") -> None:
        self._wish(lambda now: self.user_agent.refuse_refer(leg, status, now, phrase=phrase))

    def tell_refer(self, leg: str, status: int, *, phrase: str = "") -> None:
        self._wish(lambda now: self.user_agent.tell_refer(leg, status, now, phrase=phrase))

    def offer(self, leg: str, sdp: bytes) -> bool:
        """False when it cannot be made now, as another is under way, or the call is over."""
        return self._wish(lambda now: self.user_agent.offer(leg, sdp, now))

    def accept_offer(self, leg: str, sdp: bytes) -> None:
        self._wish(lambda now: self.user_agent.accept_offer(leg, sdp, now))

    def refuse_offer(self, leg: str, status: int, *, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._wish(lambda now: self.user_agent.refuse_offer(leg, status, now, headers=headers))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await self._transports.close()

    def _wish(self, wish: Callable[[float], Sequence[Output]]) -> bool:
        """Ask for something that the peer may have made impossible meanwhile, as by CANCEL or BYE.

        Too late is harmless: the event that says why has been told, or is on its way.
        """
        try:
            outputs = wish(self._now())
        except LocalProtocolError as error:
            logger.info("sip_too_late why=%s", error)
            return False
        self._carry_out(outputs)
        return True

    # --- bytes in -------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.monotonic()

    def _datagram(self, data: bytes, local: Address, remote: Address) -> None:
        self._receive(data, Flow("udp", local, remote))

    def _receive(self, data: bytes, flow: Flow) -> None:
        now = self._now()
        outputs = self.user_agent.receive(data, flow, now)
        if self.trace.is_on and is_worth_keeping(data, outputs):
            self.trace.add(True, flow, data, now)
        self._carry_out(outputs)

    def _stream_flow(self, connection: Connection) -> Flow:
        """A peer answers to where we listen, not to the port a connection of ours happened to take."""
        kind: Kind = "tls" if connection.secure else "tcp"
        listener = connection.listener or self._transports.local(kind, connection.remote[0])
        local = (connection.local[0], listener[1])
        return Flow(kind, local, connection.remote, connection.number, connection.host)

    def _stream_data(self, connection: Connection, data: bytes) -> None:
        framer = self._framers.setdefault(connection.number, StreamFramer())
        flow = self._stream_flow(connection)
        try:
            messages = framer.feed(data)
        except RemoteProtocolError as error:
            logger.info("tcp_not_framed remote=%s:%d error=%s", *connection.remote, error)
            self._tcp.close_connection(connection.number)
            return
        self._watch_the_rest(connection, framer, bool(messages))
        if pongs := framer.take_pongs():
            self._tcp.send(connection.number, pongs)
        for message in messages:
            self._receive(message, flow)

    def _watch_the_rest(self, connection: Connection, framer: StreamFramer, moved: bool) -> None:
        """Whoever drips a message octet by octet holds a connection for nothing."""
        number = connection.number
        if (moved or not framer.is_unfinished) and (timer := self._unfinished.pop(number, None)):
            timer.cancel()
        if framer.is_unfinished and number not in self._unfinished:
            loop = asyncio.get_running_loop()
            self._unfinished[number] = loop.call_later(TIME_TO_FINISH, self._give_up_on, connection)

    def _give_up_on(self, connection: Connection) -> None:
        self._too_slow += 1
        logger.info("tcp_too_slow remote=%s:%d seconds=%g", *connection.remote, TIME_TO_FINISH)
        self._tcp.close_connection(connection.number)

    def _stream_lost(self, connection: Connection) -> None:
        self._framers.pop(connection.number, None)
        if timer := self._unfinished.pop(connection.number, None):
            timer.cancel()
        self._carry_out(self.user_agent.connection_lost(self._stream_flow(connection), self._now()))

    # --- bytes and events out -------------------------------------------------------------------------

    def _carry_out(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output, SendBytes):
                self._send(output)
            elif isinstance(output, CloseConnection):
                self._tcp.close_connection(output.flow.connection)
            elif isinstance(output, MessageDropped):
                self.dropped += 1
                logger.debug("sip_dropped remote=%s:%d why=%s", *output.flow.remote, output.why)
            elif isinstance(output, SourceLimited):
                logger.warning(
                    "sip_source_limited source=%s why=%s messages=%d untold=%d",
                    output.source,
                    output.why,
                    output.messages,
                    output.untold,
                )
            else:
                self._on_event(output)
        self._set_timer()

    def _send(self, output: SendBytes) -> None:
        flow = output.flow
        self.trace.add(False, flow, output.data, self._now())
        if not flow.is_stream:
            self._transports.send(output.data, flow.local, flow.remote)
            return
        if flow.connection and self._tcp.send(flow.connection, output.data):
            return
        remote, secure, host = way = way_of(flow)
        open_one = self._tcp.towards(remote, secure=secure, host=host)
        if open_one is not None and self._tcp.send(open_one.number, output.data):
            return
        waiting = self._opening.setdefault(way, [])
        waiting.append(output)
        if len(waiting) == 1:
            task = asyncio.create_task(self._open(flow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, flow: Flow) -> None:
        """Open the connection that what waits for this remote address is to be sent over."""
        remote, secure, host = way = way_of(flow)
        try:
            connection = await self._transports.connect(remote, secure=secure, host=host)
        except (OSError, TimeoutError) as error:
            self.not_opened, why = error, str(error) or type(error).__name__
            logger.info("%s_not_opened remote=%s:%d error=%s", flow.transport, *flow.remote, why)
            self._opening.pop(way, None)
            self._carry_out(self.user_agent.connection_lost(replace(flow, connection=0), self._now()))
            return
        for waiting in self._opening.pop(way, []):
            self._tcp.send(connection.number, waiting.data)

    def _set_timer(self) -> None:
        """A timer that comes too early costs less than one that is set anew after every message."""
        deadline = self.user_agent.deadline
        if self._timer is not None and (deadline is None or deadline < self._due):
            self._timer.cancel()
            self._timer = None
        if deadline is not None and self._timer is None:
            self._due = deadline
            delay = max(0.0, deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._carry_out(self.user_agent.expire(self._now()))


def way_of(flow: Flow) -> Way:
    """A peer whose name nobody knows must prove its numeric address."""
    secure = flow.transport == "tls"
    return flow.remote, secure, (flow.host or flow.remote[0]) if secure else ""


def is_worth_keeping(data: bytes, outputs: Sequence[Output]) -> bool:
    """Of a flood, the trace has what was answered and what was told of, lest it push everything else out."""
    if any(isinstance(output, MessageDropped) and output.unwanted for output in outputs):
        return any(isinstance(output, SourceLimited) for output in outputs)
    return not data.isspace()
