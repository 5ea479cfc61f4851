"""From what a system replied to what the menu is told: an outcome, and values with their types. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase

from ivr.config.connectors import Answered, As, Outcome, Rule, Taken
from ivr.errors import IvrError
from ivr.store.contracts import LookupResult

_ODATA_DAY = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{1,4})?\)/")
"""OData 2.0, JSON format section 4: milliseconds since 1970, with or without an offset in minutes."""
_DURATION = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?")
"""Edm.Time: a time of day as XML Schema duration."""
_NO_DAY = ("00000000", "0000-00-00")
"""How ABAP writes a day that is not known."""
MOST_ROWS = 100
"""Entries of a list that are taken; nobody listens to more."""
_STATUS: dict[int, Outcome] = {
    404: "not_found",
    410: "not_found",
    409: "refused",
    422: "refused",
    408: "slow",
    504: "slow",
}


class BadReply(IvrError):
    """A reply that cannot be what was asked for. The text names the field, never its value."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whichever protocol brought it."""

    document: object = field(default=None, repr=False)
    """Of dicts, lists and scalars; for tables a list of rows."""
    status: int = 200
    """Of HTTP; 200 elsewhere, 500 for a fault."""
    code: str = ""
    """Of a fault or an error document; a SOAP fault's without its prefix."""
    table: bool = False
    """`document` is a list of rows: fields are those of the first, and no row is nobody."""


def result_of(reply: Reply, answered: Answered) -> LookupResult:
    """Raises BadReply when the outcome is ``ok`` and a value is not what the file says."""
    outcome = outcome_of(reply, answered)
    if outcome in ("slow", "down"):
        return LookupResult(outcome)
    values: dict[str, object] = {}
    for taken in answered.gives:
        try:
            values[taken.name] = value_of(reply, taken)
        except BadReply:
            if outcome == "ok":
                raise
    return LookupResult(outcome, values)


def outcome_of(reply: Reply, answered: Answered) -> Outcome:
    """By the rules of the file, the first that fits; then by the status and the number of rows."""
    for rule in answered.rules:
        if _fits(rule, reply):
            return rule.outcome
    if reply.code or not 200 <= reply.status < 300:
        return _STATUS.get(reply.status, "down")
    rows = reply.document if reply.table and isinstance(reply.document, list) else [None]
    return "not_found" if not rows or (answered.only_one and len(rows) > 1) else "ok"


def _fits(rule: Rule, reply: Reply) -> bool:
    if rule.status and reply.status not in rule.status:
        return False
    if rule.code and not fnmatchcase(reply.code, rule.code):
        return False
    if not rule.field:
        return True
    found = _at(_top(reply), rule.field)
    if rule.empty:
        return found is None or found == "" or found == []
    return found is not None if rule.equals is None else _text(found) == rule.equals


def value_of(reply: Reply, taken: Taken) -> object:
    if taken.each:
        rows = _at(reply.document if reply.table and not taken.path else _top(reply), taken.path)
        if isinstance(rows, Mapping):
            rows = rows.get("results", rows.get("value"))  # an expanded OData list
        if rows is None:
            return []
        if not isinstance(rows, list):
            raise BadReply(f"{taken.name} is no list")
        return [{one.name: _one(row, one) for one in taken.each} for row in rows[:MOST_ROWS]]
    return _one(_top(reply), taken)


def _one(document: object, taken: Taken) -> object:
    return typed(_at(document, taken.path), taken.kind, taken.name)


def _top(reply: Reply) -> object:
    if reply.table and isinstance(reply.document, list):
        return reply.document[0] if reply.document else None
    return reply.document


def _at(document: object, path: tuple[str, ...]) -> object:
    """What is at `path`; None where there is nothing. A name that has dots in it is found as well."""
    for number, part in enumerate(path):
        if isinstance(document, Mapping):
            rest = ".".join(path[number:])
            if rest in document:
                return document[rest]
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


# --- types ------------------------------------------------------------------------------------------


def typed(value: object, kind: As, name: str) -> object:
    """`value` as the menu wants it; None stays None, and so does an empty text of a number or a day."""
    if value is None or (kind != "text" and isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, Mapping | list):
        raise BadReply(f"{name} is a group or a list, not one value")
    try:
        match kind:
            case "text":
                return _text(value)
            case "number" | "money":
                return _number(value)
            case "cents":
                return _number(value) / 100
            case "date":
                return _day(value)
            case "time":
                return _moment(value)
            case "truth":
                return _truth(value)
    except (ValueError, InvalidOperation, OverflowError):
        raise BadReply(f"{name} is no {kind}") from None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if value is None else str(value).strip()


def _number(value: object) -> Decimal:
    """ABAP writes the minus behind: ``84.20-``. A float is taken by its shortest text, which is what was meant."""
    if isinstance(value, bool):
        raise ValueError
    text = str(value).strip()
    number = Decimal(f"-{text[:-1]}" if text.endswith("-") else text)
    if not number.is_finite():
        raise ValueError
    return number


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    if text.startswith(_NO_DAY):
        return None
    if match := _ODATA_DAY.fullmatch(text):
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))).date()
    return datetime.fromisoformat(text).date()


def _moment(value: object) -> datetime | time:
    if isinstance(value, datetime | time):
        return value
    if isinstance(value, timedelta):
        return (datetime(1970, 1, 1) + value).time()
    text = str(value).strip()
    if match := _ODATA_DAY.fullmatch(text):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))
    if text.startswith("PT") and (match := _DURATION.fullmatch(text)):
        hour, minute, second = (int(part or 0) for part in match.groups())
        return time(hour, minute, second)
    return time.fromisoformat(text) if ":" in text[:3] else datetime.fromisoformat(text)


def _truth(value: object) -> bool:
    """ABAP's ``X`` is true and its blank is not."""
    text = _text(value).lower()
    if text in ("true", "1", "x", "y", "yes"):
        return True
    if text in ("false", "0", "-", "n", "no"):
        return False
    raise ValueError
