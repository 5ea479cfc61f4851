from __future__ import annotations

import asyncio
import json
import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ivr.cli.customers import customers_app
from ivr.errors import StoreError
from ivr.store.samples import sample_customers
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_pins import PinHasher

HEADER = "account,pin,phone,first_name,amount_due\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    async def make() -> None:
        store = await SqliteStore.open(tmp_path / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        await store.close()

    asyncio.run(make())
    file = tmp_path / "ivr.toml"
    file.write_text(f'[store]\npath = "{tmp_path / "ivr.db"}"\n')
    return file


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(customers_app, [*words, "--config", str(config)])


def test_the_list_names_every_customer_and_no_pin(config: Path) -> None:
    result = run(config, "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 35
    assert re.search(
        r"4000000002 +Maria Jensen +\+15550100 +en +84\.20 +\d{4}-\d\d-\d\d +bank account ending 4417", lines[1]
    )
    assert re.search(r"4000000036 +Priya Nair .* locked$", lines[4].rstrip())
    groups_of_four = set(re.findall(r"(?<!\d)\d{4}(?!\d)", result.stdout))
    assert "4417" in groups_of_four
    assert not groups_of_four & {row.pin for row in sample_customers(date(2026, 1, 1))}


def test_the_list_for_machines_is_exact_and_has_no_pin(config: Path) -> None:
    customers = json.loads(run(config, "list", "--json").stdout)
    assert len(customers) == 34
    maria = customers[0]
    assert (maria["account"], maria["amount_due"], maria["locked"]) == ("4000000002", "84.20", False)
    assert not [name for name in maria if "pin" in name]
    assert [one["account"] for one in customers if one["locked"]] == ["4000000036"]


def test_one_customer_is_shown_with_payments(config: Path) -> None:
    result = run(config, "show", "4000000002")
    assert result.exit_code == 0
    text = re.sub(" +", " ", result.stdout)
    assert "name Maria Jensen" in text and "pays by bank account ending 4417" in text and "locked no" in text
    assert re.search(r"\d{4}-\d\d-\d\d 79\.55", text)
    assert "2580" not in text and "argon2" not in text
    shown = json.loads(run(config, "show", "4000000002", "--json").stdout)
    assert [one["paid"] for one in shown["payments"]] == ["79.55", "81.10", "96.32"]
    assert shown["promises"] == []


@pytest.mark.parametrize("command", ["show", "unlock"])
def test_an_account_that_is_not_there_is_code_1_and_one_line(config: Path, command: str) -> None:
    result = run(config, command, "4000000341")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "ivr: there is no customer with account '4000000341'\n"
    result = run(config, command, "40")
    assert result.exit_code == 1
    assert result.stderr == (
        "ivr: there is no customer with account '40'; "
        "an account number has ten digits, the last of them a check digit\n"
    )


def test_unlock_lets_the_locked_sample_in_again(config: Path) -> None:
    assert re.search("locked +until", run(config, "show", "4000000036").stdout)
    result = run(config, "unlock", "4000000036")
    assert (result.exit_code, result.stdout) == (0, "4000000036 is unlocked\n")
    assert re.search("locked +no", run(config, "show", "4000000036").stdout)


def test_import_says_how_many_were_added_and_updated(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text(HEADER + "4000000341,4711,+15559001,Ada,12.50\n4000000002,,+15550100,Maria,1.00\n")
    result = run(config, "import", str(file))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "1 added, 1 updated\n", "")
    assert json.loads(run(config, "show", "4000000341", "--json").stdout)["amount_due"] == "12.50"
    result = run(config, "import", str(file), "--json")
    assert json.loads(result.stdout) == {"added": 0, "updated": 2, "removed": 0}


def test_import_names_every_bad_line_and_imports_nothing(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text(
        HEADER + "4000000341,4711,+15559001,Ada,12.50\n4000000358,47,+15559002,Bo,x\n4000000366,,,Cy,1\n"
    )
    result = run(config, "import", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"ivr: {file}:3: pin: must be four digits; format the column as text, "
        "or a spreadsheet drops noughts at its start",
        f"ivr: {file}:3: amount_due: is 'x'; write the amount like 84.20, without sign of currency or thousands",
        f"ivr: {file}:4: pin: is missing; 4000000366 is a new customer and needs a PIN, four digits",
        f"ivr: nothing was imported; 3 mistakes in {file}",
    ]
    assert run(config, "show", "4000000341").exit_code == 1


def test_a_file_that_is_not_there_is_code_2_and_one_line(config: Path, tmp_path: Path) -> None:
    result = run(config, "import", str(tmp_path / "none.csv"))
    assert result.exit_code == 2
    assert "none.csv: cannot be read: No such file or directory; name a CSV or JSON file" in result.stderr
    assert "Traceback" not in result.stderr


def test_import_takes_the_samples_out_when_asked(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "real.json"
    file.write_text('[{"account": "4000000341", "pin": "4711", "phone": "", "first_name": "Ada"}]')
    result = run(config, "import", str(file), "--without-samples")
    assert result.stdout == "1 added, 0 updated, 34 samples removed\n"
    assert [one["account"] for one in json.loads(run(config, "list", "--json").stdout)] == ["4000000341"]


def test_a_damaged_store_is_an_error_fit_for_people(config: Path, tmp_path: Path) -> None:
    (tmp_path / "ivr.db").write_bytes(b"no database" * 999)
    result = run(config, "list")
    assert isinstance(result.exception, StoreError)  # main() makes it one line and code 2
    assert str(result.exception).startswith(f"the store {tmp_path / 'ivr.db'} cannot be used: ")


def test_a_name_cannot_steer_the_terminal(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(HEADER + "4000000341,4711,+15559001,[red]Ada[/red],12.50\n")
    assert run(config, "import", str(file)).exit_code == 0
    assert "[red]Ada[/red]" in run(config, "list").stdout


def test_help_tells_a_stranger_the_columns(config: Path) -> None:
    text = re.sub(r"[\s│]+", " ", CliRunner().invoke(customers_app, ["import", "--help"]).stdout)
    for word in ("bill_amount", "method_last4", "semicolon", "four digits", "--without-samples"):
        assert word in text


def test_a_customer_is_shown_with_the_agents_he_spoke_with(config: Path, tmp_path: Path) -> None:
    contact = {
        "id": "c1-h1.1",
        "call_id": "c1",
        "account": "4000000002",
        "agent": "desk1",
        "reason": "BILL",
        "how": "routed",
        "began": "2026-11-22T15:01:05.000+00:00",
        "notes": [{"at": "2026-11-22T15:02:00.000+00:00", "text": "wants a paper bill"}],
        "wrap_up_reason": None,
    }

    async def add() -> None:
        store = await SqliteStore.open(tmp_path / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        await store.save_contact(contact)
        await store.save_contact({**contact, "id": "c2-h1.1", "account": "4000000010", "agent": "desk9"})
        await store.close()

    asyncio.run(add())
    shown = re.sub(r"[\s│─┃━]+", " ", run(config, "show", "4000000002").stdout)
    assert "2026-11-22 15:01 desk1 BILL routed – c1" in shown
    assert "desk1 wants a paper bill" in shown
    assert "desk9" not in shown
    assert json.loads(run(config, "show", "4000000002", "--json").stdout)["contacts"] == [contact]
