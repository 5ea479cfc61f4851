"""How digits are spoken, by language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def _counted(words: str) -> dict[str, str]:
    """From a list in the order of the digits; words for the same digit stand together with a slash."""
    return {word: str(digit) for digit, same in enumerate(words.split()) for word in same.split("/")}


WORDS: Mapping[str, Mapping[str, str]] = {
    "en": _counted("zero/oh one two three four five six seven eight nine"),
    "es": _counted("cero uno dos tres cuatro cinco seis siete ocho nueve"),
    "de": _counted("null eins zwei/zwo drei vier fünf sechs sieben acht neun"),
}
"""By language, every word that stands for one digit."""

REPEATERS: Mapping[str, Mapping[str, int]] = {"en": {"double": 2, "triple": 3}, "es": {"doble": 2}}
"""Words after which a digit counts several times: "double four"."""


def primary(language: str) -> str:
    """The language of a tag: ``es`` of ``es-419`` (RFC 5646 section 2.2.1)."""
    return language.lower().partition("-")[0]


def digit_words(language: str) -> tuple[str, ...]:
    """All words that may occur in spoken digits; none for a language we do not know."""
    code = primary(language)
    return (*WORDS.get(code, ()), *REPEATERS.get(code, ()))


def to_digits(words: Sequence[str], language: str) -> str:
    """The digits said by `words`; empty if one of them is no digit, or a "double" has nothing to double."""
    code = primary(language)
    digits, times = "", 1
    for word in words:
        if times == 1 and word in REPEATERS.get(code, {}):
            times = REPEATERS[code][word]
        elif word in WORDS.get(code, {}):
            digits += WORDS[code][word] * times
            times = 1
        else:
            return ""
    return digits if times == 1 else ""
