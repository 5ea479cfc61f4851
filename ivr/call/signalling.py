"""The pure SIP user agent on real sockets: bytes in, bytes out, a timer, and events for whoever answers calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from ivr.clock import Clock
from ivr.errors import LocalProtocolError, RemoteProtocolError
from ivr.net.routes import local_address_towards
from ivr.net.tcp import Connection, TcpConnections
from ivr.net.udp import UdpSocket
from ivr.sip.events import CloseConnection, Flow, MessageDropped, Output, SendBytes
from ivr.sip.framing import StreamFramer
from ivr.sip.user_agent import UserAgent

Address = tuple[str, int]
WILDCARDS = ("0.0.0.0", "::")
FREE_PORT_TRIES = 20
"""A port that is free for UDP may be taken for TCP; so often another one is tried."""
logger = logging.getLogger(__name__)


class Signalling:
    """One SIP address on UDP and TCP.

    `on_event` gets every output that is not for the transport. Methods that act on a leg are those of
    `UserAgent` without `now`, and send what comes out.
    """

    def __init__(self, user_agent: UserAgent, clock: Clock, on_event: Callable[[Output], None]) -> None:
        self.user_agent = user_agent
        self._clock = clock
        self._on_event = on_event
        self._udp: UdpSocket | None = None
        self._tcp = TcpConnections(self._stream_data, self._stream_lost)
        self._tcp_listening = False
        self._framers: dict[int, StreamFramer] = {}
        self._opening: dict[Address, list[SendBytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._host = "127.0.0.1"
        self.dropped = 0
        """Messages nobody could answer."""

    async def bind(self, host: str, port: int, *, udp: bool = True, tcp: bool = True) -> None:
        """Listen. Raises OSError when the address cannot be bound; port 0 takes a free one for both."""
        self._host = host
        for tries_left in reversed(range(FREE_PORT_TRIES if port == 0 and udp and tcp else 1)):
            try:
                await self._bind(host, port, udp=udp, tcp=tcp)
                return
            except OSError:
                if self._udp is not None:
                    self._udp.close()
                    self._udp = None
                if not tries_left:
                    raise

    async def _bind(self, host: str, port: int, *, udp: bool, tcp: bool) -> None:
        if udp:
            self._udp = await UdpSocket.bind(host, port, self._datagram)
            port = self._udp.address[1]
        if tcp:
            await self._tcp.listen(host, port)
            self._tcp_listening = True

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._udp.address[1] if self._udp else self._tcp.address[1]

    def flow_to(self, remote: Address, transport: str = "udp") -> Flow:
        """The way to `remote`, a numeric address; an open TCP connection is used again."""
        local = (self._local_host(remote[0]), self.port)
        if transport == "tcp":
            open_one = self._tcp.towards(remote)
            if open_one is not None:
                return Flow("tcp", local, remote, open_one.number)
            return Flow("tcp", local, remote)
        return Flow("udp", local, remote)

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
        )
        self._carry_out(outputs)

    def offer(self, leg: str, sdp: bytes) -> None:
        self._wish(lambda now: self.user_agent.offer(leg, sdp, now))

    def accept_offer(self, leg: str, sdp: bytes) -> None:
        self._wish(lambda now: self.user_agent.accept_offer(leg, sdp, now))

    def refuse_offer(self, leg: str, status: int) -> None:
        self._wish(lambda now: self.user_agent.refuse_offer(leg, status, now))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._udp is not None:
            self._udp.close()
        await self._tcp.close()

    def _wish(self, wish: Callable[[float], Sequence[Output]]) -> None:
        """Ask for something that the peer may have made impossible meanwhile, as by CANCEL or BYE.

        Too late is harmless: the event that says why has been told, or is on its way.
        """
        try:
            outputs = wish(self._now())
        except LocalProtocolError as error:
            logger.info("sip_too_late why=%s", error)
            return
        self._carry_out(outputs)

    # --- bytes in -------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.monotonic()

    def _local_host(self, remote_host: str) -> str:
        return local_address_towards(remote_host) if self._host in WILDCARDS else self._host

    def _datagram(self, data: bytes, remote: Address) -> None:
        flow = Flow("udp", (self._local_host(remote[0]), self.port), remote)
        self._carry_out(self.user_agent.receive(data, flow, self._now()))

    def _stream_flow(self, connection: Connection) -> Flow:
        port = self._tcp.address[1] if self._tcp_listening else connection.local[1]
        return Flow("tcp", (connection.local[0], port), connection.remote, connection.number)

    def _stream_data(self, connection: Connection, data: bytes) -> None:
        framer = self._framers.setdefault(connection.number, StreamFramer())
        flow = self._stream_flow(connection)
        try:
            messages = framer.feed(data)
        except RemoteProtocolError as error:
            logger.info("tcp_not_framed remote=%s:%d error=%s", *connection.remote, error)
            self._tcp.close_connection(connection.number)
            return
        if pongs := framer.take_pongs():
            self._tcp.send(connection.number, pongs)
        for message in messages:
            self._carry_out(self.user_agent.receive(message, flow, self._now()))

    def _stream_lost(self, connection: Connection) -> None:
        self._framers.pop(connection.number, None)
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
            else:
                self._on_event(output)
        self._set_timer()

    def _send(self, output: SendBytes) -> None:
        flow = output.flow
        if flow.transport == "udp":
            if self._udp is not None:
                self._udp.send(output.data, flow.remote)
            return
        if flow.connection and self._tcp.send(flow.connection, output.data):
            return
        open_one = self._tcp.towards(flow.remote)
        if open_one is not None and self._tcp.send(open_one.number, output.data):
            return
        waiting = self._opening.setdefault(flow.remote, [])
        waiting.append(output)
        if len(waiting) == 1:
            task = asyncio.create_task(self._open(flow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, flow: Flow) -> None:
        """Open the connection that what waits for this remote address is to be sent over."""
        try:
            connection = await self._tcp.connect(flow.remote)
        except (OSError, TimeoutError) as error:
            logger.info("tcp_not_opened remote=%s:%d error=%s", *flow.remote, error)
            self._opening.pop(flow.remote, None)
            self._carry_out(self.user_agent.connection_lost(flow, self._now()))
            return
        for waiting in self._opening.pop(flow.remote, []):
            self._tcp.send(connection.number, waiting.data)

    def _set_timer(self) -> None:
        deadline = self.user_agent.deadline
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = max(0.0, deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._carry_out(self.user_agent.expire(self._now()))
