"""How fast events reach the screens of many agents: ``python -m benchmarks.ici``.

One process is the engine's ICI (endpoint, event sender, items in memory), another one SAP's side: it answers
events behind a few callback addresses, accepts each call it is told of and writes attached data to it. Measured is
the time from publishing an event to its acknowledgement, and what screens that never answer cost in memory. No
sound and no SIP run meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import logging
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from aiohttp import web

from ivr.config.settings import IciSettings
from ivr.ici import attached_data, envelope, items
from ivr.ici.capabilities import capabilities_of
from ivr.ici.client import EventSender
from ivr.ici.dialect import OK, load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.subscriptions import Subscription
from ivr.ici.switchboard import PhoneCallChanged, PhoneCallItem, ProcessingStatus, UserChanged, UserView
from ivr.testing.ici_probe import Probe

ADDRESSES = 5
"""Application servers of SAP; agents are spread over them."""
STATUSES: tuple[ProcessingStatus, ...] = ("alerting", "connected", "ended")
"""Of one handoff."""
FIELDS = {"ACCOUNT": "4000000002", "REASON": "BILL", "PATH": "greet main balance agent " * 20}


class Board:
    """Items in memory; what the endpoint asks of a telephone system for the operations that are played."""

    def __init__(self, agents: int) -> None:
        self.agents = {f"agent{number}" for number in range(agents)}
        self.calls: dict[str, tuple[str, PhoneCallItem]] = {}
        self.accepted: dict[str, asyncio.Future[None]] = {}
        self.written = 0

    def has_user(self, user: str) -> bool:
        return user in self.agents

    def password_of(self, user: str) -> str:
        return ""

    def item(self, item_id: str) -> PhoneCallItem | None:
        return self.calls[item_id][1] if item_id in self.calls else None

    def owner(self, item_id: str) -> str:
        return self.calls[item_id][0]

    def __getattr__(self, operation: str) -> Any:
        """Everything else is there and not played."""
        if operation.startswith("_"):
            raise AttributeError(operation)

        async def nothing(*_: object, **__: object) -> None: ...

        return nothing

    async def accept(self, user: str, item_id: str) -> None:
        if not self.accepted[item_id].done():
            self.accepted[item_id].set_result(None)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        owner, item = self.calls[item_id]
        self.calls[item_id] = owner, dataclasses.replace(item, attached_data=document)
        self.written += 1


class Engine:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.board: Any = Board(options.agents)
        settings = IciSettings(post_timeout=3.0)
        self.lost = 0
        self.sender = EventSender(settings, load("default"), self._lose)
        self.endpoint = IciEndpoint(self.board, self.sender, settings)
        self.took: list[float] = []
        self.handed = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def _lose(self, user: str) -> None:
        self.lost += 1

    async def serve(self) -> str:
        app = web.Application(client_max_size=2**24)
        self.endpoint.add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/ici"

    def subscribe(self, urls: list[str]) -> None:
        for number in range(self.options.agents):
            subscription = Subscription(urls[number % len(urls)], f"A{number}", f"agent{number}")
            self.sender.release(self.sender.open(subscription), [])

    async def tell(self, user: str, event: PhoneCallChanged | UserChanged) -> None:
        began = time.perf_counter()
        if await self.sender.publish(user, event):
            self.took.append(time.perf_counter() - began)

    async def events(self) -> None:
        """One after the other over all agents, at the wanted rate, for as long as wanted."""
        loop, options = asyncio.get_running_loop(), self.options
        began, sent = loop.time(), 0
        while loop.time() - began < options.seconds:
            due = int((loop.time() - began) * options.rate)
            for number in range(sent, due):
                user = f"agent{number % options.agents}"
                view = UserView(user, "", 2, "Ready", None, "Available", ("general",), "")
                self._spawn(self.tell(user, UserChanged(view)))
            sent = max(sent, due)
            await asyncio.sleep(0.002)

    async def handoffs(self) -> None:
        options = self.options
        for number in range(int(options.seconds * options.handoffs)):
            self._spawn(self.handoff(number))
            await asyncio.sleep(1 / options.handoffs)

    async def handoff(self, number: int) -> None:
        user, id = f"agent{(number * 7) % self.options.agents}", f"call-{number}"
        document = attached_data.build("SAP-IC", FIELDS)
        item = PhoneCallItem(
            id, "alerting", "inbound", ("+15550100",), "8000", "general", document, 1, datetime.now(UTC)
        )
        self.board.accepted[id] = asyncio.get_running_loop().create_future()
        for sequence, status in enumerate(STATUSES, 1):
            changed = dataclasses.replace(
                item, status=status, sequence=sequence, capabilities=capabilities_of(status)
            )
            self.board.calls[id] = user, changed
            await self.tell(user, PhoneCallChanged(changed))
            if status == "alerting":
                await asyncio.wait_for(self.board.accepted[id], 10)
        self.handed += 1

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def rest(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=15)


def sap(pipe: Connection, stalled: int) -> None:
    """The other process: answers events, accepts calls, writes data."""
    asyncio.run(_sap(pipe, stalled))


async def _sap(pipe: Connection, stalled: int) -> None:
    dialect = load("default")
    service = dialect.services["IciEvent"]
    answers = {
        name: envelope.answer(dialect, one, {OK: "ok"}, name=name, namespace=service.namespace)
        for name, one in service.operations.items()
    }
    never = asyncio.Event()
    ici = ""

    async def act(user: str, item_id: str) -> None:
        async with Probe(ici, dialect, user) as probe:
            await probe.call("IciPhoneCall", "accept", {"itemId": item_id})
            note = attached_data.build("NOTES", {"TEXT": "refund sent"})
            await probe.call("IciItem", "setAttachedData", {"itemId": item_id, "attachedData": note})

    async def receive(request: web.Request) -> web.Response:
        message = envelope.parse_message(await request.read(), dialect)
        if message.user.startswith("agent") and int(message.user[5:]) < stalled:
            await never.wait()
        if message.name == "phoneCallChanged":
            values = message.values(service.operations[message.name], dialect, lenient=True)
            event = items.parse_event(message.name, values, dialect)
            if isinstance(event, PhoneCallChanged) and event.item.status == "alerting":
                task = asyncio.get_running_loop().create_task(act(message.user, event.item.id))
                task.add_done_callback(lambda done: done.exception())
        return web.Response(body=answers[message.name], content_type="text/xml")

    urls = []
    for _ in range(ADDRESSES):
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/event", receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}/event")
    pipe.send(urls)
    ici = await asyncio.to_thread(pipe.recv)
    await asyncio.to_thread(pipe.recv)


async def run(options: argparse.Namespace) -> int:
    logging.disable(logging.CRITICAL)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    crm = context.Process(target=sap, args=(theirs, options.stalled), daemon=True)
    crm.start()
    urls = await asyncio.to_thread(ours.recv)
    engine = Engine(options)
    ours.send(await engine.serve())
    engine.subscribe(urls)
    before, cpu = _memory(), time.process_time()
    await asyncio.gather(engine.events(), engine.handoffs())
    await engine.rest()
    busy = (time.process_time() - cpu) / options.seconds
    ours.send("end")
    crm.join(5)
    ordered = sorted(engine.took)
    if not ordered:
        print("no event arrived")
        return 1
    p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    seconds, load_1 = options.seconds, os.getloadavg()[0]
    milliseconds = [f"{value * 1000:.1f} ms" for value in (p50, p99, ordered[-1])]
    for line in (
        f"{platform.machine()}, {os.cpu_count()} processors, load {load_1:.1f}, {platform.python_version()}",
        f"{options.agents} agents behind {ADDRESSES} addresses, {options.stalled} of them stalled; {seconds:g} s",
        f"events acknowledged {len(ordered)} ({len(ordered) / seconds:.0f}/s), wanted {options.rate}/s",
        "time to acknowledgement p50 {}, p99 {}, most {}".format(*milliseconds),
        f"handoffs {engine.handed} ({engine.handed / seconds:.1f}/s), documents written {engine.board.written}",
        f"screens given up {engine.lost}; memory grew by {_memory() - before:.0f} MiB; processor {busy:.0%}",
    ):
        print(line)
    return 0


def _memory() -> float:
    """The most memory this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ici", description=__doc__)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--rate", type=int, default=500, help="events a second, besides those of handoffs")
    parser.add_argument("--handoffs", type=float, default=5.0, help="a second")
    parser.add_argument("--stalled", type=int, default=0, help="agents whose screens never answer")
    parser.add_argument("--seconds", type=float, default=10.0)
    sys.exit(asyncio.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
