from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech.contracts import Grammar, Recognition
from ivr.speech.grammar import UNKNOWN, Heard, Listening, prepare, understand, words_of

WORDS = "zero one two three four five six seven eight nine oh agent gas leak i smell main menu"
VOCABULARY = {"[unk]", *WORDS.split()}


def spelling(word: str) -> str | None:
    return word if word in VOCABULARY else None


def heard(text: str, confidence: float = 0.9) -> Heard:
    return Heard(tuple(text.split()), confidence)


def listening(*phrases: str, digits: bool = False) -> Listening:
    return prepare(Grammar("en", phrases, digits), spelling)


def test_a_menu_listens_for_its_phrases_and_for_anything_else() -> None:
    assert listening("Agent", "gas leak").lists == (("agent", "gas leak", UNKNOWN),)


def test_digits_alone_are_listened_for_without_anything_else() -> None:
    (only,) = listening(digits=True).lists
    assert UNKNOWN not in only
    assert set(only) == {"zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}


def test_digits_and_phrases_are_listened_for_twice() -> None:
    mixed, digits = listening("agent", digits=True).lists
    assert {"agent", "seven", UNKNOWN} <= set(mixed)
    assert set(mixed) - set(digits) == {"agent", UNKNOWN}


def test_a_phrase_with_a_word_the_model_lacks_is_dropped_and_the_word_told_once() -> None:
    ready = listening("agent", "espanol", "main espanol")
    assert ready.missing == ("espanol",)
    assert [phrase for _, phrase in ready.phrases] == ["agent"]
    assert ready.lists == (("agent", UNKNOWN),)


def test_without_any_known_phrase_nothing_is_listened_for() -> None:
    assert listening("espanol", "", "!?").lists == ()
    assert understand(listening("espanol"), ()) == Recognition("no_input")


def test_digits_are_off_when_the_model_lacks_one_of_them() -> None:
    ready = prepare(Grammar("en", ("agent",), True), lambda word: None if word == "seven" else spelling(word))
    assert not ready.digits
    assert "seven" in ready.missing
    assert ready.lists == (("agent", UNKNOWN),)


def test_a_model_without_a_word_for_anything_else_gets_none() -> None:
    assert prepare(Grammar("en", ("agent",)), lambda word: word if word == "agent" else None).lists == (
        ("agent",),
    )


def test_words_are_spelt_as_the_vocabulary_has_them() -> None:
    ready = prepare(Grammar("en", ("gas leak",)), str.upper)
    assert ready.lists == (("GAS LEAK", UNKNOWN),)
    assert understand(ready, [heard("GAS LEAK")]).phrase == "gas leak"


def test_a_phrase_comes_back_as_the_menu_wrote_it() -> None:
    ready = listening("I smell gas!", "Main menu")
    assert understand(ready, [heard("i smell gas", 0.7)]) == Recognition(
        "match", "I smell gas!", 0.7, "i smell gas"
    )


@pytest.mark.parametrize("text", ["menu main", "main", "main menu main menu", f"{UNKNOWN} main menu", UNKNOWN])
def test_the_words_of_a_phrase_in_another_order_or_company_are_no_match(text: str) -> None:
    assert understand(listening("main menu"), [heard(text)]).kind == "no_match"


def test_silence_is_no_input() -> None:
    assert understand(listening("agent"), [heard("")]).kind == "no_input"


def test_spoken_digits_come_back_as_a_string() -> None:
    ready = listening(digits=True)
    assert understand(ready, [heard("four oh two", 0.8)]) == Recognition("match", "402", 0.8, "four oh two")


def test_of_two_decoders_the_one_for_digits_reads_the_digits() -> None:
    ready = listening("agent", digits=True)
    assert understand(ready, [heard("four [unk] two"), heard("four oh two")]).phrase == "402"


def test_of_two_decoders_the_one_with_phrases_tells_a_phrase() -> None:
    ready = listening("agent", digits=True)
    assert understand(ready, [heard("agent"), heard("eight")]).phrase == "agent"


@pytest.mark.parametrize(
    ("mixed", "digits"),
    [
        ("[unk]", "eight"),
        ("[unk] agent", "eight eight"),
        ("nine agent", "nine eight"),
        ("one [unk]", "one two six nine"),
    ],
)
def test_foreign_words_are_not_taken_for_digits(mixed: str, digits: str) -> None:
    assert understand(listening("agent", digits=True), [heard(mixed), heard(digits)]).kind == "no_match"


def test_a_phrase_is_split_into_plain_words() -> None:
    assert words_of("  What’s my   BALANCE? ") == ("what's", "my", "balance")
    assert words_of("pay-later") == ("pay", "later")
    assert words_of("¿Cuánto debo?") == ("cuánto", "debo")


@given(st.lists(st.text(max_size=20), max_size=6), st.booleans(), st.lists(st.text(max_size=8), max_size=5))
def test_no_phrase_makes_a_list_an_engine_would_die_of(phrases: list[str], digits: bool, words: list[str]) -> None:
    """An empty list or an empty word ends vosk's process."""
    ready = prepare(Grammar("en", tuple(phrases), digits), lambda word: word)
    assert all(words_of_list and all(words_of_list) for words_of_list in ready.lists)
    result = understand(ready, [Heard(tuple(words), 0.5)] * len(ready.lists))
    assert (result.kind == "match") == bool(result.phrase)
