"""Conditions of if: and show_if:."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.menu.expressions import ExpressionError, parse

KNOWN = frozenset({"amount_due", "limit", "locked", "language", "payments", "due_date"})
VALUES = {
    "amount_due": Decimal("84.20"),
    "limit": Decimal("50"),
    "locked": True,
    "language": "en",
    "payments": [],
    "due_date": date(2026, 3, 15),
    "tries_left": "2",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("language is set", True),
        ("payments is empty", True),
        ("payments is not empty", False),
        ("missing is set", False),
        ("missing is empty", True),
        ("locked == true", True),
        ("locked == false", False),
        ("locked != true", False),
        ("amount_due > 0", True),
        ("amount_due <= 84.20", True),
        ("amount_due > limit", True),
        ("tries_left < 3", True),
        ("language == en", True),
        ("language == 'en'", True),
        ("language != es", True),
        ("due_date > 2026-03-01", True),
        ("due_date == 2026-03-14", False),
        ("missing == 1", False),
        ("missing != 1", False),
        ("language > 3", False),
        ("not locked == true", False),
        ("language == es or amount_due > 0 and locked == true", True),
        ("(language == es or amount_due > 0) and locked == false", False),
        ("not (language == es) and not payments is set", True),
    ],
)
def test_a_condition_holds_or_not(text, holds) -> None:
    assert parse(text, KNOWN).holds(VALUES) is holds


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("", "expected a value's name, but it ends here", 1),
        ("amount_due", "expected 'is' or one of == != < <= > >=, but it ends here", 11),
        ("amount_due = 1", "expected 'is' or one of == != < <= > >= at '='", 12),
        ("amount_due >", "expected a value, a number, true, false or a word, but it ends here", 13),
        ("language is nice", "expected 'set' or 'empty' at 'nice'", 13),
        ("(locked == true", "expected ')', but it ends here", 16),
        ("locked == true then", "expected 'and', 'or' or the end at 'then'", 16),
        ("1 > 0", "expected a value's name at '1'", 1),
        ("__import__('os')", "expected a value's name at '__import__'", 1),
    ],
)
def test_a_condition_that_cannot_be_read_says_where(text, message, column) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, KNOWN)
    assert (str(caught.value), caught.value.column) == (message, column)


@given(st.text(max_size=60), st.dictionaries(st.sampled_from(sorted(KNOWN)), st.one_of(st.text(), st.integers())))
def test_nothing_but_an_expression_error_comes_of_any_text(text, values) -> None:
    try:
        condition = parse(text, KNOWN)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        assert condition.holds(values) in (True, False)
