"""The scripted CRM against the real endpoint and the real sender, with a telephone system that only remembers."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from ici.conftest import FakeSwitchboard, make_item

from ivr.config.settings import IciSettings
from ivr.ici.client import EventSender
from ivr.ici.dialect import load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import ItemAttachedDataChanged, PhoneCallChanged
from ivr.testing.crm_peer import CrmPeer, Mode


class Engine:
    """As much of one as a CRM notices."""

    def __init__(self, dialect: str) -> None:
        self.lost: list[str] = []
        self.switchboard: Any = FakeSwitchboard()
        settings = IciSettings(post_timeout=0.1, dialect=dialect)
        self.sender = EventSender(settings, load(dialect), self.lost.append)
        self.endpoint = IciEndpoint(self.switchboard, self.sender, settings)

    def rings(self, user: str, number: int = 1) -> Any:
        item = make_item(f"call-{number}")
        self.switchboard.give(user, item)
        return self.sender.publish(user, PhoneCallChanged(item))


@pytest.fixture
async def crm(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CrmPeer]:
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", (0.01, 0.02))
    engine = Engine("abap")
    app = web.Application()
    engine.endpoint.add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with CrmPeer(f"http://127.0.0.1:{runner.addresses[0][1]}/ici", dialect="abap") as peer:
        peer.engine = engine  # type: ignore[attr-defined]
        yield peer
    await engine.sender.close()
    await runner.cleanup()


@pytest.fixture
def engine(crm: Any) -> Engine:
    return crm.engine  # type: ignore[no-any-return]


async def test_agents_behind_one_address_are_told_together_and_of_their_own_only(
    crm: CrmPeer, engine: Engine
) -> None:
    ann, bob = await crm.log_on("desk1", "sip:desk1@127.0.0.1"), await crm.log_on("desk2")
    await ann.workmode(3)
    await bob.workmode(3)
    together = engine.sender.publish_all(["desk1", "desk2"], ItemAttachedDataChanged("call-9", "x"))
    assert [await told for told in together.values()] == [True, True]
    assert set(crm.posts[-1].app_ids) == {ann.client.app_id, bob.client.app_id}
    assert await engine.rings("desk1") is True
    await ann.item("alerting")
    assert crm.posts[-1].app_ids == (ann.client.app_id,)
    assert bob.items == []


async def test_a_browser_that_died_refuses_the_call_and_logs_off_with_it(crm: CrmPeer, engine: Engine) -> None:
    ann = await crm.log_on("desk1")
    await ann.workmode(3)
    ann.heartbeat_lost()
    assert await engine.rings("desk1") is True
    assert (await ann.ended()).reason == "unsubscribed"
    assert engine.switchboard.calls[-2:] == [("reject", "desk1", "call-1"), ("log_off", "desk1", "unsubscribed")]
    assert engine.sender.subscription_of("desk1") is None
    await ann.log_on_again()
    assert await engine.rings("desk1", 2) is True


@pytest.mark.parametrize("mode", [Mode.FAULTS, Mode.BREAKS, Mode.UNAUTHORISED, Mode.SILENT])
async def test_h3_a_screen_that_does_not_take_its_call_is_lost_after_three_tries(
    crm: CrmPeer, engine: Engine, mode: Mode
) -> None:
    ann, bob = await crm.log_on("desk1"), await crm.log_on("desk2")
    await ann.workmode(3)
    await bob.workmode(3)
    crm.modes["desk1"] = mode
    assert await engine.rings("desk1") is False
    assert engine.lost == ["desk1"]
    assert [post.answered for post in crm.posts if isinstance(post.event, PhoneCallChanged)] == [mode] * 3
    assert await engine.rings("desk2", 2) is True
    crm.modes.clear()
    await ann.log_on_again()
    assert (await ann.workmode(3)).id == "desk1"


async def test_h3_an_address_that_refuses_is_lost_and_back_after_a_log_on(crm: CrmPeer, engine: Engine) -> None:
    ann = await crm.log_on("desk1")
    await ann.workmode(3)
    await crm.stop_listening()
    assert await engine.rings("desk1") is False
    assert engine.lost == ["desk1"]
    await crm.listen_again()
    await ann.log_on_again()
    assert await engine.rings("desk1", 2) is True
    assert [item.id for item in ann.items][-1] == "call-2"


async def test_a_slow_screen_gets_the_newest_and_every_repeat_is_harmless(crm: CrmPeer, engine: Engine) -> None:
    ann = await crm.log_on("desk1")
    await ann.workmode(3)
    crm.mode, crm.delay = Mode.SLOW, 0.02
    item = make_item()
    engine.switchboard.give("desk1", item)
    told = [
        engine.sender.publish("desk1", PhoneCallChanged(dataclasses.replace(item, sequence=number)))
        for number in range(1, 101)
    ]
    assert [await each for each in told] == [True] * 100
    sequences = [item.sequence for item in ann.items]
    assert sequences[-1] == 100
    assert sequences == sorted(set(sequences))
    assert len(crm.posts) < 40
