"""The other end of the media benchmark: telephones that talk and note when the kernel got each packet.

Started by `benchmarks.media`. Prints the ports of its telephones as JSON, reads the ports to talk to, runs,
prints what it measured. Arrival times are the kernel's (SO_TIMESTAMPNS), so a slow peer is not a late packet.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

import numpy as np

SO_TIMESTAMPNS = 35
"""linux/asm-generic/socket.h; Python's socket module does not name it."""
TIMESPEC = struct.Struct("qq")
HEADER = struct.Struct("!BBHII")
SLOTS = 10
"""The telephones speak at ten different moments of the 20 ms, as strangers do."""
SETTLE = 1.0
"""Seconds at the beginning that are not measured: prompts are read, sources are latched."""


class Telephone:
    """One peer: a socket, a stream out, arrivals in."""

    def __init__(self, number: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.ssrc = number + 1
        self.sent = 0
        self.arrivals: list[int] = []
        self.timestamps: list[int] = []
        self.numbers: list[int] = []

    def speak(self, payload: bytes) -> None:
        header = HEADER.pack(0x80, 0, self.sent & 0xFFFF, self.sent * 160 & 0xFFFFFFFF, self.ssrc)
        self.sent += 1
        try:
            self.socket.send(header + payload)
        except OSError:
            pass

    def hear(self) -> None:
        try:
            data, extra, _, _ = self.socket.recvmsg(2048, 64)
        except OSError:
            return
        seconds, nanoseconds = TIMESPEC.unpack(extra[0][2])
        _, _, number, timestamp, _ = HEADER.unpack_from(data)
        self.arrivals.append(seconds * 1_000_000_000 + nanoseconds)
        self.timestamps.append(timestamp)
        self.numbers.append(number)


def run(telephones: list[Telephone], seconds: float, payload: bytes) -> None:
    """Speak 50 times a second from every telephone, and hear."""
    poll = select.epoll()
    by_fd = {telephone.socket.fileno(): telephone for telephone in telephones}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    slots = [telephones[number::SLOTS] for number in range(SLOTS)]
    begin, slot = time.monotonic(), 0
    while (now := time.monotonic()) < begin + seconds:
        if now >= begin + slot * 0.02 / SLOTS:
            for telephone in slots[slot % SLOTS]:
                telephone.speak(payload)
            slot += 1
        else:
            select.select((poll,), (), (), max(begin + slot * 0.02 / SLOTS - now, 0))
        for fd, _ in poll.poll(0, 128):
            by_fd[fd].hear()


def measure(telephones: list[Telephone]) -> dict[str, float]:
    """Lateness of each packet against an ideal 20 ms clock that fits the call's earliest packet."""
    late: list[np.ndarray] = []
    rates: list[float] = []
    lost = 0
    for telephone in telephones:
        arrivals = np.array(telephone.arrivals, dtype=np.int64)
        keep = arrivals > arrivals[0] + int(SETTLE * 1e9)
        arrivals, timestamps = arrivals[keep], np.unwrap(np.array(telephone.timestamps)[keep], period=2**32)
        numbers = np.unwrap(np.array(telephone.numbers)[keep], period=2**16)
        offset = (arrivals - arrivals[0]) / 1e9 - (timestamps - timestamps[0]) / 8000
        late.append((offset - offset.min()) * 1000)
        rates.append((len(arrivals) - 1) / ((arrivals[-1] - arrivals[0]) / 1e9))
        lost += int(numbers[-1] - numbers[0]) + 1 - len(arrivals)
    every = np.concatenate(late)
    return {
        "packets": len(every),
        "lost": lost,
        "rate_least": min(rates),
        "rate_mean": float(np.mean(rates)),
        "rate_most": max(rates),
        "p50": float(np.percentile(every, 50)),
        "p99": float(np.percentile(every, 99)),
        "p99_9": float(np.percentile(every, 99.9)),
        "max": float(every.max()),
        "said": sum(telephone.sent for telephone in telephones),
    }


def main() -> None:
    calls, seconds = int(sys.argv[1]), float(sys.argv[2])
    telephones = [Telephone(number) for number in range(calls)]
    print(json.dumps([telephone.socket.getsockname()[1] for telephone in telephones]), flush=True)
    for telephone, port in zip(telephones, json.loads(sys.stdin.readline()), strict=True):
        telephone.socket.connect(("127.0.0.1", port))
    payload = bytes(0xF8 + number * 5 % 8 & 0xFF for number in range(160))  # the hiss of a line
    run(telephones, seconds + SETTLE, payload)
    print(json.dumps(measure(telephones)), flush=True)


if __name__ == "__main__":
    main()
