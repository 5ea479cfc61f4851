"""A customer file, CSV or JSON, to rows for the store; or to all its mistakes, each with its line.

A file need not hold every column: ``account,amount_due`` is a fine way to bring yesterday's balances up to date.
Columns that are not there leave what the store has; an empty cell empties the field (an empty PIN keeps the PIN).
A customer the store does not know needs PIN, telephone and first name.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ivr.errors import ImportRowsError, Problem
from ivr.store.import_fields import FIELDS, NEW_NEEDS, TOGETHER, Bad
from ivr.store.import_files import Reading, Record, read_records
from ivr.store.rows import CustomerRow


def parse_customers(data: bytes, path: str, *, known: Collection[str] = frozenset()) -> list[CustomerRow]:
    """The rows of a file; `path` names it in messages and its ending tells CSV from JSON.

    `known` are the accounts the store has. Raises ImportRowsError with every mistake, in the order of lines.
    """
    reading = read_records(data, path)
    seen: dict[str, int] = {}
    rows = [_row(record, reading, known, seen) for record in reading.records]
    if reading.problems:
        raise ImportRowsError(sorted(reading.problems, key=lambda problem: problem.line))
    return [row for row in rows if row is not None]


def _row(record: Record, reading: Reading, known: Collection[str], seen: dict[str, int]) -> CustomerRow | None:
    values: dict[str, Any] = {}
    for name, cell in record.cells.items():
        try:
            values[name] = FIELDS[name](_text(cell))
        except Bad as bad:
            reading.problems.append(Problem(reading.path, str(bad), record.line, where=name))
    account = values.get("account")
    if account is None:
        if "account" not in record.cells and "account" not in reading.excused:
            reading.wrong("is missing; it says whose line it is", record.line, where="account")
        return None
    if account in seen:
        reading.wrong(
            f"{account} is in line {seen[account]} already; keep one of them", record.line, where="account"
        )
    seen.setdefault(account, record.line)
    if account not in known:
        _check_new(record, values, reading)
    _check_together(record, values, reading, account in known)
    return CustomerRow(
        account,
        {name: value for name, value in values.items() if name not in ("account", "pin")},
        values.get("pin", ""),
        record.line,
    )


def _check_new(record: Record, values: dict[str, Any], reading: Reading) -> None:
    for name in NEW_NEEDS:
        absent = name not in record.cells and name not in reading.excused
        if absent or (name == "pin" and values.get("pin") == ""):
            what = "a PIN, four digits" if name == "pin" else f"a {name}"
            reading.wrong(
                f"is missing; {values['account']} is a new customer and needs {what}", record.line, where=name
            )


def _check_together(record: Record, values: dict[str, Any], reading: Reading, is_known: bool) -> None:
    """A bill has an amount and a day, a way to pay a name and four digits; one alone only amends what is there."""
    for pair in TOGETHER:
        if any(name in record.cells and name not in values for name in pair):
            continue  # reported already
        if is_known and not all(name in values for name in pair):
            continue
        filled = [name for name in pair if values.get(name) not in (None, "")]
        if len(filled) == 1:
            (empty,) = set(pair) - set(filled)
            reading.wrong(f"is empty, but {filled[0]} is not; fill both or neither", record.line, where=empty)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    kind = {bool: "true or false", list: "a list", dict: "an object"}.get(type(cell), "an object")
    raise Bad(f"is {kind}; write a text in quotes")
