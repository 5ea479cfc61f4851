"""`[[ici.workmodes]]`: what can be written, and the words for what cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config import load_settings
from ivr.config.settings import Workmode
from ivr.errors import IvrError

GOOD = '[ici]\n[[ici.workmodes]]\nid = 1001\ntext = "Training"\n'


def read(tmp_path: Path, text: str) -> tuple[Workmode, ...]:
    file = tmp_path / "ivr.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, {}).ici.workmodes


def test_a_work_mode_has_a_text_for_each_language(tmp_path: Path) -> None:
    german = '[[ici.workmodes]]\nid = 1001\ntext = "Schulung"\nlanguage = "de"\n'
    ours = '[[ici.workmodes]]\nid = 2\ntext = "At the desk"\n[[agents]]\nid = "anna"\nlanguage = "de"\n'
    assert read(tmp_path, GOOD + german + ours) == (
        Workmode(1001, "Training"),
        Workmode(1001, "Schulung", "de"),
        Workmode(2, "At the desk"),
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("id = 1001", "id = 7", "ici.workmodes 1.id: is 7; write a number above 999, or 1 to 4"),
        ("id = 1001", "id = 1000000000", "ici.workmodes 1.id: is 1000000000; write a number above 999"),
        ("id = 1001\n", "", "ici.workmodes 1.id: is missing; write a number above 999"),
        ('"Training"', '" "', "ici.workmodes 1.text: is ' '; write what agents see"),
        ('text = "Training"\n', "", "ici.workmodes 1.text: is missing; write what agents see"),
        ('"Training"\n', '"Training"\nlanguage = "German!"\n', "ici.workmodes 1.language: is 'German!'"),
        ("[[ici.workmodes]]", "[ici.workmodes]", "ici.workmodes: must be written as [[ici.workmodes]]"),
        ("text =", "txt =", "ici.workmodes 1.txt: no such setting in [[ici.workmodes]]; did you mean text?"),
        (GOOD, GOOD + GOOD.replace("[ici]", ""), "ici.workmodes 2.id: 1001 has two texts in one language"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(IvrError) as wrong:
        read(tmp_path, GOOD.replace(old, new))
    assert complaint in str(wrong.value)


def test_more_reasons_than_sap_can_list_are_refused(tmp_path: Path) -> None:
    rows = "".join(GOOD.replace("[ici]", "").replace("1001", str(2000 + number)) for number in range(47))
    assert len(read(tmp_path, "[ici]\n" + rows)) == 47
    with pytest.raises(IvrError, match=r"ici.workmodes 48.id: 1001 is one too many; at most 47 reasons above 999"):
        read(tmp_path, "[ici]\n" + rows + GOOD.replace("[ici]", ""))
