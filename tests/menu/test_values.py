from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import IvrError
from ivr.menu.values import closed_set, formatters, is_empty, is_negative, is_zero, say_value

MONEY = [
    ("en", "0.00", ("zero dollars",)),
    ("en", "0.01", ("one cent",)),
    ("en", "1.00", ("one dollar",)),
    ("en", "1.01", ("one dollar", "and one cent")),
    ("en", "21.00", ("twenty-one dollars",)),
    ("en", "84.20", ("eighty-four dollars", "and twenty cents")),
    ("en", "100", ("one hundred dollars",)),
    ("en", "1312.07", ("one thousand three hundred twelve dollars", "and seven cents")),
    ("en", "1000000", ("one million dollars",)),
    ("en", "-25.00", ("a credit of", "twenty-five dollars")),
    ("en", "0.005", ("one cent",)),
    ("en", "-0.001", ("zero dollars",)),
    ("es", "0.00", ("cero dólares",)),
    ("es", "0.01", ("un centavo",)),
    ("es", "1.00", ("un dólar",)),
    ("es", "1.01", ("un dólar", "con un centavo")),
    ("es", "21.00", ("veintiún dólares",)),
    ("es", "31.21", ("treinta y un dólares", "con veintiún centavos")),
    ("es", "84.20", ("ochenta y cuatro dólares", "con veinte centavos")),
    ("es", "100", ("cien dólares",)),
    ("es", "101", ("ciento un dólares",)),
    ("es", "1312.07", ("mil trescientos doce dólares", "con siete centavos")),
    ("es", "21000", ("veintiún mil dólares",)),
    ("es", "31000000", ("treinta y un millones de dólares",)),
    ("es", "1000000", ("un millón de dólares",)),
    ("es", "1500000", ("un millón quinientos mil dólares",)),
    ("es", "-5", ("un saldo a favor de", "cinco dólares")),
    ("de", "1.01", ("ein Dollar", "und ein Cent")),
    ("de", "84.20", ("vierundachtzig Dollar", "und zwanzig Cent")),
    ("de", "101000", ("einhunderteintausend Dollar",)),
    ("de", "201000000", ("zweihunderteine Millionen Dollar",)),
]


@pytest.mark.parametrize(("language", "amount", "said"), MONEY)
def test_money_is_said_as_people_say_it(language: str, amount: str, said: tuple[str, ...]) -> None:
    assert say_value(Decimal(amount), "money", language) == said


@pytest.mark.parametrize(
    ("language", "amount", "currency", "said"),
    [
        ("en", "2.50", "GBP", ("two pounds", "and fifty pence")),
        ("en", "1", "JPY", ("one Japanese yen",)),
        ("en", "2.5", "CHF", ("two point five zero Swiss francs",)),
        ("en", "1.234", "BHD", ("one point two three four Bahraini dinars",)),
        ("es", "521.01", "GBP", ("quinientas veintiuna libras", "con un penique")),
        ("es", "1", "JPY", ("un yen japonés",)),
        ("es", "21.05", "EUR", ("veintiún euros", "con cinco céntimos")),
        ("de", "2.50", "CHF", ("zwei Franken", "und fünfzig Rappen")),
    ],
)
def test_other_currencies_have_their_own_names(language: str, amount: str, currency: str, said: object) -> None:
    assert say_value(Decimal(amount), "money", language, currency=currency) == said


@pytest.mark.parametrize(
    ("language", "day", "said"),
    [
        ("en", date(2026, 12, 4), "December fourth"),
        ("en", date(2026, 3, 31), "March thirty-first"),
        ("es", date(2026, 12, 4), "cuatro de diciembre"),
        ("es", date(2026, 1, 1), "primero de enero"),
        ("es", date(2026, 9, 21), "veintiuno de septiembre"),
        ("de", date(2026, 12, 4), "vierten Dezember"),
        ("en", datetime(2026, 12, 4, 8, tzinfo=UTC), "December fourth"),
        ("en", "2026-12-04", "December fourth"),
        ("en", "2026-12-04T08:00:00+00:00", "December fourth"),
    ],
)
def test_a_date_is_one_sound_without_its_year(language: str, day: object, said: str) -> None:
    assert say_value(day, "date", language) == (said,)


def test_a_date_far_from_today_has_its_year() -> None:
    today = date(2026, 12, 20)
    assert say_value(date(2027, 1, 5), "date", "en", today=today) == ("January fifth",)
    assert say_value(date(2025, 1, 5), "date", "en", today=today) == ("January fifth", "twenty twenty-five")
    assert say_value(date(2005, 1, 5), "date", "en", today=today) == ("January fifth", "two thousand five")
    assert say_value(date(2025, 1, 5), "date", "es", today=today) == ("cinco de enero", "de dos mil veinticinco")


@pytest.mark.parametrize(
    ("language", "moment", "said"),
    [
        ("en", "00:00", "midnight"),
        ("en", "00:30", "twelve thirty a.m."),
        ("en", "09:05", "nine oh five a.m."),
        ("en", "12:00", "noon"),
        ("en", "12:30", "twelve thirty p.m."),
        ("en", "18:30", "six thirty p.m."),
        ("en", "13:00", "one p.m."),
        ("es", "00:00", "las doce de la noche"),
        ("es", "00:30", "las doce y treinta de la madrugada"),
        ("es", "12:00", "las doce del mediodía"),
        ("es", "13:00", "la una de la tarde"),
        ("es", "18:30", "las seis y treinta de la tarde"),
        ("es", "20:45", "las ocho y cuarenta y cinco de la noche"),
        ("de", "01:00", "ein Uhr"),
        ("de", "18:30", "achtzehn Uhr dreißig"),
    ],
)
def test_a_time_of_day_is_said_to_the_minute(language: str, moment: str, said: str) -> None:
    assert say_value(time.fromisoformat(moment), "time", language) == (said,)
    assert say_value(moment, "time", language) == (said,)
    assert say_value(f"2026-12-04T{moment}", "time", language) == (said,)


@pytest.mark.parametrize("moment", ["18:30:00-05:00", "2026-12-04T18:30:00-05:00"])
def test_a_time_with_a_zone_is_said_as_it_stands(moment: str) -> None:
    assert say_value(moment, "time", "en") == ("six thirty p.m.",)


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("4417", "four four one seven"),
        ("0923", "zero nine two three"),
        ("4000000002", "four zero zero, zero zero zero, zero zero zero two"),
        ("12345", "one two three, four five"),
        ("1234567", "one two three, four five six seven"),
        ("12345678", "one two three four, five six seven eight"),
        ("7", "seven"),
    ],
)
def test_digits_come_one_by_one_with_a_rest_after_each_group(digits: str, said: str) -> None:
    assert say_value(digits, "digits", "en") == tuple(said.split())


def test_leading_zeros_of_text_are_kept_and_a_number_has_none() -> None:
    assert say_value("007", "digits", "es") == ("cero", "cero", "siete")
    assert say_value(7, "digits", "es") == ("siete",)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+15555550100", "one, five five five, five five five, zero one zero zero"),
        ("+1 (555) 555-0100", "one, five five five, five five five, zero one zero zero"),
        ("+15550100", "one, five five five, zero one zero zero"),
        ("+493012345", "plus four nine, three zero one, two three four five"),
        ("555", "five five five"),
    ],
)
def test_a_telephone_number_is_grouped_from_its_end(number: str, said: str) -> None:
    assert say_value(number, "phone", "en") == tuple(said.split())


@pytest.mark.parametrize(
    ("language", "value", "said"),
    [
        ("en", 0, "zero"),
        ("en", 121, "one hundred twenty-one"),
        ("en", Decimal("-2.05"), "minus two point zero five"),
        ("en", "3.0", "three"),
        ("es", 21000, "veintiún mil"),
        ("es", 21, "veintiuno"),
        ("es", Decimal("2.5"), "dos punto cinco"),
        ("de", Decimal("2.5"), "zwei Komma fünf"),
    ],
)
def test_a_number_is_counted(language: str, value: object, said: str) -> None:
    assert say_value(value, "number", language) == (said,)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["first", "second", "third", "eleventh", "twelfth", "twenty-first"]),
        ("es", ["primero", "segundo", "tercero", "undécimo", "duodécimo", "vigésimo primero"]),
        ("de", ["erste", "zweite", "dritte", "elfte", "zwölfte", "einundzwanzigste"]),
    ],
)
def test_ordinals_have_their_irregular_forms(language: str, said: list[str]) -> None:
    assert [say_value(number, "ordinal", language)[0] for number in (1, 2, 3, 11, 12, 21)] == said


def test_names_in_capitals_are_lowered_and_spaces_are_single() -> None:
    assert say_value("ANA  MARÍA\x00", "name", "es") == ("Ana María",)
    assert say_value("McKay", "name", "en") == ("McKay",)
    assert say_value("JD", "name", "en") == ("JD",)


def test_letters_are_spelled_by_their_names() -> None:
    assert say_value("A-z 7", "spell", "en") == ("A", "dash", "zee", "seven")
    assert say_value("A-z 7", "spell", "es") == ("A", "guion", "zeta", "siete")


def test_a_list_has_its_joining_word_before_the_last() -> None:
    assert say_value(["gas", "power", "water"], "list", "en") == ("gas,", "power,", "and water")
    assert say_value(["gas", "luz"], "list", "es") == ("gas,", "y luz")
    assert say_value(["agua", "internet"], "list", "es") == ("agua,", "e internet")
    assert say_value(["agua", "hielo"], "list", "es") == ("agua,", "y hielo")
    assert say_value(["gas"], "list", "en") == ("gas",)


@pytest.mark.parametrize(("key", "said"), [("1", "one"), (0, "zero"), ("star", "star"), ("#", "pound")])
def test_a_key_is_said_by_its_name(key: object, said: str) -> None:
    assert say_value(key, "key", "en") == (said,)


def test_the_name_of_a_key_depends_on_the_language() -> None:
    assert [say_value("hash", "key", code)[0] for code in ("en", "es", "de")] == ["pound", "numeral", "Raute"]


def test_without_a_formatter_the_type_decides() -> None:
    assert say_value(3, "", "en") == ("three",)
    assert say_value(date(2026, 12, 4), "", "en") == ("December fourth",)
    assert say_value(time(18, 30), "", "en") == ("six thirty p.m.",)
    assert say_value("bank account", "", "en") == ("bank account",)


@pytest.mark.parametrize(
    ("value", "formatter", "needed"),
    [
        (3.5, "money", "cannot say float as money; needed: a Decimal"),
        (True, "number", "cannot say bool as number"),
        ("abc", "money", "cannot say str as money; needed: digits such as 84.20"),
        (Decimal("NaN"), "money", "a number below"),
        (Decimal("1E+400"), "money", "a number below"),
        (Decimal("1E-400"), "number", "at most 9 decimals"),
        ("9" * 5000, "number", "a number below"),
        (None, "date", "cannot say nothing as date"),
        ("2026-13-01", "date", "2026-12-04"),
        (12, "date", "cannot say int as date"),
        ("25:00", "time", "18:30"),
        ("alice", "phone", "digits 0 to 9"),
        ("٣٤", "digits", "digits 0 to 9"),
        ("1" * 65, "digits", "at most 64"),
        (0, "ordinal", "a whole number from 1"),
        ("12", "key", "star or hash"),
        (b"x", "name", "cannot say bytes as name; needed: a text"),
        ("x" * 301, "name", "1 to 300"),
        ([], "list", "cannot say nothing as list"),
        ({"a": 1}, "", "cannot say dict"),
    ],
)
def test_what_cannot_be_said_is_named_with_what_is_needed(value: object, formatter: str, needed: str) -> None:
    with pytest.raises(IvrError) as caught:
        say_value(value, formatter, "en")
    assert needed in str(caught.value)


def test_an_error_never_contains_the_value() -> None:
    with pytest.raises(IvrError) as caught:
        say_value("2580x", "digits", "en")
    assert "2580" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_unknown_formatters_and_languages_are_told_with_the_known_ones() -> None:
    with pytest.raises(IvrError, match=r"no formatter 'monney'; there are money, date"):
        say_value(1, "monney", "en")
    with pytest.raises(IvrError, match=r"language 'fr'; there are de, en, es"):
        say_value(1, "money", "fr")


def test_a_region_does_not_change_the_words() -> None:
    assert say_value(Decimal(21), "money", "es-419") == ("veintiún dólares",)


def test_the_formatters_of_the_language_are_all_there() -> None:
    assert {"money", "date", "time", "digits", "number", "ordinal", "phone", "name", "spell", "list"} <= set(
        formatters()
    )


SPOKEN = [
    ("money", Decimal("84.20"), "eighty-four dollars|and twenty cents",
     "ochenta y cuatro dólares|con veinte centavos", "vierundachtzig Dollar|und zwanzig Cent"),
    ("money", Decimal(-5), "a credit of|five dollars", "un saldo a favor de|cinco dólares",
     "ein Guthaben von|fünf Dollar"),
    ("date", date(2026, 5, 31), "May thirty-first", "treinta y uno de mayo", "einunddreißigsten Mai"),
    ("date", date(2027, 3, 1), "March first|twenty twenty-seven", "primero de marzo|de dos mil veintisiete",
     "ersten März|zweitausendsiebenundzwanzig"),
    ("time", "09:05", "nine oh five a.m.", "las nueve y cinco de la mañana", "neun Uhr fünf"),
    ("time", "00:00", "midnight", "las doce de la noche", "null Uhr"),
    ("digits", "407", "four|zero|seven", "cuatro|cero|siete", "vier|null|sieben"),
    ("number", Decimal("-2.5"), "minus two point five", "menos dos punto cinco", "minus zwei Komma fünf"),
    ("number", 1000001, "one million one", "un millón uno", "eine Million eins"),
    ("ordinal", 21, "twenty-first", "vigésimo primero", "einundzwanzigste"),
    ("phone", "+4930123456", "plus|four|nine|three,|zero|one|two,|three|four|five|six",
     "más|cuatro|nueve|tres,|cero|uno|dos,|tres|cuatro|cinco|seis",
     "plus|vier|neun|drei,|null|eins|zwei,|drei|vier|fünf|sechs"),
    ("name", "JOSÉ  GRÜN", "José Grün", "José Grün", "José Grün"),
    ("spell", "Zz-7ñ@ß", "zee|zee|dash|seven|Ñ|at|ß", "zeta|zeta|guion|siete|eñe|arroba|ß",
     "Z|Z|Strich|sieben|Ñ|ät|Eszett"),
    ("list", ["gas", "internet"], "gas,|and internet", "gas,|e internet", "gas,|und internet"),
    ("list", ["a", "b", "c"], "a,|b,|and c", "a,|b,|y c", "a,|b,|und c"),
    ("key", "*", "star", "asterisco", "Stern"),
]  # fmt: skip


@pytest.mark.parametrize(("formatter", "value", "english", "spanish", "german"), SPOKEN)
def test_every_formatter_speaks_three_languages(
    formatter: str, value: object, english: str, spanish: str, german: str
) -> None:
    today = date(2026, 4, 1)
    for language, said in (("en", english), ("es", spanish), ("de", german)):
        assert say_value(value, formatter, language, today=today) == tuple(said.split("|"))


def test_no_formatter_is_without_its_three_languages() -> None:
    assert {row[0] for row in SPOKEN} == set(formatters()) - {"plain"}


def test_zero_is_a_value_and_a_blank_is_none() -> None:
    assert [is_empty(value) for value in (None, "", "  ", [], 0, Decimal(0), "0")] == [True] * 4 + [False] * 3
    assert [is_zero(value) for value in (Decimal("0.00"), "0", 0, None, "", False, 1)] == [True] * 3 + [False] * 4
    assert [is_negative(value) for value in (Decimal("-0.01"), "-1", 0, None, "x")] == [True] * 2 + [False] * 3


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_any_amount_is_put_together_from_pieces_known_beforehand_or_whole_amounts(amount: Decimal) -> None:
    for language, whole in (("en", "dollar"), ("es", "dólar"), ("de", "Dollar")):
        known = set(closed_set("money", language))
        first, *cents = say_value(amount, "money", language)
        assert whole in first or (amount < 1 and not cents)
        assert set(cents) <= known
        assert len(cents) == (amount % 1 != 0 and amount >= 1)


@given(st.text("0123456789", min_size=1, max_size=32))
def test_digits_need_no_sound_that_is_not_known_beforehand(digits: str) -> None:
    known = set(closed_set("digits", "es"))
    said = say_value(digits, "digits", "es")
    assert set(said) <= known
    assert len(said) == len(digits)


@given(
    st.one_of(st.text(max_size=80), st.integers(), st.decimals(), st.floats(), st.dates(), st.times(), st.none())
)
def test_strange_values_raise_nothing_but_the_error_that_explains(value: object) -> None:
    for formatter in (*formatters(), ""):
        try:
            said = say_value(value, formatter, "es")
        except IvrError:
            continue
        assert all(text and text.isprintable() for text in said)
