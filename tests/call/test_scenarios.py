"""Every scenario with agents, under both dialects: sound both ways, and what every desktop is told, as a table.

The tables are the text files in ``scenarios/tables``; one holds for all dialects. IVR_WRITE_SCENARIOS=1 writes
them anew from what happens: read the difference before you keep it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from call.scenarios import desktops, inbound, of_two, outgoing, sent_on  # noqa: F401 - these register themselves
from call.scenarios.ledger import differences, kept, sections_of, text_of
from call.scenarios.scene import PLAYS
from call.scenarios.stage import Played, play

TABLES = Path(__file__).parent / "scenarios" / "tables"
DIALECTS = ("default", "abap")
WRITES = bool(os.environ.get("IVR_WRITE_SCENARIOS"))
Theatre = Callable[[str, str], Played]


@pytest.fixture(scope="module")
def theatre(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prompts_folder: Path
) -> Theatre:
    """Plays all that were asked for in one house for each dialect; a scenario that is asked for again, alone."""
    played: dict[str, dict[str, Played]] = {}

    def outcome(dialect: str, name: str) -> Played:
        chosen = [name]
        if dialect not in played:
            calls = [
                getattr(item, "callspec", None) for item in request.session.items if item.module is request.module
            ]
            chosen = [call.params["name"] for call in calls if call and call.params.get("dialect") == dialect]
        if name not in played.setdefault(dialect, {}):
            folder = tmp_path_factory.mktemp(f"scenarios-{dialect}")
            played[dialect] |= play(dialect, dict.fromkeys(chosen), folder, prompts_folder)
        return played[dialect].pop(name)

    return outcome


@pytest.mark.parametrize("name", PLAYS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_everybody_hears_and_sees_what_the_table_says(theatre: Theatre, dialect: str, name: str) -> None:
    found = theatre(dialect, name)
    table = text_of(found.sections)
    if found.error is not None:
        found.error.add_note(f"what the desktops saw:\n{table}")
        raise found.error
    file = TABLES / f"{name}.txt"
    if WRITES and dialect == DIALECTS[0]:
        before = sections_of(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(f"{PLAYS[name].title}\n\n{text_of(kept(found.sections, before))}", "utf-8")
    expected = sections_of(file.read_text("utf-8"))
    assert list(found.sections) == list(expected)
    for owner, rows in expected.items():
        wrong = differences(rows, found.sections[owner])
        assert not wrong, f"{owner}:\n{wrong}"


def test_there_is_a_table_for_every_scenario_and_a_scenario_for_every_table() -> None:
    assert sorted(file.stem for file in TABLES.glob("*.txt")) == sorted(PLAYS)
    for name, one in PLAYS.items():
        assert (TABLES / f"{name}.txt").read_text("utf-8").splitlines()[0] == one.title


EXPECTED = """\
ann
  ->  hold item 1
  <-  item 1: held
      may unhold, drop
  <-  agent: Ready (2), Busy
  --  caller and ann talk
  <?  agent: Logged off (1), Logged Off
  <-  item 1: ended, normal
"""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("", "", ""),
        ("  <?  agent: Logged off (1), Logged Off\n", "", ""),
        ("  <?", "  <-", ""),
        ("      may unhold, drop\n", "      may unhold\n", "-      may unhold, drop"),
        ("  <-  item 1: ended, normal\n", "", "-  <-  item 1: ended, normal"),
        ("held\n", "connected\n", "-  <-  item 1: held"),
        ("Busy\n", "Available\n", "-  <-  agent: Ready (2), Busy"),
        ("  ->  hold item 1\n", "", "-  ->  hold item 1"),
        ("talk\n", "talk\n  <-  item 1: connected\n", "+  <-  item 1: connected"),
    ],
)
def test_a_table_that_is_another_is_told_by_its_lines(old: str, new: str, why: str) -> None:
    expected, seen = (sections_of(text)["ann"] for text in (EXPECTED, EXPECTED.replace(old, new, 1)))
    told = differences(expected, [row for row in seen if row.kind != "<?"])
    assert (why in told.splitlines()) if why else told == ""


def test_what_is_told_late_is_no_mistake_but_what_is_told_early_is() -> None:
    early = sections_of("ann\n  <-  item 1: held\n  --  ann talks\n")["ann"]
    late = early[::-1]
    assert differences(early, late) == ""
    assert differences(late, early).startswith("too early, behind 0 steps instead of 1:\n  <-  item 1: held")


def test_a_table_reads_as_it_was_written() -> None:
    sections = sections_of(EXPECTED)
    assert text_of(sections) == EXPECTED
