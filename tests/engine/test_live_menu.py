"""The engine follows the pointer and, when asked to, drafts at each save."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.config import MenuSettings, Settings
from ivr.engine.live_menu import LiveMenu
from ivr.engine.shelf import live_menu, shelf_of
from ivr.errors import IvrError
from ivr.menu.load import load_menu
from ivr.menu.model import Menu

MENUS = Path(__file__).parents[2] / "menus"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


class House:
    """An exchange as far as menus go, and a folder to edit."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(MENUS, folder / "menus")
        self.settings = Settings(menu=MenuSettings(folder=folder / "menus"), var=folder / "var")
        self.menu = live_menu(self.settings)
        self.draft: Menu | None = None
        self.used: list[str] = []
        self.prepared: list[str] = []
        self.told: list[str] = []
        self.fault: IvrError | None = None

    def use_menu(self, menu: Menu) -> None:
        assert menu.version in self.prepared
        self.menu = menu
        self.used.append(menu.version)

    async def prepare(self, menu: Menu) -> None:
        if self.fault is not None:
            raise self.fault
        self.prepared.append(menu.version)

    def live(self, *, watch: bool = False) -> LiveMenu:
        exchange: Any = self
        return LiveMenu(self.settings, exchange, self.prepare, watch=watch, tell=self.told.append)

    def edit(self, old: str, new: str, file: str = "northgas.yaml") -> None:
        path = self.settings.menu.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def publish(self) -> str:
        shelf = shelf_of(self.settings)
        version = shelf.put(load_menu("northgas", self.settings.menu.folder))
        shelf.swap("northgas", version, action="publish", who="ana@office", when=NOW)
        return version


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_published_version_is_taken_over_once(house: House) -> None:
    live = house.live()
    await live.look()
    house.edit("tries: 3", "tries: 4")
    version = house.publish()
    await live.look()
    await live.look()
    assert house.used == [version]
    assert house.told == [f"northgas {version} is live now (publish by ana@office)."]


async def test_a_saved_file_alone_changes_nothing(house: House) -> None:
    live = house.live()
    house.edit("tries: 3", "tries: 4")
    await live.look()
    assert (house.used, house.draft) == ([], None)


async def test_a_version_that_cannot_be_used_is_told_of_once_and_the_next_is_taken(house: House) -> None:
    live = house.live()
    house.edit("tries: 3", "tries: 4")
    house.publish()
    house.fault = IvrError("IVR_KEY is not set")
    await live.look()
    await live.look()
    assert house.used == []
    assert house.told == [
        "What was published cannot be used, callers get what was live before: IVR_KEY is not set"
    ]
    house.fault = None
    house.edit("tries: 4", "tries: 5")
    version = house.publish()
    await live.look()
    assert house.used == [version]


async def test_a_damaged_pointer_costs_nobody_the_menu(house: House) -> None:
    house.publish()
    (shelf_of(house.settings).folder / "northgas.live").write_text("nonsense")
    live = house.live()
    await live.look()
    await live.look()
    assert house.used == []
    assert len(house.told) == 1
    assert "is damaged; publish again" in house.told[0]


async def test_a_clean_draft_is_served_at_each_save_and_callers_keep_the_published_one(house: House) -> None:
    version = house.publish()
    live = house.live(watch=True)
    await live.look()
    house.edit("tries: 3", "tries: 4")
    await live.look()
    assert house.draft is not None
    assert house.draft.levels["verified"].tries == 4
    assert house.menu.version == version
    assert house.used == []


async def test_a_draft_with_mistakes_is_told_line_by_line_and_the_one_before_is_kept(house: House) -> None:
    live = house.live(watch=True)
    await live.look()
    before = house.draft
    house.told.clear()
    house.edit("interrupt: never", "interrupt: kyes")
    house.edit("wait: 8s", "wait: soon")
    await live.look()
    await live.look()
    assert house.draft is before is not None
    assert len(house.told) == 3
    assert "'kyes' is not one of" in "\n".join(house.told)
    assert house.told[-1] == "The draft has 2 mistakes; the draft before it is kept."


async def test_where_nothing_was_published_a_save_reaches_only_who_dials_the_draft(house: House) -> None:
    began_with = house.menu.version
    live = house.live(watch=True)
    await live.look()
    house.edit("tries: 3", "tries: 4")
    await live.look()
    assert house.draft is not None
    assert house.draft.levels["verified"].tries == 4
    assert house.menu.version == began_with
    assert house.used == []


async def test_a_prompt_file_that_is_saved_counts_too(house: House) -> None:
    live = house.live(watch=True)
    await live.look()
    house.edit("Main menu.", "Here is the menu.", "prompts/en.yaml")
    await live.look()
    assert house.draft is not None
    assert "Here is the menu." in house.draft.language("en").book.prompts["main.head"].text
