"""What the parts of one user agent share: settings, randomness, transactions, and the outbox."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ivr.errors import LocalProtocolError
from ivr.sip.dialog import Dialog, DialogId, address_of
from ivr.sip.events import Address, Flow, MessageDropped, Output, SendBytes, UserAgentSettings
from ivr.sip.fields import COOKIE, TOKEN, Via, host_port, numeric
from ivr.sip.guard import Guard
from ivr.sip.message import Request
from ivr.sip.reply import SDP, Header, reply_to
from ivr.sip.timers import TimerQueue, Timers
from ivr.sip.transaction.layer import Asker, Sent, Served, TransactionLayer

if TYPE_CHECKING:
    from ivr.sip.leg import Leg
    from ivr.sip.referee import Referee
    from ivr.sip.registration import Registrations


MAX_DATAGRAM = 1300
"""Octets of a request that may go over UDP when nobody knows how much the path takes. RFC 3261 section 18.1.1."""
WITHOUT_TCP = 600.0
"""Seconds for which a peer that took no TCP connection is not asked again."""
MAX_WITHOUT_TCP = 1000
COUNTERS = (
    *("received", "dropped", "malformed", "repeated", "overloaded"),
    *("authentication_failed", "authentication_dropped"),
)
"""What is counted from the first message on."""


class Core:
    """The bench on which legs, registrar and registrations work."""

    def __init__(self, settings: UserAgentSettings, timers: Timers, rng: random.Random) -> None:
        self.settings = settings
        self.timers = timers
        self.rng = rng
        self.counters: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        self.guard = Guard(settings.limits) if settings.limits else None
        self.queue = TimerQueue()
        self.layer = TransactionLayer(timers, self.queue, self.emit, self.back_to_udp)
        self.legs: dict[str, Leg] = {}
        self.dialogs: dict[DialogId, Leg] = {}
        self.registrations: Registrations
        """What we are elsewhere: set by the user agent."""
        self.referees: dict[str, Referee] = {}
        """REFERs of peers by leg, until the last NOTIFY; they may outlive the leg."""
        self._outbox: list[Output] = []
        self._seen_as: dict[tuple[str, Address, str], Address] = {}
        """How registrars see us through an address translator: by transport, our own address, and their host."""
        self._without_tcp: dict[Address, float] = {}
        """Peers that took no TCP connection, until when that is believed."""

    def emit(self, output: Output) -> None:
        self._outbox.append(output)

    def take_outbox(self) -> list[Output]:
        outbox, self._outbox = self._outbox, []
        return outbox

    def drop(self, why: str, flow: Flow, counter: str = "dropped", *, unwanted: bool = False) -> None:
        self.counters[counter] += 1
        self.emit(MessageDropped(why, flow, unwanted))

    def token(self, bits: int = 64) -> str:
        """Random text for tags, branches and names. RFC 3261 section 19.3 asks for 32 bits at least."""
        return f"{self.rng.getrandbits(bits):0{bits // 4}x}"

    def contact(self, flow: Flow, user: str = "", scheme: str = "sip") -> Header:
        """Where the peer reaches us over the transport it uses: our address on the way to it, or the outside of an
        address translator, once the answer to a REGISTER has told that."""
        user = user if len(user) <= 64 and TOKEN.fullmatch(user) and "%" not in user and "`" not in user else "ivr"
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        if scheme == "sips":  # TLS all the way is what the scheme says; RFC 5630 section 3.1.4
            transport = ""
        here = self._seen_as.get((flow.transport, flow.local, flow.remote[0]), flow.local)
        return "Contact", f"<{scheme}:{user}@{host_port(here)}{transport}>"

    def learn_address(self, flow: Flow, via: Via) -> bool:
        """Take from our own Via, as a registrar sends it back, where it sees us; whether that is news. RFC 3581.

        The port of a connection of ours is never the one we listen on; only where the address is another too,
        a translator lets nobody in but over this connection, and it is the one to name."""
        seen = numeric(via.parameters.get("received", "")) or flow.local[0]
        rport = via.parameters.get("rport", "")
        port = int(rport) if rport.isascii() and rport.isdigit() and 0 < int(rport[:6]) < 65536 else flow.local[1]
        if flow.is_stream and seen == flow.local[0]:
            port = flow.local[1]
        key = flow.transport, flow.local, flow.remote[0]
        before = self._seen_as.get(key, flow.local)
        if (seen, port) != flow.local and (":" in seen) == (":" in flow.local[0]):
            self._seen_as[key] = seen, port
        else:
            self._seen_as.pop(key, None)
        return self._seen_as.get(key, flow.local) != before

    def flow_towards(self, dialog: Dialog, flow: Flow, use_flow: bool) -> Flow:
        """The way of the next request in a dialog: to its next hop when that is a numeric address that makes
        sense over UDP, else back the way the peer's last message came. RFC 3261 section 12.2.1.1."""
        address = address_of(dialog.next_hop())
        if use_flow or flow.is_stream or address is None or (":" in address[0]) != (":" in flow.remote[0]):
            return flow
        return replace(flow, remote=address)

    def send(self, request: Request, flow: Flow, asker: Asker, now: float) -> Sent:
        """Open a client transaction for a request without Via.

        A long one goes over TCP instead of UDP, and over UDP after all when nobody takes it there.
        RFC 3261 section 18.1.1.
        """
        data = self.seal(request, flow)
        if flow.is_stream or len(data) <= MAX_DATAGRAM or not self.settings.switch_to_tcp:
            return self.layer.send(request, flow, asker, now)
        if self._without_tcp.get(flow.remote, now) > now:
            return self.layer.send(request, flow, asker, now)
        over_tcp = replace(flow, transport="tcp")
        request.replace_top_via(Via.parse(request.top_via.text.replace("/UDP ", "/TCP ", 1)))
        return self.layer.send(request, over_tcp, asker, now, back_to=flow)

    def back_to_udp(self, sent: Sent, flow: Flow, now: float) -> None:
        """The TCP connection for a long request could not be opened: note that, and give it another Via."""
        if len(self._without_tcp) >= MAX_WITHOUT_TCP:
            self._without_tcp.clear()
        self._without_tcp[flow.remote] = now + WITHOUT_TCP
        via = f"SIP/2.0/UDP {host_port(flow.local)};branch={COOKIE}{self.token(80)};rport"
        sent.request.replace_top_via(Via.parse(via))

    def seal(self, request: Request, flow: Flow) -> bytes:
        """Give a request its Via with a new branch, ``rport`` and our name; the bytes."""
        via = f"SIP/2.0/{flow.transport.upper()} {host_port(flow.local)};branch={COOKIE}{self.token(80)};rport"
        request.prepend("Via", via)
        request.headers.set("User-Agent", self.settings.product)
        return request.encode()

    def transmit(self, flow: Flow, data: bytes) -> None:
        self.emit(SendBytes(flow, data))

    def reply(
        self,
        served: Served,
        status: int,
        now: float,
        *,
        phrase: str = "",
        headers: Iterable[Header] = (),
        body: bytes = b"",
    ) -> None:
        """Answer a request for good, or provisionally."""
        named = [("Server", self.settings.product), *headers]
        content_type = SDP if body else ""
        served.respond(
            reply_to(
                served.request,
                status,
                phrase,
                to_tag=served.tag,
                headers=named,
                body=body,
                content_type=content_type,
            ),
            now,
        )


def checked_headers(headers: Iterable[Header]) -> list[Header]:
    """Headers the application wants in a message.

    :raises LocalProtocolError: one of them would break the message.
    """
    checked = list(headers)
    for name, value in checked:
        if not TOKEN.fullmatch(name) or any(letter in "\r\n\x00" for letter in value):
            raise LocalProtocolError(f"a header needs a token as name and one line as value, not {name!r}")
    return checked
