"""`ivr customers`: the customers in the store, from files and for people to read. Never shows a PIN."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.cli.contact_table import tell_contacts
from ivr.cli.tables import cell, complain, console, plain, print_json, table
from ivr.config import load_settings
from ivr.errors import ImportRowsError, Problem
from ivr.store.contracts import Customer
from ivr.store.import_fields import FIELDS
from ivr.store.importing import parse_customers
from ivr.store.numbers import is_account
from ivr.store.rows import ImportSummary
from ivr.store.sqlite import SqliteStore

T = TypeVar("T")
Shown = tuple[
    Customer | None, list[dict[str, object]], list[dict[str, object]], list[dict[str, Any]]
]  # with payments, promises, contacts
NOT_FOUND, BAD_INPUT = 1, 2

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Settings file; else IVR_CONFIG, else ivr.toml here or above.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Account = Annotated[str, typer.Argument(help="Account number, ten digits.", show_default=False)]

customers_app = typer.Typer(
    no_args_is_help=True,
    help="Customers in the store: import them from a file, list them, show one, unlock one.",
)


def with_store(config: Path | None, work: Callable[[SqliteStore], Awaitable[T]], *, create: bool = True) -> T:
    """`work` with the store of the settings; a missing one is made, with the sample customers, if `create`."""
    settings = load_settings(config).store

    async def run() -> T:
        async with await SqliteStore.open(settings.path, currency=settings.currency, create=create) as store:
            return await work(store)

    return asyncio.run(run())


@customers_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV or JSON file, UTF-8.", show_default=False)],
    without_samples: Annotated[
        bool, typer.Option("--without-samples", help="Take the sample customers out of the store.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Add the customers of FILE, and update the ones the store has. All of them, or none if one line is bad.

    The first line of a CSV file names its columns (comma, semicolon or tab between them); JSON is a list of
    objects. Only the account is needed for customers the store has: columns that are not there leave what is
    stored, an empty PIN keeps the PIN. New customers need pin (four digits), phone and first_name as well.
    """
    try:
        summary = with_store(config, lambda store: _import(store, file, without_samples))
    except ImportRowsError as error:
        for problem in error.problems:
            complain(plain(problem))
        many = len(error.problems)
        complain(f"nothing was imported; {many} mistake{'s' if many > 1 else ''} in {plain(file)}")
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        print_json(dataclasses.asdict(summary))
        return
    removed = f", {summary.removed} samples removed" if without_samples else ""
    print(f"{summary.added} added, {summary.updated} updated{removed}")


import_.__doc__ = f"{import_.__doc__}\n    Columns: {', '.join(FIELDS)}.\n"


async def _import(store: SqliteStore, file: Path, without_samples: bool) -> ImportSummary:
    try:
        data = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImportRowsError(
            [Problem(str(file), f"cannot be read: {reason}; name a CSV or JSON file")]
        ) from error
    rows = await asyncio.to_thread(parse_customers, data, str(file), known=await store.accounts())
    columns = (TextColumn("PINs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        task = progress.add_task("PINs", total=None)
        return await store.import_customers(
            rows,
            path=str(file),
            without_samples=without_samples,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


@customers_app.command("list")
def list_(as_json: Json = False, config: Config = None) -> None:
    """All customers, in the order of their accounts."""
    customers = with_store(config, lambda store: store.customers())
    if as_json:
        print_json([document(customer) for customer in customers])
        return
    shown = table("account", "name", "telephone", "lang", "due", "due on", "pays by", "locked", right=("due",))
    for one in customers:
        name = f"{one.first_name} {one.last_name}".strip()
        locked = _when(one.locked_until) and "locked"
        day = one.due_date or "–"
        shown.add_row(
            *map(cell, (one.account, name, one.phone, one.language, one.amount_due, day, _method(one), locked))
        )
    console().print(shown)


@customers_app.command()
def show(account: Account, as_json: Json = False, config: Config = None) -> None:
    """One customer with payments, promises to pay, and the agents he spoke with."""

    async def read(store: SqliteStore) -> Shown:
        return (
            await store.customer(account),
            await store.payments(account),
            await store.promises(account),
            await store.contacts(account=account),
        )

    customer, payments, promises, contacts = with_store(config, read)
    if customer is None:
        raise _no_such(account)
    if as_json:
        more = {"payments": [_plain(one) for one in payments], "promises": [_plain(one) for one in promises]}
        print_json({**document(customer), **more, "contacts": contacts})
        return
    _print_customer(customer, payments, promises)
    tell_contacts(contacts, console())


@customers_app.command()
def unlock(account: Account, config: Config = None) -> None:
    """Let an account be tried again that five wrong PINs have locked."""
    if not with_store(config, lambda store: store.unlock(account)):
        raise _no_such(account)
    print(f"{account} is unlocked")


def _no_such(account: str) -> typer.Exit:
    why = "" if is_account(account) else "; an account number has ten digits, the last of them a check digit"
    complain(f"there is no customer with account {plain(account)!r}{why}")
    return typer.Exit(NOT_FOUND)


def document(customer: Customer) -> dict[str, Any]:
    """For machines: money as text with two places, days and times as ISO 8601."""
    return {**_plain(dataclasses.asdict(customer)), "locked": customer.locked_until is not None}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value)
        if isinstance(value, Decimal)
        else value.isoformat()
        if isinstance(value, date | datetime)
        else value
        for name, value in values.items()
    }


def _print_customer(
    customer: Customer, payments: list[dict[str, object]], promises: list[dict[str, object]]
) -> None:
    out = console()
    facts = table("account", customer.account)
    bill = f"{customer.bill_amount} of {customer.bill_date}" if customer.bill_amount is not None else "none"
    due = f"{customer.amount_due}" + (f", due on {customer.due_date}" if customer.due_date else "")
    for label, value in (
        ("name", f"{customer.first_name} {customer.last_name}".strip()),
        ("telephone", customer.phone or "none"),
        ("language", customer.language),
        ("area", customer.area or "none"),
        ("owes", due),
        ("last bill", bill),
        ("pays by", _method(customer) or "nothing on file"),
        ("locked", f"until {_when(customer.locked_until)}" if customer.locked_until else "no"),
        *([("remarks", customer.notes)] if customer.notes else []),  # notes are what agents wrote, further down
    ):
        facts.add_row(cell(label), cell(value))
    out.print(facts)
    if payments:
        paid = table("paid on", "paid", right=("paid",))
        for one in payments:
            paid.add_row(cell(one["paid_on"]), cell(one["paid"]))
        out.print("", paid)
    if promises:
        promised = table("promised for", "amount", "number", right=("amount",))
        for one in promises:
            promised.add_row(cell(one["promise_date"]), cell(one["amount"]), cell(one["promise_id"]))
        out.print("", promised)


def _method(customer: Customer) -> str:
    return f"{customer.method_name} ending {customer.method_last4}" if customer.method_name else ""


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
