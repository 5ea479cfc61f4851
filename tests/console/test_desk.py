"""The desk against the real ICI endpoint, over HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from ivr.console.desk import Desk, DeskSettings
from ivr.console.desk_events import Happened, PopUp, Say
from ivr.errors import IvrError, StoreError
from ivr.ici import attached_data
from ivr.ici.switchboard import IciRefusal, SubscriptionEnded

PHONE = "sip:desk1@127.0.0.1:5070"


class Shown:
    """A screen that keeps what it shows."""

    def __init__(self) -> None:
        self.events: list[Happened] = []
        self.words: list[str] = []
        self.cards: list[PopUp] = []
        self.customers: list[tuple[Any, str, str]] = []
        self._news = asyncio.Condition()

    def happened(self, event: Happened) -> None:
        self.events.append(event)
        self._tell()

    def say(self, words: Say) -> None:
        self.words.append(words.text)
        self._tell()

    def pop_up(self, card: PopUp) -> None:
        self.cards.append(card)
        self._tell()

    def customer(self, customer: Any, account: str, proved: str, contacts: Any = ()) -> None:
        self.customers.append((customer, account, proved, *contacts))
        self._tell()

    def status(self, prompt: Any) -> None:
        pass

    def _tell(self) -> None:
        asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10), self._news:
            while not condition(self):
                await self._news.wait()

    async def event(self, name: str, times: int = 1) -> Happened:
        await self.until(lambda shown: [e.event for e in shown.events].count(name) >= times)
        return [event for event in self.events if event.event == name][times - 1]

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]


@pytest.fixture
async def sit(engine):
    """Open a desk; closed at the end of the test, if not before."""
    running: list[asyncio.Task[None]] = []

    async def open_desk(**options: Any):
        more = {key: options.pop(key) for key in ("find_customer", "find_contacts", "heartbeat") if key in options}
        settings = DeskSettings(**{"user": "desk1", "url": engine.url, "phone": PHONE, **options})
        shown = Shown()
        desk = Desk(settings, shown, pause=0.02, **{"heartbeat": 60.0, **more})
        task = asyncio.create_task(desk.run(keyboard=False, signals=False))
        running.append(task)
        await shown.event("logged_on")
        return desk, shown, task

    yield open_desk
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_desk_does_not_write_over_a_colleague_and_reads_again(engine, sit):
    desk, shown, _ = await sit()
    asked: list[int] = []

    def check_version(user: str, item_id: str, document: str, version: int) -> None:
        asked.append(version)
        if version < 4:
            theirs = attached_data.build("NOTES", {"TEXT": "hers"})
            newest = dataclasses.replace(engine.live[item_id], attached_data=theirs, attached_data_version=4)
            engine.live[item_id] = newest
            facts = {"changedBy": "desk2", "applicationId": "NOTES"}
            raise IciRefusal("ICI-CONFLICT", "somebody was quicker", facts=facts)

    engine.check_version = check_version
    document = attached_data.build("NOTES", {"TEXT": ""})
    await engine.call("connected", attached_data=document, attached_data_version=3)
    await shown.event("connected")
    desk.type("f TEXT=mine")
    await shown.until(lambda shown: any("desk2 has changed NOTES meanwhile" in each for each in shown.words))
    told = await shown.event("attached_data")
    assert told.data == {"attached_data": {"NOTES": {"TEXT": "hers"}}}
    desk.type("f TEXT=hers and mine")
    await engine.asked("set_attached_data", "desk1", "c1")
    assert asked == [3, 4]


async def test_a_call_from_log_on_to_log_off(engine, sit):
    desk, shown, task = await sit()
    desk.type("ready")
    await engine.asked("set_workmode", "desk1", "2")
    await shown.until(lambda s: s.events[-1].data.get("workmode") == 2)
    assert await engine.call("alerting") is True
    alerting = await shown.event("alerting")
    assert alerting.data["attached_data"]["SAP-IC"]["REASON"] == "ASKED_FOR_AGENT"
    for line, operation, status in (
        ("a", "accept", "connected"),
        ("h", "hold", "held"),
        ("u", "unhold", "connected"),
        ("d", "drop", "ended"),
    ):
        desk.type(line)
        await engine.asked(operation, "desk1", "c1")
        sequence = engine.live["c1"].sequence + 1
        engine.call(status, sequence=sequence)
        await shown.until(lambda s, n=sequence: s.events[-1].data.get("sequence") == n)
    desk.type("q")
    await asyncio.wait_for(task, 5)
    assert engine.calls == [
        ("log_on", "desk1", PHONE),
        ("set_workmode", "desk1", "2"),
        ("accept", "desk1", "c1"),
        ("hold", "desk1", "c1"),
        ("unhold", "desk1", "c1"),
        ("drop", "desk1", "c1"),
        ("log_off", "desk1", "unsubscribed"),
    ]
    assert [n for n in shown.names if n not in ("workmode", "logged_on")] == [
        "alerting",
        "connected",
        "held",
        "connected",
        "ended",
    ]
    assert shown.names[0] == "logged_on"


async def test_what_was_asked_before_quitting_is_still_asked(engine, sit):
    desk, _, task = await sit()
    desk.type("n 1001")
    desk.type("q")
    await asyncio.wait_for(task, 5)
    assert engine.calls[-2:] == [("set_workmode", "desk1", "1001"), ("log_off", "desk1", "unsubscribed")]


async def test_auto_goes_ready_and_accepts(engine, sit):
    await sit(auto=True)
    await engine.asked("set_workmode", "desk1", "2")
    engine.call("alerting")
    await engine.asked("accept", "desk1", "c1")


async def test_the_customers_record_follows_the_pop_up(engine, sit):
    async def find(account: str) -> Any:
        return f"record of {account}"

    async def find_contacts(account: str) -> Any:
        return [f"contact of {account}"]

    _, shown, _ = await sit(find_customer=find, find_contacts=find_contacts)
    engine.call("alerting")
    await shown.until(lambda s: s.customers)
    assert shown.customers == [("record of 4000000002", "4000000002", "pin", "contact of 4000000002")]
    assert len(shown.cards) == 1


async def test_a_store_that_cannot_be_read_is_said_and_the_call_goes_on(engine, sit):
    async def find(account: str) -> Any:
        raise StoreError("the store is torn")

    _, shown, _ = await sit(find_customer=find)
    engine.call("alerting")
    await shown.until(lambda s: any("the store is torn" in words for words in s.words))
    engine.call("connected", sequence=2)
    await shown.event("connected")


async def test_a_refused_request_is_an_error_and_the_desk_stays(engine, sit):
    desk, shown, task = await sit()
    engine.call("alerting")
    await shown.event("alerting")
    engine.refuse = IciRefusal("ICI-STATE", "Operation accept not allowed in state ended", item_id="c1")
    desk.type("a")
    error = await shown.event("error")
    assert (error.item, error.data["operation"], error.data["code"]) == ("c1", "accept", "ICI-STATE")
    engine.refuse = None
    desk.type("r")
    await engine.asked("set_workmode", "desk1", "2")
    assert not task.done()


async def test_a_second_desk_supersedes_the_first_which_says_so_and_ends(engine, sit):
    _, shown, task = await sit()
    await sit()
    ended = await shown.event("subscription_ended")
    assert ended.data["reason"] == "superseded"
    await asyncio.wait_for(task, 5)
    assert ("log_off", "desk1", "unsubscribed") not in engine.calls


async def test_an_engine_that_stops_and_comes_back_is_logged_on_to_again(engine, sit):
    _, shown, _ = await sit(auto=True)
    await engine.asked("set_workmode", "desk1", "2")
    await engine.stop()
    assert (await shown.event("subscription_ended")).data["reason"] == "shutdown"
    await engine.start()
    await shown.event("logged_on", times=2)
    await engine.asked("set_workmode", "desk1", "2", times=2)
    assert engine.calls.count(("log_on", "desk1", PHONE)) == 2


async def test_an_engine_that_vanishes_is_noticed_by_the_heartbeat(engine, sit):
    _, shown, _ = await sit(heartbeat=0.02)
    await engine.crash()
    error = await shown.event("error")
    assert "The engine is lost" in error.data["message"]
    assert f"127.0.0.1 port {engine.port}" in error.data["message"]
    await engine.start()
    await shown.event("logged_on", times=2)
    assert shown.names.count("error") == 1


async def test_an_engine_that_forgot_the_desk_is_logged_on_to_again_at_the_next_request(engine, sit):
    desk, shown, _ = await sit()
    await engine.crash()
    await engine.start()
    desk.type("r")
    error = await shown.event("error")
    assert "does not know this desk" in error.data["message"]
    await shown.event("logged_on", times=2)


async def test_an_engine_that_refuses_the_desk_for_good_ends_it(engine, sit):
    _, shown, task = await sit()
    engine.passwords["desk1"] = "changed"
    engine.tell(SubscriptionEnded("shutdown", "stopping"))
    error = await shown.event("error")
    assert error.data["code"] == "ICI-AUTH"
    await asyncio.wait_for(task, 5)


async def test_live_calls_are_shown_again_after_a_new_log_on(engine, sit):
    _, shown, _ = await sit()
    engine.call("connected")
    await shown.event("connected")
    engine.tell(SubscriptionEnded("shutdown", "stopping"))
    await shown.event("connected", times=2)
    assert shown.names.index("connected") < shown.names.index("subscription_ended")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"user": "nobody"}, "there is no agent 'nobody'"),
        ({"user": "guarded", "password": "wrong"}, "HTTP Basic"),
        ({"phone": "sip:desk1@192.0.2.9:5070"}, "192.0.2.9"),
        ({"url": "http://127.0.0.1:1/ici"}, "127.0.0.1 port 1"),
        ({"url": "nonsense"}, "'nonsense' is no address"),
    ],
)
async def test_a_first_log_on_that_is_impossible_is_raised(engine, options, text):
    settings = DeskSettings(**{"user": "desk1", "url": engine.url, "phone": PHONE, **options})
    with pytest.raises(IvrError, match=text):
        await Desk(settings, Shown()).run(keyboard=False, signals=False)


async def test_the_right_password_lets_in_and_is_not_in_the_repr(engine, sit):
    _, shown, _ = await sit(user="guarded", password="s3cret")
    assert shown.names[0] == "logged_on"
    assert "s3cret" not in repr(DeskSettings("guarded", engine.url, password="s3cret"))
