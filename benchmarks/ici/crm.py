"""SAP's side: all agents' desktops behind a few addresses. `python -m benchmarks.ici.crm HTTP_PORT AGENTS`

Each logs on and gets ready. A call that alerts is accepted, its data is read, a note is written; when it has ended
the reason of wrap-up is written and the agent gets ready again. Besides, idle agents go not ready for a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from functools import partial
from typing import Any

from benchmarks.ici.callback import ITEM, LENGTH, Callback, answers
from benchmarks.ici.child import answer, next_question
from benchmarks.ici.shares import shares
from ivr.ici import attached_data, envelope
from ivr.ici.dialect import Dialect, load

ADDRESSES = 5
"""Application servers; agents are spread over them."""
CONNECTIONS = 12
"""That operations go by."""
READY, NOT_READY = "2", "3"
ACCEPTS, WRITES, WRAPS_UP, PAUSES = 0.2, 1.0, 1.0, 1.0
"""Seconds until a person clicks accept, has typed a note, has finished the work after a call; of a pause."""


class Desktops:
    """What all the agents do."""

    def __init__(self, port: int, agents: int, dialect: Dialect) -> None:
        self._port = port
        self._agents = agents
        self._dialect = dialect
        self._lines: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: dict[str, str] = {}
        """The item each agent has."""
        self._urls: list[str] = []
        self._stalled = 0
        self._next = 0
        self.begin()

    def begin(self) -> None:
        """Count anew."""
        self.events: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.took: dict[str, list[float]] = {}

    # --- both directions -----------------------------------------------------------------------------------

    async def open(self) -> None:
        loop, canned = asyncio.get_running_loop(), answers(self._dialect)
        for _ in range(ADDRESSES):
            server = await loop.create_server(lambda: Callback(self._told, canned), "127.0.0.1", 0, backlog=1000)
            self._urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/event")

    def _told(self, name: str, user: str, body: bytes) -> bool:
        self.events[name] += 1
        if name == "phoneCallChanged" and (item := ITEM.search(body)) is not None:
            self._item_changed(user, item[1].decode(), item[2].decode())
        return int(user.removeprefix("agent")) >= self._stalled

    def _item_changed(self, user: str, item: str, status: str) -> None:
        self.statuses[status] += 1
        if int(user.removeprefix("agent")) < self._stalled:
            return
        if status == "alerting":
            self._busy[user] = item
            self._spawn(self._accept(user, item))
        elif status == "connected":
            self._spawn(self._work(user, item))
        elif status == "ended" and user in self._busy:
            del self._busy[user]
            self._spawn(self._finish(user, item))

    async def call(self, user: str, service_name: str, name: str, **values: object) -> None:
        service = self._dialect.services[service_name]
        operation = service.operations[name]
        body = envelope.request(self._dialect, service, operation, values, user=user)
        head = (
            f"POST /ici/{service.spelling} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Type: text/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        reader, writer = await self._lines.get()
        writer.write(head.encode() + body)
        answered = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(answered)
        body = await reader.readexactly(int(length[1])) if length else b""
        self._lines.put_nowait((reader, writer))
        self.took.setdefault(name, []).append(time.perf_counter() - began)
        if not answered.startswith(b"HTTP/1.1 200"):
            code = body.partition(b"<code>")[2].partition(b"<")[0].decode()
            self.faults[f"{name} {code or answered[:40]!r}"] += 1

    # --- people --------------------------------------------------------------------------------------------

    async def log_on(self) -> None:
        for _ in range(CONNECTIONS):
            self._lines.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))
        for first in range(0, self._agents, CONNECTIONS):
            numbers = range(first, min(first + CONNECTIONS, self._agents))
            await asyncio.gather(*map(self._log_on, numbers))

    async def _log_on(self, number: int) -> None:
        user = f"agent{number}"
        url, phone = self._urls[number % ADDRESSES], f"sip:{user}@127.0.0.1:{self.phones}"
        subscription = {"appUrl": url, "appId": f"A{number}", "userId": user, "workcenterId": phone}
        await self.call(user, "IciUser", "subscribe", **subscription, channels=["telephony"])
        await self._choose(user, READY)

    async def _choose(self, user: str, workmode: str) -> None:
        await self.call(user, "IciUser", "setCurrentWorkmode", userId=user, workmodeId=workmode)

    async def _write(self, user: str, item: str, application: str, **fields: str) -> None:
        document = attached_data.build(application, fields)
        await self.call(user, "IciItem", "setAttachedData", itemId=item, attachedData=document)

    async def _accept(self, user: str, item: str) -> None:
        await asyncio.sleep(ACCEPTS)
        await self.call(user, "IciPhoneCall", "accept", itemId=item)

    async def _work(self, user: str, item: str) -> None:
        await self.call(user, "IciItem", "getAttachedData", itemId=item)
        await asyncio.sleep(WRITES)
        await self._write(user, item, "NOTES", TEXT="The customer wants to know when the refund comes.")

    async def _finish(self, user: str, item: str) -> None:
        await asyncio.sleep(WRAPS_UP)
        await self._write(user, item, "IVR/CONTACT", WRAP_UP_REASON="refund")
        await self._choose(user, READY)

    async def click(self, rate: float) -> None:
        """So many changes of a work mode a second: a pause, and back."""
        while True:
            await asyncio.sleep(2 / rate)
            for _ in range(self._agents):
                self._next = (self._next + 1) % self._agents
                user = f"agent{self._next}"
                if user not in self._busy and self._next >= self._stalled:
                    self._spawn(self._pause(user))
                    break

    async def _pause(self, user: str) -> None:
        await self._choose(user, NOT_READY)
        await asyncio.sleep(PAUSES)
        await self._choose(user, READY)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what is asked -------------------------------------------------------------------------------------

    async def serve(self) -> None:
        clicking: asyncio.Task[None] | None = None
        while question := await next_question():
            match question["ask"]:
                case "log_on":
                    self.phones = int(question["phones"])
                    await self.log_on()
                    if question["clicks"]:
                        clicking = asyncio.create_task(self.click(question["clicks"]))
                    answer(self._figures())
                case "begin":
                    self.begin()
                    self._stalled = int(question["stalled"])
                case "figures":
                    answer(self._figures())
        if clicking is not None:
            clicking.cancel()

    def _figures(self) -> dict[str, Any]:
        shown = map(partial(shares, scale=1000), self.took.values())
        return {
            "events": dict(self.events),
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "operations": dict(zip(self.took, shown, strict=True)),
        }


async def run(port: int, agents: int) -> None:
    desktops = Desktops(port, agents, load("default"))
    await desktops.open()
    answer({})
    await desktops.serve()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2])))
