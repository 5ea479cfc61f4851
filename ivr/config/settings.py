"""The settings, one dataclass per table of ``ivr.toml``; the docstring under a field is its reference.

Loaded, checked and overridden by `ivr.config.load`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Bridge = Literal["relay", "direct"]
"""The way of the sound between two who talk."""
Srtp = Literal["off", "offered", "required"]
"""How far sound is protected."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address to listen on or to reach."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Account:
    """A telephone that may register here, by digest (RFC 3261 section 22)."""

    user: str
    """User part of the address of record and user name of the digest."""
    password: str = field(repr=False)
    """Shared secret of the digest; never logged."""


PING = 60.0
"""Seconds between two questions whether a trunk that we do not register with is there."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A PBX or carrier that calls come from and go to."""

    name: str
    """Our word for it, in logs and in `ivr status`."""
    registrar: str = ""
    """SIP address we register with, such as ``sip:pbx.example``; empty for a trunk that knows our address."""
    user: str = ""
    """User part of our address of record there; also the user name of the digest where `login` is empty."""
    login: str = ""
    """User name of the digest where it is another than `user`."""
    password: str = field(default="", repr=False)
    """Shared secret of the digest; never logged. ``IVR_SIP_TRUNKS_NAME_PASSWORD`` is another place for it."""
    proxy: str = ""
    """SIP address that every request is sent to instead of the registrar: an outbound proxy."""
    gateway: str = ""
    """SIP address calls go to; the registrar by default."""
    expires: int = 600
    """Seconds a registration is asked for; it is refreshed well before they are over."""
    ping: float | None = None
    """Seconds between two OPTIONS that ask whether it is there (RFC 3261 section 11), 0 for never. By default 60
    where we do not register, else 0, for a registration tells by itself."""
    numbers: tuple[str, ...] = ()
    """Our numbers there; the first is shown to whom we call, else `user`."""
    show: str = "own"
    """Whose number those we call see: own, or caller (then our own goes along as P-Preferred-Identity)."""
    dial: tuple[str, ...] = ()
    """Prefixes called out to through this trunk (``tel:+1555…``); none by default."""
    addresses: tuple[str, ...] = ()
    """Numeric addresses its calls come from; their P-Asserted-Identity is believed (RFC 3325)."""

    @property
    def domain(self) -> str:
        """SIP address that names it: where calls go when there is no `gateway`."""
        return self.gateway or self.registrar

    @property
    def asked_every(self) -> float:
        """`ping`, or its default."""
        if self.ping is not None:
            return self.ping
        return 0.0 if self.registrar else PING


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Signalling."""

    listen: HostPort | tuple[HostPort, ...] = HostPort("0.0.0.0", 5060)
    """Address and port for SIP, UDP and TCP alike; or a list of them, such as one for IPv4 and one for IPv6."""
    udp: bool = True
    """Listen on UDP."""
    tcp: bool = True
    """Listen on TCP."""
    tls_listen: tuple[HostPort, ...] = ()
    """Address and port for SIP over TLS, or a list of them; none by default. The usual port is 5061."""
    tls_certificate: Path | None = None
    """PEM file with our certificate and those between it and its authority; read again when it changes."""
    tls_key: Path | None = None
    """PEM file with its key, without a pass phrase."""
    tls_ca: Path | None = None
    """PEM file with the authorities believed when we call by TLS; the system's by default."""
    realm: str = "ivr"
    """Realm of the digest challenge, shown by some telephones when they ask for a password."""
    max_calls: int = 300
    """Callers' calls at once; the next one gets 503 with Retry-After."""
    retry_after: int = 5
    """Seconds named in that Retry-After."""
    ring: float = 0.0
    """Seconds between 180 Ringing and 200 OK."""
    srtp: Srtp = "off"
    """Protected sound (SRTP, keys in SDP by RFC 4568): off, offered to those who can, or required of everybody.
    It needs the extra ``ivr[srtp]``, and TLS, or everybody on the way can read the keys."""
    session_expires: int = 1800
    """Seconds within which telephones that can must show that a call is still there (RFC 4028); 0 leaves it to
    their own wish."""
    min_session_expires: int = 90
    """The shortest such interval in seconds that is not refused with 422."""
    trusted: tuple[str, ...] = ()
    """Numeric addresses whose P-Asserted-Identity is believed as the caller's number (RFC 3325)."""
    trunks: tuple[Trunk, ...] = ()
    """PBXs and carriers, with a registration and a password."""
    dial: tuple[str, ...] = ()
    """Number prefixes that may be called out to (``tel:+1555…``); none by default."""
    gateway: str = ""
    """SIP address those numbers are called through, such as ``sip:gate.example:5060``; the first of `trunks`
    where it is empty."""
    transfer: str = "bridge"
    """How a menu's `transfer` joins a caller with a number outside: ``bridge`` calls it and stays in between,
    ``refer`` asks the caller's own side to call it (RFC 3515) and leaves when it has."""
    accounts: tuple[Account, ...] = (Account("softphone", "softphone"),)
    """Telephones that may register, besides the agents' own."""

    @property
    def addresses(self) -> tuple[HostPort, ...]:
        """Everything of `listen`."""
        return self.listen if isinstance(self.listen, tuple) else (self.listen,)

    @property
    def trusted_addresses(self) -> frozenset[str]:
        """Everybody whose P-Asserted-Identity is believed: `trusted`, and the addresses of every trunk."""
        return frozenset(self.trusted).union(*(trunk.addresses for trunk in self.trunks))


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What strangers may have of us. A source is one IPv4 address, or the /64 of an IPv6 address; addresses in
    `sip.trusted` and of trunks are under the limits for all together only, so list your PBX there; where there are
    any, strangers have half of the lines at most."""

    calls_per_second: float = 100.0
    """New calls a second from all strangers, and as many from all trunks; more get 503. Twice as many at once."""
    source_calls_per_second: float = 20.0
    """New calls a second from one source that is no trunk; twice as many at once."""
    source_requests_per_second: float = 50.0
    """Other requests outside calls, such as REGISTER and OPTIONS, a second from such a source; five times as many
    at once."""
    source_calls: int = 150
    """Calls at once from such a source."""
    source_connections: int = 100
    """TCP and TLS connections at once from such a source."""
    emergency: tuple[str, ...] = ()
    """Called numbers or user names whose callers always get in, such as ``gas-emergency``; written as dialled."""
    emergency_reserve: int = 10
    """Of `sip.max_calls`, those that only callers of these numbers can use."""
    drop_scanners: bool = True
    """Give no answer to programs known to look for telephone systems to break into."""
    scanners: tuple[str, ...] = ()
    """Further texts in User-Agent that give such a program away."""


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """What `ivr sip-trace` shows."""

    kept: int = 8_388_608
    """Octets of memory for the SIP messages of the last while; the oldest make room. 0 keeps none."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Sound."""

    ports: tuple[int, int] = (20000, 23999)
    """First and last UDP port for RTP and RTCP, both ends included."""
    workers: int = 1
    """Media worker processes."""
    silence_timeout: float = 60.0
    """Seconds without any RTP from a caller after which the call is taken for dead; 0 for never."""
    bridge: Bridge = "relay"
    """How caller and agent hear each other: through the media worker (relay), or straight between their telephones
    (direct), which then must reach each other."""


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Conversations of callers with people, on disk. The law wants everybody in them to know, or to agree."""

    conversations: Literal["none", "all", "queues"] = "none"
    """Whose are recorded: nobody's, all, or those of `queues`."""
    queues: tuple[str, ...] = ()
    """The queues of that."""
    folder: Path | None = None
    """Folder for them; ``conversations`` in `var` by default."""
    keep_days: int = 90
    """Days after which a recording is deleted; 0 for never."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The web side: ICI, health, metrics."""

    listen: HostPort = HostPort("127.0.0.1", 8080)
    """Address and port for HTTP; loopback until told otherwise."""
    tls_listen: tuple[HostPort, ...] = ()
    """Address and port for HTTPS, or a list of them; none by default."""
    tls_certificate: Path | None = None
    """PEM file with our certificate and those between it and its authority; read again when it changes. Shown to
    callbacks that ask for one, too."""
    tls_key: Path | None = None
    """PEM file with its key, without a pass phrase."""
    tls_clients: Path | None = None
    """PEM file with authorities: who cannot show a certificate of theirs is not spoken to over HTTPS."""
    source_connections: int = 200
    """Connections at once from one IPv4 address, or the /64 of an IPv6 address; addresses in `ici.callbacks` may
    have any number. One that sends no whole request head for 30 seconds is closed."""


@dataclass(frozen=True, slots=True)
class CallbackLogin:
    """A user and a password for a host that events are posted to (HTTP Basic, RFC 7617)."""

    host: str = ""
    """Host, or host:port, as it stands in the address that CRM names; it must be in `callbacks`."""
    user: str = ""
    """Name that CRM knows us by."""
    password: str = field(default="", repr=False)
    """Never logged. ``IVR_ICI_LOGINS_HOST_PASSWORD`` is another place for it."""
    over_http: bool = False
    """Show it over http, too, where everybody on the way can read it; else over https, and http on loopback."""


@dataclass(frozen=True, slots=True)
class Workmode:
    """The text of a work mode, in one language: a site's own reason for not being ready, or one of 1 to 4."""

    id: int = 0
    """Above 999 for a reason of the site's own, at most 47 of them; else 1 logged off, 2 ready, 3 not ready,
    4 wrap-up."""
    text: str = ""
    """What agents see. In SAP's list a hyphen may become a line break."""
    language: str = ""
    """Of whom it is for, as in ``[[agents]]``; empty for everybody whose language has no text of its own."""


@dataclass(frozen=True, slots=True)
class IciSettings:
    """The interface to SAP CRM."""

    dialect: str = "default"
    """Name of the dialect file: spellings, namespaces and code lists of the peer."""
    callbacks: tuple[str, ...] = ("127.0.0.1", "::1", "localhost")
    """Hosts that events may be posted to."""
    phones: tuple[str, ...] = ("127.0.0.1", "::1", "localhost")
    """Hosts that agents' telephones may be at."""
    pop_wait: float = 1.5
    """Seconds the agent's screen has to answer before the telephone rings anyway."""
    post_timeout: float = 3.0
    """Seconds one event may take to be answered by the callback."""
    heartbeat: float = 5.0
    """Seconds between two looks whether the hosts of desktops still take connections; 0 never looks, and a desktop
    that is gone is missed at its next event."""
    unknown_number: str = "anonymous"
    """What stands for a caller's number that was withheld."""
    max_attached_data: int = 262144
    """Octets an attached data document may have."""
    callback_ca: Path | None = None
    """PEM file with the authorities believed when events are posted to https; the system's by default."""
    logins: tuple[CallbackLogin, ...] = ()
    """Users and passwords for hosts of `callbacks` that ask for them; agents' own are in ``[[agents]]``."""
    workmodes: tuple[Workmode, ...] = ()
    """Texts of work modes. Where a reason of the site's own is listed, no other is taken."""
    trace: Path | None = None
    """File that every message of ICI is written to, for `ivr ici learn` and `ivr ici replay`; none by default."""
    trace_values: bool = False
    """Write attached data and telephone numbers as they are; else as stars. Keys that agents send always are."""


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """Agents and queues."""

    wrap_up: float = 10.0
    """Seconds of wrap-up after a queued call; 0 for none but what an agent asks for (30 seconds)."""
    after_reject: float = 10.0
    """Seconds until an agent who rejected a call is offered another."""
    after_missed: float = 10.0
    """Seconds until an agent who missed a call is offered another; missing two within 30 minutes is not ready."""
    strategy: str = "best_skill"
    """Who of the free agents is rung: best_skill, longest_idle, fewest_calls or ring_all; the agent a caller spoke
    with last goes before."""
    last_agent: float = 86400.0
    """Seconds for which it is remembered who spoke with a caller last; 0 for not at all."""
    widen: float = 60.0
    """Seconds of waiting after which agents of the next skill level may have a caller, and after twice that
    everybody with one of the skills; 0 asks all levels at once."""
    answer_within: float = 20.0
    """Seconds within which a call shall be answered: the target of the service level."""
    unstaffed: float = 10.0
    """Seconds a caller waits while nobody who could take the call is logged on, before the menu's `failed`; where
    its queue has an outside line, that is rung then instead; 0 for ever."""
    voice_only: bool = True
    """Whether callers are given to agents who were ready by voice alone while no desktop of anybody who could have
    them is reachable, as when SAP is down; a whisper tells the agent what it is about."""
    serve_at_close: bool = True
    """Whether callers who wait when their queue closes are still served; else they get the menu's `closed`."""


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """How agents show to colleagues."""

    strict: bool = False
    """Show agents who wrap up, are not ready or missed a call as Busy; SAP's literal rule says Available."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """A person who takes calls."""

    id: str
    """Name to log on with; also the user part of the telephone."""
    name: str = ""
    """Name for people."""
    skills: tuple[str, ...] = ()
    """What queues ask for; a level may follow: ``billing:2`` is asked when nobody of level 1 was free in time."""
    phone: str = ""
    """SIP address of the agent's telephone, used where the log-on names none."""
    password: str = field(default="", repr=False)
    """Password for HTTP and for registering the telephone; without one, loopback only."""
    language: str = ""
    """Language of the texts of work modes, such as ``de``; see ``[[ici.workmodes]]``."""
    media: Literal["default", "relay", "direct"] = "default"
    """How callers hear this agent: relay or direct; as `media.bridge` says by default."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The customer store."""

    path: Path = Path("var/ivr.db")
    """SQLite file; made with the sample customers when it is missing."""
    currency: str = "USD"
    """ISO 4217 code of the amounts in the store."""


@dataclass(frozen=True, slots=True)
class MenuSettings:
    """What callers reach."""

    folder: Path = Path("menus")
    """Where menus, prompts and connectors are."""
    default: str = "northgas"
    """Menu that any called user part reaches."""
    audio: Path = Path("audio")
    """Recorded prompts: ``<language>/<prompt id>.wav`` beats synthesis."""


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """Voice and hearing."""

    models: dict[str, Path] = field(default_factory=dict)
    """Folder of a vosk model by language; a language without one takes keys only."""
    rate: int = 165
    """Words a minute of the synthetic voice."""
    workers: int = 1
    """Recogniser processes."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs, one line per event on standard error."""

    level: str = "info"
    """debug, info, warning or error."""
    format: str = "text"
    """text (key=value) or json."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that `ivr.toml` and the environment can say."""

    sip: SipSettings = SipSettings()
    guard: GuardSettings = GuardSettings()
    trace: TraceSettings = TraceSettings()
    media: MediaSettings = MediaSettings()
    recording: RecordingSettings = RecordingSettings()
    http: HttpSettings = HttpSettings()
    ici: IciSettings = IciSettings()
    routing: RoutingSettings = RoutingSettings()
    presence: PresenceSettings = PresenceSettings()
    store: StoreSettings = StoreSettings()
    menu: MenuSettings = MenuSettings()
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    log: LogSettings = LogSettings()
    agents: tuple[AgentSettings, ...] = ()
    """The people."""
    var: Path = Path("var")
    """Folder for everything made at run time."""
    source: Path | None = None
    """The file these settings were read from, or None for defaults alone."""
