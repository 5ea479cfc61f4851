"""From data the schema has typed to the `Menu` the machine plays.

What a schema cannot say about single values is checked on the way: conditions, zones, days of the week.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.errors import Problem
from ivr.menu import model
from ivr.menu.expressions import Comparison, Condition, ExpressionError, Joined, Name, Test, faults, literal, parse
from ivr.menu.model import BUILT_IN, Choice, Manners, Menu, Miss, Setting
from ivr.menu.prompts import PromptBook
from ivr.menu.schema import Keys, find, line_of, meant, where
from ivr.menu.source import Node

KEYS = {"star": "*", "hash": "#"}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
STUCK = 6
"""Misses in a call after which somebody should take over (M9)."""
DEFAULTS: dict[str, Any] = {
    "listen": ["keys", "speech"],
    "interrupt": "any",
    "wait": "5s",
    "between_keys": "3s",
    "end_key": "hash",
    "sure_enough": 0.5,
}
EMERGENCY = "emergency"
"""The queue that is the emergency line where the menu names no other."""
LONGEST_RECORDING = 600
"""Seconds; a longer message is listened to by nobody, and each takes 1 MB a minute."""
SILENCE_AFTER = "3s"
"""Silence that ends a recording: longer than people pause between two sentences."""
_NEVER: Condition = Comparison("", "==", "")


@dataclass(frozen=True, slots=True)
class Built:
    menu: Menu
    problems: list[Problem]
    unread: frozenset[str] = frozenset()
    """Words of conditions with mistakes: any of them may be known to be set where the condition holds."""


def build(root: Node, data: dict[str, Any], path: str, books: Mapping[str, PromptBook]) -> Built:
    """`data` has passed the schema; `books` are the prompts by language code. The version is set by `load`."""
    builder = _Builder(root, data, path)
    menu = builder.menu(books)
    return Built(menu, builder.problems, frozenset(builder.unread))


def seconds(text: str) -> float:
    """``800ms`` as 0.8."""
    match = re.fullmatch(r"([0-9]+)(ms|[smhd])", text)
    assert match is not None, text
    return int(match[1]) * UNITS[match[2]]


def key_sign(key: int | str) -> str:
    """``star`` as ``*``, 1 as ``1``."""
    return KEYS.get(str(key), str(key))


class _Builder:
    def __init__(self, root: Node, data: dict[str, Any], path: str) -> None:
        self.root, self.data, self.path = root, data, path
        self.problems: list[Problem] = []
        self.unread: set[str] = set()
        self.known = frozenset(_names(data))

    def wrong(self, at: Keys, message: str) -> None:
        place = find(self.root, at)
        if place.line:  # else it was made up
            self.problems.append(Problem(self.path, message, place.line, place.column, where(at)))

    def menu(self, books: Mapping[str, PromptBook]) -> Menu:
        data = self.data
        empty = {code: PromptBook(code, "", {}) for code in (one["code"] for one in data["languages"])}
        attached = data.get("attached_data", {"application": "", "fields": {}})
        self.manners = self.asking({}, data["defaults"], ("defaults",))
        sources = {name: _source(one) for name, one in data.get("data", {}).items()}
        line = data.get("emergency", EMERGENCY if EMERGENCY in data.get("queues", {}) else "")
        asked = {step["as"] for step in data["steps"].values() if step["type"] == "ask" and step.get("secret")}
        return Menu(
            name=data["name"],
            title=data.get("title", data["name"]),
            path=self.path,
            version="",
            start=data["start"],
            languages=tuple(
                model.Language(one["code"], one.get("voice", ""), books.get(one["code"], empty[one["code"]]))
                for one in data["languages"]
            ),
            manners=self.manners,
            stuck=data["defaults"].get("stuck", STUCK),
            on_fault=data["defaults"]["on_fault"],
            everywhere=self.choices(data.get("everywhere", []), ("everywhere",)),
            levels={name: model.Level(**one) for name, one in data.get("levels", {}).items()},
            hours={name: self.hours(one, ("hours", name)) for name, one in data.get("hours", {}).items()},
            data=sources,
            queues={name: _queue(name, one) for name, one in data.get("queues", {}).items()},
            application=attached["application"],
            fields=attached["fields"],
            from_agent={
                _agent_field(field, attached["application"]): name
                for field, name in attached.get("from_agent", {}).items()
            },
            steps={name: self.step(name, step) for name, step in data["steps"].items()},
            secrets=frozenset(asked.union(*(one.secret for one in sources.values()))),
            takes=tuple(data.get("takes", ())),
            gives=tuple(data.get("gives", ())),
            emergency=line if isinstance(line, str) else "",
            no_emergency="" if isinstance(line, str) else line["none"],
            runs_inside="takes" in data or "gives" in data,
        )

    # --- steps ---------------------------------------------------------------------------------------

    def step(self, name: str, step: dict[str, Any]) -> model.AnyStep:
        at: Keys = ("steps", name)
        common: dict[str, Any] = {
            "name": name,
            "line": line_of(self.root, at),
            "say": _say(step.get("say")),
            "note": step.get("note", ""),
            "goal": step.get("goal", ""),
            "requires": step.get("requires", ""),
            "miss": step.get("miss", ""),
            "set": self.sets(step.get("set", {})),
            "allow": {one["proof"]: one["why"] for one in step.get("allow", [])},
        }
        made: model.AnyStep = getattr(self, f"{step['type']}_step")(step, at, common)
        return made

    def say_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.SayStep:
        each = model.Each(**step["each"]) if "each" in step else None
        interrupt = step.get("interrupt", self.manners.interrupt)
        return model.SayStep(**common, go=step["go"], each=each, interrupt=interrupt)

    def menu_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.MenuStep:
        choices = self.choices(step["choices"], (*at, "choices"))
        return model.MenuStep(**common, choices=choices, manners=self.question(step, at))

    def ask_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.AskStep:
        return model.AskStep(
            **common,
            take=_take(step["take"]),
            answer=step["as"],
            go=step["go"],
            manners=self.question(step, at),
            secret=step.get("secret", False),
            confirm=step.get("confirm", ""),
        )

    def lookup_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.LookupStep:
        exits: dict[str, str] = {
            name: step[name] for name in ("ok", "not_found", "refused", "down") if name in step
        }
        exits["slow"] = step.get("slow", step["down"])
        grants, meanwhile = step.get("grants", ""), step.get("meanwhile", "")
        return model.LookupStep(**common, use=step["use"], exits=exits, grants=grants, meanwhile=meanwhile)

    def check_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.CheckStep:
        when = tuple(
            model.When(self.condition(one["if"], (*at, "when", number, "if")), one["go"])
            for number, one in enumerate(step["when"])
        )
        return model.CheckStep(**common, when=when, otherwise=step["else"])

    def handoff_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.HandoffStep:
        return model.HandoffStep(
            **common,
            queue=step["queue"],
            reason=step["reason"],
            exits={name: step[name] for name in ("callback", "busy", "closed", "failed") if name in step},
            priority_raise=step.get("raise", 0),
            waiting=step.get("waiting", ""),
            place=step.get("place", ""),
            resume=step.get("resume", ""),
        )

    def transfer_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.TransferStep:
        return model.TransferStep(**common, to=step["to"], failed=step["failed"])

    def callback_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.CallbackStep:
        return model.CallbackStep(
            **common,
            number=step["number"],
            ok=step["ok"],
            failed=step["failed"],
            manners=self.manners,
            ask=step.get("ask", model.ASK_NUMBER),
            keep_place=step.get("keep_place", False),
            rings=step.get("rings", ""),
        )

    def record_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.RecordStep:
        most = seconds(step["most"])
        if most > LONGEST_RECORDING:
            self.wrong((*at, "most"), f"is {step['most']}; at most {LONGEST_RECORDING // 60:g}m are recorded")
        return model.RecordStep(
            **common,
            answer=step["as"],
            most=most,
            wait=seconds(step.get("wait", SILENCE_AFTER)),
            end_key=key_sign(step["end_key"]) if "end_key" in step else self.manners.end_key,
            go=step["go"],
        )

    def run_step(self, step: dict[str, Any], at: Keys, common: dict[str, Any]) -> model.RunStep:
        takes, gives = self.sets(step.get("with", {})), step.get("gives", {})
        return model.RunStep(**common, menu=step["menu"], takes=takes, gives=gives, go=step["go"])

    # --- parts of steps --------------------------------------------------------------------------------

    def choices(self, rows: list[dict[str, Any]], at: Keys) -> tuple[Choice, ...]:
        return tuple(self.choice(row, (*at, number)) for number, row in enumerate(rows))

    def choice(self, row: dict[str, Any], at: Keys) -> Choice:
        show_if = self.condition(row["show_if"], (*at, "show_if")) if "show_if" in row else None
        spoken = row.get("speak", [])
        speak_in = {code: _phrases(rows) for code, rows in spoken.items()} if isinstance(spoken, dict) else {}
        return Choice(
            go=row["go"],
            press=key_sign(row["press"]) if "press" in row else "",
            speak=next(iter(speak_in.values())) if speak_in else _phrases(spoken),
            speak_in=speak_in,
            offer=row.get("offer", ""),
            show_if=show_if,
            set=self.sets(row.get("set", {})),
            line=find(self.root, at).line,
        )

    def question(self, step: dict[str, Any], at: Keys) -> Manners:
        """A secret is keyed, whatever the defaults say: others hear what is said aloud."""
        keyed = {"listen": ["keys"]} if step.get("secret") and "listen" not in step else {}
        return self.asking({**step, **keyed}, self.data["defaults"], at)

    def asking(self, step: dict[str, Any], defaults: dict[str, Any], at: Keys) -> Manners:
        chosen = {**DEFAULTS, **defaults, **step}
        fault = [{"go": defaults["on_fault"]}]
        return Manners(
            listen=frozenset(chosen["listen"]),
            interrupt=chosen["interrupt"],
            wait=seconds(chosen["wait"]),
            between_keys=seconds(chosen["between_keys"]),
            end_key=key_sign(chosen["end_key"]),
            sure_enough=float(chosen["sure_enough"]),
            no_input=self.misses(chosen.get("no_input", fault)),
            no_match=self.misses(chosen.get("no_match", fault)),
        )

    def misses(self, rows: list[dict[str, Any]]) -> tuple[Miss, ...]:
        return tuple(Miss(_say(row.get("say")), self.sets(row.get("set", {})), row.get("go", "")) for row in rows)

    def sets(self, values: dict[str, str]) -> dict[str, Setting]:
        return {name: Name(text) if text in self.known else literal(text) for name, text in values.items()}

    def condition(self, text: str, at: Keys) -> Condition:
        try:
            return parse(text, self.known)
        except ExpressionError:
            errors, names = faults(text, self.known)
            for error in errors:
                self.wrong(at, f"column {error.column} of {text!r}: {error}; write it like amount_due > 0")
            self.unread.update(re.findall(r"[a-z][a-z0-9_]*", text))
            return Joined(False, (_NEVER, *(Test(name, True) for name in names)))

    # --- hours -----------------------------------------------------------------------------------------

    def hours(self, one: dict[str, Any], at: Keys) -> model.Hours:
        week: list[tuple[time, time] | None] = [None] * 7
        for days, span in one["week"].items():
            for day in self.days(days, (*at, "week", days)):
                week[day] = self.span(span, (*at, "week", days))
        closed_on = frozenset(date.fromisoformat(day) for day in one.get("closed_on", []))
        return model.Hours(self.zone(one["zone"], (*at, "zone")), tuple(week), closed_on)

    def zone(self, name: str, at: Keys) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.wrong(at, f"{name!r} is no time zone; write one such as America/New_York")
            return ZoneInfo("UTC")

    def days(self, text: str, at: Keys) -> range:
        first, _, last = text.partition("-")
        if first not in DAYS or (last or first) not in DAYS or DAYS.index(last or first) < DAYS.index(first):
            known = meant(first if first not in DAYS else last, DAYS)
            self.wrong(
                at, f"{text!r} is no day or range of days; write mon, or mon-fri in the order of the week{known}"
            )
            return range(0)
        return range(DAYS.index(first), DAYS.index(last or first) + 1)

    def span(self, text: str, at: Keys) -> tuple[time, time] | None:
        try:
            start, end = ("00:00" if part == "24:00" else part for part in text.split("-"))
            return time.fromisoformat(start), time.fromisoformat(end)
        except ValueError:
            self.wrong(at, f"{text!r} has no such time of day; write hours 00 to 24 and minutes 00 to 59")
            return None


def _phrases(rows: list[str]) -> tuple[str, ...]:
    return tuple(" ".join(phrase.lower().split()) for phrase in rows)


def _say(say: str | list[str] | None) -> tuple[str, ...]:
    return () if say is None else (say,) if isinstance(say, str) else tuple(say)


def _take(take: dict[str, Any]) -> model.Take:
    return model.Take(
        kind=take["kind"],
        length=take.get("length"),
        check=take.get("check", ""),
        least=Decimal(take["least"]) if "least" in take else None,
        most=Decimal(take["most"]) if "most" in take else None,
        within=seconds(take["within"]) if "within" in take else None,
    )


def _source(one: dict[str, Any]) -> model.DataSource:
    return model.DataSource(
        needs=tuple(one["needs"]),
        gives=tuple(one["gives"]),
        limit=seconds(one["limit"]),
        secret=frozenset(one.get("secret", [])),
        optional=frozenset(one.get("optional", [])),
        once=one.get("once", False),
        requires=one.get("requires", ""),
    )


def _agent_field(text: str, ours: str) -> model.AgentField:
    """``WISH`` is of our own block, ``IVR/CONTACT NOTE`` of another."""
    application, _, name = text.rpartition(" ")
    return model.AgentField(application or ours, name)


def _queue(name: str, one: dict[str, Any]) -> model.Queue:
    return model.Queue(
        name=name,
        skills=tuple(one["skills"]),
        priority=one["priority"],
        open=one["open"],
        ring=seconds(one["ring"]),
        longest=seconds(one["longest"]) if "longest" in one else None,
        spill=tuple(model.Spill(seconds(row["after"]), row["to"]) for row in one.get("spill", [])),
        strategy=one.get("strategy", ""),
    )


def _names(data: dict[str, Any]) -> set[str]:
    """Every name that stands for a value somewhere in the menu."""
    names = set(BUILT_IN).union(data.get("takes", ()))
    names.update(data.get("attached_data", {}).get("from_agent", {}).values())
    for source in data.get("data", {}).values():
        names.update(source["needs"], source["gives"])
    rows = [*data.get("everywhere", []), *_rows(data["defaults"])]
    for step in data["steps"].values():
        names.update(step[key] for key in ("as",) if key in step)
        names.update(step.get("gives", {}))
        rows += [step, *step.get("choices", []), *_rows(step)]
    for row in rows:
        names.update(row.get("set", {}))
    return names


def _rows(holder: dict[str, Any]) -> list[dict[str, Any]]:
    return [*holder.get("no_input", []), *holder.get("no_match", [])]
