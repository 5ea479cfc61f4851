"""What systems reply, as outcomes and values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from ivr.config.connectors import Answered, Connector, Rule, Taken
from ivr.store.replies import BadReply, Reply, result_of, typed

SOMEBODY = Connector("sap", "http")


def answered(**more: object) -> Answered:
    return Answered("balance", SOMEBODY, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("84.20", "money", Decimal("84.20")),
        ("84.20-", "money", Decimal("-84.20")),
        (" 84.20 ", "money", Decimal("84.20")),
        (84.2, "money", Decimal("84.2")),
        (8420, "cents", Decimal("84.20")),
        ("", "money", None),
        (None, "text", None),
        ("", "text", ""),
        (True, "text", "true"),
        ("2026-12-04", "date", date(2026, 12, 4)),
        ("20261204", "date", date(2026, 12, 4)),
        ("00000000", "date", None),
        ("/Date(1796342400000)/", "date", date(2026, 12, 4)),
        ("/Date(1796342400000+0000)/", "date", date(2026, 12, 4)),
        ("/Date(-86400000)/", "date", date(1969, 12, 31)),
        (datetime(2026, 12, 4, 9), "date", date(2026, 12, 4)),
        ("18:30", "time", time(18, 30)),
        ("PT18H30M00S", "time", time(18, 30)),
        (timedelta(hours=18, minutes=30), "time", time(18, 30)),
        ("2026-12-04T18:30:00+00:00", "time", datetime(2026, 12, 4, 18, 30, tzinfo=UTC)),
        ("X", "truth", True),
        ("-", "truth", False),
        (" ", "truth", None),
        (1, "truth", True),
    ],
)
def test_values_are_read_as_their_systems_write_them(value: object, kind: str, expected: object) -> None:
    got = typed(value, kind, "x")  # type: ignore[arg-type]
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("much", "money"),
        ("NaN", "money"),
        (True, "number"),
        ("2026-13-04", "date"),
        ("maybe", "truth"),
        ([1], "text"),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_its_name_only(value: object, kind: str) -> None:
    with pytest.raises(BadReply) as caught:
        typed(value, kind, "amount_due")  # type: ignore[arg-type]
    assert "amount_due" in str(caught.value)
    assert str(value) not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "ok"), (204, "ok"), (404, "not_found"), (410, "not_found"), (409, "refused"), (422, "refused"),
     (504, "slow"), (500, "down"), (401, "down"), (302, "down")],
)  # fmt: skip
def test_without_rules_the_status_decides(status: int, outcome: str) -> None:
    assert result_of(Reply({}, status), answered()).outcome == outcome


def test_the_first_rule_that_fits_decides() -> None:
    asked = answered(
        rules=(
            Rule("refused", status=(404,), field=("error",), equals="locked"),
            Rule("ok", status=(404,)),
            Rule("not_found", field=("customer",), empty=True),
        )
    )
    assert result_of(Reply({"error": "locked"}, 404), asked).outcome == "refused"
    assert result_of(Reply({"error": "other"}, 404), asked).outcome == "ok"
    assert result_of(Reply({"customer": ""}, 200), asked).outcome == "not_found"
    assert result_of(Reply({"customer": "x"}, 200), asked).outcome == "ok"


def test_codes_are_compared_with_stars_and_an_error_without_a_rule_is_down() -> None:
    asked = answered(rules=(Rule("refused", code="ZUTIL/0*"),))
    assert result_of(Reply({}, 400, "ZUTIL/017"), asked).outcome == "refused"
    assert result_of(Reply({}, 400, "ZUTIL/117"), asked).outcome == "down"
    assert result_of(Reply({}, 200, "Server"), asked).outcome == "down"


def test_rows_of_a_table_are_the_first_ones_values_and_no_row_is_nobody() -> None:
    gives = (Taken("name", ("first",)), Taken("all", each=(Taken("first", ("first",)),)))
    rows = [{"first": "Ana"}, {"first": "Ben"}]
    result = result_of(Reply(rows, table=True), answered(gives=gives))
    assert result.values == {"name": "Ana", "all": rows}
    assert result_of(Reply([], table=True), answered(gives=gives)).outcome == "not_found"
    assert result_of(Reply(rows, table=True), answered(gives=gives, only_one=True)).outcome == "not_found"


def test_values_come_with_a_refusal_as_far_as_they_are_there() -> None:
    asked = answered(gives=(Taken("left", ("left",), "number"), Taken("locked", ("locked",), "truth")))
    result = result_of(Reply({"left": "many", "locked": True}, 409), asked)
    assert (result.outcome, result.values) == ("refused", {"locked": True})
    with pytest.raises(BadReply):
        result_of(Reply({"left": "many", "locked": True}, 200), asked)


def test_a_path_goes_through_groups_lists_and_names_with_dots() -> None:
    document = {"d": {"results": [{"a.b": 1, "c": {"e": "deep"}}]}}
    gives = (
        Taken("one", ("d", "results", "0", "a", "b"), "number"),
        Taken("two", ("d", "results", "0", "c", "e")),
        Taken("three", ("d", "results", "7", "c")),
    )
    result = result_of(Reply(document), answered(gives=gives))
    assert result.values == {"one": Decimal(1), "two": "deep", "three": None}
