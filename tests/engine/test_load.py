"""The load benchmark with a handful of people: what it measures comes about (`python -m benchmarks.ici`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FEW = (
    "--agents=4", "--calls=4", "--rate=40", "--handoffs=3", "--clicks=0", "--talk=0.3", "--thinks=0.1",
    "--seconds=1", "--stalled=0",
)  # fmt: skip


async def test_a_small_load_reaches_agents_who_accept_and_talk(prompts_folder: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.ici", *FEW, "--prompts", str(prompts_folder), "--json", str(figures),
        cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(100):
            said = (await run.communicate())[0].decode()
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()
    assert run.returncode == 0, said
    live = json.loads(figures.read_text())["live"]
    assert live["engine"]["all"]["count"] > 0, said
    assert live["phones"]["counts"]["met"] > 0, said
    assert live["phones"]["late"]["count"] > 0 and live["phones"]["transit"]["count"] > 0, said
    assert live["crm"]["operations"]["accept"]["count"] > 0, said
    assert not live["crm"]["faults"], said
    assert "event delivery p99" in said
