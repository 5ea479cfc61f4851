"""RT11 end to end: a caller who waits wants to be called, is rung when an agent is there, and meets that agent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from house import House

from ivr.call.calling_back import CallingBack
from ivr.clock import SystemClock
from ivr.config import HostPort, MenuSettings, SipSettings, shipped
from ivr.engine.health import Health
from ivr.ici.attached_data import read
from ivr.store.contracts import Callback
from ivr.store.sqlite import SqliteStore
from ivr.testing.phone import Answering, ScriptedPhone

MENU = """\
ivr: 1
name: little
title: A queue and a callback
start: person
languages: [{code: en, voice: gmw/en-us, prompts: prompts/en.yaml}]
defaults:
  no_input: [{go: END}]
  no_match: [{go: END}]
  on_fault: person
queues:
  general: {skills: [general], priority: 30, open: always, ring: 20s, strategy: longest_idle}
attached_data:
  application: SAP-IC
  fields: {CALLER: phone, REASON: reason, PROVED: level, WAITED: waited}
steps:
  person:
    type: handoff
    queue: general
    reason: WANTS_A_PERSON
    waiting: q.wait
    place: q.place
    resume: q.again
    callback: call_me
    busy: call_me
    closed: call_me
    failed: call_me
  call_me:
    type: callback
    say: q.noted
    number: phone
    ask: q.number
    keep_place: true
    rings: here
    ok: END
    failed: END
  here:
    type: menu
    say: q.here
    choices: [{press: 1, offer: q.one, go: back}, {press: 2, offer: q.two, go: END}]
  back: {type: handoff, queue: general, reason: CALLED_BACK, waiting: q.wait, busy: END, closed: END, failed: END}
"""
PROMPTS = """\
prompts: en
q.wait: Wait.
q.place:
  text: "Number {position:number}. From {wait_least:number} to {wait_most:number} minutes. Press 1."
  when_empty: {wait_most: "Number {position:number}. Press 1."}
q.again: Press 1 for your place.
q.noted: Noted.
q.number: Your number?
q.here: Hello.
q.one: "For the person, press {key}."
q.two: "To end, press {key}."
"""


def little_menu(folder: Path) -> MenuSettings:
    (folder / "prompts").mkdir(parents=True)
    (folder / "little.yaml").write_text(MENU)
    (folder / "prompts" / "en.yaml").write_text(PROMPTS)
    (folder / "connectors.yaml").write_text("{}\n")
    return MenuSettings(folder=folder, default="little", audio=shipped("audio"))


async def until(what: Callable[[], Any]) -> Any:
    async with asyncio.timeout(15):
        while not (found := what()):
            await asyncio.sleep(0.02)
        return found


async def test_rt11_who_wants_to_be_called_is_rung_at_his_turn_and_meets_the_agent(
    build_house: Callable[..., Awaitable[House]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ivr.call.sounding")
    customer = ScriptedPhone("+15550100", answering=Answering(after=0.1))
    await customer.start()
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), dial=("tel:+1555",), gateway=customer.uri)
    house = await build_house(sip=sip, menu=little_menu(tmp_path / "menus"))
    exchange = house.engine.exchange
    assert exchange is not None
    first = await customer.dial(house.uri)
    await first.wait_for_sound()
    await until(lambda: exchange.handoffs)
    await until(lambda: "prompts=q.place" in caplog.text)
    await first.press("1")
    await first.ended()
    (promise,) = exchange.agents.callbacks()
    assert (promise.number, promise.queue, promise.tries) == ("+15550100", "general", 0)
    assert set(await house.store.callback_places()) == {promise.ticket}
    (noted,) = await house.store.callbacks()
    assert (noted.ticket, noted.tries, noted.outcome) == (promise.ticket, 0, "")
    assert Health(exchange).document()["queues"]["general"]["callbacks"] == 1

    desk = await house.desk("desk1")
    second = await asyncio.wait_for(customer.next_call(), 15)
    assert str(exchange.agents.agent("desk1").state) == "available", (
        "nobody is reserved for a telephone that rings"
    )
    await second.wait_for_sound()
    await second.press("1")
    item = await desk.item("connected", within=15)
    data = read(item.attached_data)["SAP-IC"]
    assert (data["CALLER"], data["REASON"], data["PROVED"]) == ("+15550100", "WANTS_A_PERSON", "no")
    await second.hang_up()
    await desk.item("ended")
    await until(lambda: not exchange.visits)
    assert exchange.agents.callbacks() == []
    figures = exchange.agents.figures()["general"]
    assert (figures.callback, figures.answered, figures.abandoned) == (1, 1, 0)
    async with asyncio.timeout(10):
        while await house.store.callback_places():
            await asyncio.sleep(0.02)
    (over,) = await house.store.callbacks()
    assert (over.ticket, over.outcome, over.over is not None) == (promise.ticket, "answered", True)
    rung, _ = calls = await house.store.calls(5)
    assert [call["handoff"]["outcome"] for call in calls] == ["answered", "callback"]
    assert int(data["WAITED"]) >= rung["handoff"]["waited"] / 2, "the time before the callback is missing"
    await customer.stop()


async def test_a_wish_that_a_kill_left_without_a_place_is_in_nobodys_list(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "ivr.db") as store:
        for ticket in ("", "c1-c1", "c2-c1"):
            noted = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
            await store.note_callback(Callback("+15550100", "general", "", f"call{ticket}", {}, noted, ticket))
        await store.save_callback_place("c2-c1", {"queue": "general"})
        rooms = SimpleNamespace(store=store, clock=SystemClock())
        await CallingBack(SimpleNamespace(rooms=rooms)).restored()  # type: ignore[arg-type]
        found = {one.ticket: one.outcome for one in await store.callbacks()}
    assert found == {"": "", "c1-c1": "failed", "c2-c1": ""}
