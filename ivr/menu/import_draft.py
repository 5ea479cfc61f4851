"""A menu being made from another system's file: steps, prompts, and what became of every part."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Fate = Literal["taken", "changed", "lost"]
_PLAIN = re.compile(r"[A-Za-z0-9_+./-][A-Za-z0-9_+./ -]*")
_LOOKALIKES = frozenset({"on", "off", "yes", "no", "true", "false", "null"})
GIVE_UP = "give_up"
"""Step for callers who do not get on, where the other system does not say what then."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one part of the source."""

    fate: Fate
    line: int
    """In the source."""
    what: str
    """The part, and what was made of it or has to be done by hand."""


@dataclass(slots=True)
class Draft:
    """The menu so far."""

    name: str
    language: str
    title: str = ""
    start: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    prompts: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    """Notes on what belongs to the whole document."""

    def found(self, fate: Fate, line: int, what: str, step: str = "") -> None:
        """Put it into the report; what was changed or lost becomes a note of the step as well, or
        of the first step where it belongs to no one step."""
        self.findings.append(Finding(fate, line, what))
        if fate == "taken":
            return
        if not step:
            self.loose.append(f"line {line}: {what}")
            return
        entry = self.steps.setdefault(step, {})
        note = entry.get("note", "")
        entry["note"] = f"{note}; line {line}: {what}" if note else f"line {line}: {what}"

    def free_name(self, wanted: str) -> str:
        """A name for a step that no step has, made of `wanted`."""
        base = identifier(wanted)
        number, name = 1, base
        while name in self.steps:
            number += 1
            name = f"{base[:44]}_{number}"
        self.steps[name] = {}
        return name

    def prompt(self, wanted: str, text: str, audio: str = "") -> str:
        """Id of a prompt with this text, made of `wanted`; the same text under the same name is one prompt."""
        base = ".".join(identifier(part) for part in wanted.split("."))
        entry = {"text": " ".join(text.split())} | ({"audio": [audio]} if audio else {})
        number, name = 1, base
        while self.prompts.get(name, entry) != entry:
            number += 1
            name = f"{base}_{number}"
        self.prompts[name] = entry
        return name

    def give_up(self) -> str:
        """The step that says goodbye, made if it is not there."""
        if GIVE_UP not in self.steps:
            said = self.prompt("imported.goodbye", "Goodbye.")
            self.steps[GIVE_UP] = {"type": "say", "say": said, "go": "END"}
        return GIVE_UP

    def unavailable(self, wanted: str, line: int, what: str, go: str) -> str:
        """A step where something cannot be said in the menu language: the caller hears so, and goes on."""
        name = self.free_name(wanted)
        said = self.prompt("imported.unavailable", "Sorry, this choice is not available at the moment.")
        self.steps[name] = {"type": "say", "say": said, "go": go}
        self.found("lost", line, what, name)
        return name

    # --- writing ------------------------------------------------------------------------------------

    def menu_yaml(self, prompts: str) -> str:
        """The menu file; `prompts` is where its prompt file is, seen from it. Needs `give_up` before."""
        lines = ["ivr: 1", f"name: {self.name}"]
        lines += [f"title: {_scalar(self.title)}"] if self.title else []
        lines += [f"start: {self.start}", "", "languages:"]
        lines += [f"  - {{code: {self.language}, prompts: {_scalar(prompts)}}}", "", "defaults:"]
        lines += _entries({"on_fault": GIVE_UP, **self.defaults}, 2)
        lines += ["", "data:", *_entries(self.data, 2)] if self.data else []
        lines += ["", "steps:"]
        for name, step in self.steps.items():
            if name == self.start and self.loose:
                own = [step["note"]] if "note" in step else []
                step = {**step, "note": "; ".join([*self.loose, *own])}
            lines += [f"  {name}:", *_entries(_ordered(step), 4)]
        return "\n".join(lines) + "\n"

    def prompts_yaml(self) -> str:
        lines = [f"prompts: {self.language}"]
        lines += [f"{name}: {_flow(entry)}" for name, entry in self.prompts.items()]
        return "\n".join(lines) + "\n"


def identifier(text: str) -> str:
    """A name of the menu language made of any text."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return (name if name[:1].isalpha() else f"step_{name}".rstrip("_"))[:44].rstrip("_")


def milliseconds(text: str) -> str:
    """A number of milliseconds as a time of the menu language, ``10000`` as 10s; empty for none."""
    if not re.fullmatch(r"[1-9][0-9]{0,6}", text):
        return ""
    return f"{text[:-3]}s" if text.endswith("000") else f"{text}ms"


def _ordered(step: Mapping[str, Any]) -> dict[str, Any]:
    first = [key for key in ("type", "note", "say") if key in step]
    return {key: step[key] for key in (*first, *(key for key in step if key not in first))}


def _entries(group: Mapping[str, Any], indent: int) -> list[str]:
    """One key a line; choices and misses one line each."""
    space, lines = " " * indent, []
    for key, value in group.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{space}{key}:")
            lines += [f"{space}  - {_flow(item)}" for item in value]
        else:
            lines.append(f"{space}{key}: {_flow(value)}")
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Plain where nobody can mistake it, otherwise in quotation marks."""
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _LOOKALIKES and not text.endswith(" "):
        return text
    return text if isinstance(value, bool) else json.dumps(text, ensure_ascii=False)
