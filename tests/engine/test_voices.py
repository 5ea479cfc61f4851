"""A voice that does not exist is one mistake at its line, not one for every prompt it would have said."""

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
