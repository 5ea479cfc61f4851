"""How late is the sound? ``python -m benchmarks.media [--calls 300] [--seconds 10] [--listen 0] [--recorded 0]``

Calls are opened in one real media worker, each plays a prompt in a loop and receives 50 packets a second.
The peer is a process of its own and takes its times from the kernel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from ivr.config import MediaSettings
from ivr.media.messages import MediaEvent, StreamFormat
from ivr.media.music import hold_music
from ivr.media.wav import write_wav
from ivr.media.worker.client import MediaWorkers


def cpu_seconds(pid: int) -> float:
    """Time on a core of all threads of a process, as the scheduler counts it.

    Not user and system time: those are sampled, and a process that wakes in step with the timer is never seen.
    """
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def resident(pid: int) -> float:
    """Megabytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_range(calls: int) -> tuple[int, int]:
    """A range of ports with room for the calls and for ports that others hold."""
    size = calls * 2 + 400
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        first = min(int(probe.getsockname()[1]), 65534 - size)
    return first & ~1, (first & ~1) + size


async def run(calls: int, seconds: float, listen: int, prompt: Path, recorded: int = 0) -> dict[str, Any]:
    """`recorded`: how many of the calls are joined by twos and recorded, into the folder of the prompt."""
    events: list[MediaEvent] = []
    workers = MediaWorkers(MediaSettings(free_range(calls), 1, 0.0), events.append)
    await workers.start()
    peer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.media_peer",
        str(calls),
        str(seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert peer.stdin and peer.stdout
    try:
        ports = json.loads(await peer.stdout.readline())
        ours = []
        for number, port in enumerate(ports):
            leg = f"call-{number}"
            opened = await workers.open_leg(leg, "127.0.0.1", remote=("127.0.0.1", port), format=StreamFormat())
            ours.append(opened.port)
            workers.play(leg, "prompt", [prompt], loop=True)
            workers.listen(leg, number < listen)
        for first in range(0, recorded - 1, 2):
            pair = f"call-{first}", f"call-{first + 1}"
            workers.bridge(*pair)
            now = asyncio.get_running_loop().time()
            for leg in pair:
                workers.track(leg, leg, prompt.parent / f"{leg}.wav", since=now, subject=pair[0])
        (pid,) = workers.pids
        peer.stdin.write(json.dumps(ours).encode() + b"\n")
        before, began = cpu_seconds(pid), asyncio.get_running_loop().time()
        report = json.loads(await peer.stdout.readline())
        elapsed = asyncio.get_running_loop().time() - began
        report |= {"core": 100 * (cpu_seconds(pid) - before) / elapsed, "memory": resident(pid)}
        figures = [await workers.close_leg(f"call-{number}") for number in range(calls)]
        report |= {"heard": sum(leg.received for leg in figures), "dropped": sum(leg.dropped for leg in figures)}
        return report | workers.health[0]
    finally:
        if peer.returncode is None:
            peer.kill()
        await peer.wait()
        await workers.stop()


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--listen", type=int, default=0, help="calls whose voice activity is watched")
    parser.add_argument("--recorded", type=int, default=0, help="calls that are joined by twos and recorded")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        prompt = Path(folder) / "prompt.wav"
        write_wav(prompt, hold_music())
        report = asyncio.run(run(args.calls, args.seconds, args.listen, prompt, args.recorded))
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    print(f"machine   {processor()}, {os.cpu_count()} cores, {system}")
    print(f"load      {load:.1f} before the run")
    print(f"calls     {args.calls} for {args.seconds:.0f} s, {args.listen} listened to, {args.recorded} recorded")
    print(
        f"out       {report['packets']} packets, {report['rate_least']:.2f} / {report['rate_mean']:.2f} / "
        f"{report['rate_most']:.2f} a second and call (least, mean, most), {report['lost']} lost"
    )
    print(f"in        {report['heard']} of {report['said']} packets heard, {report['dropped']} dropped")
    print(
        f"lateness  p50 {report['p50']:.2f}  p99 {report['p99']:.2f}  p99.9 {report['p99_9']:.2f}  "
        f"max {report['max']:.2f} ms against an ideal 20 ms clock"
    )
    print(
        f"worker    {report['core']:.0f} % of a core, {report['memory']:.0f} MB, "
        f"{report.get('stalls', 0)} stalls, {report.get('faults', 0)} faults"
    )


if __name__ == "__main__":
    main()
