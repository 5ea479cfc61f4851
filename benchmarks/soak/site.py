"""The site that is killed: a folder with settings, a small menu, and the engine's process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")
DESKS = {"desk1": ["general"], "desk2": ["general"], "desk3": ["general", "special"]}
"""Agents and the queues they serve."""
SUPERVISOR, TELEPHONE = "boss", "softphone"
"""An agent without skills who watches the figures; an account of the registrar, whose password is its name."""
PATIENCE = 20.0
"""Seconds anything may take that must happen; a stolen processor is not a mistake of the engine."""
MENU = """\
ivr: 1
name: little
title: A person, or a callback
start: first
languages: [{code: en, voice: gmw/en-us, prompts: prompts/en.yaml}]
defaults:
  no_input: [{go: person}]
  no_match: [{go: person}]
  on_fault: person
queues:
  general: {skills: [general], priority: 30, open: always, ring: 20s, strategy: longest_idle}
  special: {skills: [special], priority: 40, open: always, ring: 20s, strategy: longest_idle}
  night: {skills: [night], priority: 40, open: always, ring: 20s, strategy: longest_idle}
attached_data:
  application: SAP-IC
  fields: {CALLER: phone, REASON: reason, PROVED: level, WAITED: waited}
steps:
  first:
    type: menu
    say: q.first
    choices: [{press: 1, offer: q.one, go: person}, {press: 2, offer: q.two, go: special},
      {press: 3, offer: q.two, go: night}]
  person: {type: handoff, queue: general, reason: WANTS_A_PERSON, waiting: q.wait, resume: q.resume, busy: END,
    closed: END, failed: END}
  special: {type: handoff, queue: special, reason: SPECIAL, waiting: q.wait, busy: call_me, closed: call_me,
    failed: call_me}
  night: {type: handoff, queue: night, reason: NIGHT, waiting: q.wait, busy: call_me, closed: call_me,
    failed: call_me}
  call_me: {type: callback, say: q.noted, number: phone, ask: q.number, keep_place: true, rings: here, ok: END,
    failed: person}
  here:
    type: menu
    say: q.here
    choices: [{press: 1, offer: q.one, go: person}, {press: 2, offer: q.two, go: END}]
"""
PROMPTS = """\
prompts: en
q.first: Hello.
q.wait: Wait.
q.resume: "For your old place, press 1."
q.noted: Noted.
q.number: Your number?
q.here: Hello.
q.one: "For a person, press {key}."
q.two: "Or press {key}."
"""


def share(prompts: Path, folder: Path) -> None:
    """Rendered prompts for a site's folder, and the store of samples where there is one."""
    (folder / "prompts").symlink_to(prompts.absolute(), target_is_directory=True)
    if (made := prompts / "sample-store.db").exists():  # hashing PINs takes seconds, as it should
        shutil.copy(made, folder / "ivr.db")


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Site:
    """`born` starts the engine, `killed` ends it as a power cut does."""

    def __init__(self, folder: Path, gateway: str, prompts: Path | None = None) -> None:
        self.folder = folder
        self.sip, self.http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        self.store = folder / "ivr.db"
        self.log = folder / "engine.log"
        self.pid = 0
        self.start_times: list[float] = []
        """Seconds from each birth until calls were taken."""
        self._config = folder / "ivr.toml"
        self._gateway = gateway
        self._nursery: asyncio.subprocess.Process | None = None
        self._web: aiohttp.ClientSession | None = None
        self._born_at = 0.0
        self._prepare(prompts)

    @property
    def ici(self) -> str:
        return f"http://127.0.0.1:{self.http}/ici"

    @property
    def uri(self) -> str:
        return f"sip:ivr@127.0.0.1:{self.sip}"

    def _prepare(self, prompts: Path | None) -> None:
        (self.folder / "menus" / "prompts").mkdir(parents=True)
        (self.folder / "audio").mkdir()
        (self.folder / "menus" / "little.yaml").write_text(MENU)
        (self.folder / "menus" / "prompts" / "en.yaml").write_text(PROMPTS)
        (self.folder / "menus" / "connectors.yaml").write_text("{}\n")
        if prompts is not None:
            share(prompts, self.folder)
        agents = "".join(f'[[agents]]\nid = "{desk}"\nskills = {list(skills)}\n' for desk, skills in DESKS.items())
        agents += f'[[agents]]\nid = "{SUPERVISOR}"\n'
        self._config.write_text(
            f'var = "{self.folder}"\n'
            f'[sip]\nlisten = "127.0.0.1:{self.sip}"\ndial = ["tel:+1555"]\ngateway = "{self._gateway}"\n'
            f'[http]\nlisten = "127.0.0.1:{self.http}"\n'
            f'[store]\npath = "{self.store}"\n'
            f'[menu]\nfolder = "{self.folder / "menus"}"\ndefault = "little"\naudio = "{self.folder / "audio"}"\n'
            f"[routing]\nwrap_up = 0.2\nafter_reject = 0.2\nafter_missed = 0.2\nunstaffed = 0.1\n{agents}"
        )

    async def __aenter__(self) -> Site:
        self._web = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.soak.nursery", str(self._config),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        await self._answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._web is not None and self._nursery is not None and self._nursery.stdin is not None
        if self.pid:
            await self.killed()
        await self._web.close()
        self._nursery.stdin.close()
        await self._nursery.wait()

    async def _answer(self) -> str:
        assert self._nursery is not None and self._nursery.stdout is not None
        async with asyncio.timeout(60):
            line = (await self._nursery.stdout.readline()).decode().strip()
        if not line:
            raise RuntimeError("the nursery has died")
        return line

    async def born(self) -> None:
        """A new process; calls are not taken yet."""
        assert self._nursery is not None and self._nursery.stdin is not None
        self._born_at = time.monotonic()
        self._nursery.stdin.write(f"{self.log}\n".encode())
        self.pid = int(await self._answer())

    async def listening(self) -> None:
        """Until calls are taken. Raises TimeoutError with the end of its log."""
        try:
            await until(self._accepts, within=20)
        except TimeoutError:
            raise TimeoutError(f"the engine did not come up:\n{self.log.read_text()[-3000:]}") from None
        self.start_times.append(time.monotonic() - self._born_at)

    async def _accepts(self) -> bool:
        health = await self.health()
        return bool(health and health["accepting"])

    async def killed(self) -> list[int]:
        """Its children, which have to end by themselves."""
        children = self._children()
        os.kill(self.pid, signal.SIGKILL)
        await until(lambda: not Path(f"/proc/{self.pid}").exists())
        self.pid = 0
        return children

    def kill_a_media_worker(self) -> bool:
        """The sound of all calls is gone for a moment; False where none was up yet."""
        for child in self._children():
            try:
                if b"ivr.media.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(child, signal.SIGKILL)
                    return True
            except (FileNotFoundError, ProcessLookupError):
                continue
        return False

    def _children(self) -> list[int]:
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]

    async def health(self) -> dict[str, Any] | None:
        """None while nobody answers."""
        assert self._web is not None
        try:
            async with self._web.get(f"http://127.0.0.1:{self.http}/health") as answer:
                return dict(await answer.json())
        except (OSError, aiohttp.ClientError, TimeoutError, ValueError):
            return None


async def until(found: Callable[[], Any], within: float = PATIENCE) -> Any:
    """What `found` gives once it is true. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            value = found()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.03)
