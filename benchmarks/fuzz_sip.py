"""Does anything get through? ``python -m benchmarks.fuzz_sip [--datagrams 100000] [--seed 1] [--folder …]``

Messages of a corpus, and requests within a call that is up, are broken at random and thrown at a listening user
agent, over UDP and, one in forty, down a TCP connection. It rings, answers, refuses, negotiates. Now and then an
unbroken caller dials, who must be served.
Everything happens in a network namespace of its own, and addresses are never touched: what is said to nobody stays
here. The seed repeats a run. Exit code 1 when an exception escaped or a caller was not served.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import fcntl
import json
import random
import re
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ivr.call.signalling import Signalling
from ivr.clock import SystemClock
from ivr.errors import RemoteProtocolError
from ivr.sdp import LocalMedia, SessionDescription, answer
from ivr.sip.events import IncomingCall, Output, SessionOffered, UserAgentSettings
from ivr.sip.timers import Timers
from ivr.sip.user_agent import UserAgent

NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1
SANE_EVERY = 500
MAX_LEGS = 300
T1 = 0.02
"""Seconds: what is forgotten after half a minute in earnest is forgotten after one here."""
ADDRESS = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]")
CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)
LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[^\n]*\n", re.IGNORECASE | re.MULTILINE)
"""Left out of most datagrams, lest all that is tested is that a wrong one is noticed."""
SPICE = [b"\x00", b"\xff\xfe", b"\r\n", b"\n", b"\r\n\r\n", b";", b",", b'"', b"<", b">", b"%00", b"=", b":", b"@"]
SPICE += [b"4294967296", b"-1", b"99999999999999999999", b"SIP/2.0", b"z9hG4bK", b"sips:", b"tel:", b" " * 300]
BODY = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n"


def own_network() -> None:
    """Leave the machine's network for an empty one with a loopback.

    Raises SystemExit with code 2 where the kernel does not let us.
    """
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(NEW_NETWORK) and unshare(NEW_USER | NEW_NETWORK):
        print("no network namespace to be had; run this as root", file=sys.stderr)
        raise SystemExit(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        (_, flags) = struct.unpack("16sh22x", fcntl.ioctl(handle, GET_FLAGS, struct.pack("16sh22x", b"lo", 0)))
        fcntl.ioctl(handle, SET_FLAGS, struct.pack("16sh22x", b"lo", flags | UP))


def broken(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """`data` with a few things wrong; its addresses as they were."""
    most = rng.choice((1500, 1500, 1500, 4000, 65_000))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 6))):
        pieces = ADDRESS.split(data)
        kept = ADDRESS.findall(data)
        which = rng.randrange(len(pieces))
        pieces[which] = _broken_piece(pieces[which], other, rng)
        data = b"".join(piece + (kept[at] if at < len(kept) else b"") for at, piece in enumerate(pieces))[:most]
    return LENGTH.sub(b"", data) if rng.random() < 0.6 else data


def _broken_piece(piece: bytes, other: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(piece))
    end = min(len(piece), at + rng.choice((1, 1, 2, 8, 60)))
    lines = piece.split(b"\r\n")
    match rng.randrange(9):
        case 0:
            return piece[:at] + bytes([rng.randrange(256)]) + piece[end:]
        case 1:
            return piece[:at] + rng.choice(SPICE) + piece[at:]
        case 2:
            return piece[:at] + piece[end:]
        case 3:
            return piece[:at] + piece[at:end] * rng.choice((2, 3, 200)) + piece[end:]
        case 4:
            first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
            return b"\r\n".join(lines)
        case 5:
            return re.sub(rb"\d+", lambda _: rng.choice((b"0", b"2147483648", b"-5", b"1" * 40)), piece, count=1)
        case 6:
            return b"\r\n".join([*lines[:1], *lines[1:] * rng.choice((2, 60))])
        case 7:
            start = rng.randint(0, len(other))
            return piece[:at] + ADDRESS.sub(b"", other[start : start + 120]) + piece[at:]
        case _:
            return piece[:at]


def corpus(folder: Path) -> list[bytes]:
    files = sorted([*folder.rglob("*.sip"), *folder.rglob("*.dat")])
    if not files:
        print(f"no messages (*.sip, *.dat) in {folder}; name their folder with --folder", file=sys.stderr)
        raise SystemExit(2)
    return [path.read_bytes() for path in files] + [
        sane(method, "1", 1) for method in ("INVITE", "PRACK", "UPDATE")
    ]


def sane(method: str, call: str, cseq: int, to_tag: str = "") -> bytes:
    body = BODY if method == "INVITE" else b""
    head = (
        f"{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{method}{call};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1>;tag=a{call}\r\n"
        f"To: <sip:100@127.0.0.1>{';tag=' + to_tag if to_tag else ''}\r\nCall-ID: sane-{call}\r\n"
        f"CSeq: {cseq} {method}\r\nContact: <sip:alice@127.0.0.1:9>\r\nSupported: timer, 100rel\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Target:
    """A user agent on loopback and an application that does something with every call."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        settings = UserAgentSettings(accounts={"alice": "secret"}, max_transactions=5000)
        self.signalling = Signalling(UserAgent(settings, timers=Timers(t1=T1)), SystemClock(), self.on_event)
        self.events: Counter[str] = Counter()

    def on_event(self, event: Output) -> None:
        self.events[type(event).__name__] += 1
        if isinstance(event, IncomingCall):
            self._take(event)
        elif isinstance(event, SessionOffered):
            try:
                self.signalling.accept_offer(event.leg, self._answer(event.offer))
            except RemoteProtocolError:
                self.signalling.refuse_offer(event.leg, 488)

    def _take(self, call: IncomingCall) -> None:
        leg, sane_one = call.leg, call.call_id.startswith("sane-") and call.call_id != "sane-1"
        choice = 0 if sane_one else self.rng.randrange(4)
        if choice < 3:
            self.signalling.ring(leg)
        if choice < 2:
            try:
                self.signalling.answer(leg, self._answer(call.offer))
            except RemoteProtocolError:
                self.signalling.refuse(leg, 488)
        if choice == 3:
            self.signalling.refuse(leg, self.rng.choice((302, 486, 503, 603)))
        legs = self.signalling.user_agent.legs
        if len(legs) > MAX_LEGS:
            self.signalling.hang_up(legs[0])

    @staticmethod
    def _answer(offer: bytes) -> bytes:
        local = LocalMedia("127.0.0.1", 40002, session_id=1, version=1)
        return answer(SessionDescription.parse(offer), local).description.encode() if offer else BODY


class Caller(asyncio.DatagramProtocol):
    """Sends, and keeps what answers an unbroken call."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.statuses: Counter[str] = Counter()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.statuses[data[8:11].decode("latin-1") if data.startswith(b"SIP/2.0 ") else "request"] += 1
        if b"\r\nCall-ID: sane-" in data and b"\r\nCall-ID: sane-1\r\n" not in data:
            self.heard.put_nowait(data)

    async def is_served(self, call: str) -> bool:
        """Dial, be answered, hang up: all of it within two seconds."""
        try:
            async with asyncio.timeout(2.0):
                tag = await self.dial(call)
                return (await self._final("BYE", call, 2, tag)).startswith(b"SIP/2.0 200 ")
        except TimeoutError:
            return False

    async def dial(self, call: str) -> str:
        """Our tag of a call that is up."""
        to = (await self._final("INVITE", call, 1)).partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
        tag = to.partition(b";tag=")[2].decode()
        self.transport.sendto(sane("ACK", call, 1, tag))
        return tag

    async def _final(self, method: str, call: str, cseq: int, to_tag: str = "") -> bytes:
        self.transport.sendto(sane(method, call, cseq, to_tag))
        while True:
            data = await self.heard.get()
            ours = f"CSeq: {cseq} {method}".encode() in data and f"Call-ID: sane-{call}\r\n".encode() in data
            if ours and data.startswith(b"SIP/2.0 ") and not data.startswith(b"SIP/2.0 1"):
                return data


class Pet:
    """A call that is kept up, so that requests within it can be broken too."""

    def __init__(self) -> None:
        self.call, self.tag, self.cseq = "", "", 1

    def request(self, rng: random.Random) -> bytes:
        self.cseq += rng.choice((0, 1, 1, 1))
        method = rng.choice(("INVITE", "ACK", "UPDATE", "PRACK", "INFO", "OPTIONS", "CANCEL", "REFER"))
        return sane(method, self.call, self.cseq, self.tag).replace(b"z9hG4bK", b"z9hG4bK%d" % self.cseq)


class Stream:
    """A TCP connection that is opened again whenever it was closed on us."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self.opened = 0

    async def send(self, data: bytes, rng: random.Random) -> None:
        if self._writer is not None and rng.random() < 0.2:
            self._writer.close()
        if self._writer is None or self._writer.is_closing():
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._drain = asyncio.create_task(self._read(reader, self._writer))
            self.opened += 1
        cut = rng.randint(0, len(data))
        for part in (data[:cut], data[cut:]):
            self._writer.write(part)
            await asyncio.sleep(0)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
        writer.close()


def stream_of(messages: list[bytes], pet: Pet, count: int, rng: random.Random) -> Iterator[bytes]:
    """Each with a branch and a Call-ID of its own, so that few are taken for repetitions."""
    for number in range(count):
        if pet.tag and rng.random() < 0.25:
            yield broken(pet.request(rng), rng.choice(messages), rng)
            continue
        data = rng.choice(messages).replace(b"z9hG4bK", b"z9hG4bK%d" % number)
        data = CALL_ID.sub(lambda match, number=number: match[0] + b"%d." % number, data)
        yield broken(data, rng.choice(messages), rng)


def tell(words: str, *, last: bool = False) -> None:
    """How far it is, to whoever watches; the report alone goes to standard output."""
    if sys.stderr.isatty():
        print(f"\r{words:<79}", end="\n" if last else "", flush=True, file=sys.stderr)


async def fuzz(folder: Path, count: int, seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    escaped: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: escaped.append(repr(context.get("exception") or context)))
    target = Target(rng)
    await target.signalling.bind("127.0.0.1", 0)
    port = target.signalling.port
    _, caller = await loop.create_datagram_endpoint(Caller, remote_addr=("127.0.0.1", port))
    stream = Stream(port)
    unserved, dialled, slowest = 0, 0, 0.0
    began = time.monotonic()
    pet = Pet()
    for number, data in enumerate(stream_of(corpus(folder), pet, count, rng), start=1):
        if number % 40:
            caller.transport.sendto(data)
        else:
            await stream.send(data, rng)
        if number % 20 == 0:
            await asyncio.sleep(0)
        if number % SANE_EVERY == 0:
            dialled, since = dialled + 1, time.monotonic()
            tell(f"{number} of {count} sent, {len(escaped)} faults, {unserved} calls in between not served")
            unserved += not await caller.is_served(str(number))
            slowest = max(slowest, time.monotonic() - since)
            async with asyncio.timeout(5.0):
                pet.call, pet.cseq, pet.tag = f"pet{number}", 1, await caller.dial(f"pet{number}")
    seconds = time.monotonic() - began
    user_agent = target.signalling.user_agent
    tell(f"all sent in {seconds:.0f} s; waiting {2 * 64 * T1:.1f} s for what is still open", last=True)
    for leg in user_agent.legs:
        target.signalling.hang_up(leg)
    await asyncio.sleep(2 * 64 * T1 + 0.5)
    left = {"legs": len(user_agent.legs), "transactions": user_agent.transactions}
    await target.signalling.close()
    return {
        "seed": seed,
        "datagrams": count,
        "seconds": round(seconds, 1),
        "streams": stream.opened,
        "counters": user_agent.counters,
        "answers": dict(sorted(caller.statuses.items())),
        "events": dict(sorted(target.events.items())),
        "callers": {"dialled": dialled, "not served": unserved, "slowest_ms": round(slowest * 1000, 1)},
        "left": left,
        "escaped": {"count": len(escaped), "first": escaped[:3]},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Throw broken SIP at a user agent in a network of its own.")
    parser.add_argument("--datagrams", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed breaks the same things (1)")
    parser.add_argument("--folder", type=Path, default=Path("tests/sip/wire"), help="messages to break")
    arguments = parser.parse_args()
    own_network()
    report = asyncio.run(fuzz(arguments.folder, arguments.datagrams, arguments.seed))
    print(json.dumps(report, indent=2))
    return 1 if report["escaped"]["count"] or report["callers"]["not served"] else 0


if __name__ == "__main__":
    sys.exit(main())
