"""From a draft to what callers get: every stage can stop it, and then nothing has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ivr.config import MenuSettings, Settings
from ivr.engine.publishing import Published, PublishError, publish, roll_back
from ivr.engine.shelf import live_menu, load_version, shelf_of
from ivr.errors import IvrError, MenuError, Problem, ProblemsError
from ivr.menu.model import Menu

MENUS = Path(__file__).parents[2] / "menus"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(MENUS, tmp_path / "menus")
    return Settings(menu=MenuSettings(folder=tmp_path / "menus"), var=tmp_path / "var")


def edit(settings: Settings, old: str, new: str, file: str = "northgas.yaml") -> None:
    path = settings.menu.folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def welcome(settings: Settings, words: str) -> None:
    path = settings.menu.folder / "prompts" / "en.yaml"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(f"greet.name: {words}" if "greet.name" in one else one for one in lines), "utf-8")


async def rendered(menu: Menu) -> int:
    return 7


def passed(menu: Menu) -> tuple[int, list[Problem]]:
    return 3, []


async def go(settings: Settings, **changes: object) -> Published:
    parts: dict[str, object] = {"render": rendered, "tests": passed, "who": "ana@office"}
    return await publish(settings, **{**parts, **changes})  # type: ignore[arg-type]


def words(menu: Menu) -> str:
    return menu.language("en").book.prompts["greet.name"].text


async def test_a_draft_becomes_what_callers_get(settings: Settings) -> None:
    welcome(settings, "One")
    done = await go(settings)
    welcome(settings, "Two")
    assert words(live_menu(settings)) == "One"
    assert words(load_version(settings, "northgas")) == "Two"
    assert (done.rendered, done.tests, done.swap.who, done.changes) == (7, 3, "ana@office", [])


async def test_without_a_published_version_callers_get_the_folder(settings: Settings) -> None:
    welcome(settings, "Draft")
    assert words(live_menu(settings)) == "Draft"


async def test_publishing_says_what_changes(settings: Settings) -> None:
    await go(settings)
    edit(settings, "ring: 12s", "ring: 20s")
    assert (await go(settings)).changes == ["The emergency queue rings 20 s instead of 12 s."]


async def test_every_mistake_of_a_draft_is_told_and_nothing_changes(settings: Settings) -> None:
    welcome(settings, "One")
    await go(settings)
    edit(settings, "interrupt: never", "interrupt: kyes")
    edit(settings, "listen: [keys]\n", "listen: [kees]\n")
    asked = []

    async def never(menu: Menu) -> int:
        asked.append(menu)
        return 0

    with pytest.raises(PublishError) as caught:
        await go(settings, render=never)
    assert len(caught.value.problems) == 2
    assert asked == []
    assert words(live_menu(settings)) == "One"


async def test_the_emergency_line_is_never_lost_without_a_word(settings: Settings) -> None:
    await go(settings)
    path = settings.menu.folder / "northgas.yaml"
    edit(settings, "go: emergency}", "go: agent_asked}")
    kept = [line for line in path.read_text("utf-8").splitlines(keepends=True) if "press: 9" not in line]
    text = "".join(kept)
    step = text[text.index("  emergency:\n    type") : text.index("  # --- people")]
    queue = text[text.index("  emergency: {skills") : text.index("  outages:   {skills")]
    text = text.replace(step, "").replace(queue, "")
    line = next(line for line in kept if line.startswith("emergency:"))
    path.write_text(text.replace(line, ""), "utf-8")
    with pytest.raises(PublishError) as caught:
        await go(settings)
    (problem,) = caught.value.problems
    assert str(problem).endswith(
        "northgas.yaml:1:1: emergency: has no emergency line, and what is live has one, the queue 'emergency'; "
        'bring it back, or write emergency: {none: "why there is none"} at the top [emergency]'
    )
    path.write_text(text.replace(line, 'emergency: {none: "gas is another company now"}\n'), "utf-8")
    assert (await go(settings)).changes[0] == "There is no emergency line any more: gas is another company now."


async def test_prompts_and_tests_that_fail_are_told_together(settings: Settings) -> None:
    await go(settings)
    live = live_menu(settings).version
    welcome(settings, "Two")

    async def broken(menu: Menu) -> int:
        raise ProblemsError([Problem("audio/en/greet.name.wav", "is no WAV file")])

    with pytest.raises(PublishError) as caught:
        await go(settings, render=broken, tests=lambda menu: (1, [Problem("tests/t.yaml", "was not heard", 3)]))
    assert [problem.path for problem in caught.value.problems] == ["audio/en/greet.name.wav", "tests/t.yaml"]
    assert live_menu(settings).version == live
    assert shelf_of(settings).versions() == [live]


async def test_going_back_takes_the_version_before(settings: Settings) -> None:
    for text in ("One", "Two", "Three"):
        welcome(settings, text)
        await go(settings)
    swap, changes = roll_back(settings, who="ben@desk")
    assert words(live_menu(settings)) == "Two"
    assert (swap.action, swap.who) == ("rollback", "ben@desk")
    assert changes == ["The words of greet.name in en change from “Three” to “Two”."]


async def test_going_back_twice_goes_further_back_and_never_to_what_was_taken_back(settings: Settings) -> None:
    versions = []
    for text in ("One", "Two", "Three"):
        welcome(settings, text)
        versions.append((await go(settings)).swap.version)
    roll_back(settings)
    roll_back(settings)
    assert words(live_menu(settings)) == "One"
    with pytest.raises(IvrError, match="first version of northgas") as refused:
        roll_back(settings)
    assert f"taken back were {versions[1]}, {versions[2]}: name one" in str(refused.value)
    assert words(live_menu(settings)) == "One"
    roll_back(settings, versions[2])
    assert words(live_menu(settings)) == "Three"
    roll_back(settings)
    assert words(live_menu(settings)) == "One", "two was taken back, and not named since"


async def test_after_a_bad_version_was_taken_back_the_next_one_leads_back_to_the_good_one(
    settings: Settings,
) -> None:
    for text in ("Good", "Bad"):
        welcome(settings, text)
        await go(settings)
    roll_back(settings)
    welcome(settings, "Worse")
    await go(settings)
    roll_back(settings)
    assert words(live_menu(settings)) == "Good"


async def test_what_is_live_already_is_no_swap(settings: Settings) -> None:
    first = await go(settings)
    again = await go(settings, who="ben@desk")
    assert (first.already, again.already) == (False, True)
    assert again.swap == first.swap
    with pytest.raises(IvrError, match=r"is live already, since .* by ana@office; nothing has changed"):
        roll_back(settings, first.swap.version)
    assert shelf_of(settings).swaps() == [first.swap]


async def test_going_back_to_any_version_by_its_beginning(settings: Settings) -> None:
    versions = []
    for text in ("One", "Two", "Three"):
        welcome(settings, text)
        versions.append((await go(settings)).swap.version)
    others = "".join(version[0] for version in versions[1:])
    roll_back(settings, versions[0][:1] if versions[0][0] not in others else versions[0][:3])
    assert words(live_menu(settings)) == "One"
    with pytest.raises(IvrError, match="there is no version 'zz'"):
        roll_back(settings, "zz")
    assert words(load_version(settings, versions[1][:6])) == "Two"


async def test_there_is_nothing_before_the_first_version(settings: Settings) -> None:
    with pytest.raises(IvrError, match="no version of northgas was ever published"):
        roll_back(settings)
    await go(settings)
    with pytest.raises(IvrError, match="is the first version of northgas"):
        roll_back(settings)


async def test_a_version_that_lost_a_file_is_not_gone_back_to(settings: Settings) -> None:
    for text in ("One", "Two"):
        welcome(settings, text)
        await go(settings)
    live = shelf_of(settings).live("northgas")
    assert live is not None
    (shelf_of(settings).folder / live.before / "prompts" / "es.yaml").unlink()
    with pytest.raises(MenuError, match="cannot be read"):
        roll_back(settings)
    assert words(live_menu(settings)) == "Two"


async def test_publishing_mends_a_damaged_pointer(settings: Settings) -> None:
    await go(settings)
    (shelf_of(settings).folder / "northgas.live").write_text("{")
    with pytest.raises(IvrError, match="is damaged; publish again"):
        live_menu(settings)
    await go(settings)
    assert live_menu(settings).name == "northgas"
