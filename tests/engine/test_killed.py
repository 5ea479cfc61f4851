"""The process with agents and ICI, killed twenty times while people are at work (`python -m benchmarks.soak`)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_and_nobody_is_stuck_whenever_the_engine_is_killed(
    prompts_folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--kills", "20", "--seed", "5"]
    run = await asyncio.create_subprocess_exec(
        *command, "--prompts", str(prompts_folder), "--keep", str(tmp_path / "site"),
        cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(280):
            said = (await run.communicate())[0].decode()
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()
    assert run.returncode == 0, said
    assert "work modes" in said and "notes" in said and "callbacks promised" in said, f"nobody worked:\n{said}"
