"""Reading YAML as text with places (M1, M2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.menu.source import MOST_OCTETS, Mapping, Scalar, Sequence, decode, read


def shown(text: str) -> list[str]:
    return [str(problem) for problem in read(text, "m.yaml")[1]]


@pytest.mark.parametrize("text", ["22:30", "0012345", "no", "on", "08", "1e3", "~", "2026-12-25", "0x1F", "1_000"])
def test_values_mean_what_they_look_like(text) -> None:
    node, problems = read(f"key: {text}\nquoted: '{text}'\n", "m.yaml")
    assert problems == []
    assert isinstance(node, Mapping)
    assert node.get("key") == Scalar(text, 1, 6)
    assert node.get("quoted") == Scalar(text, 2, 9)


def test_every_value_knows_its_place() -> None:
    node, _ = read("a:\n  - {b: c}\n  - d\n", "m.yaml")
    assert isinstance(node, Mapping)
    items = node.get("a")
    assert isinstance(items, Sequence)
    assert (items.line, items.items[0].line, items.items[1]) == (2, 2, Scalar("d", 3, 5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n\tb: 1\n", "m.yaml:2:1: has a tab; write spaces instead"),
        ("a: 1\t# why\n", "m.yaml:1:5: has a tab; write spaces instead"),
        ("a: 1\nb: 2\na: 3\n", "m.yaml:3:1: a: is written twice, first in line 1; keep one"),
        ("a: &x 1\n", "m.yaml:1:4: &x is a YAML anchor; remove it and write values out where they are used"),
        ("a: *x\n", "m.yaml:1:4: *x is a YAML alias; write the value out, or the word star for the key"),
        ("a: !x 1\n", "m.yaml:1:4: !x is a YAML tag; remove it, types come from the menu language"),
        ("no: 1\n", "m.yaml:1:1: no: cannot be a key, other programs read it as true or false"),
        ("a: 1\n---\nb: 2\n", "m.yaml:2:1: begins a second document; a file holds one, remove the '---'"),
        ("a: b: c\n", "m.yaml:1:5: has a second colon; put the text into quotation marks"),
        ("[a]: b\n", "m.yaml:1:1: a key must be one word before a colon, not a list or a group"),
        ("a: b\x00\n", "m.yaml:1:5: has the character U+0000, which no text may hold; remove it"),
        ("[" * 40, "m.yaml:1:21: too much for a menu; at most 20 levels are read"),
    ],
)
def test_what_editors_should_not_have_to_debug_is_a_mistake_with_its_line(text, said) -> None:
    assert said in shown(text)


BEFORE = "steps:\n  main:\n    type: menu\n"
INDENT = "is indented neither like the line above nor like its group; move it under its neighbours"
COLON = "write a key, a colon, a blank and the value, as in say: main.head"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("    say main.head", f"4:5: has no colon; {COLON}"),
        ("    say:main.head", "4:5: has no blank after the colon; write one, as in say: main.head"),
        ("    say: Hello: you", "4:15: has a second colon; put the text into quotation marks"),
        (
            "     say: x",
            "4:9: does not fit the line above: this one is indented too far, or that one lacks its colon",
        ),
        ("   say: x", f"4:4: {INDENT}"),
        (
            "    press: *",
            "4:12: has a bare *; write the word star for the key, or put the text into quotation marks",
        ),
        ("    say: &", "4:10: has a bare &; put the text into quotation marks"),
        (
            "    choice: {press: #, go: a}",
            "4:21: begins a comment with #, and so the bracket before it is not closed; write hash for the key",
        ),
        ("    choice: {speak: [a, go: a}", "4:21: has a [ that is not closed; write ] where it ends"),
        ("    choice: {press: 1, go: a", "4:13: has a { that is not closed; write } where it ends"),
        ("    choice: {press: 1}}", "4:23: has a } too many; remove it"),
        (
            "    choices:\n      - {press: 1}\n        {press: 2}",
            "6:9: has a { where a dash or a key is needed; write - before an entry of a list",
        ),
        ('    say: "Hello', "4:10: begins with a quotation mark and has none at its end; write it"),
        ('    say: "Hello\n    go: "x"', "4:10: begins with a quotation mark and has none at its end; write it"),
        (
            "    say: {key} for you",
            "4:16: goes on behind the end of the value; put the whole text into quotation marks",
        ),
        ("    say: @x", "4:10: begins with @; put the text into quotation marks"),
        (
            '    say: "C:\\Menus"',
            "4:14: has a backslash between double quotation marks; write two, or use single ones",
        ),
    ],
)
def test_a_slip_of_the_pen_is_told_in_plain_words_at_the_line_to_change(line, said) -> None:
    assert shown(f"{BEFORE}{line}\n    goal: x\n") == [f"m.yaml:{said}"]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    lines = [line.split(":")[1] for line in shown("a: 1\nb: *y\na: 2\nc: !t 3\n")]
    assert lines == ["2", "3", "4"]


def test_a_file_that_is_not_utf8_or_too_large_is_a_mistake() -> None:
    text, problems = decode(b"a: 1\nb: \xff\n", "m.yaml")
    assert text == ""
    assert str(problems[0]) == "m.yaml:2:4: is not UTF-8 text: octet 0xff; save the file with encoding UTF-8"
    assert "at most 1000000" in str(decode(b"x" * (MOST_OCTETS + 1), "m.yaml")[1][0])
    assert decode("\ufeffa: ñ".encode(), "m.yaml") == ("a: ñ", [])


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#\n\t \\%@`,?é\x07", max_size=80))
def test_no_text_raises(text) -> None:
    node, problems = read(text, "m.yaml")
    assert all(problem.path == "m.yaml" and problem.line >= 0 for problem in problems)
    assert isinstance(node, (Mapping, Sequence, Scalar))
