"""What must hold after each restart; every function says what it found wrong, in sentences."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.soak.people import LUNCH, NOT_READY, OFF, READY, Agent, Callers
from benchmarks.soak.site import PATIENCE, TELEPHONE, Site, until
from benchmarks.soak.watchers import Supervisor, Telephone
from ivr.ici.switchboard import PhoneCallChanged
from ivr.testing.crm_peer import CrmPeer

STATES = {READY: "available", NOT_READY: "not_ready", LUNCH: "not_ready", OFF: "off"}


def read(store: Path, table: str) -> list[dict[str, Any]]:
    """All rows, read beside the engine."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT * FROM {table}")]


async def nothing_is_left_running(children: list[int]) -> list[str]:
    try:
        await until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    except TimeoutError:
        return [f"processes of the killed engine are still there: {children}"]
    return []


async def agents_are_as_acknowledged(site: Site, agents: list[Agent]) -> list[str]:
    """State, work mode, queues and subscription; what is uncertain is certain afterwards."""
    found = []
    for agent in agents:
        known = agent.known
        before = (set(known.workmodes), set(known.left))
        try:
            await until(partial(_settled, site, agent))
        except TimeoutError:
            health = await site.health()
            state = health and health["agents"][agent.name]
            view = agent.screen.views[-1] if agent.screen and agent.screen.views else None
            found.append(f"{agent.name}: acknowledged was {before}, but he is {state}; his screen shows {view}")
    return found


async def _settled(site: Site, agent: Agent) -> bool:
    health = await site.health()
    if health is None:
        return False
    state, reason = (health["agents"][agent.name][name] for name in ("state", "reason"))
    fits = {mode for mode in agent.known.workmodes if STATES[mode] == state and reason != "screen_lost"}
    if fits == {OFF}:
        agent.known.workmodes = fits
        return True
    view = agent.screen.views[-1] if agent.screen and agent.screen.views else None
    if view is None or view.workmode not in fits or (not view.queues) not in agent.known.left:
        return False
    agent.known.workmodes, agent.known.left = {view.workmode}, {not view.queues}
    return True


def _shows_nothing(agent: Agent) -> bool:
    return not agent.live()


async def no_screen_shows_a_ghost(agents: list[Agent]) -> list[str]:
    """Items of calls that the kill has ended."""
    found = []
    for agent in agents:
        if agent.known.workmodes == {OFF}:
            continue  # nobody tells a desktop that has logged off anything
        try:
            await until(partial(_shows_nothing, agent))
        except TimeoutError:
            shown = [(item.id, item.status) for item in agent.live()]
            found.append(f"{agent.name}: the screen shows calls of before the kill: {shown}")
    return found


async def records_are_closed(site: Site, born: str) -> list[str]:
    """Of calls before this life; and each handoff was answered by one agent at most."""

    def open_ones() -> list[str]:
        return [row["id"] for row in read(site.store, "calls") if row["started"] < born and row["ended"] is None]

    try:
        await until(lambda: not open_ones())
    except TimeoutError:
        return [f"call records are open: {open_ones()}"]
    found = []
    for row in read(site.store, "calls"):
        if row["started"] >= born:
            continue
        document = json.loads(row["document"])
        for handoff in document["handoffs"]:
            if not handoff["outcome"]:
                found.append(f"a handoff of {row['id']} has no outcome")
            own = [offer for offer in handoff["offers"] if "-c" not in offer["item"].rpartition("-h")[2]]
            if [offer["outcome"] for offer in own].count("answered") > 1:  # colleagues who are asked answer, too
                found.append(f"a handoff of {row['id']} was answered twice: {handoff['offers']}")
    return found


async def contacts_are_closed(site: Site, agents: list[Agent], born: str) -> list[str]:
    """Of calls before this life, with every note that was acknowledged."""

    def open_ones() -> list[str]:
        contacts = [json.loads(row["document"]) for row in read(site.store, "contacts") if row["began"] < born]
        return [contact["id"] for contact in contacts if contact["ended"] is None]

    found = []
    try:
        await until(lambda: not open_ones(), within=PATIENCE / 2)
    except TimeoutError:
        found.append(f"contact records are open: {open_ones()}")
    kept = {row["id"]: json.loads(row["document"]) for row in read(site.store, "contacts")}
    for agent in agents:
        for item, notes in agent.notes.items():
            texts = [note["text"] for note in kept.get(item, {}).get("notes", ())]
            found += [f"{agent.name}: the note {note!r} of {item} is lost" for note in notes if note not in texts]
        agent.notes.clear()
    return found


async def callbacks_are_kept(site: Site, callers: Callers, joined: dict[str, str]) -> list[str]:
    """Every promise once, in its old place. `joined`: when each one joined, as it was seen first."""
    found = []
    places = [json.loads(row["place"]) for row in read(site.store, "callback_places")]
    numbers = [place.get("caller", "") for place in places]
    for number in sorted(callers.promised):
        if numbers.count(number) != 1:
            found.append(f"the callback promised to {number} is there {numbers.count(number)} times")
    for place in places:
        if not place.get("joined"):
            found.append(f"a callback has no place in the queue: {place}")
            continue
        first = joined.setdefault(place["caller"], place["joined"])
        if abs(_seconds(first) - _seconds(place["joined"])) > 1.0:
            found.append(f"the callback of {place['caller']} has lost its place: {first}, now {place['joined']}")
        if place["tries"] > 3:
            found.append(f"{place['caller']} was rung {place['tries']} times")
    return found


async def supervisors_go_on(supervisor: Supervisor, told: int) -> list[str]:
    """Who watches is told the figures again, unasked; `told`: how often he had been before the restart."""
    if supervisor.watching != {True}:
        return []
    try:
        await until(lambda: supervisor.figures > told)
    except TimeoutError:
        return ["the supervisor's subscription is lost"]
    return []


def telephones_are_bound(site: Site, telephone: Telephone) -> list[str]:
    """Every contact that was acknowledged is on disk, and so is rung."""
    rows = [row["bindings"] for row in read(site.store, "bindings") if row["user"] == TELEPHONE]
    return [f"the registration of {contact} is lost" for contact in telephone.lost(rows)]


def who_waited(site: Site) -> list[str]:
    """Numbers of callers whose wait the kill has cut off, by what is on disk; the newest last."""
    found = []
    for row in sorted(read(site.store, "calls"), key=lambda row: str(row["started"])):
        document = json.loads(row["document"])
        handoffs = document["handoffs"]
        if (
            row["ended"] is None
            and handoffs
            and not handoffs[-1]["outcome"]
            and handoffs[-1]["queue"] == "general"
        ):
            found.append(str(document["caller"]))
    return found


async def the_place_is_offered(site: Site, number: str, mark: int) -> list[str]:
    """Who waited and dials again is asked whether he wants his place; `mark`: octets of the log before that."""
    try:
        await until(lambda: b"prompts=q.resume" in site.log.read_bytes()[mark:])
    except TimeoutError:
        return [f"{number} waited when the engine was killed, dialled again, and was not offered the old place"]
    return []


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def nobody_has_two_owners(crm: CrmPeer) -> list[str]:
    """Every item was told to one agent only."""
    owners: dict[str, set[str]] = {}
    for post in crm.posts:
        if isinstance(post.event, PhoneCallChanged):
            owners.setdefault(post.event.item.id, set()).add(post.user)
    return [f"item {item} was shown to {sorted(users)}" for item, users in owners.items() if len(users) > 1]


async def nobody_is_stuck(site: Site, agents: list[Agent]) -> list[str]:
    """No call, nobody who waits, and every agent in the state he chose."""
    try:
        await until(lambda: _is_quiet(site, agents))
    except TimeoutError:
        health = await site.health() or {}
        shown = [health.get(name) for name in ("calls", "agents", "queues")]
        return [f"the floor does not come to rest: {shown}"]
    return []


async def _is_quiet(site: Site, agents: list[Agent]) -> bool:
    health = await site.health()
    if health is None or health["calls"]["now"]:
        return False
    await asyncio.sleep(0)
    states = {agent.name: health["agents"][agent.name]["state"] for agent in agents}
    return all(states[agent.name] in {STATES[mode] for mode in agent.known.workmodes} for agent in agents)
