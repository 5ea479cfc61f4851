"""A line that is typed in a narrow window."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from ivr.console.desk_line import Keys, Line, Prompt

STATE = "desk1 | Ready, then not ready | +15550100 connected 12 s"
STORY = "the customer moved on Tuesday and wants the bill at the new address, not the old one"


def typed(*keys: str, text: str = "") -> Line:
    line = Line(text, len(text))
    for key in keys:
        line.take(key)
    return line


@pytest.mark.parametrize("width", [9, 20, 40, 79, 200])
def test_whoever_types_sees_the_end_of_the_line_and_the_cursor(width: int) -> None:
    shown, behind = Prompt(STATE, "note: the text", Line(STORY, len(STORY))).fit(width)
    assert cell_len(shown) < width, "there is no column left for the cursor"
    assert behind == 0 and shown.endswith(STORY[-6:])


@pytest.mark.parametrize("width", [20, 40, 79])
@pytest.mark.parametrize("at", [0, 1, 30, 60, len(STORY)])
def test_the_cursor_stands_between_the_letters_it_is_between(width: int, at: int) -> None:
    shown, behind = Prompt(STATE, "note: the text", Line(STORY, at)).fit(width)
    assert cell_len(shown) < width
    before, after = shown[: len(shown) - behind], shown[len(shown) - behind :]
    assert before.endswith(STORY[max(0, at - 4) : at])
    assert after.startswith(STORY[at : at + 3]) or after == STORY[at:]


def test_wide_letters_are_counted_as_the_window_counts_them() -> None:
    text = "電話番号は変わりました" * 6
    shown, _ = Prompt(STATE, "note: the text", Line(text, len(text))).fit(40)
    assert cell_len(shown) < 40 and shown.endswith(text[-8:])


def test_state_and_question_stay_while_there_is_room() -> None:
    shown, _ = Prompt("desk1 | Ready", "consult: an agent or a number", Line("desk2", 5)).fit(79)
    assert shown == "desk1 | Ready > consult: an agent or a number? desk2"
    assert Prompt("desk1 | Ready", "", Line("100", 3)).fit(79) == ("desk1 | Ready > 100", 0)


@pytest.mark.parametrize(
    ("keys", "text", "at"),
    [
        (["\x1b[D", "\x1b[D", "x"], "on txwo", 5),
        (["\x01", "x", "\x05", "y"], "xon twoy", 8),
        (["\x1b[H", "\x1b[3~", "\x1b[C"], "n two", 1),
        (["\x7f", "\b"], "on t", 4),
        (["\x17"], "on", 2),
        (["\x1bOD", "\x15"], "o", 0),
        (["\x1b[5~", "\x00"], "on two", 6),
    ],
)
def test_the_line_is_edited_like_one_of_a_shell(keys: list[str], text: str, at: int) -> None:
    assert typed(*keys, text="on two") == Line(text, at)


def test_a_sequence_in_two_reads_is_one_key() -> None:
    keys = Keys()
    assert keys.split("h\x1b[1;") == ["h"]
    assert keys.split("5Dd") == ["\x1b[1;5D", "d"]
    assert keys.split("\x1b") == ["\x1b"], "Escape has to be told at once"
    assert keys.split("[D") == ["\x1b[D"], "the letter of an arrow became a command"
    assert keys.split("\x1b") + keys.split("h") == ["\x1b", "h"]
