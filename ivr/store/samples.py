"""The sample customers of a new store. Test data: the PINs are public, so nothing real may hang on them.

Dates count from the day the store is made; the table is otherwise the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ivr.store.numbers import luhn_digit
from ivr.store.rows import CustomerRow, PastPayment

SAMPLE_LOCK = timedelta(days=3650)
"""The locked sample stays locked, for trying it out, until somebody unlocks it."""
LOCKED_SAMPLES = frozenset({"4000000036"})
SHOWN = ("4000000002", "4000000010", "4000000028", "4000000036")
"""The ones told about when the engine starts."""


@dataclass(frozen=True, slots=True)
class SampleOutage:
    """Somewhere without power."""

    area: str
    back_at: datetime
    """UTC, on a full half hour."""
    zone: str
    """IANA time zone the area lives by."""


# account, PIN, telephone, first and last name, language, due, days until due, last bill, days since the bill,
# way to pay, its last four, area, payments as (days ago, amount), notes
_FIRST = (
    ("4000000002", "2580", "+15550100", "Maria", "Jensen", "en", "84.20", 12, "84.20", 18,
     "bank account", "4417", "Riverside", ((19, "79.55"), (49, "81.10"), (80, "96.32")), ""),
    ("4000000010", "1397", "+15550101", "Carlos", "Ibarra", "es", "0.00", None, "61.05", 25,
     "card", "0923", "Old Town", ((9, "61.05"), (40, "58.40")), ""),
    ("4000000028", "4071", "+15550102", "Walter", "Osei", "en", "1312.07", -5, "1312.07", 35,
     "", "", "Cedar Hill", (), ""),
    ("4000000036", "9924", "+15550103", "Priya", "Nair", "en", "19.99", 20, "19.99", 10,
     "", "", "Harbor Point", (), "locked"),
)  # fmt: skip

# PIN, first and last name, language, due, days until due, last bill, days since the bill, way to pay, its last
# four, area, payments. Accounts and telephones follow on from the four above.
_MORE = (
    ("6182", "Aisha", "Rahman", "en", "112.45", 9, "112.45", 21, "card", "7730", "Riverside", ((22, "108.10"),)),
    ("3047", "Lucia", "Fuentes", "es", "47.80", 15, "47.80", 15, "bank account", "1182", "Old Town",
     ((16, "47.80"), (46, "49.95"))),
    ("7519", "Tom", "Becker", "en", "0.00", None, "203.16", 28, "bank account", "9045", "Cedar Hill",
     ((6, "203.16"), (37, "188.72"), (67, "240.03"), (98, "251.60"))),
    ("2864", "Elena", "Marquez", "es", "1.00", 3, "1.00", 27, "card", "3318", "Harbor Point", ((28, "64.00"),)),
    ("9403", "Grace", "Lindqvist", "en", "76.33", 18, "76.33", 12, "card", "5562", "Mill Park", ((13, "72.09"),)),
    ("1758", "Andre", "Baptiste", "en", "310.90", -12, "155.45", 16, "", "", "Mill Park", ((75, "149.20"),)),
    ("8236", "Rosa", "Delgado", "es", "93.07", 11, "93.07", 19, "bank account", "6604", "Riverside",
     ((20, "90.00"), (51, "88.15"))),
    ("4690", "Henry", "Adeyemi", "en", "-25.00", None, "54.61", 22, "card", "8127", "Old Town", ((2, "79.61"),)),
    ("5321", "Sofia", "Castellanos", "es", "128.74", 6, "128.74", 24, "card", "2096", "Cedar Hill", ()),
    ("7084", "Peter", "Novak", "en", "66.02", 14, "66.02", 16, "bank account", "7341", "Harbor Point",
     ((17, "61.90"), (48, "63.44"), (78, "70.18"))),
    ("3915", "Janet", "Holloway", "en", "0.01", 21, "88.51", 9, "card", "4408", "Mill Park", ((3, "88.50"),)),
    ("6470", "Diego", "Salazar", "es", "412.00", -30, "137.33", 30, "", "", "Riverside", ()),
    ("2193", "Yuki", "Tanaka", "en", "59.99", 8, "59.99", 22, "card", "1650", "Old Town", ((23, "59.99"),)),
    ("8841", "Fatima", "Zahra", "en", "101.01", 17, "101.01", 13, "bank account", "3987", "Cedar Hill",
     ((14, "97.20"), (44, "99.99"))),
    ("1526", "Miguel", "Ortega", "es", "0.00", None, None, None, "bank account", "5273", "Harbor Point", ()),
    ("9637", "Olivia", "Sorensen", "en", "240.50", 10, "240.50", 20, "card", "9914", "Mill Park",
     ((21, "231.75"), (52, "236.40"))),
    ("4358", "Bilal", "Hussain", "en", "18.06", 19, "18.06", 11, "card", "6235", "Riverside", ((12, "22.48"),)),
    ("7902", "Carmen", "Vidal", "es", "73.21", 13, "73.21", 17, "card", "8870", "Old Town",
     ((18, "70.02"), (49, "75.66"))),
    ("3264", "Samuel", "Okafor", "en", "530.15", 2, "265.08", 28, "bank account", "2741", "Cedar Hill",
     ((60, "260.00"),)),
    ("6719", "Ingrid", "Falk", "en", "39.40", 16, "39.40", 14, "", "", "Harbor Point", ((15, "41.12"),)),
    ("2045", "Javier", "Rios", "es", "85.60", 7, "85.60", 23, "bank account", "7016", "Mill Park",
     ((24, "83.25"),)),
    ("8573", "Naomi", "Feldman", "en", "0.00", None, "44.90", 26, "card", "3459", "Riverside",
     ((5, "44.90"), (36, "47.05"))),
    ("5108", "Victor", "Petrov", "en", "157.28", -2, "157.28", 32, "card", "1193", "Old Town", ((63, "142.67"),)),
    ("9286", "Isabel", "Cortes", "es", "21.00", 20, "21.00", 10, "card", "6682", "Cedar Hill", ((11, "23.50"),)),
    ("1834", "Darnell", "Hughes", "en", "98.76", 5, "98.76", 25, "bank account", "4520", "Harbor Point",
     ((26, "94.31"), (56, "101.87"))),
    ("7460", "Mei", "Zhang", "en", "64.00", 12, "64.00", 18, "bank account", "8305", "Mill Park",
     ((19, "66.60"),)),
    ("3692", "Ramon", "Guerrero", "es", "1045.99", -45, "348.66", 15, "", "", "Riverside", ()),
    ("6027", "Hannah", "Whitlock", "en", "52.35", 22, "52.35", 8, "card", "5748", "Old Town", ((9, "50.80"),)),
    ("4915", "Kwame", "Mensah", "en", "119.19", 4, "119.19", 26, "card", "9061", "Cedar Hill",
     ((27, "117.00"), (58, "121.44"), (89, "130.02"))),
    ("8350", "Beatriz", "Luna", "es", "33.33", 9, "33.33", 21, "bank account", "2217", "Harbor Point",
     ((22, "35.10"),)),
)  # fmt: skip


def sample_customers(today: date) -> list[CustomerRow]:
    """All of them; dates count from `today`."""
    rows = list(_FIRST)
    for number, (pin, *rest) in enumerate(_MORE, len(_FIRST)):
        payload = f"4000000{number:02d}"
        rows.append((payload + luhn_digit(payload), pin, f"+15550{100 + number}", *rest, ""))  # type: ignore[arg-type]
    return [_row(today, *row) for row in rows]


def _row(
    today: date,
    account: str,
    pin: str,
    phone: str,
    first_name: str,
    last_name: str,
    language: str,
    due: str,
    due_in: int | None,
    bill: str | None,
    billed_ago: int | None,
    method: str,
    last4: str,
    area: str,
    payments: tuple[tuple[int, str], ...],
    notes: str,
) -> CustomerRow:
    values = {
        "phone": phone,
        "first_name": first_name,
        "last_name": last_name,
        "language": language,
        "amount_due": Decimal(due),
        "due_date": None if due_in is None else today + timedelta(days=due_in),
        "bill_amount": None if bill is None else Decimal(bill),
        "bill_date": None if billed_ago is None else today - timedelta(days=billed_ago),
        "method_name": method,
        "method_last4": last4,
        "area": area,
        "notes": notes,
    }
    past = tuple(PastPayment(today - timedelta(days=ago), Decimal(paid)) for ago, paid in payments)
    return CustomerRow(account, values, pin, payments=past)


def sample_pins() -> dict[str, str]:
    """PIN by account, of the accounts shown at the start. For a terminal; never for a log."""
    return {row[0]: row[1] for row in _FIRST}


def sample_outages(now: datetime) -> list[SampleOutage]:
    """Under a day long, so that the time of day alone says when it ends."""
    zone = "America/New_York"
    return [
        SampleOutage("Riverside", _half_hour(now + timedelta(hours=20)), zone),
        SampleOutage("Cedar Hill", _half_hour(now + timedelta(hours=5)), zone),
    ]


def _half_hour(at: datetime) -> datetime:
    """The next full half hour."""
    seconds = -at.astimezone(UTC).timestamp() % 1800
    return at.astimezone(UTC) + timedelta(seconds=seconds)
