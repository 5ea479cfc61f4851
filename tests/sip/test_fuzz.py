"""Broken messages over real sockets, in a network of their own. The command throws 100,000; here are fewer."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from conftest import need

ROOT = Path(__file__).parents[2]


async def test_thousands_of_broken_messages_end_no_call_and_raise_nothing() -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        need("a network namespace", "only root on Linux may make one")
    command = [sys.executable, "-m", "benchmarks.fuzz_sip", "--datagrams", "4000", "--seed", "11"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, out.decode() + err.decode()
    report = json.loads(out)
    assert report["callers"] == {**report["callers"], "dialled": 8, "not served": 0}
    assert report["counters"]["received"] > 3000
    assert min(report["answers"][status] for status in ("200", "400", "481", "488")) > 10
    assert report["left"] == {"legs": 0, "transactions": 0}
