"""Calls at a fixed rate, from a process of its own. ``python -m benchmarks.signalling.load PORT``

One UDP socket and a loop that only waits for it: messages are templates with a number in them, answers are
searched for that number. Each call is INVITE, 100, 180, 200, ACK, BYE, 200. What is not answered is repeated as
RFC 3261 section 17.1 says, since a real caller would. Requests to register are granted, for a stack that must
before it listens.

It tells the port it took, then takes lines ``RATE CALLS`` and answers each with a JSON document, times in
milliseconds.
"""

from __future__ import annotations

import heapq
import json
import re
import secrets
import select
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

T1 = 0.5
PATIENCE = 8.0
"""Seconds after which a call has failed."""
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    "a=ptime:20\r\na=sendrecv\r\n"
)
ANSWER = re.compile(rb"SIP/2\.0 (\d\d\d) .*?\nCall-ID: *bench-(\d+)@", re.DOTALL | re.IGNORECASE)
METHOD = re.compile(rb"\nCSeq: *\d+ +(\w+)", re.IGNORECASE)
TO = re.compile(rb"\nTo: *([^\r\n]+)", re.IGNORECASE)
CONTACT = re.compile(rb"\nContact: *<([^>\r\n]+)>", re.IGNORECASE)


@dataclass(slots=True)
class Call:
    """Moments in seconds; 0 for what has not happened."""

    began: float
    trying: float = 0.0
    answered: float = 0.0
    over: float = 0.0
    status: int = 0
    ack: bytes = b""
    bye: bytes = b""


class Load:
    def __init__(self, port: int) -> None:
        self.target = ("127.0.0.1", port)
        self.name = secrets.token_hex(4)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.me = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.next_number = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        self.calls: dict[int, Call] = {}
        self.repeats: list[tuple[float, float, int, bool]] = []
        self.repeated = 0
        self.late = 0.0
        self.results: list[Call] = []

    def request(self, method: str, number: int, cseq: int, to: str = "", uri: str = "") -> bytes:
        body = SDP if method == "INVITE" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        us = f"127.0.0.1:{self.target[1]}"
        return (
            f"{method} {uri or f'sip:100@{us}'} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.me};branch=z9hG4bK{self.name}{number}{method};rport\r\nMax-Forwards: 70\r\n"
            f'From: "Bench" <sip:bench@{self.me}>;tag=t{number}\r\nTo: {to or f"<sip:100@{us}>"}\r\n'
            f"Call-ID: bench-{number}@{self.name}\r\nCSeq: {cseq} {method}\r\nContact: <sip:bench@{self.me}>\r\n"
            f"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nUser-Agent: bench\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendto(data, self.target)
        except BlockingIOError:
            pass  # as if it were lost: it is repeated

    def run(self, rate: float, count: int) -> dict[str, Any]:
        """So many calls, to the end of the last."""
        self.begin_anew()
        start, number = time.monotonic(), 0
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        while len(self.results) < count:
            now = time.monotonic()
            while number < count and start + number / rate <= now:
                self.late = max(self.late, now - (start + number / rate))
                self.begin(self.next_number, now)
                number += 1
                self.next_number += 1
            self.repeat(now)
            due = start + number / rate if number < count else now + 0.1
            wait = min(due, self.repeats[0][0] if self.repeats else due) - time.monotonic()
            if poll.poll(max(0.0, wait) * 1000 if wait > 0.0005 else 0):
                self.receive()
        return self.report(count, time.monotonic() - start)

    def begin(self, number: int, now: float) -> None:
        self.calls[number] = Call(now)
        self.send(self.request("INVITE", number, 1))
        heapq.heappush(self.repeats, (now + T1, T1, number, False))

    def repeat(self, now: float) -> None:
        while self.repeats and self.repeats[0][0] <= now:
            _, interval, number, bye = heapq.heappop(self.repeats)
            call = self.calls.get(number)
            if call is None or (not bye and (call.trying or call.answered)):
                if call is not None and not call.answered and now - call.began > PATIENCE:
                    self.finish(number, call)
                elif call is not None and not call.answered:
                    heapq.heappush(self.repeats, (now + PATIENCE, PATIENCE, number, bye))
                continue
            if now - call.began > PATIENCE:
                self.finish(number, call)
                continue
            self.repeated += 1
            self.send(call.bye if bye else self.request("INVITE", number, 1))
            heapq.heappush(self.repeats, (now + 2 * interval, 2 * interval, number, bye))

    def receive(self) -> None:
        while True:
            try:
                data, source = self.socket.recvfrom(65_536)
            except BlockingIOError:
                return
            if data.startswith(b"SIP/2.0 "):
                self.answered(data, time.monotonic())
            elif data.startswith((b"REGISTER ", b"BYE ", b"OPTIONS ")):
                self.socket.sendto(granted(data), source)

    def answered(self, data: bytes, now: float) -> None:
        match, method = ANSWER.match(data), METHOD.search(data)
        if match is None or method is None or (call := self.calls.get(int(match[2]))) is None:
            return
        status, number = int(match[1]), int(match[2])
        call.trying = call.trying or now
        if method[1].upper() == b"BYE":
            if status >= 200:
                call.over = now
                self.finish(number, call)
        elif 200 <= status < 300:
            self.confirm(data, number, call, now)
        elif status >= 300:
            call.status = status
            to = TO.search(data)
            self.send(self.request("ACK", number, 1, to[1].decode() if to else ""))
            self.finish(number, call)

    def confirm(self, data: bytes, number: int, call: Call, now: float) -> None:
        if call.answered:
            self.send(call.ack)  # it was repeated: our ACK got lost
            return
        call.answered, call.status = now, 200
        to, contact = TO.search(data), CONTACT.search(data)
        where = (to[1].decode() if to else "", contact[1].decode() if contact else "")
        call.ack = self.request("ACK", number, 1, *where)
        call.bye = self.request("BYE", number, 2, *where)
        self.send(call.ack)
        self.send(call.bye)
        heapq.heappush(self.repeats, (now + T1, T1, number, True))

    def finish(self, number: int, call: Call) -> None:
        self.results.append(self.calls.pop(number))

    def report(self, count: int, seconds: float) -> dict[str, Any]:
        good = [call for call in self.results if call.over]
        statuses: dict[str, int] = {}
        for call in self.results:
            word = str(call.status) if call.status else "none"
            statuses[word] = statuses.get(word, 0) + 1
        return {
            "calls": count,
            "complete": len(good),
            "answers": statuses,
            "calls_per_second": round(len(good) / seconds, 1),
            "setup_ms": shares([call.answered - call.began for call in good]),
            "trying_ms": shares([call.trying - call.began for call in good]),
            "repeated": self.repeated,
            "generator_late_ms": round(self.late * 1000, 1),
        }


def granted(request: bytes) -> bytes:
    """200 OK with what must be copied."""
    head = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    copied = (b"via", b"from", b"to", b"call-id", b"cseq", b"contact")
    kept = [line for line in head if line.partition(b":")[0].strip().lower() in copied]
    return b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Expires: 3600", b"Content-Length: 0", b"", b""])


def shares(seconds: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum, in milliseconds."""
    ordered = sorted(seconds) or [0.0]
    at = {"p50": 0.5, "p99": 0.99}
    found = {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in at.items()}
    return {name: round(1000 * value, 2) for name, value in {**found, "max": ordered[-1]}.items()}


def main() -> None:
    load = Load(int(sys.argv[1]))
    print(load.me.partition(":")[2], flush=True)
    while True:
        ready, _, _ = select.select([sys.stdin, load.socket], [], [])
        if load.socket in ready:  # who must register does so now
            load.receive()
        if sys.stdin in ready:
            if not (line := sys.stdin.readline().split()):
                return
            print(json.dumps(load.run(float(line[0]), int(line[1]))), flush=True)


if __name__ == "__main__":
    main()
