"""Two moments at which something dies, one step before it would have been safe."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ivr.agents import events as floor
from ivr.call import offer as offers
from ivr.call.offer import Offer
from ivr.call.switchboard import ExchangeSwitchboard
from ivr.config import IciSettings
from ivr.errors import WorkerDied


class Voice:
    """A leg whose media worker dies so many times while it is opened."""

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths
        self.beside: list[str | None] = []

    async def open(self, *, beside: str | None = None) -> None:
        self.beside.append(beside)
        if len(self.beside) <= self.deaths:
            raise WorkerDied("the media worker ended while leg agent was opened")


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(offers, "RETRY_AFTER", 0.0)
    return SimpleNamespace(handoff=SimpleNamespace(visit=SimpleNamespace(leg="caller")))


async def test_a_telephone_is_not_lost_because_a_media_worker_died_before_it_rang(offer: Any) -> None:
    voice = Voice(deaths=2)
    await Offer._open_voice(offer, voice)  # type: ignore[arg-type]
    assert voice.beside == ["caller"] * 3


async def test_a_telephone_does_not_ring_while_no_media_worker_lives(offer: Any) -> None:
    voice = Voice(deaths=99)
    with pytest.raises(WorkerDied):
        await Offer._open_voice(offer, voice)  # type: ignore[arg-type]
    assert len(voice.beside) == offers.RETRIES + 1


async def test_who_logs_off_is_off_on_disk_before_his_screen_is_forgotten() -> None:
    """A kill in between may leave the screen of somebody who is off, but nobody at work without one."""
    steps: list[object] = []

    async def save_screen(user: str, screen: object) -> None:
        steps.append(("forgotten", user, screen))

    async def agent_saved(user: str) -> None:
        steps.append(("saved", user))

    rooms = SimpleNamespace(
        store=SimpleNamespace(save_screen=save_screen),
        settings=SimpleNamespace(agents=[], ici=IciSettings()),
        clock=SimpleNamespace(),
    )
    exchange: Any = SimpleNamespace(rooms=rooms, tell_floor=steps.append, agent_saved=agent_saved)
    await ExchangeSwitchboard(exchange).log_off("ann", "unsubscribed")
    off = floor.WorkmodeChosen("ann", floor.WORKMODE_LOGGED_OFF)
    assert steps == [off, ("saved", "ann"), ("forgotten", "ann", None)]
