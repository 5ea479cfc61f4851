"""Versions on the shelf: complete, swapped by one rename, whole after a kill at any point."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.engine.shelf import Shelf
from ivr.errors import IvrError, MenuError
from ivr.menu.load import load_menu
from ivr.menu.model import Menu

MENUS = Path(__file__).parents[2] / "menus"
NOW = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "versions")


@pytest.fixture
def draft(tmp_path: Path) -> Callable[[str], Menu]:
    """The sample with another welcome, in a folder that is edited in place."""
    folder = tmp_path / "menus"

    def edit(welcome: str) -> Menu:
        shutil.copytree(MENUS, folder, dirs_exist_ok=True)
        path = folder / "prompts" / "en.yaml"
        text = path.read_text("utf-8")
        path.write_text(text.replace("Welcome to North Gas and Power", welcome), "utf-8")
        return load_menu("northgas", folder)

    return edit


def publish(shelf: Shelf, menu: Menu) -> str:
    version = shelf.put(menu)
    shelf.swap("northgas", version, action="publish", who="ana@office", when=NOW)
    return version


def test_nothing_is_live_on_an_empty_shelf(shelf: Shelf) -> None:
    assert (shelf.live("northgas"), shelf.swaps(), shelf.versions()) == (None, [], [])


def test_a_version_is_a_complete_copy(shelf: Shelf, draft: Callable[[str], Menu], tmp_path: Path) -> None:
    menu = draft("Hello")
    version = publish(shelf, menu)
    shutil.rmtree(tmp_path / "menus")
    loaded = shelf.load(version, "northgas")
    assert loaded.version == menu.version == version
    assert loaded.language("en").book.prompts["greet.name"].text == "Hello."
    assert (shelf.folder / version / "connectors.yaml").is_file()


def test_who_and_when_are_kept_in_order(shelf: Shelf, draft: Callable[[str], Menu]) -> None:
    first, second = publish(shelf, draft("One")), publish(shelf, draft("Two"))
    shelf.swap("northgas", first, action="rollback", who="ben@desk", when=NOW)
    told = [(swap.version, swap.before, swap.action, swap.who) for swap in shelf.swaps()]
    assert told == [
        (first, "", "publish", "ana@office"),
        (second, first, "publish", "ana@office"),
        (first, second, "rollback", "ben@desk"),
    ]
    live = shelf.live("northgas")
    assert live is not None
    assert (live.version, live.when) == (first, "2026-03-02T15:15:00.000+00:00")


def test_the_same_content_is_kept_once(shelf: Shelf, draft: Callable[[str], Menu]) -> None:
    assert shelf.put(draft("One")) == shelf.put(draft("One"))
    assert len(shelf.versions()) == 1


def test_a_version_that_was_changed_is_not_used(shelf: Shelf, draft: Callable[[str], Menu]) -> None:
    version = publish(shelf, draft("One"))
    with (shelf.folder / version / "prompts" / "en.yaml").open("a") as file:
        file.write("# harmless\n")
    with pytest.raises(MenuError, match="was changed after publishing"):
        shelf.load(version, "northgas")


def test_a_menu_that_changes_while_it_is_copied_is_not_published(
    shelf: Shelf, draft: Callable[[str], Menu]
) -> None:
    checked = draft("Checked")
    draft("Not checked")
    with pytest.raises(MenuError, match="was changed while it was being published"):
        shelf.put(checked)
    assert shelf.versions() == []


def test_a_version_is_found_by_its_beginning(shelf: Shelf, draft: Callable[[str], Menu]) -> None:
    version = publish(shelf, draft("One"))
    assert shelf.find(version[:1]) == shelf.find(version[:4]) == version
    for unknown in ("zzzz", ""):
        with pytest.raises(IvrError, match="there is no version"):
            shelf.find(unknown)


def test_a_torn_line_of_the_log_costs_only_itself(shelf: Shelf, draft: Callable[[str], Menu]) -> None:
    first = publish(shelf, draft("One"))
    log = shelf.folder / "log.jsonl"
    log.write_bytes(log.read_bytes() + b'{"menu": "northg')
    second = publish(shelf, draft("Two"))
    assert [swap.version for swap in shelf.swaps()] == [first, second]
    assert json.loads(log.read_text().splitlines()[-1])["version"] == second


def killed_at(point: int, work: Callable[[], object]) -> bool:
    """Does `work` in a process that is killed at its `point`th touch of the disk; False once it got through."""
    child = os.fork()
    if child == 0:
        touches = 0

        def count(real: Callable[..., object]) -> Callable[..., object]:
            def touch(*arguments: object, **named: object) -> object:
                nonlocal touches
                touches += 1
                if touches == point:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **named)

            return touch

        for name in ("fsync", "rename", "replace", "mkdir"):
            setattr(os, name, count(getattr(os, name)))
        Path.rename = count(Path.rename)  # type: ignore[method-assign, assignment]
        Path.open = count(Path.open)  # type: ignore[method-assign, assignment]
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_publisher_killed_at_any_point_leaves_the_live_version_whole(
    shelf: Shelf, draft: Callable[[str], Menu]
) -> None:
    old = publish(shelf, draft("Old"))
    new = draft("New")
    point = 0
    seen = set()
    while True:
        point += 1
        killed = killed_at(point, lambda: publish(shelf, new))
        live = shelf.live("northgas")
        assert live is not None
        assert live.version in (old, new.version)
        assert shelf.load(live.version, "northgas").version == live.version
        assert shelf.swaps()[-1] == live
        seen.add(live.version)
        if not killed:
            break
        if live.version != old:
            shelf.swap("northgas", old, action="rollback", who="test", when=NOW)
        if shelf.versions().count(new.version):
            shutil.rmtree(shelf.folder / new.version)
    assert seen == {old, new.version}
    assert point > 15
    publish(shelf, new)
    left = [path.name for path in shelf.folder.iterdir() if path.name.startswith(".")]
    assert left == [".lock"]


def test_two_publishers_take_turns(shelf: Shelf, draft: Callable[[str], Menu]) -> None:
    menu = draft("One")
    publish(shelf, menu)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                publish(shelf, menu)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert shelf.load(menu.version, "northgas").version == menu.version
    assert len((shelf.folder / "log.jsonl").read_text().splitlines()) == 1  # what is live already is no swap
