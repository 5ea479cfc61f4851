"""SAP restarts: one scout for each host, growing pauses, and everybody is logged on as before (H9, H10)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from call.test_engine import likeness
from call.test_handoff import ask_for_a_person
from call.test_screens import until
from house import House

from ivr.call import lost_screens
from ivr.call.lost_screens import LostScreens
from ivr.call.whisper import whisper_of
from ivr.config import IciSettings, RoutingSettings
from ivr.ici.subscriptions import Subscription
from ivr.media.wav import read_wav
from ivr.testing.clock import FakeClock
from ivr.testing.crm_peer import CrmPeer, Mode
from ivr.testing.phone import Answering

Builder = Callable[..., Awaitable[House]]


class Host:
    """Screens behind one address, and whether anybody answers there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.well = False
        self.asked: list[str] = []
        self.given_up: list[str] = []
        self.at_once = self.most_at_once = 0
        self.pauses: list[float] = []
        self.clock = FakeClock()
        self.screens = LostScreens(self._ask, self._give_up, self.clock)
        monkeypatch.setattr(lost_screens.asyncio, "sleep", self._sleep)
        monkeypatch.setattr(lost_screens.random, "uniform", lambda low, high: high)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    async def _ask(self, subscription: Subscription) -> bool:
        self.asked.append(subscription.user)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        waker = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(waker.set_result, None)
        await waker
        self.at_once -= 1
        if len(self.asked) == 4:
            self.well = True
        return self.well

    async def _give_up(self, subscription: Subscription) -> None:
        self.given_up.append(subscription.user)


async def everything_is_over(host: Host) -> None:
    async with asyncio.timeout(5):
        await host.screens._tasks.wait()


async def test_h10_one_scout_asks_with_growing_pauses_until_the_host_is_well_and_then_all_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host(monkeypatch)
    for number in range(100):
        host.screens.add(Subscription("http://crm.example:8000/event", f"A{number}", f"desk{number}"))
    assert len(host.screens.users) == 100
    await everything_is_over(host)
    assert host.pauses == [3.0, 6.0, 12.0, 24.0]
    assert (len(host.asked), len(set(host.asked[3:])), host.screens.users) == (103, 100, [])
    assert (host.most_at_once, host.given_up) == (lost_screens.TOGETHER, [])


async def test_h10_a_host_that_does_not_come_back_is_given_up_and_pauses_have_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host(monkeypatch)

    async def nobody(subscription: Subscription) -> bool:
        return False

    host.screens._ask = nobody
    host.screens.add(Subscription("http://crm.example/event", "A", "desk1"))
    host.screens.add(Subscription("http://crm.example/event", "B", "desk1"))
    await everything_is_over(host)
    assert (host.given_up, host.screens.users) == (["desk1"], [])
    assert max(host.pauses) == lost_screens.LONGEST * lost_screens.SPREAD
    assert sum(host.pauses) > lost_screens.PATIENCE


async def test_h10_agents_are_as_before_when_sap_is_there_again_and_it_was_one_alarm(
    build_house: Builder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lost_screens, "FIRST", 0.2)
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", (0.01, 0.02))
    house = await build_house()
    exchange = house.engine.exchange
    assert exchange is not None

    def states() -> list[tuple[str, str]]:
        return [(str(view.state), view.reason) for view in map(exchange.agents.agent, ("desk1", "desk2"))]

    async with CrmPeer(house.ici_url) as crm:
        first, second = await crm.log_on("desk1"), await crm.log_on("desk2")
        await first.client.set_workmode(2)
        await second.client.set_workmode(1001)
        await until(lambda: states() == [("available", ""), ("not_ready", "1001")])
        await crm.stop_listening()
        await first.client.set_queues(["general"])
        await second.client.set_queues(["general"])
        await until(lambda: states() == [("not_ready", "screen_lost")] * 2)
        posts = len(crm.posts)
        assert set(await house.store.screens()) == {"desk1", "desk2"}, "a kill now would forget them"
        await crm.listen_again()
        await until(lambda: states() == [("available", ""), ("not_ready", "1001")])
        assert {post.user for post in crm.posts[posts:]} == {"desk1", "desk2"}
        crm.modes["desk1"] = Mode.UNAUTHORISED  # the session is gone: no trouble of the host
        await first.client.set_queues([])
        await until(lambda: states()[0] == ("not_ready", "screen_lost"))
        async with asyncio.timeout(5):
            while set(await house.store.screens()) != {"desk2"}:
                await asyncio.sleep(0.02)
    alarms = [record.message for record in caplog.records if "ici_screen_lost" in record.message]
    warned = [record for record in caplog.records if "ici_screen_lost" in record.message and record.levelno > 20]
    assert len(warned) == 2, alarms  # SAP's restart, and later the session that had ended


async def test_a_desktop_that_is_gone_is_missed_without_an_event_for_it(
    build_house: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", (0.01, 0.02))
    house = await build_house(ici=IciSettings(heartbeat=0.1))
    exchange = house.engine.exchange
    assert exchange is not None
    async with CrmPeer(house.ici_url) as crm:
        screen = await crm.log_on("desk1")
        await screen.client.set_workmode(2)
        await until(lambda: exchange.agents.agent("desk1").state == "available")
        await crm.stop_listening()
        await until(lambda: exchange.agents.agent("desk1").reason == "screen_lost")


async def test_h3_while_sap_is_down_an_agent_gets_the_caller_by_voice_with_a_whisper_and_then_on_the_screen(
    build_house: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_screens, "FIRST", 0.1)
    monkeypatch.setattr(lost_screens, "LONGEST", 0.2)
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", (0.01, 0.02))
    house = await build_house(routing=RoutingSettings(voice_only=True, wrap_up=0.2))
    exchange = house.engine.exchange
    assert exchange is not None
    telephone = await house.phone("desk1", Answering(after=0.2))
    async with CrmPeer(house.ici_url) as crm:
        screen = await crm.log_on("desk1", telephone.uri)
        await screen.client.set_workmode(2)
        await until(lambda: str(exchange.agents.agent("desk1").state) == "available")
        await crm.stop_listening()
        caller = await ask_for_a_person(house)
        agent = await telephone.next_call()
        await until(lambda: str(exchange.agents.agent("desk1").state) == "in_call")
        (visit,) = exchange.visits.values()
        whisper = read_wav(await exchange.rooms.library.file(whisper_of(visit, visit.record.handoffs[-1].reason)))
        begins = whisper[:9600]
        await until(lambda: len(agent.recording) > len(begins) + 1600)
        await until(lambda: likeness(agent.recording, begins) > 0.85)
        assert likeness(caller.recording, begins) < 0.5, "the caller hears the whisper"
        entries = [entry for handoff in visit.record.handoffs for entry in handoff.offers]
        assert [entry.get("by_voice") for entry in entries if entry["outcome"] == "answered"] == [True]
        await crm.listen_again()
        shown = await screen.item("connected")
        assert shown.id == entries[-1]["item"]
        await caller.hang_up()
        assert (await screen.item("ended")).reason == "normal"
        await screen.workmode(2)
        await until(lambda: str(exchange.agents.agent("desk1").state) == "available")
