"""connectors.yaml: what it can say, and every mistake in it with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config.connectors import Breaking, Login, Rule, Taken
from ivr.menu.connector_file import STORE, ConnectorFile, read_connectors
from ivr.menu.load import check_menu

MENUS = Path(__file__).parents[2] / "menus"

WHOLE = """\
connectors:
  bills:
    kind: sql
    url_from: BILLS_URL
    break: {after: 3, rest: 10s}
  sap:
    kind: odata
    url: https://s4.example/sap/opu/odata/sap/ZUTIL
    version: v4
    login: {user_from: SAP_USER, password_from: SAP_PASSWORD}
    query: {sap-client: "100"}
    limit: 3s
find_account: {connector: sqlite}
balance:
  connector: bills
  read: SELECT due, due_on FROM bills WHERE account = :account
  gives:
    amount_due: {from: due, as: money}
    due_date: {from: due_on, as: date}
pay:
  connector: sap
  create: PaymentSet
  body: {Account: "{account}", Amount: "{pay_amount:number}", Method: {Id: "{method_id}"}}
  once_header: RequestID
  gives: {receipt: d.Receipt}
  outcomes:
    - {code: "ZUTIL/0*", is: refused}
    - {status: [409, 423], is: refused}
    - {field: State, equals: E, is: refused}
    - {empty: Receipt, is: down}
"""


def read(text: str) -> ConnectorFile:
    file, problems = read_connectors(text, "c.yaml")
    assert problems == []
    return file


def mistakes(text: str) -> list[str]:
    return [str(problem) for problem in read_connectors(text, "c.yaml")[1]]


def test_everything_written_is_read() -> None:
    file = read(WHOLE)
    bills, sap = file.connectors["bills"], file.connectors["sap"]
    assert (bills.kind, bills.url_from, bills.breaking) == ("sql", "BILLS_URL", Breaking(3, 10.0))
    assert sap.login == Login("SAP_USER", "SAP_PASSWORD")
    assert (sap.version, sap.query, sap.limit) == ("v4", (("sap-client", "100"),), 3.0)
    assert sap.variables == ("SAP_USER", "SAP_PASSWORD")
    assert file.lookups["find_account"].connector is STORE
    assert file.lookups["find_account"].operation == "find_account"
    assert file.lookups["balance"].gives == (
        Taken("amount_due", ("due",), "money"),
        Taken("due_date", ("due_on",), "date"),
    )
    pay = file.lookups["pay"]
    assert pay.body == (
        ("Account", "{account}"),
        ("Amount", "{pay_amount:number}"),
        ("Method", (("Id", "{method_id}"),)),
    )
    assert pay.gives == (Taken("receipt", ("d", "Receipt")),)
    assert pay.rules == (
        Rule("refused", code="ZUTIL/0*"),
        Rule("refused", status=(409, 423)),
        Rule("refused", field=("State",), equals="E"),
        Rule("down", field=("Receipt",), empty=True),
    )


def test_two_readings_of_one_file_share_their_connections() -> None:
    one, two = read(WHOLE), read("# a comment\n" + WHOLE)
    assert one.connectors["bills"].place != two.connectors["bills"].place
    assert len({one.connectors["bills"], two.connectors["bills"], one.connectors["sap"]}) == 2


SYSTEM = "connectors:\n  a: {kind: http, url: 'https://a.example'}\n"

BAD = [
    ("- balance", "c.yaml:1:1: is not a list of look-ups; write NAME: {connector: …}"),
    ("balance: sqlite", "c.yaml:1:10: balance: is no group; write {key: value, …}"),
    ("balance: {operation: x}", "c.yaml:1:1: balance: connector is missing; add connector: with one of sqlite"),
    (
        "balance: {connector: sqlit}",
        "c.yaml:1:22: balance.connector: 'sqlit' is no connector of this file; did you mean sqlite?",
    ),
    (
        "balance: {connector: sqlite, operation: balanse}",
        "c.yaml:1:41: balance.operation: 'balanse' is no operation of the customer store; did you mean balance?",
    ),
    (
        "connectors:\n  sap: {kind: odate, url: 'https://a.example'}",
        "c.yaml:2:15: connectors.sap.kind: 'odate' is not one of sql, http, odata, soap; did you mean odata?",
    ),
    (
        "connectors:\n  sap: {url: 'https://a.example'}",
        "c.yaml:2:3: connectors.sap: kind is missing; add kind: with one of sql, http, odata, soap",
    ),
    (
        "connectors:\n  a: {kind: http, url: 'https://a.example', limmit: 2s}",
        "c.yaml:2:45: connectors.a.limmit: is not known here; did you mean limit?",
    ),
    (
        "connectors:\n  a: {kind: http, url: 'https://a.example', limit: 2}",
        "c.yaml:2:52: connectors.a.limit: '2' is no time; write 800ms, 2s or 1m",
    ),
    (
        "connectors:\n  a: {kind: http}",
        "c.yaml:2:3: connectors.a: url is missing; add url: or url_from: with an environment variable",
    ),
    (
        "connectors:\n  a: {kind: http, url: 'https://me:secret@a.example'}",
        "c.yaml:2:24: connectors.a.url: has a password in it; write login: with user_from: instead",
    ),
    (
        "connectors:\n  a: {kind: sql, url: 'postgresql://me:secret@a/b'}",
        "c.yaml:2:23: connectors.a.url: has a password in it; "
        "write url_from: with an environment variable instead",
    ),
    (
        "connectors:\n  a: {kind: http, url: 'https://a.example', login: {token_from: s3cret}}",
        "c.yaml:2:65: connectors.a.login.token_from: is no name of an environment variable; "
        "write one in capitals, and the secret into it",
    ),
    (
        "connectors:\n  a: {kind: http, url: 'http://a.example', login: {token_from: TOKEN}}",
        "c.yaml:2:24: connectors.a.url: would send its password in clear text; write https://",
    ),
    (SYSTEM + "b: {connector: a}", "c.yaml:3:1: b: path is missing; add path: with the rest of the address"),
    (
        SYSTEM + "b: {connector: a, path: 'x/{account'}",
        "c.yaml:3:25: b.path: has a brace that is no value at character 3; write {name}",
    ),
    (
        SYSTEM + "b: {connector: a, path: x, body: {y: '{account:number}'}}",
        "c.yaml:3:34: b.body: has a body, and GET sends none; write method: POST",
    ),
    (
        SYSTEM + "b: {connector: a, path: x, method: POST, body: {y: 'no {account:number}'}}",
        "c.yaml:3:52: b.body.y: has a kind inside a longer text; leave the colon and the kind away",
    ),
    (
        SYSTEM + "b: {connector: a, path: x, gives: {due: {from: d, as: mony}}}",
        "c.yaml:3:55: b.gives.due.as: 'mony' is not one of text, number, money, cents, date, time, truth; "
        "did you mean money?",
    ),
    (
        SYSTEM + "b: {connector: a, path: x, outcomes: [{status: 4o4, is: not_found}]}",
        "c.yaml:3:48: b.outcomes[1].status: '4o4' is no HTTP status; write 404 or [404, 410]",
    ),
    (
        SYSTEM + "b: {connector: a, path: x, outcomes: [{is: down}]}",
        "c.yaml:3:39: b.outcomes[1]: fits every answer; add status:, code:, field: or empty:",
    ),
    (
        "connectors:\n  d: {kind: sql, url: 'sqlite:///x.db'}\nb: {connector: d, read: 'DELETE FROM x'}",
        "c.yaml:3:25: b.read: is not one SELECT; databases are only read",
    ),
    (
        "connectors:\n  d: {kind: sql, url: 'sqlite:///x.db'}\nb: {connector: d, read: 'SELECT 1; DROP TABLE x'}",
        "c.yaml:3:25: b.read: is not one SELECT; databases are only read",
    ),
    (
        "connectors:\n  s: {kind: odata, url: 'https://a.example'}\nb: {connector: s}",
        "c.yaml:3:1: b: needs entity: with what to read, or create: with what to add to",
    ),
    (
        "B: {connector: sqlite, operation: pay}",
        "c.yaml:1:1: B: is no name of a look-up; write lower-case words joined by _",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text.splitlines()[-1][:50] for text, _ in BAD])
def test_each_mistake_is_told_once_with_its_place_and_its_remedy(text: str, message: str) -> None:
    assert mistakes(text) == [message]


def test_a_secret_written_by_mistake_is_not_repeated_in_the_message() -> None:
    text = "connectors:\n  a: {kind: http, url: 'https://me:hunter2@a.example', login: {token_from: hunter2}}"
    assert len(mistakes(text)) == 2
    assert "hunter2" not in "".join(mistakes(text))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "a: {connector: x}\nb: {connector: sqlite, operation: q, extra: 1}\nc: []\n"
    assert [one.split(":")[1] for one in mistakes(text)] == ["1", "2", "2", "3"]


@pytest.fixture
def shop(tmp_path: Path):
    """The sample with other lines in connectors.yaml, and what the check says."""
    for source in [*MENUS.glob("*.yaml"), *MENUS.glob("prompts/*.yaml")]:
        target = tmp_path / source.relative_to(MENUS)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text())

    def check(old: str, new: str, more: str = "") -> list[str]:
        path = tmp_path / "connectors.yaml"
        text = (MENUS / "connectors.yaml").read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1) + more)
        return [str(one).replace(f"{tmp_path}/", "") for one in check_menu("northgas", tmp_path)]

    return check


def test_a_menu_is_checked_against_what_its_look_ups_take_and_give(shop) -> None:
    system = "\nconnectors:\n  web: {kind: http, url: 'https://a.example'}\n"
    old = "balance:      {connector: sqlite, operation: balance}"
    new = "balance: {connector: web, path: 'bills/{acount}', gives: {amount_due: {as: money}}}"
    data = "(data: of northgas.yaml)"
    assert [one.split(": ", 2)[1:] for one in shop(old, new, system)] == [
        [
            "balance",
            f"takes 'acount', which the menu does not hand over; did you mean account?; add it to needs: {data}",
        ],
        ["balance", f"does not give 'due_date', which the menu counts on; known are amount_due {data}"],
    ]


def test_the_wrong_operation_of_the_store_is_found_by_what_it_gives(shop) -> None:
    found = shop("operation: balance}", "operation: last_bill}")
    assert len(found) == 2
    assert "balance: does not give 'amount_due', which the menu counts on" in found[0]


def test_something_done_once_cannot_be_answered_by_a_database(shop) -> None:
    system = "\nconnectors:\n  d: {kind: sql, url: 'sqlite:///x.db'}\n"
    old = "pay:          {connector: sqlite, operation: pay}"
    new = "pay: {connector: d, read: 'SELECT receipt FROM r WHERE a = :account', gives: {receipt: receipt}}"
    (found,) = shop(old, new, system)
    assert "pay: is done once, but databases are only read; answer it by another connector" in found


def test_a_colon_in_a_text_of_a_select_is_no_parameter(shop) -> None:
    system = "\nconnectors:\n  d: {kind: sql, url: 'sqlite:///x.db'}\n"
    old = "outage:       {connector: sqlite, operation: outage}"
    new = """outage:
  connector: d
  read: "SELECT area, back_at::text AS b FROM o WHERE phone = :phone AND kind <> 'a:b'"
  gives: {area: area, back_at: {from: b, as: time}}"""
    assert shop(old, new, system) == []


def test_one_mistake_hides_no_other_below_it() -> None:
    text = """\
connectors:
  web: {knid: htpp, url: https://crm.example, tires: many}
  bills: {kind: oracle, url: x}
balance:
  conector: wbe
  pth: "{acc"
  gvies: {amount_due: {from: due, az: mony}}
  outcomes: [{status: 4o4, is: gone}]
last_bill: {connector: bills, raed: nothing}
"""
    assert [one.removeprefix("c.yaml:") for one in mistakes(text)] == [
        "2:9: connectors.web.knid: is not known here; did you mean kind?",
        "2:15: connectors.web.kind: 'htpp' is not one of sql, http, odata, soap; did you mean http?",
        "2:47: connectors.web.tires: is not known here; did you mean tries?",
        "2:54: connectors.web.tries: 'many' is no whole number from 1 to 5",
        "3:17: connectors.bills.kind: 'oracle' is not one of sql, http, odata, soap; "
        "known are http, odata, soap, sql",
        "5:3: balance.conector: is not known here; did you mean connector?",
        "5:13: balance.connector: 'wbe' is no connector of this file; did you mean web?",
        "6:3: balance.pth: is not known here; did you mean path?",
        "6:8: balance.path: has a brace that is no value at character 1; write {name}",
        "7:3: balance.gvies: is not known here; did you mean gives?",
        "7:35: balance.gives.amount_due.az: is not known here; known are as, each, from",
        "8:23: balance.outcomes[1].status: '4o4' is no HTTP status; write 404 or [404, 410]",
        "8:32: balance.outcomes[1].is: 'gone' is not one of ok, not_found, refused, slow, down; "
        "known are down, not_found, ok, refused, slow",
    ]
