from __future__ import annotations

import pytest

from ivr.speech.digit_words import WORDS, digit_words, to_digits


@pytest.mark.parametrize(
    ("said", "language", "digits"),
    [
        ("four zero zero zero oh two", "en", "400002"),
        ("double four triple nine one", "en", "449991"),
        ("cuatro cero doble siete", "es-419", "4077"),
        ("null zwo fünf", "de-DE", "025"),
        ("four hundred", "en", ""),
        ("one double", "en", ""),
        ("double double two", "en", ""),
        ("one", "tlh", ""),
        ("", "en", ""),
    ],
)
def test_words_become_digits_or_nothing(said: str, language: str, digits: str) -> None:
    assert to_digits(said.split(), language) == digits


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_has_a_word_for_every_digit(language: str) -> None:
    assert set(WORDS[language].values()) == set("0123456789")


def test_a_language_without_digit_words_has_none() -> None:
    assert digit_words("tlh") == ()
    assert "oh" in digit_words("EN-us")
