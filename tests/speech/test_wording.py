from __future__ import annotations

import pytest

from ivr.errors import IvrError
from ivr.speech.wording import is_pause, normalised, pause_after, pause_before, seconds_at_least


def test_equal_looking_texts_become_equal() -> None:
    assert normalised("  Cuánto\n debo ") == normalised("Cuánto debo") == "Cuánto debo"


def test_signs_nobody_sees_are_left_out() -> None:
    assert normalised("bal\u00adance\u200b \x07now") == "balance now"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\0b", "NUL"),
        ("", "empty"),
        (" \t\u200b", "empty"),
        ("x" * 20_001, "20001 characters"),
        ("\ud800", "surrogate"),
    ],
)
def test_what_no_voice_should_get_is_refused(text: str, why: str) -> None:
    with pytest.raises(IvrError, match=why):
        normalised(text)


def test_a_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(IvrError) as refusal:
        normalised("4711\0")
    assert "4711" not in str(refusal.value)


def test_a_sentence_ends_in_a_longer_pause_than_a_comma_and_that_than_a_word() -> None:
    assert (
        pause_after("Main menu.")
        == pause_after('He said "yes."')
        > pause_after("You owe,")
        > pause_after("You owe")
    )


def test_a_piece_that_begins_with_a_comma_begins_with_its_pause() -> None:
    assert pause_before(", due on") == pause_after("You owe,") > 0
    assert pause_before("due on") == 0


def test_a_lonely_full_stop_is_a_pause_and_an_emoji_is_not() -> None:
    assert is_pause(".")
    assert is_pause(" , ")
    assert not is_pause("one.")
    assert not is_pause("😀")


def test_nobody_says_ten_words_in_less_than_three_tenths_of_a_second() -> None:
    assert seconds_at_least("word " * 10) == pytest.approx(0.3)
