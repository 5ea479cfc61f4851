"""Every scenario with agents, under both dialects: sound both ways, and what every desktop is told, as a table.

The tables are the text files in ``scenarios/tables``; one holds for all dialects. IVR_WRITE_SCENARIOS=1 writes
them anew from what happens: read the difference before you keep it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from textwrap import fill

import pytest
from call.scenarios import desktops, inbound, of_two, outgoing, sent_on  # noqa: F401 - these register themselves
from call.scenarios.ledger import differences, kept, sections_of, text_of
from call.scenarios.scene import PLAYS
from call.scenarios.stage import Evening, Played, play

from ivr.testing.ici_learn import learn_dialect
from ivr.testing.ici_trace import read_trace

TABLES = Path(__file__).parent / "scenarios" / "tables"
SPELLINGS = {
    "default": '<n:phoneCallChanged xmlns:n="urn:IciEventInterface"><appIds><item>',
    "abap": '<n:phone_call_changed xmlns:n="urn:ici:event"><n:APP_IDS><n:ITEM>',
}
"""How each dialect begins to tell of a call."""
DIALECTS = tuple(SPELLINGS)
WRITES = bool(os.environ.get("IVR_WRITE_SCENARIOS"))


def _head(name: str) -> str:
    """What the scenario is about, for a screen of 80 columns."""
    return fill(PLAYS[name].title, 78)


class Theatre:
    """Plays all that were asked for in one house for each dialect; a scenario that is asked for again, alone."""

    def __init__(self, chosen: dict[str, list[str]], folder: Callable[[str], Path], prompts: Path) -> None:
        self._chosen = chosen
        self._folder = folder
        self._prompts = prompts
        self._evenings: dict[str, Evening] = {}

    def evening(self, dialect: str) -> Evening:
        if dialect not in self._evenings:
            names = self._chosen.get(dialect) or ["warm_transfer"]
            self._evenings[dialect] = self._play(dialect, names)
        return self._evenings[dialect]

    def played(self, dialect: str, name: str) -> Played:
        once = self.evening(dialect).played.pop(name, None)
        return once or self._play(dialect, [name]).played[name]

    def _play(self, dialect: str, names: list[str]) -> Evening:
        return play(dialect, names, self._folder(dialect), self._prompts)


@pytest.fixture(scope="module")
def theatre(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prompts_folder: Path
) -> Theatre:
    chosen: dict[str, list[str]] = {}
    for item in request.session.items:
        call = getattr(item, "callspec", None)
        if item.path == request.path and call and "dialect" in call.params and "name" in call.params:
            chosen.setdefault(call.params["dialect"], []).append(call.params["name"])
    return Theatre(chosen, tmp_path_factory.mktemp, prompts_folder)


@pytest.mark.parametrize("name", PLAYS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_everybody_hears_and_sees_what_the_table_says(theatre: Theatre, dialect: str, name: str) -> None:
    found = theatre.played(dialect, name)
    table = text_of(found.sections)
    if found.error is not None:
        found.error.add_note(f"what the desktops saw:\n{table}")
        raise found.error
    file = TABLES / f"{name}.txt"
    if WRITES and dialect == DIALECTS[0]:
        before = sections_of(file.read_text("utf-8")) if file.exists() else {}
        same = all(
            owner in before and not differences(before[owner], rows) for owner, rows in found.sections.items()
        )
        sections = before if same else kept(found.sections, before)
        file.write_text(f"{_head(name)}\n\n{text_of(sections)}", "utf-8")
    expected = sections_of(file.read_text("utf-8"))
    assert list(found.sections) == list(expected)
    for owner, rows in expected.items():
        wrong = differences(rows, found.sections[owner])
        assert not wrong, f"{owner}:\n{wrong}"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_spoken_but_the_dialect(theatre: Theatre, dialect: str) -> None:
    trace = theatre.evening(dialect).trace
    assert [one for one, words in SPELLINGS.items() if words in trace] == [dialect]
    learnt = learn_dialect(read_trace(trace, "the scenarios"), base=dialect)
    assert learnt.unknown == []
    assert learnt.document == {"extends": dialect, "name": "learned"}, "what is spoken is not what the file says"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_when_everybody_has_gone_nothing_is_left(theatre: Theatre, dialect: str) -> None:
    assert theatre.evening(dialect).left == {}


def test_there_is_a_table_for_every_scenario_and_a_scenario_for_every_table() -> None:
    assert sorted(file.stem for file in TABLES.glob("*.txt")) == sorted(PLAYS)
    for name in PLAYS:
        assert (TABLES / f"{name}.txt").read_text("utf-8").startswith(f"{_head(name)}\n\n")


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


def test_a_table_reads_as_it_was_written_and_what_may_be_missing_stays_so() -> None:
    sections = sections_of(EXPECTED)
    assert text_of(sections) == EXPECTED
    for seen in (EXPECTED.replace("<?", "<-"), EXPECTED.replace("  <?  agent: Logged off (1), Logged Off\n", "")):
        assert text_of(kept(sections_of(seen), sections)) == EXPECTED
