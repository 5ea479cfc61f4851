from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import ImportRowsError
from ivr.store.importing import parse_customers
from ivr.store.rows import CustomerRow
from ivr.store.samples import sample_customers
from ivr.store.sqlite import SqliteStore

HEADER = (
    "account,pin,phone,first_name,last_name,language,amount_due,due_date,"
    "bill_amount,bill_date,method_name,method_last4"
)
GOOD = "4000000341,4711,+15559001,Ada,Byron,en,12.50,2026-12-24,12.50,2026-11-01,card,1234"
PIN = "must be four digits; format the column as text, or a spreadsheet drops noughts at its start"
MONEY = "write the amount like 84.20, without sign of currency or thousands"
ADA = {
    "phone": "+15559001",
    "first_name": "Ada",
    "last_name": "Byron",
    "language": "en",
    "amount_due": Decimal("12.50"),
    "due_date": date(2026, 12, 24),
    "bill_amount": Decimal("12.50"),
    "bill_date": date(2026, 11, 1),
    "method_name": "card",
    "method_last4": "1234",
}


def faults(data: bytes | str, path: str = "new.csv", known: frozenset[str] = frozenset()) -> list[str]:
    data = data.encode() if isinstance(data, str) else data
    with pytest.raises(ImportRowsError) as caught:
        parse_customers(data, path, known=known)
    return [str(problem) for problem in caught.value.problems]


def csv(*lines: str) -> str:
    return "\n".join((HEADER, *lines)) + "\n"


def with_cell(name: str, value: str) -> str:
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    return ",".join({**cells, name: value}.values())


@pytest.mark.parametrize(
    "data",
    [
        csv(GOOD).encode(),
        b"\xef\xbb\xbf" + csv(GOOD).encode(),
        csv(GOOD).replace(",", ";").encode(),
        csv(GOOD).replace(",", "\t").encode(),
        csv(GOOD).replace("\n", "\r\n").encode(),
        csv(GOOD).replace("\n", "\r").encode(),
        csv("", GOOD, "", ",,,,,,,,,,,").encode(),
        csv(GOOD).replace("first_name", " First Name ").replace("+15559001", '"+1 (555) 90-01"').encode(),
    ],
    ids=["plain", "bom", "semicolons", "tabs", "crlf", "cr", "empty lines", "as people write"],
)
def test_a_csv_file_becomes_rows(data: bytes) -> None:
    (row,) = parse_customers(data, "new.csv")
    assert (row.account, row.pin, row.values) == ("4000000341", "4711", ADA)


@pytest.mark.parametrize("path", ["new.json", "new.JSON", "new", "-"])
def test_a_json_file_becomes_the_same_rows(path: str) -> None:
    cells: dict[str, Any] = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    for text in (
        json.dumps([cells], indent=2),
        "﻿" + json.dumps([cells]),
        json.dumps([cells]).replace('"12.50"', "12.5"),
    ):
        (row,) = parse_customers(text.encode(), path)
        assert (row.account, row.pin, row.values) == ("4000000341", "4711", ADA)


def test_lines_are_those_of_the_file_also_after_a_value_of_two_lines() -> None:
    rows = parse_customers(
        b'account,pin,phone,first_name,notes\n\n4000000341,4711,,Ada,x\n"4000000358",4711,,Bo,"y"\n', "new.csv"
    )
    assert [row.line for row in rows] == [3, 4]
    text = 'account,pin,phone,first_name,notes\n4000000341,4711,,Ada,"two\nlines"\n4000000358,12,,Bo,\n'
    assert faults(text) == [
        r"new.csv:2: notes: is 'two\nlines'; take out line breaks and control characters",
        f"new.csv:4: pin: {PIN}",
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "account",
            "4000000342",
            "'4000000342' has a wrong check digit; compare it with the bill, a digit is mistyped",
        ),
        ("account", "123", "is '123'; write the account number, ten digits without spaces"),
        ("account", "", "is empty; write the account number, ten digits"),
        (
            "account",
            "4E+09",
            "is '4E+09', shortened by a spreadsheet; format the column as text and export it again",
        ),
        ("account", "٤٠٠٠٠٠٠٠٠٢", "is '٤٠٠٠٠٠٠٠٠٢'; write the account number, ten digits without spaces"),
        (
            "pin",
            "815",
            PIN,
        ),
        (
            "pin",
            "abcd",
            PIN,
        ),
        (
            "pin",
            "47111",
            PIN,
        ),
        ("pin", "", "is missing; 4000000341 is a new customer and needs a PIN, four digits"),
        ("phone", "5559001", "is '5559001'; write it with plus and country code, like +15550100"),
        ("phone", "call me", "is 'call me'; write it with plus and country code, like +15550100"),
        ("phone", "4711", "is a number of four digits; write it with plus and country code, like +15550100"),
        ("first_name", "", "is empty; write what the customer is greeted by"),
        ("first_name", "A\x07", r"is 'A\x07'; take out line breaks and control characters"),
        ("last_name", "B" * 201, "has 201 characters; 200 are the most"),
        ("language", "english!", "is 'english!'; write a language code, like en or es"),
        (
            "amount_due",
            "$12.50",
            f"is '$12.50'; {MONEY}",
        ),
        (
            "amount_due",
            '"1,312.07"',
            f"is '1,312.07'; {MONEY}",
        ),
        (
            "amount_due",
            "12.505",
            f"is '12.505'; {MONEY}",
        ),
        ("amount_due", "1e3", f"is '1e3'; {MONEY}"),
        ("amount_due", "NaN", f"is 'NaN'; {MONEY}"),
        ("amount_due", "999999999999", "is '999999999999'; amounts reach up to 1000000000.00"),
        ("bill_amount", "-1", "is '-1'; a bill is not below nought"),
        ("due_date", "12/24/2026", "is '12/24/2026'; write year-month-day, like 2026-12-04"),
        ("due_date", "2026-02-30", "is '2026-02-30'; there is no such day"),
        ("bill_date", "", "is empty, but bill_amount is not; fill both or neither"),
        ("bill_amount", "", "is empty, but bill_date is not; fill both or neither"),
        ("method_last4", "", "is empty, but method_name is not; fill both or neither"),
        (
            "method_last4",
            "4111111111111111",
            "must be the last four digits and no more; whole card or bank account numbers do not belong here",
        ),
    ],
)
def test_a_bad_cell_is_named_with_its_line_and_the_remedy(name: str, value: str, message: str) -> None:
    assert faults(csv(GOOD.replace("4000000341", "4000000358"), with_cell(name, value))) == [
        f"new.csv:3: {name}: {message}"
    ]


def test_all_mistakes_are_named_at_once_in_the_order_of_lines() -> None:
    text = csv(with_cell("pin", "1"), GOOD, with_cell("due_date", "soon"), "4000000341,4711")
    assert faults(text) == [
        f"new.csv:2: pin: {PIN}",
        "new.csv:3: account: 4000000341 is in line 2 already; keep one of them",
        "new.csv:4: due_date: is 'soon'; write year-month-day, like 2026-12-04",
        "new.csv:4: account: 4000000341 is in line 2 already; keep one of them",
        "new.csv:5: has 2 cells, but line 1 names 12 columns; put values with a separator in them in quotes",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "new.csv: is empty; the first line must name the columns, account first"),
        ("\n \n", "new.csv: is empty; the first line must name the columns, account first"),
        (HEADER, "new.csv:1: has no customers; there must be one line for each"),
        ("acount,amount_due\n", "new.csv:1: column 1: there is no column 'acount'; did you mean account?"),
        (
            "account,amout_due\n4000000341,1\n",
            "new.csv:1: column 2: there is no column 'amout_due'; did you mean amount_due?",
        ),
        ("phone,amount_due\n,1\n", "new.csv:1: the column account is missing; it says whose line it is"),
        ("account,phone,phone\n", "new.csv:1: the column 'phone' is there twice; keep one"),
        (
            'account,phone\n4000000341,"x\n',
            "new.csv:2: is not CSV from here on: unexpected end of data; look for a quote too many or too few",
        ),
        (csv(GOOD).encode("utf-16"), "new.csv: is UTF-16 text; save the file as UTF-8 (in Excel: “CSV UTF-8”)"),
        (
            csv(GOOD, GOOD.replace("Byron", "Núñez")).encode("latin-1"),
            "new.csv:3: byte 0xFA is not UTF-8 text; save the file as UTF-8 (in Excel: “CSV UTF-8”)",
        ),
    ],
)
def test_a_bad_file_is_named_with_the_remedy(data: bytes | str, message: str) -> None:
    assert faults(data, known=frozenset({"4000000341"})) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"account": "4000000341"}', "new.json:1: must be a list of customers: [{…}, {…}]"),
        ("[\n  7\n]", 'new.json:2: is no customer; write {"account": "…", …}'),
        ("[\n  {},\n]", "new.json:2:5: is not valid JSON: Illegal trailing comma before end of array"),
        ('[{"account": }]', "new.json:1:14: is not valid JSON: Expecting value"),
        ('[{"account": "4000000341"} x]', "new.json:1:28: is not valid JSON: Expecting ',' delimiter"),
        ('[{"account": "4000000341"}', "new.json:1:27: is not valid JSON: Expecting ',' delimiter"),
        ("[] []", "new.json:1: is not valid JSON: something follows the list"),
        ("[]", "new.json:1: has no customers; there must be one line for each"),
        ("[" * 100_000, "new.json:1: is not valid JSON: is nested too deeply"),
        ('[{"amount_due": NaN}]', "new.json:1: is not valid JSON: NaN is no number of JSON"),
        ('[\n{"amount_due": 1}]', "new.json:2: account: is missing; it says whose line it is"),
        ('[{"account": 4000000341}]', "new.json:1: account: is a number; put it in quotes, as text"),
        (
            '[{"account": "4000000341", "pin": 4711}]',
            "new.json:1: pin: is a number; put it in quotes, or noughts at its start are lost",
        ),
        (
            '[{"account": "4000000341", "phone": true}]',
            "new.json:1: phone: is true or false; write a text in quotes",
        ),
        ('[{"account": "4000000341", "notes": ["x"]}]', "new.json:1: notes: is a list; write a text in quotes"),
        (
            '[{"account": "4000000341", "amount_due": 1.005}]',
            f"new.json:1: amount_due: is '1.005'; {MONEY}",
        ),
        (
            '[{"account": "4000000341", "notes": "", "notes": ""}]',
            "new.json:1: the column 'notes' is there twice; keep one",
        ),
        ('[{"account": "4000000341", "note": ""}]', "new.json:1: there is no column 'note'; did you mean notes?"),
    ],
)
def test_a_bad_json_file_is_named_with_its_line(text: str, message: str) -> None:
    assert faults(text, "new.json", known=frozenset({"4000000341"})) == [message]


def test_json_lines_are_those_customers_begin_on() -> None:
    text = """[
  {"account": "4000000341",
   "amount_due": 1},

  {"account": "4000000342"},
  {"account": "4000000358"}
]"""
    assert faults(text, "new.json", known=frozenset({"4000000341"})) == [
        "new.json:5: account: '4000000342' has a wrong check digit; compare it with the bill, a digit is mistyped",
        "new.json:6: pin: is missing; 4000000358 is a new customer and needs a PIN, four digits",
        "new.json:6: phone: is missing; 4000000358 is a new customer and needs a phone",
        "new.json:6: first_name: is missing; 4000000358 is a new customer and needs a first_name",
    ]


def test_a_file_without_a_line_of_names_does_not_show_its_first_customer() -> None:
    (fault,) = faults(GOOD + "\n" + GOOD + "\n")
    assert fault.startswith("new.csv:1: the first line must name the columns: account, pin, phone, ")
    assert "4711" not in fault and "4000000341" not in fault


def test_no_message_repeats_a_pin_even_from_a_shifted_column() -> None:
    cells = GOOD.split(",")
    for turn in range(1, len(cells)):
        for text in (csv(",".join(cells[turn:] + cells[:turn])), csv(",".join(["", *cells[:-1]]))):
            assert all("4711" not in fault for fault in faults(text)), turn


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", "a"]))
def test_no_file_raises_anything_else(data: bytes, path: str) -> None:
    for content in (data, HEADER.encode() + b"\n" + data, b"[{" + data):
        try:
            parse_customers(content, path)
        except ImportRowsError as error:
            assert all(str(problem).startswith(path) for problem in error.problems) and error.problems


# --- into the store ------------------------------------------------------------------------------


async def test_new_customers_are_added_and_known_ones_updated(store: SqliteStore) -> None:
    known = {customer.account for customer in await store.customers()}
    text = csv(GOOD, "4000000002,,+15550100,Maria,Jensen-Ruiz,es,1.00,,,,,")
    summary = await store.import_customers(parse_customers(text.encode(), "new.csv", known=known), path="new.csv")
    assert (summary.added, summary.updated, summary.removed) == (1, 1, 0)
    ada, maria = await store.customer("4000000341"), await store.customer("4000000002")
    assert ada is not None and {name: getattr(ada, name) for name in ADA} == ADA
    assert maria is not None
    assert (maria.last_name, maria.language, maria.amount_due, maria.due_date) == (
        "Jensen-Ruiz", "es", Decimal("1.00"), None,
    )  # fmt: skip
    assert (await store.look_up("check_pin", {"account": "4000000002", "pin": "2580"})).outcome == "ok"
    assert (await store.look_up("check_pin", {"account": "4000000341", "pin": "4711"})).outcome == "ok"


async def test_a_file_of_balances_alone_leaves_everything_else(store: SqliteStore) -> None:
    before = await store.customer("4000000002")
    rows = parse_customers(b"account;amount_due\n4000000002;7.00\n", "day.csv", known={"4000000002"})
    await store.import_customers(rows, path="day.csv")
    after = await store.customer("4000000002")
    assert before is not None and after is not None
    assert after.amount_due == Decimal("7.00")
    assert (after.first_name, after.due_date, after.method_last4) == ("Maria", before.due_date, "4417")
    assert len(await store.payments("4000000002")) == 3
    assert (await store.look_up("check_pin", {"account": "4000000002", "pin": "2580"})).outcome == "ok"


async def test_a_new_pin_replaces_the_old_one(store: SqliteStore) -> None:
    rows = parse_customers(b"account,pin\n4000000002,0007\n", "pins.csv", known={"4000000002"})
    await store.import_customers(rows)
    assert (await store.look_up("check_pin", {"account": "4000000002", "pin": "2580"})).outcome == "refused"
    assert (await store.look_up("check_pin", {"account": "4000000002", "pin": "0007"})).outcome == "ok"


async def test_nothing_is_half_imported(store: SqliteStore) -> None:
    rows = [
        CustomerRow("4000000002", {"amount_due": Decimal("1.00")}, line=2),
        CustomerRow("4000000341", {"first_name": "Ada"}, line=3),
    ]
    with pytest.raises(ImportRowsError) as caught:
        await store.import_customers(rows, path="new.csv")
    assert str(caught.value) == "new.csv:3: 4000000341: is a new customer; give a PIN, four digits"
    maria = await store.customer("4000000002")
    assert maria is not None and maria.amount_due == Decimal("84.20")


async def test_samples_can_be_taken_out_when_real_customers_come(store: SqliteStore) -> None:
    rows = parse_customers(
        csv(GOOD, "4000000002,,+15550100,Maria,,en,1,,,,,").encode(), "x.csv", known={"4000000002"}
    )
    summary = await store.import_customers(rows, without_samples=True)
    assert (summary.added, summary.updated, summary.removed) == (1, 1, 33)
    assert [one.account for one in await store.customers()] == ["4000000002", "4000000341"]
    assert await store.payments("4000000010") == []
    assert (await store.look_up("outage", {"phone": "+15550100"})).outcome == "not_found"


async def test_progress_is_told_and_imported_customers_are_no_samples(store: SqliteStore) -> None:
    heard: list[tuple[int, int]] = []
    samples = sample_customers(date(2026, 11, 22))[:20]
    assert len(await store.sample_accounts()) == 34
    await store.import_customers(samples, on_progress=lambda done, total: heard.append((done, total)))
    assert heard == [(16, 20), (20, 20)]
    assert len(await store.sample_accounts()) == 14
    assert await store.accounts() == {row.account for row in sample_customers(date(2026, 11, 22))}


def test_the_samples_written_to_a_file_come_back_the_same(tmp_path: Path) -> None:
    samples = sample_customers(date(2026, 11, 22))
    cells = [
        {
            "account": row.account,
            "pin": row.pin,
            **{n: None if v is None else str(v) for n, v in row.values.items()},
        }
        for row in samples
    ]
    rows = parse_customers(json.dumps(cells).encode(), "samples.json")
    assert [(row.account, row.pin, row.values) for row in rows] == [(s.account, s.pin, s.values) for s in samples]
