"""From what may be said to the words an engine listens for, and from the words it heard to what was said.

The engine takes a list of phrases only as a hint: any order of their words can come back, so the text
is matched here. What decides whether strangers' words are rejected is the word ``[unk]``, "something else":

=================  ========================================  ==============================================
allowed            the engine listens for                    because
=================  ========================================  ==============================================
phrases            phrases and [unk]                         without it every word becomes some phrase
digits             digits                                    with it digit strings fall apart
both               both with [unk], and digits alone         the first tells phrases from digits from
                   beside it, on the same sound              anything else, the second reads the digits
=================  ========================================  ==============================================

Measured for both at once on the test model: 60 strings of eight recorded digits came out whole 53 times with
the pair and 7 times with one list and [unk]; one list without [unk] took 26 of 66 foreign words for a phrase,
the pair 5.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ivr.speech.contracts import Grammar, Recognition
from ivr.speech.digit_words import WORDS, digit_words, primary, to_digits

UNKNOWN = "[unk]"
"""What engines of the Kaldi family write for speech outside their vocabulary."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an engine returned for one utterance."""

    words: tuple[str, ...] = ()
    confidence: float = 0.0
    """Lowest confidence of a word, 0 to 1."""

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Listening:
    """A grammar made ready for one engine and its vocabulary."""

    language: str
    phrases: tuple[tuple[tuple[str, ...], str], ...]
    """The words of each phrase that can be recognised, and the phrase as the menu writes it."""
    digits: bool
    lists: tuple[tuple[str, ...], ...]
    """What to listen for, one list per decoder: none, one, or the two described above."""
    missing: tuple[str, ...]
    """Words of the grammar that are not in the vocabulary; phrases with such a word were dropped."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a phrase: lower case, without punctuation, apostrophes kept.

    >>> words_of("I smell gas!")
    ('i', 'smell', 'gas')
    """
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    return tuple("".join(sign if sign.isalnum() or sign == "'" else " " for sign in folded).split())


def prepare(grammar: Grammar, spelling: Callable[[str], str | None]) -> Listening:
    """Make `grammar` ready. `spelling` gives a word as the engine's vocabulary has it, None if it has not."""
    missing: dict[str, None] = {}

    def known(words: Sequence[str]) -> bool:
        absent = [word for word in words if spelling(word) is None]
        missing.update(dict.fromkeys(absent))
        return not absent

    split = {phrase: words_of(phrase) for phrase in grammar.phrases}
    phrases = tuple((words, phrase) for phrase, words in split.items() if words and known(words))
    digits = _digits(grammar, spelling, missing)
    spoken = tuple(dict.fromkeys(" ".join(_spelt(words, spelling)) for words, _ in phrases))
    unknown = (UNKNOWN,) if spelling(UNKNOWN) else ()
    lists: tuple[tuple[str, ...], ...] = ()
    if spoken:
        lists += ((*dict.fromkeys((*digits, *spoken)), *unknown),)
    if digits:
        lists += (digits,)
    return Listening(grammar.language, phrases, bool(digits), lists, tuple(missing))


def _digits(grammar: Grammar, spelling: Callable[[str], str | None], missing: dict[str, None]) -> tuple[str, ...]:
    """The digit words of the vocabulary; none when a digit has no word, for it would be heard as another."""
    if not grammar.digits:
        return ()
    known = [word for word in digit_words(grammar.language) if spelling(word) is not None]
    names = WORDS.get(primary(grammar.language), {})
    said = {names[word] for word in known if word in names}
    if len(said) < 10:
        missing.update(dict.fromkeys(word for word, digit in names.items() if digit not in said))
        return ()
    return _spelt(known, spelling)


def _spelt(words: Sequence[str], spelling: Callable[[str], str | None]) -> tuple[str, ...]:
    return tuple(spelling(word) or word for word in words)


def understand(listening: Listening, heard: Sequence[Heard]) -> Recognition:
    """What was said, by what the decoder of each list heard."""
    if not heard or not any(one.words for one in heard):
        return Recognition("no_input")
    first = _folded(heard[0])
    for words, phrase in listening.phrases:
        if words == first.words:
            return Recognition("match", phrase, first.confidence, first.text)
    if not listening.digits:
        return Recognition("no_match", text=first.text)
    strings = _folded(heard[-1])
    digits = to_digits(strings.words, listening.language)
    if digits and (len(heard) == 1 or _mostly_digits(listening, first, strings)):
        return Recognition("match", digits, strings.confidence, strings.text)
    return Recognition("no_match", text=first.text)


def _mostly_digits(listening: Listening, first: Heard, strings: Heard) -> bool:
    """Whether the decoder that knows better, too, heard digits: at least half as many, and no word of a phrase."""
    allowed = {*digit_words(listening.language), UNKNOWN}
    digits = sum(word != UNKNOWN for word in first.words)
    return allowed.issuperset(first.words) and digits > 0 and 2 * digits >= len(strings.words)


def _folded(heard: Heard) -> Heard:
    """As our own words are written, whatever case the vocabulary has."""
    words = (UNKNOWN if word == UNKNOWN else word.casefold() for word in heard.words)
    return Heard(tuple(words), heard.confidence)
