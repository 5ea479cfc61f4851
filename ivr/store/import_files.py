"""CSV or JSON bytes to records: named cells with the line they begin on. What the cells mean comes later."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ivr.errors import Problem
from ivr.store.import_fields import FIELDS, Number

SAVE_AS_UTF8 = "save the file as UTF-8 (in Excel: “CSV UTF-8”)"


@dataclass(frozen=True, slots=True)
class Record:
    """One customer, as written."""

    line: int
    """Where it begins; the first line is 1."""
    cells: dict[str, Any] = field(repr=False)
    """By field name. Text, `Number`, or None for an empty JSON value. May hold a PIN."""


@dataclass(slots=True)
class Reading:
    """A file taken apart, with everything that is wrong with its shape."""

    path: str
    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    excused: set[str] = field(default_factory=set)
    """Columns whose absence has been reported, or that an unknown one was probably meant to be."""

    def wrong(self, message: str, line: int = 0, column: int = 0, where: str = "") -> None:
        self.problems.append(Problem(self.path, message, line, column, where))


def read_records(data: bytes, path: str) -> Reading:
    """By the name's ending, or by the first character when that says nothing."""
    reading = Reading(path)
    text = _decoded(data, reading)
    if text is None:
        return reading
    if not text.strip():
        reading.wrong("is empty; the first line must name the columns, account first")
    elif path.lower().endswith(".json") or (not path.lower().endswith(".csv") and text.lstrip()[:1] in "[{"):
        _read_json(text, reading)
    else:
        _read_csv(text, reading)
    if not reading.records and not reading.problems:
        reading.wrong("has no customers; there must be one line for each", 1)
    return reading


def _decoded(data: bytes, reading: Reading) -> str | None:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        reading.wrong(f"is UTF-16 text; {SAVE_AS_UTF8}")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reading.wrong(f"byte 0x{data[error.start]:02X} is not UTF-8 text; {SAVE_AS_UTF8}", line)
        return None


# --- CSV -----------------------------------------------------------------------------------------


def _read_csv(text: str, reading: Reading) -> None:
    lines = _csv_lines(text, reading)
    header = next(lines, None)
    if header is None:
        return
    names = _names(header[1], header[0], reading)
    if names is None:
        return
    for line, cells in lines:
        if len(cells) != len(names):
            reading.wrong(
                f"has {len(cells)} cells, but line {header[0]} names {len(names)} columns; "
                "put values with a separator in them in quotes",
                line,
            )
            continue
        reading.records.append(Record(line, {n: c.strip() for n, c in zip(names, cells, strict=True) if n}))


def _csv_lines(text: str, reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not empty, each with the number of the line it begins on."""
    first = next(line for line in text.splitlines() if line.strip())
    separator = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begin = 1
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            reading.wrong(f"is not CSV from here on: {error}; look for a quote too many or too few", begin)
            return
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield begin, cells
        begin = rows.line_num + 1


def _names(cells: list[str], line: int, reading: Reading) -> list[str] | None:
    """Field names in the order of columns, empty for an unknown one; None if this line names none at all."""
    plain = [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in cells]
    if not set(plain) & set(FIELDS):
        # Not echoed: without a line of names this is somebody's data, PIN included.
        reading.wrong(f"the first line must name the columns: {', '.join(FIELDS)}", line)
        return None
    for place, name in enumerate(plain, 1):
        if name and plain.index(name) != place - 1:
            reading.wrong(f"the column {_shown_name(name)} is there twice; keep one", line)
        elif name not in FIELDS:
            _unknown(name, f"column {place}", line, plain, reading)
    if "account" not in plain and "account" not in reading.excused:
        reading.excused.add("account")
        reading.wrong("the column account is missing; it says whose line it is", line)
    return [name if name in FIELDS and plain.index(name) == place else "" for place, name in enumerate(plain)]


def _unknown(name: str, place: str, line: int, there: Iterable[str], reading: Reading) -> None:
    missing = [known for known in FIELDS if known not in set(there)]
    close = difflib.get_close_matches(name, missing, 1, 0.6) or difflib.get_close_matches(
        name, list(FIELDS), 1, 0.6
    )
    reading.excused.update(set(close) & set(missing))
    meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(FIELDS)}"
    reading.wrong(f"there is no column {_shown_name(name)}; {meant}", line, where=place)


def _shown_name(name: str) -> str:
    return repr(name) if re.fullmatch(r"[^\W\d][\w.]{0,40}", name) else "of this name"


# --- JSON ----------------------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """Remembers the names that were written twice; JSON keeps quiet about them (RFC 8259 section 4)."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = sorted({name for name in names if names.count(name) > 1})


class _NoNumber(ValueError):
    """NaN and Infinity."""


def _constant(name: str) -> Any:
    raise _NoNumber(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object, parse_int=Number, parse_float=Number, parse_constant=_constant
)


def _read_json(text: str, reading: Reading) -> None:
    at, line, counted = _skip(text, 0), 1, 0
    if text[at] != "[":
        reading.wrong("must be a list of customers: [{…}, {…}]", text.count("\n", 0, at) + 1)
        return
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = _DECODER.raw_decode(text, at)
            at = _separator(text, _skip(text, at))
        except json.JSONDecodeError as error:
            reading.wrong(f"is not valid JSON: {error.msg}", error.lineno, error.colno)
            return
        except (RecursionError, _NoNumber) as error:
            why = "is nested too deeply" if isinstance(error, RecursionError) else f"{error} is no number of JSON"
            reading.wrong(f"is not valid JSON: {why}", line)
            return
        _take_object(value, line, reading)
    if _skip(text, at + 1) < len(text):
        reading.wrong(
            "is not valid JSON: something follows the list", text.count("\n", 0, _skip(text, at + 1)) + 1
        )


def _skip(text: str, at: int) -> int:
    found = re.compile(r"[ \t\r\n]*").match(text, at)
    return found.end() if found else at


def _separator(text: str, at: int) -> int:
    """Past the comma to the next value, or at the closing bracket."""
    if text[at : at + 1] == "]":
        return at
    if text[at : at + 1] != ",":
        raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    after = _skip(text, at + 1)
    if text[after : after + 1] == "]":
        raise json.JSONDecodeError("Illegal trailing comma before end of array", text, at)
    return after


def _take_object(value: object, line: int, reading: Reading) -> None:
    if not isinstance(value, _Object):
        reading.wrong('is no customer; write {"account": "…", …}', line)
        return
    for name in value.twice:
        reading.wrong(f"the column {_shown_name(name)} is there twice; keep one", line)
    for name in value:
        if name not in FIELDS:
            _unknown(name, "", line, value, reading)
    cells = {name: cell.strip() if type(cell) is str else cell for name, cell in value.items() if name in FIELDS}
    reading.records.append(Record(line, cells))
