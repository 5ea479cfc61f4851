"""A softphone from PyPI registers, calls, hears and is heard. It has no keys (1.6.8), so an agent answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest_asyncio
from house import House
from sounds import likeness, tone_level

from ivr.config import MenuSettings
from ivr.media.g711 import Samples
from ivr.testing.phone import Answering

SCRIPT = Path(__file__).parent / "pyvoip_phone.py"
PATIENCE = 30.0
STEPS = """\
first: {type: say, say: small.welcome, go: person}
person: {type: handoff, queue: general, reason: TEST, waiting: small.wait, busy: bye, closed: bye, failed: bye}
bye: {type: say, say: small.bye, go: END}"""
PROMPTS = """\
small.welcome: This is a machine that answers the telephone.
small.wait: One moment.
small.bye: Goodbye.
"""


class Softphone:
    """The process, and what it tells."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, house: House, password: str) -> None:
        assert house.listening is not None
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), str(house.listening.sip.port), "softphone", password, "ivr",
            str(self._folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=(self._folder / "pyvoip.log").open("wb"),
        )  # fmt: skip

    async def told(self, event: str) -> dict[str, Any]:
        """The next thing it tells must be this event. Other words of its library are passed over."""
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := await self._process.stdout.readline():
                with contextlib.suppress(ValueError):
                    message = dict(json.loads(line))
                    assert message["event"] == event, message
                    return message
        raise AssertionError(f"it ended before {event}:\n{self.log}")

    async def hang_up(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()

    @property
    def log(self) -> str:
        return (self._folder / "pyvoip.log").read_text(errors="replace")

    @property
    def heard(self) -> Samples:
        """What it heard, without the silence, with its 8 bits made 16."""
        file = self._folder / "heard.raw"
        data = file.read_bytes() if file.exists() else b""
        return ((np.frombuffer(data, np.uint8).astype(np.int16) - 128) * 256).astype(np.int16)

    async def until_heard(self, measure: Callable[[Samples], float], least: float) -> None:
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(measure, self.heard) < least:
                await asyncio.sleep(0.2)

    async def stop(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()


def loudest_part(clip: Samples) -> Samples:
    """A third of a second: without pauses, for the softphone leaves them out."""
    size = 2400
    energy = np.convolve(clip.astype(float) ** 2, np.ones(size), "valid")
    start = int(energy.argmax())
    return clip[start : start + size]


@pytest_asyncio.fixture
async def softphone(tmp_path: Path) -> AsyncIterator[Softphone]:
    softphone = Softphone(tmp_path)
    yield softphone
    await softphone.stop()


async def test_pyvoip_registers_calls_hears_and_is_heard(
    build_house: Callable[..., Awaitable[House]],
    write_menu: Callable[..., MenuSettings],
    softphone: Softphone,
) -> None:
    house = await build_house(menu=write_menu(STEPS, PROMPTS))
    desk = await house.desk("desk1", answering=Answering(after=0.2))
    await softphone.start(house, "softphone")
    registered = await softphone.told("registered")
    assert registered == {"event": "registered", "status": "REGISTERED", "version": "1.6.8"}
    assert (await softphone.told("answered"))["answered"] is True

    agent_side = await desk.phone.next_call(timeout=PATIENCE)
    assert agent_side.caller == "softphone"
    welcome = await house.clip("This is a machine that answers the telephone.")
    await softphone.until_heard(partial(likeness, clip=loudest_part(welcome)), 0.85)
    talking = asyncio.create_task(agent_side.talk_tone(880, 20.0))
    await softphone.until_heard(partial(tone_level, hertz=880), 0.8)
    async with asyncio.timeout(PATIENCE):
        while tone_level(agent_side.recording[-16000:], 440) < 0.8:
            await asyncio.sleep(0.2)
    await softphone.hang_up()
    assert (await softphone.told("ended"))["ended"] is True
    await agent_side.ended()
    await talking
    await softphone.told("stopped")

    record = await house.record()
    assert (record["caller"], record["called"]) == ("softphone", "ivr")
    assert record["path"] == ["first", "person"]
    assert record["handoff"]["outcome"] == "answered"
    assert record["end"] == {"by": "caller", "reason": "BYE"}
