"""Peers for the user agent: one written by hand in text, and another user agent behind a wire that can lose."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.sip.events import (
    CallAccepted,
    CallCancelled,
    CallEnded,
    CallRefused,
    Flow,
    IncomingCall,
    Output,
    SendBytes,
    SessionOffered,
    UserAgentSettings,
)
from ivr.sip.message import Request, Response, decode
from ivr.sip.user_agent import UserAgent

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\n"
CALLER = ("192.0.2.1", 5060)
ENGINE = ("192.0.2.2", 5060)
END_EVENTS = CallEnded | CallCancelled | CallRefused


class Peer:
    """Somebody who sends what is written and shows what came back."""

    def __init__(self, user_agent: UserAgent, transport: str = "udp") -> None:
        self.user_agent = user_agent
        self.now = 1000.0
        connection = 7 if transport == "tcp" else 0
        self.flow = Flow(transport, ENGINE, CALLER, connection)  # type: ignore[arg-type]
        self.sent: list[Request | Response] = []
        """What the user agent sent us, since the last look."""
        self.sends: list[SendBytes] = []
        self.events: list[Output] = []

    def says(self, data: str | bytes) -> Peer:
        """Send a message; text may be indented and have bare line feeds."""
        if isinstance(data, str):
            head, _, body = data.lstrip().partition("\n\n")
            lines = [line.strip() for line in head.splitlines()]
            data = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
        return self.got(self.user_agent.receive(data, self.flow, self.now))

    def got(self, outputs: list[Output]) -> Peer:
        self.sent, self.sends, self.events = [], [], []
        for output in outputs:
            if isinstance(output, SendBytes):
                self.sends.append(output)
                self.sent.append(decode(output.data))
            else:
                self.events.append(output)
        return self

    def waits(self, seconds: float) -> Peer:
        """Let time pass, waking the user agent exactly when it asks; gather everything that came meanwhile."""
        until, outputs = self.now + seconds, []
        while self.user_agent.deadline is not None and self.user_agent.deadline <= until:
            self.now = max(self.now, self.user_agent.deadline)
            outputs += self.user_agent.expire(self.now)
        self.now = until
        return self.got(outputs)

    @property
    def statuses(self) -> list[int]:
        return [message.status for message in self.sent if isinstance(message, Response)]

    @property
    def methods(self) -> list[str]:
        return [message.method for message in self.sent if isinstance(message, Request)]

    @property
    def response(self) -> Response:
        return next(message for message in reversed(self.sent) if isinstance(message, Response))

    @property
    def request(self) -> Request:
        return next(message for message in reversed(self.sent) if isinstance(message, Request))

    def event(self, kind: type) -> Output:
        return next(event for event in self.events if isinstance(event, kind))


def request_text(
    method: str,
    *,
    cseq: int = 1,
    branch: str = "",
    call_id: str = "c1@192.0.2.1",
    to_tag: str = "",
    body: bytes | str = "",
    headers: str = "",
    uri: str = "sip:100@192.0.2.2",
    contact: str = "<sip:alice@192.0.2.1>",
    from_tag: str = "a1",
    via: str = "SIP/2.0/UDP 192.0.2.1:5060",
) -> str:
    """A well-formed request; every part can be made odd."""
    body = body.decode() if isinstance(body, bytes) else body
    branch = branch or f"z9hG4bK-{method}-{cseq}"
    if body and "Content-Type" not in headers:
        headers = f"{headers}\nContent-Type: application/sdp".strip()
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via};branch={branch}",
        "Max-Forwards: 70",
        f"From: Alice <sip:alice@192.0.2.1>;tag={from_tag}",
        f"To: <sip:100@192.0.2.2>{f';tag={to_tag}' if to_tag else ''}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        f"Contact: {contact}" if contact else "",
        headers,
        f"Content-Length: {len(body)}",
    ]
    return "\n".join(filter(None, lines)) + "\n\n" + body


class Wire:
    """Two user agents and the network between them, on a clock of its own."""

    def __init__(self, transport: str = "udp", settings: UserAgentSettings | None = None) -> None:
        self.now = 0.0
        self.caller = UserAgent(UserAgentSettings(product="caller"), rng=random.Random(1))
        self.engine = UserAgent(settings or UserAgentSettings(product="engine"), rng=random.Random(2))
        connection = 3 if transport == "tcp" else 0
        self.flow_of = {
            self.caller: Flow(transport, CALLER, ENGINE, connection),  # type: ignore[arg-type]
            self.engine: Flow(transport, ENGINE, CALLER, connection),  # type: ignore[arg-type]
        }
        self.events: dict[UserAgent, list[Output]] = {self.caller: [], self.engine: []}
        self.packets: list[tuple[UserAgent, Request | Response]] = []
        """Everything that was sent, lost or not, with its sender."""
        self.loses: Callable[[int, Request | Response], bool] = lambda number, message: False
        self.delay = 0.01
        self.reactions: dict[UserAgent, Callable[[Output], list[Output]]] = {
            self.caller: self._as_caller,
            self.engine: self._as_engine,
        }
        self._flying: list[tuple[float, int, UserAgent, bytes]] = []

    def _as_engine(self, event: Output) -> list[Output]:
        if isinstance(event, IncomingCall):
            return [
                *self.engine.ring(event.leg, self.now),
                *self.engine.answer(event.leg, ANSWER, self.now),
            ]
        if isinstance(event, SessionOffered):
            return self.engine.accept_offer(event.leg, ANSWER, self.now)
        return []

    def _as_caller(self, event: Output) -> list[Output]:
        if isinstance(event, SessionOffered):
            return self.caller.accept_offer(event.leg, OFFER, self.now)
        return []

    def dial(self, credentials: tuple[str, str] | None = None) -> None:
        self.took(
            self.caller,
            self.caller.invite(
                "out",
                "sip:100@192.0.2.2",
                OFFER,
                self.flow_of[self.caller],
                self.now,
                caller_uri="sip:alice@192.0.2.1",
                credentials=credentials,
            ),
        )

    def took(self, sender: UserAgent, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, SendBytes):
                message = decode(output.data)
                number = len(self.packets)
                self.packets.append((sender, message))
                if not self.loses(number, message):
                    receiver = self.engine if sender is self.caller else self.caller
                    heapq.heappush(self._flying, (self.now + self.delay, number, receiver, output.data))
            else:
                self.events[sender].append(output)
                self.took(sender, self.reactions[sender](output))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while (when := self._next()) is not None and when <= until:
            self.now = max(self.now, when)
            if self._flying and self._flying[0][0] <= self.now:
                _, _, receiver, data = heapq.heappop(self._flying)
                self.took(receiver, receiver.receive(data, self.flow_of[receiver], self.now))
                continue
            for user_agent in (self.caller, self.engine):
                self.took(user_agent, user_agent.expire(self.now))
        self.now = until

    def _next(self) -> float | None:
        moments = [self.caller.deadline, self.engine.deadline, self._flying[0][0] if self._flying else None]
        return min((moment for moment in moments if moment is not None), default=None)

    def ends_of(self, user_agent: UserAgent) -> list[Output]:
        return [event for event in self.events[user_agent] if isinstance(event, END_EVENTS)]

    def has(self, user_agent: UserAgent, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events[user_agent])

    @property
    def connected(self) -> bool:
        return self.has(self.caller, CallAccepted)


@pytest.fixture
def user_agent() -> UserAgent:
    settings = UserAgentSettings(accounts={"alice": "secret"}, trunks=frozenset({"192.0.2.1"}))
    return UserAgent(settings, rng=random.Random(7))


@pytest.fixture
def peer(user_agent: UserAgent) -> Peer:
    return Peer(user_agent)


@pytest.fixture
def make_peer() -> type[Peer]:
    return Peer


@pytest.fixture
def tcp_peer(user_agent: UserAgent) -> Peer:
    return Peer(user_agent, "tcp")


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def make_wire() -> type[Wire]:
    return Wire


@pytest.fixture
def make_request() -> Callable[..., str]:
    return request_text


@pytest.fixture
def wire_folder() -> Path:
    return Path(__file__).parent / "wire"


class Answered:
    """A call from `peer` that is up: what its later requests need."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        peer.says(request_text("INVITE", body=OFFER))
        self.leg = peer.event(IncomingCall).leg  # type: ignore[attr-defined]
        peer.got(peer.user_agent.answer(self.leg, ANSWER, peer.now))
        self.to_tag = peer.response.to_tag
        peer.says(request_text("ACK", branch="z9hG4bK-ack", to_tag=self.to_tag))

    def says(self, method: str, cseq: int, **parts: str | bytes) -> Peer:
        return self.peer.says(request_text(method, cseq=cseq, to_tag=self.to_tag, **parts))  # type: ignore[arg-type]


@pytest.fixture
def answered(peer: Peer) -> Answered:
    return Answered(peer)
