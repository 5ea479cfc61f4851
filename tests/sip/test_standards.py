"""The standards table of the room's README names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
README = TESTS.parent / "ivr" / "sip" / "README.md"


def rows() -> list[list[str]]:
    """RFC, section, what is spoken, and what shows it; of each row."""
    table = README.read_text().partition("| RFC | Section |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def missing(shown: str) -> list[str]:
    """Tests that are named and not there."""
    unknown = []
    for part in shown.split("; "):
        named = re.fullmatch(r"`(?:(\w+)/)?(\w+)`: (\w+(?:, \w+)*)", part)
        if named is None:
            return [f"{part!r} is no file with tests"]
        folder, file, names = named.groups()
        path = TESTS / (folder or "sip") / f"test_{file}.py"
        text = path.read_text() if path.exists() else ""
        unknown += [f"{path.name}: {name}" for name in names.split(", ") if f"def test_{name}(" not in text]
    return unknown


@pytest.mark.parametrize(("rfc", "section", "spoken", "shown"), rows())
def test_a_row_names_tests_that_there_are(rfc: str, section: str, spoken: str, shown: str) -> None:
    assert re.fullmatch(r"\d{4}(, \d{4})*", rfc)
    assert section and spoken
    assert missing(shown) == []


def test_a_test_that_was_renamed_is_noticed() -> None:
    assert missing("`standards`: a_test_that_was_renamed_is_noticed, gone") == ["test_standards.py: gone"]
    assert len(rows()) > 30
