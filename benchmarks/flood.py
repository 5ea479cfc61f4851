"""Does a flood hurt anybody else? ``python -m benchmarks.flood [--invites 10000] [--rate 500] [--addresses 1]``

A whole engine in a network of its own (``ivr serve``), some live calls whose sound is timed, and a flood of
INVITEs from so many addresses that nobody ever acknowledges. Each second another caller dials, who must be
answered. With `--scanner` the flood calls itself friendly-scanner.
Exit code 1 when a caller was not answered, a live call was lost, or memory grew by more than `--memory` megabytes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import socket
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.fuzz_sip import own_network
from benchmarks.media import cpu_seconds, resident
from benchmarks.signalling.load import CONTACT, TO, shares

SIP, HTTP = ("127.0.0.1", 5060), "http://127.0.0.1:8080/health"
LIVE_CALLS = 5
QUIET = 5.0
"""Seconds in which the live calls are timed before the flood."""
LATE = 0.5
"""Seconds between two packets of sound after which there is no sound rather than late sound: a prompt is over."""
PATIENCE = 4.0


def message(
    method: str, at: str, call: str, cseq: int, *, media: int = 0, agent: str = "bench", **to: str
) -> bytes:
    host = at.partition(":")[0]
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {media} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    body, kind = (body, "Content-Type: application/sdp\r\n") if media else ("", "")
    return (
        f"{method} {to.get('uri', 'sip:100@127.0.0.1')} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {at};branch=z9hG4bK{call}{method}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{call}@{at}>;tag=a{call}\r\nTo: {to.get('to', '<sip:100@127.0.0.1>')}\r\n"
        f"Call-ID: {call}@bench\r\nCSeq: {cseq} {method}\r\nContact: <sip:bench@{at}>\r\n"
        f"User-Agent: {agent}\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Sound(asyncio.DatagramProtocol):
    """Moments at which packets of sound came."""

    def __init__(self) -> None:
        self.heard: list[float] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(time.monotonic())

    def gaps(self, since: float, until: float) -> list[float]:
        moments = [moment for moment in self.heard if since <= moment < until]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        return [gap for gap in gaps if gap < LATE]


class Telephone(asyncio.DatagramProtocol):
    """Dials, and says how long it took to be answered."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended = 0

    @classmethod
    async def open(cls, host: str) -> Telephone:
        loop = asyncio.get_running_loop()
        transport, phone = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        phone.transport = transport
        address = transport.get_extra_info("sockname")
        phone.at = f"{address[0]}:{address[1]}"
        sound, phone.sound = await loop.create_datagram_endpoint(Sound, local_addr=(host, 0))
        phone.media = sound.get_extra_info("sockname")[1]
        return phone

    transport: asyncio.DatagramTransport
    sound: Sound
    at: str
    media: int

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"SIP/2.0 "):
            self.answers.put_nowait(data)
        elif data.startswith(b"BYE "):
            self.ended += 1

    async def _answer_to(self, call: str) -> bytes:
        while True:
            answer = await self.answers.get()
            if f"Call-ID: {call}@bench\r\n".encode() in answer and b"CSeq: 1 INVITE" in answer:
                return answer

    async def dial(self, call: str, *, hang_up: bool = True) -> float:
        """Seconds until 200; infinite for none."""
        began = time.monotonic()
        self.transport.sendto(message("INVITE", self.at, call, 1, media=self.media), SIP)
        try:
            async with asyncio.timeout(PATIENCE):
                while not (answer := await self._answer_to(call)).startswith(b"SIP/2.0 200"):
                    if re.match(rb"SIP/2\.0 [3-6]", answer):
                        return float("inf")
        except TimeoutError:
            return float("inf")
        took = time.monotonic() - began
        to, contact = TO.search(answer), CONTACT.search(answer)
        where = {"to": to[1].decode() if to else "", "uri": contact[1].decode() if contact else ""}
        self.transport.sendto(message("ACK", self.at, call, 1, **where), SIP)
        if hang_up:
            self.transport.sendto(message("BYE", self.at, call, 2, **where), SIP)
        return took


async def serve(folder: Path) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "IVR_VAR": str(folder),
        "IVR_SIP_LISTEN": "127.0.0.1:5060",
        "IVR_HTTP_LISTEN": "127.0.0.1:8080",
        "IVR_LOG_LEVEL": "warning",
    }
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(180):
        while engine.returncode is None:
            await asyncio.sleep(0.5)
            try:
                if (await health())["accepting"]:
                    return engine
            except OSError:
                continue
    raise SystemExit("the engine did not come up")


async def health() -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(HTTP, timeout=5) as answer:
            return dict(json.load(answer))

    return await asyncio.to_thread(ask)


def flood(count: int, rate: float, addresses: int, agent: str) -> float:
    """Send them all, in their time, from a process of its own; how many a second it became."""
    sockets = []
    for number in range(addresses):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
        sock.setblocking(False)
        sockets.append(sock)
    began, sent = time.monotonic(), 0
    while sent < count:
        due = min(count, int((time.monotonic() - began) * rate) + 1)
        while sent < due:
            sock = sockets[sent % addresses]
            at = f"{sock.getsockname()[0]}:{sock.getsockname()[1]}"
            sock.sendto(message("INVITE", at, f"flood{sent}", 1, media=40_000, agent=agent), SIP)
            sent += 1
        time.sleep(0.002)
    for sock in sockets:
        sock.close()
    return count / (time.monotonic() - began)


async def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    engine = await serve(folder)
    try:
        return await measure(arguments, engine.pid)
    finally:
        engine.terminate()
        await engine.wait()


async def measure(arguments: argparse.Namespace, pid: int) -> dict[str, Any]:
    live = [await Telephone.open("127.0.0.1") for _ in range(LIVE_CALLS)]
    up = [await phone.dial(f"live{number}", hang_up=False) for number, phone in enumerate(live)]
    began = time.monotonic()
    await asyncio.sleep(QUIET)
    before, cpu, flooded = resident(pid), cpu_seconds(pid), time.monotonic()
    agent = "friendly-scanner" if arguments.scanner else "bench"
    parts = (str(arguments.invites), str(arguments.rate), str(arguments.addresses), agent)
    sending = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.flood", "send", *parts, stdout=asyncio.subprocess.PIPE
    )
    flooding = asyncio.create_task(sending.communicate())
    answered: list[float] = []
    caller = await Telephone.open("127.0.0.2")
    while not flooding.done():
        answered.append(await caller.dial(f"caller{len(answered)}"))
        await asyncio.sleep(1.0)
    over, used, rate = time.monotonic(), cpu_seconds(pid) - cpu, float((await flooding)[0])
    afterwards = await caller.dial("afterwards")
    told = await health()
    gaps = {
        "before": shares([gap for phone in live for gap in phone.sound.gaps(began, flooded)]),
        "during": shares([gap for phone in live for gap in phone.sound.gaps(flooded, over)]),
    }
    in_time = [one for one in answered if one < PATIENCE]
    return {
        "load": os.getloadavg()[0],
        "flood": {"invites": arguments.invites, "per_second": round(rate), "addresses": arguments.addresses},
        "live_calls": {"up": sum(one < PATIENCE for one in up), "gaps_of_sound_ms": gaps},
        "callers_meanwhile": {
            "dialled": len(answered),
            "setup_ms": shares(in_time),
        },
        "not_answered": sum(one > PATIENCE for one in [*answered, afterwards]),
        "afterwards_ms": round(1000 * afterwards, 1),
        "memory_mb": [round(before, 1), round(resident(pid), 1)],
        "cpu_ms_per_invite": round(1000 * used / arguments.invites, 3),
        "guard": {name: value for name, value in told["guard"].items() if value},
    }


def main() -> int:
    if sys.argv[1:2] == ["send"]:
        count, rate, addresses, agent = sys.argv[2:]
        print(flood(int(count), float(rate), int(addresses), agent))
        return 0
    parser = argparse.ArgumentParser(description="Flood an engine with INVITEs in a network of its own.")
    parser.add_argument("--invites", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--rate", type=float, default=500.0, help="a second (500)")
    parser.add_argument("--addresses", type=int, default=1, help="from so many addresses (1)")
    parser.add_argument("--scanner", action="store_true", help="as a known scanner")
    parser.add_argument("--memory", type=float, default=60.0, help="megabytes memory may grow by (60)")
    arguments = parser.parse_args()
    own_network()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(arguments, Path(folder)))
    print(json.dumps(report, indent=2))
    grown = report["memory_mb"][1] - report["memory_mb"][0]
    lost = report["live_calls"]["up"] < LIVE_CALLS
    return 1 if lost or report["not_answered"] or grown > arguments.memory else 0


if __name__ == "__main__":
    sys.exit(main())
