"""A voice that does not exist is one mistake at its line; a recording that is no sound keeps nobody waiting."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from house import House

from ivr.config import MenuSettings, shipped
from ivr.errors import MenuError


async def test_an_engine_does_not_start_with_a_voice_nobody_has(
    build_house: Callable[..., Awaitable[House]], tmp_path: Path
) -> None:
    folder = tmp_path / "menus"
    shutil.copytree(shipped("menus"), folder)
    menu = folder / "northgas.yaml"
    menu.write_text(menu.read_text().replace("voice: gmw/en-us", "voice: gmw/en-klingon"))
    with pytest.raises(MenuError) as error:
        await build_house(menu=MenuSettings(folder=folder, audio=shipped("audio")))
    (problem,) = error.value.problems
    line = 1 + menu.read_text().partition("gmw/en-klingon")[0].count("\n")
    said = f"{menu}:{line}:23: languages[1].voice: no voice 'gmw/en-klingon'; similar: gmw/en-"
    assert str(problem).startswith(said)


async def test_an_engine_starts_with_a_recording_that_is_no_sound_and_says_so(
    build_house: Callable[..., Awaitable[House]], tmp_path: Path
) -> None:
    audio = tmp_path / "audio"
    (audio / "en").mkdir(parents=True)
    (audio / "en" / "main.head.wav").write_text("no sound")
    house = await build_house(menu=MenuSettings(folder=shipped("menus"), audio=audio))
    assert house.listening is not None
    (problem,) = house.listening.unreadable
    assert str(problem).startswith(f"{audio / 'en' / 'main.head.wav'}: not a WAV file: ")
    exchange = house.engine.exchange
    assert exchange is not None
    assert exchange.accepting
