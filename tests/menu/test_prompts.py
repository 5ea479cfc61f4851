from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.menu.events import Piece
from ivr.menu.prompts import PromptBook, all_pieces, compose, read_prompts, value_recording

MENUS = Path(__file__).parents[2] / "menus"
Book = Callable[[str], PromptBook]


@pytest.fixture
def book() -> Book:
    def made(lines: str) -> PromptBook:
        read, problems = read_prompts(f"prompts: en\n{lines}", "en.yaml", "en")
        assert problems == []
        return read

    return made


def heard(pieces: tuple[Piece, ...]) -> str:
    """What the pieces say together, rests joined to the words before them."""
    return re.sub(" ([.,:;!?])", r"\1", " ".join(piece.text for piece in pieces))


def problems_of(lines: str, language: str = "en") -> list[str]:
    return [str(problem) for problem in read_prompts(f"prompts: en\n{lines}", "en.yaml", language)[1]]


# --- composing -------------------------------------------------------------------------------------


def test_a_prompt_without_values_is_one_sound_with_its_recording(book: Book) -> None:
    pieces = compose(book("main.head: Main menu."), "main.head", {})
    assert pieces == (Piece("main.head", "en", "Main menu.", "main.head.wav"),)


def test_a_prompt_with_values_is_cut_at_them(book: Book) -> None:
    made = book('balance.tell: "You owe {due:money}. It is due on {day:date}."')
    pieces = compose(made, "balance.tell", {"due": Decimal("84.20"), "day": date(2026, 12, 4)})
    assert [(piece.text, piece.recording) for piece in pieces] == [
        ("You owe", "balance.tell.1.wav"),
        ("eighty-four dollars", "value/eighty_four_dollars.wav"),
        ("and twenty cents", "value/and_twenty_cents.wav"),
        (".", ""),
        ("It is due on", "balance.tell.2.wav"),
        ("December fourth", "value/december_fourth.wav"),
        (".", ""),
    ]


def test_recordings_are_named_for_the_parts_in_order(book: Book) -> None:
    with_values = (
        '{text: "You owe {due:money}, due on {day:date}.", audio: [a.wav, "{due:money}", b.wav, "{day:date}"]}'
    )
    without = '{text: "You owe {due:money}, due on {day:date}.", audio: [a.wav, b.wav]}'
    for entry in (with_values, without):
        pieces = compose(book(f"balance.tell: {entry}"), "balance.tell", {"due": 1, "day": "2026-12-04"})
        names = [piece.recording for piece in pieces if piece.recording]
        assert [name for name in names if not name.startswith("value/")] == ["a.wav", "b.wav"]


def test_one_recording_stands_for_a_prompt_without_values(book: Book) -> None:
    pieces = compose(book("main.head: {text: Main menu., audio: studio/head.wav}"), "main.head", {})
    assert pieces[0].recording == "studio/head.wav"


def test_a_value_that_is_missing_or_cannot_be_said_is_left_out(book: Book) -> None:
    made = book('a.b: "Dear {name:name}, you owe {due:money}."')
    assert heard(compose(made, "a.b", {})) == "Dear, you owe."
    assert heard(compose(made, "a.b", {"name": "", "due": 3.5})) == "Dear, you owe."
    assert heard(compose(made, "a.b", {"name": "Ana", "due": 2})) == "Dear Ana, you owe two dollars."


def test_an_unknown_prompt_is_silence(book: Book) -> None:
    assert compose(book("a.b: Hello."), "a.c", {}) == ()


def test_the_key_of_a_choice_needs_no_formatter(book: Book) -> None:
    made = book('main.pay: "To pay, press {key}."')
    assert heard(compose(made, "main.pay", {"key": 3})) == "To pay, press three."
    assert heard(compose(made, "main.pay", {"key": "hash"})) == "To pay, press pound."


def test_doubled_braces_are_braces(book: Book) -> None:
    assert heard(compose(book('a.b: "Say {{x}} now."'), "a.b", {})) == "Say {x} now."


def test_secret_values_are_marked_and_leave_no_trace_in_a_file_name(book: Book) -> None:
    pieces = compose(book('a.b: "I have {pin:digits}."'), "a.b", {"pin": "2580"}, secret=True)
    assert [(piece.text, piece.secret, piece.recording) for piece in pieces] == [
        ("I have", False, "a.b.1.wav"),
        ("two", True, ""),
        ("five", True, ""),
        ("eight", True, ""),
        ("zero", True, ""),
        (".", False, ""),
    ]


def test_names_have_no_recordings(book: Book) -> None:
    pieces = compose(book('a.b: "{who:name}"'), "a.b", {"who": "../../etc/passwd"})
    assert pieces == (Piece("a.b", "en", "../../etc/passwd", ""),)


VARIANTS = """
balance.tell:
  text: "You owe {due:money}, due on {day:date}."
  when_negative: {due: "You have {due:money}."}
  when_zero: {due: "Nothing is due."}
  when_empty: {day: "You owe {due:money}."}
  when_past: {day: "You owe {due:money} since {day:date}."}
"""


@pytest.mark.parametrize(
    ("due", "day", "said"),
    [
        ("5", date(2026, 12, 4), "You owe five dollars, due on December fourth."),
        ("-5", None, "You have a credit of five dollars."),
        ("0.00", None, "Nothing is due."),
        ("0.00", date(2026, 12, 4), "Nothing is due."),
        ("5", None, "You owe five dollars."),
        ("5", date(2026, 11, 30), "You owe five dollars since November thirtieth."),
        ("5", date(2026, 12, 1), "You owe five dollars, due on December first."),
    ],
)
def test_the_first_wording_that_fits_is_said(book: Book, due: str, day: date | None, said: str) -> None:
    values = {"due": Decimal(due), "day": day}
    assert heard(compose(book(VARIANTS), "balance.tell", values, today=date(2026, 12, 1))) == said


def test_a_wording_has_a_recording_of_its_own(book: Book) -> None:
    (piece,) = compose(book(VARIANTS), "balance.tell", {"due": 0})
    assert piece.recording == "balance.tell.when_zero.due.wav"


def test_without_todays_date_no_day_is_gone_by(book: Book) -> None:
    pieces = compose(book(VARIANTS), "balance.tell", {"due": 5, "day": date(2001, 1, 1)})
    assert heard(pieces) == "You owe five dollars, due on January first."


def test_a_prompt_knows_its_values_and_which_of_them_may_be_empty(book: Book) -> None:
    prompt = book(VARIANTS).prompts["balance.tell"]
    assert (prompt.variables, prompt.may_be_empty, prompt.line) == (("due", "day"), frozenset({"day"}), 3)


def test_words_in_another_language_are_spoken_by_its_voice(book: Book) -> None:
    made = book('lang.ask: {text: "For English, press 1.", also: {es: "Para español, presione 2."}}')
    assert compose(made, "lang.ask", {}) == (
        Piece("lang.ask", "en", "For English, press 1.", "lang.ask.wav"),
        Piece("lang.ask", "es", "Para español, presione 2.", "lang.ask.also.wav"),
    )


def test_everything_but_the_values_is_rendered_beforehand(book: Book) -> None:
    made = book(
        'a.b: "You owe {due:money}."\na.c: "I have {account:digits}. Right?"\na.d: Goodbye.\na.e: Goodbye.'
    )
    pieces = {piece.text: piece for piece in all_pieces(made)}
    assert {
        "You owe",
        "I have",
        "Right?",
        "Goodbye.",
        "four",
        "four,",
        "and one cent",
        "and ninety-nine cents",
    } <= set(pieces)
    assert "fourth" not in pieces
    assert pieces["four"].prompt == ""
    for piece in compose(made, "a.c", {"account": "4000000002"}):
        assert piece.text in pieces


def test_no_sound_is_rendered_twice() -> None:
    for language in ("en", "es"):
        pieces = all_pieces(shipped(language))
        keys = [(piece.language, piece.text, piece.recording) for piece in pieces]
        assert len(keys) == len(set(keys))


def test_a_recording_of_a_value_has_a_plain_and_short_name() -> None:
    assert value_recording("four,") == "value/four-.wav"
    assert value_recording("../x") == "value/___x.wav"
    assert value_recording("x" * 300) == ""


# --- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            'a.b: "You owe {due:monney}."',
            "en.yaml:2:6: a.b: {due:monney} has no known formatter; did you mean money?",
        ),
        ('a.b: "You owe {due:euros}."', "a.b: {due:euros} has no known formatter; known are date, digits, key,"),
        ('a.b: "You owe {due."', "a.b: has a { at character 9 that is not closed; write } behind the value"),
        ('a.b: "You owe {Due}."', "a.b: {Due} is no value; write {name} or {name:formatter}"),
        ("head: Hello.", "en.yaml:2:1: head: is no prompt id; write lower-case words joined by dots"),
        ('a.b: ""', "a.b: has nothing to say; write a text"),
        ('a.b: "..."', "a.b: has nothing to say; write a text"),
        ("a.b: [x]", "a.b: is a list; write a text"),
        ("a.b: {audio: x.wav}", "a.b: has no text; write what is said"),
        ("a.b: {txt: Hello.}", "a.b: has no option 'txt'; did you mean 'text'?"),
        ("a.b: {text: Hello., audio: ../x.wav}", "a.b: '../x.wav' is no recording"),
        ("a.b: {text: Hello., audio: [x.wav, y.wav]}", "the text needs ['FILE.wav']"),
        (
            'a.b: {text: "{x:date}", audio: ["{y:date}"]}',
            "has recordings ['{y:date}']; the text needs ['{x:date}']",
        ),
        ("a.b: {text: Hi., when_zero: Nothing.}", "a.b: when_zero needs values with texts"),
        ('a.b: {text: Hi., when_empty: {x: "No {x}."}}', "a.b: says x where it is empty"),
        ('a.b: {text: Hi., when_zero: {x: "No {x:monney}."}}', "a.b: {x:monney} has no known formatter"),
        ('a.b: {text: Hi., also: {es: "Hola {x}."}}', "a.b: also says fixed words only"),
        ("a.b: {text: Hi., also: {en: Hello.}}", "a.b: also is for other languages than 'en'"),
        ("a.b: Hello.\na.b: Hello.", "en.yaml:3:1: a.b: is written twice"),
    ],
)
def test_every_mistake_has_its_line_and_what_to_write_instead(lines: str, said: str) -> None:
    assert any(said in problem for problem in problems_of(lines)), problems_of(lines)


def test_all_mistakes_are_told_at_once_and_the_good_prompts_kept() -> None:
    read, problems = read_prompts("prompts: en\na.b: {txt: x}\nhead: x\na.c: Good.", "en.yaml", "en")
    assert [problem.line for problem in problems] == [2, 2, 3]
    assert list(read.prompts) == ["a.c"]


def test_the_file_must_be_in_the_language_the_menu_says() -> None:
    assert problems_of("a.b: Hello.", "es") == ["en.yaml:1:10: prompts: is 'en'; the menu says this file is 'es'"]
    _, problems = read_prompts("a.b: Hello.", "en.yaml", "en")
    assert "has no language; write prompts: en first" in str(problems[0])


def test_values_need_a_language_with_words_and_fixed_prompts_do_not() -> None:
    _, problems = read_prompts('prompts: fr\na.b: Bonjour.\na.c: "Il est {x:time}."', "fr.yaml", "fr")
    assert [(problem.line, problem.where) for problem in problems] == [(3, "a.c")]
    assert "there are de, en, es" in problems[0].message


@given(st.text(max_size=200))
def test_no_file_can_raise(text: str) -> None:
    read, problems = read_prompts(text, "en.yaml", "en")
    assert problems or all(prompt.text for prompt in read.prompts.values())
    all_pieces(read)


@given(st.text(alphabet="ab{}:. \"'", max_size=30))
def test_no_template_can_raise(text: str) -> None:
    read, problems = read_prompts("prompts: en\na.b: >-\n  x" + text + "\n", "en.yaml", "en")
    assert problems or compose(read, "a.b", {"a": "1", "b": None})


# --- the shipped prompts -----------------------------------------------------------------------------


def shipped(language: str) -> PromptBook:
    path = MENUS / "prompts" / f"{language}.yaml"
    made, problems = read_prompts(path.read_text("utf-8"), str(path), language)
    assert problems == []
    return made


def test_the_shipped_languages_have_the_same_prompts_and_values() -> None:
    english, spanish = ({i: set(p.variables) for i, p in shipped(code).prompts.items()} for code in ("en", "es"))
    assert english == spanish
    assert len(english) > 60


@pytest.mark.parametrize(
    ("language", "due", "day", "said"),
    [
        ("en", "84.20", date(2026, 12, 4), "You owe eighty-four dollars and twenty cents."
         " It is due on December fourth."),
        ("en", "0.00", None, "Nothing is due on your account."),
        ("en", "1312.07", date(2026, 11, 17), "You owe one thousand three hundred twelve dollars and seven cents."
         " It was due on November seventeenth."),
        ("en", "-25.00", None, "Nothing is due. Your account has a credit of twenty-five dollars."),
        ("es", "84.20", date(2026, 12, 4), "Usted debe ochenta y cuatro dólares con veinte centavos."
         " Su pago vence el cuatro de diciembre."),
        ("es", "0.00", None, "Su cuenta no tiene ningún saldo pendiente."),
    ],
)  # fmt: skip
def test_the_balance_is_told_in_words(language: str, due: str, day: date | None, said: str) -> None:
    values = {"amount_due": Decimal(due), "due_date": day}
    pieces = compose(shipped(language), "balance.tell", values, today=date(2026, 11, 22))
    assert heard(pieces) == said
