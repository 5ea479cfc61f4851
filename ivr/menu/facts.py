"""What is known in one call: values, what the caller has proved, counters, the way so far."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ivr.menu.expressions import Name, is_set
from ivr.menu.model import BUILT_IN, Menu, Setting

NOTHING_PROVED = "no"
"""What the agent's screen says of a caller who has proved nothing (PROVED)."""


LONGEST_ENTERED = 500
"""Characters of what an agent entered that a menu reads: half a minute, said aloud. The next agent gets it all."""
EPOCH = datetime.fromtimestamp(0, UTC)
"""The wall clock before the call is answered."""


@dataclass
class Facts:
    """The memory of one call. Its repr shows no values."""

    menu: Menu
    call_id: str
    values: dict[str, object] = field(default_factory=dict, repr=False)
    path: list[str] = field(default_factory=list)
    reason: str = ""
    topic: str = ""
    misses: int = 0
    """Silences and unfit answers in the whole call."""
    stuck: int = 0
    """The same since somebody was last asked to help (M9)."""
    waited: float = 0.0
    """Seconds in queues so far."""
    position: int | None = None
    """Place in the queue, as it was told last; 1 is next."""
    wait_range: tuple[int, int] | None = None
    """Least and most minutes of the wait, as they were told last; None where nobody can say."""
    answered: dict[str, int] = field(default_factory=dict)
    """Misses of each question since it was last answered."""
    tries: dict[str, int] = field(default_factory=dict)
    """Failed tries to prove each level."""
    _proved: dict[str, dict[str, object]] = field(default_factory=dict, repr=False)
    """Levels in the order they were proved, with the values they were proved for."""
    _answered_utc: datetime = EPOCH
    _answered_at: float = 0.0

    def begin(self, calling_number: str, utc: datetime, now: float) -> None:
        self.values["phone"] = calling_number
        self._answered_utc, self._answered_at = utc.astimezone(UTC), now

    # --- time ----------------------------------------------------------------------------------------

    def utc(self, now: float) -> datetime:
        """Wall-clock time, carried forward from the moment the call was answered."""
        return self._answered_utc + timedelta(seconds=now - self._answered_at)

    def today(self, now: float) -> date:
        """The day where the office is: in the zone of the first opening hours, else UTC."""
        zones = [hours.zone for hours in self.menu.hours.values()]
        return self.utc(now).astimezone(zones[0] if zones else UTC).date()

    # --- values --------------------------------------------------------------------------------------

    @property
    def language(self) -> str:
        """Code of the language spoken now: the first one of the menu until another was set."""
        return str(self.values.get("language") or self.menu.languages[0].code)

    @property
    def level(self) -> str:
        """The level proved last, or ``no``."""
        return next(reversed(self._proved), NOTHING_PROVED)

    def all(self) -> dict[str, object]:
        """Values and built-ins (M17), for conditions and prompts."""
        return {
            **self.values,
            "level": self.level,
            "path": " ".join(self.path),
            "reason": self.reason,
            "topic": self.topic,
            "misses": self.misses,
            "waited": int(self.waited),
            "position": self.position,
            "wait_least": self.wait_range and self.wait_range[0],
            "wait_most": self.wait_range and self.wait_range[1],
        }

    def seen_from(self, scope: str) -> dict[str, object]:
        """As `all`, with the names of a menu that is run, where it does not see ours."""
        known = self.all()
        if not scope:
            return known
        ours = {name: known[name] for name in BUILT_IN if name in known}
        return ours | {name[len(scope) :]: value for name, value in known.items() if name.startswith(scope)}

    def put(self, name: str, value: object) -> None:
        """Set a value. A level proved for another one is proved no longer."""
        if name == "language" and value not in {language.code for language in self.menu.languages}:
            return
        if isinstance(value, str):
            value = value.strip()
        self.values[name] = value
        for level, proof in list(self._proved.items()):
            if name in proof and proof[name] != value:
                del self._proved[level]

    def enter(self, values: Mapping[str, str]) -> None:
        """Take what agents have entered; nothing that the menu does not read from them."""
        for name in self.menu.from_agent.values():
            self.put(name, values.get(name, "")[:LONGEST_ENTERED])

    def forget(self, names: Iterable[str]) -> None:
        """Drop values that an older look-up gave; the language and the number stay."""
        for name in names:
            if name not in ("language", "phone"):
                self.values.pop(name, None)

    def assign(self, settings: Mapping[str, Setting], before: Mapping[str, object] | None = None) -> None:
        """Do a ``set:``. Copies are of what was known `before`; otherwise before anything is changed here."""
        if not settings:
            return
        now = self.all() if before is None else before
        for name, setting in settings.items():
            self.put(name, now.get(setting.name) if isinstance(setting, Name) else setting)

    # --- levels --------------------------------------------------------------------------------------

    def holds(self, level: str) -> bool:
        return level in self._proved

    def prove(self, level: str, needs: Iterable[str]) -> None:
        """The caller has proved `level` with these values, of which the open ones are remembered."""
        proof = {name: self.values.get(name) for name in needs if name not in self.menu.secrets}
        self._proved.pop(level, None)
        self._proved[level] = proof
        self.tries[level] = 0

    def proved_as(self, same: Mapping[str, str]) -> None:
        """What was proved for a value of a menu that was run is proved for ours, if they are the same."""
        for proof in self._proved.values():
            for ours, theirs in same.items():
                if theirs in proof and proof[theirs] == self.values.get(ours):
                    proof[ours] = proof[theirs]

    # --- for others ------------------------------------------------------------------------------------

    def needed(self, names: Iterable[str]) -> dict[str, object] | None:
        """Values for a look-up; None if one of them is empty."""
        facts = self.all()
        found = {name: facts.get(name) for name in names}
        return found if all(is_set(value) for value in found.values()) else None

    def attached(self) -> tuple[dict[str, str], dict[str, str]]:
        """Fields for the agent's screen, and those that still grow. A secret is never among them."""
        facts = self.all() | {"language": self.language}
        fields, live = {}, {}
        for field_name, name in self.menu.fields.items():
            if name == "waited":
                live[field_name] = name
            elif name not in self.menu.secrets:
                fields[field_name] = plain(facts.get(name))
        return fields, live

    def once_key(self, name: str, values: Mapping[str, object]) -> str:
        """Idempotency key: the same look-up with the same values in the same call is done once."""
        open_values = {key: plain(value) for key, value in values.items() if key not in self.menu.secrets}
        digest = hashlib.sha256(repr(sorted(open_values.items())).encode()).hexdigest()[:16]
        return f"{self.call_id}/{name}/{digest}"


def plain(value: object) -> str:
    """A value as other programs read it: days in ISO 8601, amounts as decimal numbers, lists as their length."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return str(len(value))
    return str(value)
