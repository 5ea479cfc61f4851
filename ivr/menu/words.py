"""Numbers, days and amounts as words, one class per language.

Babel knows the names of months, currencies and parts of the day, num2words knows how to count. Both were
written for the eye; what sounds wrong on a telephone is put right here, each place with its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from functools import cache, lru_cache
from typing import ClassVar

from babel import Locale
from babel.dates import format_time
from babel.lists import format_list
from babel.numbers import get_currency_name
from num2words import num2words as counted_anew

from ivr.errors import IvrError

num2words = lru_cache(maxsize=4096)(counted_anew)
"""The same few numbers are said again and again, and each costs as much as all the rest of an event."""

MOST = 10**12
"""Numbers from here on are not said: nobody could follow them, and no bill has one."""


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted."""

    one: str
    many: str
    feminine: bool = False


@dataclass(frozen=True, slots=True)
class Coins:
    """A currency and its hundredth, as people say them; Babel's names ("US dollars") are for print."""

    whole: Noun
    part: Noun


class Language:
    """English (United States), and what all languages have in common."""

    code = "en"
    plus, minus, point = "plus", "minus", "point"
    credit = "a credit of"
    """Said before an amount below zero: the customer has it to the good."""
    keys: ClassVar[dict[str, str]] = {"*": "star", "#": "pound"}
    letters: ClassVar[dict[str, str]] = {"Z": "zee"}
    """Letters a synthetic voice would read as a word or wrongly."""
    signs: ClassVar[dict[str, str]] = {
        "-": "dash",
        "/": "slash",
        ".": "dot",
        "@": "at",
        "_": "underscore",
        "+": "plus",
        "&": "and",
    }
    coins: ClassVar[dict[str, Coins]] = {
        "USD": Coins(Noun("dollar", "dollars"), Noun("cent", "cents")),
        "CAD": Coins(Noun("dollar", "dollars"), Noun("cent", "cents")),
        "AUD": Coins(Noun("dollar", "dollars"), Noun("cent", "cents")),
        "EUR": Coins(Noun("euro", "euros"), Noun("cent", "cents")),
        "GBP": Coins(Noun("pound", "pounds"), Noun("penny", "pence")),
        "MXN": Coins(Noun("peso", "pesos"), Noun("centavo", "centavos")),
    }

    def cardinal(self, number: int) -> str:
        """`number` as it is counted. The British "and" is left out: before cents it would mean a point."""
        return str(num2words(number, lang=self.code)).replace(",", "").replace(" and ", " ")

    def ordinal(self, number: int) -> str:
        return str(num2words(number, lang=self.code, to="ordinal")).replace(",", "").replace(" and ", " ")

    def year(self, number: int) -> str:
        return str(num2words(number, lang=self.code, to="year")).replace(" and ", " ")

    def counted(self, number: int, noun: Noun) -> str:
        """So many of something: "twenty-one dollars"."""
        return f"{self.cardinal(number)} {noun.one if number == 1 else noun.many}"

    def with_part(self, part: str) -> str:
        """Cents after a whole amount."""
        return f"and {part}"

    def month(self, day: date) -> str:
        return str(Locale(self.code).months["format"]["wide"][day.month])

    def month_day(self, day: date) -> str:
        return f"{self.month(day)} {self.ordinal(day.day)}"

    def with_year(self, year: int) -> str:
        """The year after a month and day."""
        return self.year(year)

    def clock(self, moment: time) -> str:
        """Time of day, to the minute."""
        hour, minute = moment.hour, moment.minute
        if minute == 0 and hour in (0, 12):
            return "noon" if hour else "midnight"
        minutes = (
            "" if minute == 0 else f" oh {self.cardinal(minute)}" if minute < 10 else f" {self.cardinal(minute)}"
        )
        return f"{self.cardinal((hour + 11) % 12 + 1)}{minutes} {'a.m.' if hour < 12 else 'p.m.'}"

    def last(self, item: str) -> str:
        """The last of several items, with the word that joins it to the others."""
        return format_list(["", item], "standard", self.code).strip()

    def currency(self, code: str) -> Noun:
        """A currency that `coins` lacks, as Babel names it."""
        return Noun(get_currency_name(code, 1, self.code), get_currency_name(code, 2, self.code))


class Spanish(Language):
    """Spanish of Latin America."""

    code = "es"
    plus, minus, point = "más", "menos", "punto"
    credit = "un saldo a favor de"
    keys: ClassVar[dict[str, str]] = {"*": "asterisco", "#": "numeral"}
    letters: ClassVar[dict[str, str]] = {
        "B": "be grande", "C": "ce", "D": "de", "F": "efe", "G": "ge", "H": "hache", "J": "jota", "K": "ka",
        "L": "ele", "M": "eme", "N": "ene", "Ñ": "eñe", "P": "pe", "Q": "cu", "R": "erre", "S": "ese",
        "T": "te", "V": "ve chica", "W": "doble ve", "X": "equis", "Y": "i griega", "Z": "zeta",
    }  # fmt: skip
    signs: ClassVar[dict[str, str]] = {
        "-": "guion", "/": "barra", ".": "punto", "@": "arroba", "_": "guion bajo", "+": "más", "&": "y",
    }  # fmt: skip
    coins: ClassVar[dict[str, Coins]] = {
        "USD": Coins(Noun("dólar", "dólares"), Noun("centavo", "centavos")),
        "CAD": Coins(Noun("dólar", "dólares"), Noun("centavo", "centavos")),
        "AUD": Coins(Noun("dólar", "dólares"), Noun("centavo", "centavos")),
        "EUR": Coins(Noun("euro", "euros"), Noun("céntimo", "céntimos")),
        "GBP": Coins(Noun("libra", "libras", feminine=True), Noun("penique", "peniques")),
        "MXN": Coins(Noun("peso", "pesos"), Noun("centavo", "centavos")),
    }

    def cardinal(self, number: int) -> str:
        """num2words keeps "uno" before mil and millones, where it is shortened: "veintiún mil"."""
        words = str(num2words(number, lang="es"))
        return re.sub(r"\b(veinti)?uno(?= mil)", _shortened, words)

    def ordinal(self, number: int) -> str:
        """num2words writes "décimosegundo" and "quadragésimo", which no dictionary has."""
        words = str(num2words(number, lang="es", to="ordinal"))
        for wrong, right in (("décimoprimero", "undécimo"), ("décimosegundo", "duodécimo"), ("quad", "cuad")):
            words = words.replace(wrong, right)
        return words

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def counted(self, number: int, noun: Noun) -> str:
        """The number agrees with the noun, and whole millions take "de": "un millón de dólares"."""
        words = self.cardinal(number)
        if noun.feminine:
            millions, joint, rest = words.rpartition("mill")
            words = millions + joint + re.sub(r"uno\b", "una", re.sub(r"(ient|quinient)os\b", r"\1as", rest))
        else:
            words = re.sub(r"(veinti)?uno$", _shortened, words)
        linked = f"{words} de" if number and number % 1_000_000 == 0 else words
        return f"{linked} {noun.one if number == 1 else noun.many}"

    def with_part(self, part: str) -> str:
        return f"con {part}"

    def month_day(self, day: date) -> str:
        """Without an article: the prompt has it ("vence el …"). The first is an ordinal in Latin America."""
        return f"{'primero' if day.day == 1 else self.cardinal(day.day)} de {self.month(day)}"

    def with_year(self, year: int) -> str:
        return f"de {self.year(year)}"

    def clock(self, moment: time) -> str:
        """With its article, which depends on the hour: "la una", "las dos"."""
        hour = (moment.hour + 11) % 12 + 1
        said = "la una" if hour == 1 else f"las {self.cardinal(hour)}"
        if moment.minute:
            said += f" y {self.cardinal(moment.minute)}"
        elif moment.hour == 0:
            return f"{said} de la noche"
        return f"{said} {format_time(moment, 'B', locale='es')}"

    def last(self, item: str) -> str:
        """ "Y" becomes "e" before the sound of i."""
        return re.sub(r"^y (?=h?i(?!e))", "e ", super().last(item), flags=re.IGNORECASE)


class German(Language):
    """German."""

    code = "de"
    plus, minus, point = "plus", "minus", "Komma"
    credit = "ein Guthaben von"
    keys: ClassVar[dict[str, str]] = {"*": "Stern", "#": "Raute"}
    letters: ClassVar[dict[str, str]] = {"ß": "Eszett"}
    signs: ClassVar[dict[str, str]] = {
        "-": "Strich", "/": "Schrägstrich", ".": "Punkt", "@": "ät", "_": "Unterstrich", "+": "plus", "&": "und",
    }  # fmt: skip
    coins: ClassVar[dict[str, Coins]] = {
        "USD": Coins(Noun("Dollar", "Dollar"), Noun("Cent", "Cent")),
        "CAD": Coins(Noun("Dollar", "Dollar"), Noun("Cent", "Cent")),
        "AUD": Coins(Noun("Dollar", "Dollar"), Noun("Cent", "Cent")),
        "EUR": Coins(Noun("Euro", "Euro"), Noun("Cent", "Cent")),
        "GBP": Coins(Noun("Pfund", "Pfund"), Noun("Penny", "Pence")),
        "CHF": Coins(Noun("Franken", "Franken"), Noun("Rappen", "Rappen")),
    }

    def cardinal(self, number: int) -> str:
        """num2words keeps the s of "eins" before tausend and Millionen."""
        words = str(num2words(number, lang="de"))
        return words.replace("einstausend", "eintausend").replace("eins Milli", "eine Milli")

    def ordinal(self, number: int) -> str:
        return str(num2words(number, lang="de", to="ordinal"))

    def year(self, number: int) -> str:
        return str(num2words(number, lang="de", to="year"))

    def counted(self, number: int, noun: Noun) -> str:
        words = re.sub(r"eins$", "ein", self.cardinal(number))
        return f"{words} {noun.one if number == 1 else noun.many}"

    def with_part(self, part: str) -> str:
        return f"und {part}"

    def month_day(self, day: date) -> str:
        """In the case that follows "am": "vierten Dezember"."""
        return f"{self.ordinal(day.day)}n {self.month(day)}"

    def clock(self, moment: time) -> str:
        hour = "ein" if moment.hour == 1 else self.cardinal(moment.hour)
        return f"{hour} Uhr {self.cardinal(moment.minute)}" if moment.minute else f"{hour} Uhr"


def _shortened(match: re.Match[str]) -> str:
    """ "Uno" before a masculine noun; the accent is there only where it ends a longer word."""
    words = match.group()
    return words[:-9] + "veintiún" if words.endswith("veintiuno") else words[:-1]


LANGUAGES: dict[str, Language] = {spoken.code: spoken for spoken in (Language(), Spanish(), German())}


@cache
def language(code: str) -> Language:
    """The words of a language by its code, ``es`` or ``es-419``. Raises IvrError where there are none."""
    try:
        return LANGUAGES[re.split("[-_]", code, maxsplit=1)[0].lower()]
    except KeyError:
        known = ", ".join(sorted(LANGUAGES))
        raise IvrError(f"no spoken values in language {code!r}; there are {known}") from None
