"""Calls a second, set-up times and processor time a call. ``python -m benchmarks.signalling [--rate 100]``

The same load goes to this package's SIP process, to a whole engine (``ivr serve``: menu, records, sound), to sippy
and to pyVoIP, one after the other in the same run; extras `peers` and `pyvoip` bring the last two, and what is not
installed is left out with a word. ``--calls 100000 --only ivr`` shows whether memory stays where it is. ``--most``
looks for the highest rate this package's process takes with a p99 of 25 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.media import cpu_seconds, resident

STACKS = ("ivr", "engine", "sippy", "pyvoip")
MODULES = {"sippy": "sippy", "pyvoip": "pyVoIP"}
SLOW = {"pyvoip": (10.0, 100), "engine": (40.0, 400)}
"""Rate and calls at most: pyVoIP has three threads a call, and an engine plays prompts."""
WARM_UP = 50
GOAL_P99 = 25.0
"""Milliseconds."""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_of(pid: int) -> float:
    """Seconds, with threads that have ended meanwhile."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return max(cpu_seconds(pid), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


class Load:
    """The load generator."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def start(cls, target: int) -> Load:
        arguments = ("-m", "benchmarks.signalling.load", str(target))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        return cls(process, int(await process.stdout.readline()))

    async def run(self, rate: float, calls: int) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{rate} {calls}\n".encode())
        return dict(json.loads(await self._process.stdout.readline()))

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def answering(stack: str, port: int, server_port: int, folder: Path) -> asyncio.subprocess.Process:
    """The process that answers, once it does. Raises OSError when it does not come up."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "SIPLOG_BEND": "none"}
    arguments = ["-m", "benchmarks.signalling.answering", stack, str(port), str(server_port)]
    if stack == "engine":
        arguments = ["-m", "ivr", "serve"]
        environment |= {
            "IVR_VAR": str(folder / "var"),
            "IVR_SIP_LISTEN": f"127.0.0.1:{port}",
            "IVR_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
            "IVR_SIP_TRUSTED": "127.0.0.1",
            "IVR_LOG_LEVEL": "error",
        }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(180):
        while line := await process.stdout.readline():
            if line.startswith(b"ready") or b"dial" in line.lower() or b"listening" in line.lower():
                return process
    raise OSError(f"{stack} did not come up")


async def drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65_536):
        pass


async def measure(stack: str, rate: float, calls: int, folder: Path) -> dict[str, Any]:
    """One stack under load."""
    port = free_port()
    load = await Load.start(port)
    process = await answering(stack, port, load.port, folder)
    draining = asyncio.create_task(drain(process))
    try:
        first = await load.run(min(rate, 50.0), min(WARM_UP, calls))
        if not first["complete"]:
            return {"stack": stack, "problem": f"no call of the warm-up was complete: {first['answers']}"}
        cpu, memory = cpu_of(process.pid), resident(process.pid)
        report = await load.run(rate, calls)
        report["cpu_ms_per_call"] = round(1000 * (cpu_of(process.pid) - cpu) / calls, 2)
        report["memory_mb"] = [round(memory, 1), round(resident(process.pid), 1)]
        return {"stack": stack, "rate": rate, **report}
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
        draining.cancel()
        await load.stop()


async def most(folder: Path) -> float:
    """The highest rate that this package's process takes."""
    best = 0.0
    for rate in (100, 200, 300, 400, 500, 600, 800, 1000):
        found = await measure("ivr", float(rate), rate * 4, folder)
        complete = found.get("complete", 0) == rate * 4
        if not complete or found["setup_ms"]["p99"] > GOAL_P99:
            break
        best = float(rate)
    return best


def line(found: dict[str, Any]) -> str:
    if problem := found.get("problem"):
        return f"{found['stack']:<8} {problem}"
    setup, trying, memory = found["setup_ms"], found["trying_ms"], found["memory_mb"]
    return (
        f"{found['stack']:<8} {found['rate']:>6g}/s {found['complete']:>6}/{found['calls']:<6} "
        f"{setup['p50']:>8.2f} {setup['p99']:>8.2f} {trying['p99']:>8.2f} {found['cpu_ms_per_call']:>7.2f} "
        f"{memory[0]:>6.1f} -> {memory[1]:<6.1f} {found['repeated']:>5}"
        + (f"  {found['answers']}" if found["complete"] < found["calls"] else "")
    )


async def compare(stacks: list[str], rate: float, calls: int, find_most: bool) -> list[dict[str, Any]]:
    found = []
    print(
        "stack       rate   complete      setup p50   p99   100 p99  CPU/call    memory MB     again\n"
        "                                       ms    ms        ms        ms"
    )
    with tempfile.TemporaryDirectory() as folder:
        for stack in stacks:
            if (module := MODULES.get(stack)) and importlib.util.find_spec(module) is None:
                result: dict[str, Any] = {"stack": stack, "problem": f"{module} is not installed"}
            else:
                most_rate, most_calls = SLOW.get(stack, (rate, calls))
                result = await measure(stack, min(rate, most_rate), min(calls, most_calls), Path(folder))
            found.append(result)
            print(line(result), flush=True)
        if find_most:
            best = await most(Path(folder))
            found.append({"stack": "ivr", "most_calls_per_second": best})
            print(f"ivr takes {best:g} calls a second with a set-up p99 below {GOAL_P99:g} ms")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="How much signalling one process takes, beside other stacks.")
    parser.add_argument("--rate", type=float, default=100.0, help="calls a second (100)")
    parser.add_argument("--calls", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--only", choices=STACKS, action="append", help="this stack alone; may be given again")
    parser.add_argument("--most", action="store_true", help="look for the highest rate too")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    arguments = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load before: {load}")
    found = asyncio.run(compare(arguments.only or list(STACKS), arguments.rate, arguments.calls, arguments.most))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
