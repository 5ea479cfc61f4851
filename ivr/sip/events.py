"""What goes into the user agent and what comes out of it.

`UserAgent` reads no clock and opens no socket: bytes and calls go in with `now` (monotonic seconds),
and a list of these comes out. `SendBytes` is for the transport, the rest is for the application.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ivr.sip.diversion import Diversion
from ivr.sip.limits import Limits
from ivr.sip.user_to_user import UserToUser

Address = tuple[str, int]
"""Numeric IP address and port."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The way a message came or goes: transport, our address as that peer sees it routed, theirs."""

    transport: Literal["udp", "tcp", "tls"]
    local: Address
    """Our address on the interface that routes to the peer; never 0.0.0.0."""
    remote: Address
    connection: int = 0
    """Number of the TCP or TLS connection; 0 for UDP, and for a connection the transport is to open."""
    host: str = ""
    """Name that the peer must prove, or has proved, by its certificate; empty where nobody asked it to."""

    @property
    def is_stream(self) -> bool:
        """Whether the transport repeats what is lost, and has room for long messages."""
        return self.transport != "udp"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call of ours may be answered."""

    uri: str
    flows: tuple[Flow, ...]
    """Ways to it, the best first; the next is taken when nobody answers there, or 503. RFC 3263 section 4.3."""
    rank: int = 0
    """Places of one rank ring at once, those of a higher one when all before have failed."""
    use_flow: bool = False
    """Its own idea of its address is no use, as behind an address translator: everything goes by the flow."""


@dataclass(frozen=True, slots=True)
class SendBytes:
    """Send one message. A UDP datagram, or bytes on the connection of the flow."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close a TCP connection that can no longer be framed (RFC 3261 section 18.3)."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE outside any dialog; 100 Trying is already on its way. RFC 3261 section 13.3."""

    leg: str
    """Our name for this side of the call from now on."""
    call_id: str
    calling_number: str
    """User part of P-Asserted-Identity when the source is a trusted trunk, else of From; may be empty."""
    calling_uri: str
    """The whole URI of From (or the asserted identity)."""
    called: str
    """User part of the Request-URI; may be empty."""
    called_uri: str
    offer: bytes
    """The SDP offer; empty for a late offer (then our answer() carries the offer, and the ACK the answer)."""
    flow: Flow
    user_agent: str = ""
    line: str = ""
    """Name of the `Line` by which it came: of the trunk we have registered with. `called` is then the number of
    To, where the Request-URI has our own Contact only."""
    replaces: str = ""
    """The leg whose place this call is to take (RFC 3891): whoever may have it answers this one and then hangs up
    that one; a call that may not is refused with 403."""
    user_to_user: tuple[UserToUser, ...] = ()
    """What an application on the way says about the call (RFC 7433); anybody may write it."""
    diversions: tuple[Diversion, ...] = ()
    """From whom the call was diverted, the latest first, when the source is a trusted trunk."""


@dataclass(frozen=True, slots=True)
class CallCancelled:
    """CANCEL came before we answered; 487 has been sent. The leg is over."""

    leg: str
    reason: str = ""
    """Reason header, if any (RFC 3326)."""


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """The ACK for our 2xx has come. `answer` is its SDP when we had made the offer."""

    leg: str
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A provisional answer (101-199) to our INVITE."""

    leg: str
    status: int
    sdp: bytes = b""


@dataclass(frozen=True, slots=True)
class CallAccepted:
    """A 2xx to our INVITE; it has been acknowledged."""

    leg: str
    answer: bytes


NO_ANSWER = "No answer at all"
NO_CONNECTION = "No connection"
"""Phrases of `CallRefused` and `ProbeAnswered` that no peer has sent: with 408 and 503 nobody was there."""


@dataclass(frozen=True, slots=True)
class CallRefused:
    """Our INVITE failed: final answer 300-699, or 408 for none, 503 for a dead transport. The leg is over.

    After our own hang_up() of a call not yet answered this arrives with 487.
    """

    leg: str
    status: int
    phrase: str


@dataclass(frozen=True, slots=True)
class WayFailed:
    """Nobody answered a call of ours there (408), the connection failed, or the server is overloaded (503). The
    call goes on where there is another way; else its end follows."""

    leg: str
    flow: Flow
    status: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over: by their BYE, by us, or because it could not be kept. The leg is over."""

    leg: str
    by: Literal["remote", "local", "failure"]
    """`local` confirms our own hang_up(): its BYE was answered, or timed out; or our refuse()."""
    reason: str
    """Short words for people: ``BYE``, ``no ACK``, ``BYE not answered``, ``refused with 486``,
    a Reason header's text."""


@dataclass(frozen=True, slots=True)
class SessionOffered:
    """A re-INVITE or UPDATE with an offer. Reply with accept_offer() or refuse_offer()."""

    leg: str
    offer: bytes
    """Empty when the peer asks us to make the offer (re-INVITE without SDP)."""


@dataclass(frozen=True, slots=True)
class SessionAnswered:
    """Our offer() was accepted; or the ACK brought the answer to the offer we made in accept_offer()."""

    leg: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class SessionRefused:
    """Our offer() was refused; the session goes on as it was before. RFC 3261 section 14.1."""

    leg: str
    status: int
    phrase: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key sent as INFO with application/dtmf-relay or application/dtmf; it has been answered 200."""

    leg: str
    key: str
    duration: int = 100
    """Milliseconds, as claimed."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A telephone proved itself and bound a contact; with expires 0 it is removed, or its time is over.
    RFC 3261 section 10."""

    user: str
    contact: str
    expires: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class RegistrationToKeep:
    """A telephone waits for the answer to its REGISTER: put the user's bindings where they outlive us, then say
    registration_kept(). Only with `UserAgentSettings.durable_registrar`; the `Registered` came before it."""

    user: str
    number: int
    """Which REGISTER it is."""


@dataclass(frozen=True, slots=True)
class WatchesChanged:
    """Other telephones watch a user than before, or for longer: keep watches()."""

    user: str


@dataclass(frozen=True, slots=True)
class RegistrationAnswered:
    """The final answer to our own register(); 408 for none, 503 for a dead transport."""

    user: str
    status: int
    phrase: str
    expires: int
    """Seconds granted; 0 when refused or taken back."""
    line: str = ""
    """Name of the `Line`."""
    retry_after: int = 0
    """Seconds the registrar wants to be left in peace for; 0 when it does not say."""


@dataclass(frozen=True, slots=True)
class RegistrationLost:
    """The connection we had registered over is gone: behind an address translator there is no other way to us."""

    line: str
    """Name of the `Line`."""


@dataclass(frozen=True, slots=True)
class ProbeAnswered:
    """The final answer to our probe(); 408 for none, 503 for a dead transport too."""

    name: str
    flow: Flow
    status: int
    phrase: str


@dataclass(frozen=True, slots=True)
class ReferRequested:
    """The peer wants somebody else called in its place: reply with accept_refer() and then tell_refer(), or with
    refuse_refer(). RFC 3515 section 2.4.2.

    Whoever may ask for it, and who may be called, is for the application to say.
    """

    leg: str
    target: str
    """URI to be called, without headers."""
    number: str
    """User part of it; may be empty."""
    replaces: str = ""
    """Value for a Replaces header: the transfer is an attended one. Empty for a blind one."""
    replaces_leg: str = ""
    """Our leg in the dialog that `replaces` names; empty when that is no call of ours."""
    user_to_user: tuple[UserToUser, ...] = ()
    referred_by: str = ""


@dataclass(frozen=True, slots=True)
class ReferAccepted:
    """The peer tries what our REFER asked for. `ReferEnded` follows."""

    leg: str


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """How far the peer is with it: 100 to 199."""

    leg: str
    status: int
    phrase: str


ReferOutcome = Literal["succeeded", "failed", "refused", "accepted", "silent", "ended"]
"""Of a REFER of ours.

=========  =====================================================================================================
succeeded  the third party has answered
failed     it has not: `status` says why
refused    the peer will not try: `status` is that of its answer, 408 for none, 503 for a dead transport
accepted   the peer tries, and has said that it will not tell more (RFC 4488)
silent     it tried, and did not tell the outcome in time; `status` is the last it told, or 0
ended      the call ended first; `status` is 202 when the peer had accepted, else 0
=========  =====================================================================================================
"""


@dataclass(frozen=True, slots=True)
class ReferEnded:
    """What became of our REFER; told once for each. The call goes on, unless its own end follows."""

    leg: str
    outcome: ReferOutcome
    status: int
    phrase: str


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """Bytes nobody can answer; counted and, at debug level, logged."""

    why: str
    flow: Flow
    unwanted: bool = False
    """Whether it is the guard that does not want it."""


@dataclass(frozen=True, slots=True)
class SourceLimited:
    """Requests of one source were refused or dropped because of a limit; told at growing intervals."""

    source: str
    """An IPv4 address, or the /64 of an IPv6 address."""
    why: str
    """The limit last met, as `ivr.sip.guard.COUNTERS` names it."""
    messages: int
    """How many since it was last told."""
    untold: int
    """Reports about other sources that were left out since the last one, because there were too many."""


Output = (
    SendBytes
    | CloseConnection
    | IncomingCall
    | CallCancelled
    | CallConfirmed
    | CallProgress
    | CallAccepted
    | CallRefused
    | WayFailed
    | CallEnded
    | SessionOffered
    | SessionAnswered
    | SessionRefused
    | KeyInfo
    | Registered
    | RegistrationToKeep
    | WatchesChanged
    | RegistrationAnswered
    | MessageDropped
    | SourceLimited
    | ReferRequested
    | ReferAccepted
    | ReferProgress
    | ReferEnded
    | RegistrationLost
    | ProbeAnswered
)


@dataclass(frozen=True, slots=True)
class UserAgentSettings:
    """What a user agent is told once."""

    product: str = "ivr"
    """Text of Server and User-Agent."""
    realm: str = "ivr"
    accounts: dict[str, str] = field(default_factory=dict, repr=False)
    """Password by user name, for REGISTER."""
    durable_registrar: bool = False
    """Whether a REGISTER that changes something is answered only after registration_kept()."""
    trunks: frozenset[str] = frozenset()
    """Numeric addresses whose P-Asserted-Identity is believed."""
    switch_to_tcp: bool = False
    """Whether requests too long for a datagram may go over TCP, that is, whether we listen on it."""
    limits: Limits | None = None
    """What strangers may have of us; no limits when left out."""
    max_transactions: int = 20_000
    """Beyond this many server transactions new requests are answered 503 without state."""
    session_expires: int = 1800
    """Seconds within which somebody shows that a call is still there; 0 leaves that to the peer's wishes."""
    min_session_expires: int = 90
    """The shortest such interval that is not refused with 422, in seconds."""
    digest_algorithms: tuple[str, ...] = ("MD5",)
    """Offered in challenges, in the order of preference, of ``SHA-256`` and ``MD5``; both are always accepted.

    Only MD5 by itself, because libre up to 1.1 (baresip 1.0) gives up registering at the sight of any other,
    even beside it.
    """
