"""From text with places to typed data, and every mistake in plain words.

``schema.json`` is JSON Schema 2020-12 and serves text editors as well. Two things are done around it:
scalars get their types from it, never from YAML (M1), and a step's schema is chosen by its ``type``
before it is validated (M6), so that the message is about the mistake and not about ten alternatives.
``x-needs`` in the schema says in words what a value must be.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from ivr.errors import Problem
from ivr.menu.fits import Fits, compiled
from ivr.menu.source import Mapping, Node, Scalar, Sequence

Schema = dict[str, Any]
Keys = tuple[str | int, ...]
"""The way from the top of the file to a value."""


@functools.cache
def schema() -> Schema:
    """The menu language, format 1."""
    document = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def published() -> Schema:
    """The schema for text editors: what a value must be is shown there while it is written."""
    document = _described(schema())
    assert isinstance(document, dict)
    return document


def _described(part: Any) -> Any:
    if isinstance(part, list):
        return [_described(one) for one in part]
    if not isinstance(part, dict):
        return part
    told = {key: _described(one) for key, one in part.items() if key != "x-needs"}
    return told | ({"description": part["x-needs"]} if isinstance(part.get("x-needs"), str) else {})


def typed(root: Node, path: str) -> tuple[dict[str, Any], list[Problem]]:
    """The file's data with types, and what is wrong with it. Data with problems is not to be used."""
    if not isinstance(root, Mapping):
        return {}, [Problem(path, f"{_shown(root)}; write {schema()['x-needs']}", root.line, root.column)]
    data = typed_node(root, schema())
    checker = _Checker(root, path)
    return data, checker.problems(data)


def find(root: Node, keys: Iterable[str | int]) -> Node:
    """The node at `keys`, or the innermost one on the way that exists."""
    node = root
    for key in keys:
        inner: Node | None = None
        if isinstance(node, Mapping) and isinstance(key, str):
            inner = node.get(key)
        elif isinstance(node, Sequence) and isinstance(key, int) and key < len(node.items):
            inner = node.items[key]
        if inner is None:
            break
        node = inner
    return node


def place(root: Node, at: Keys) -> tuple[int, int]:
    """Line and column of the last key's name; of the value for an item of a list."""
    holder = find(root, at[:-1])
    key = holder.key(str(at[-1])) if at and isinstance(holder, Mapping) else None
    node = key or find(root, at)
    return node.line, node.column


def line_of(root: Node, at: Keys) -> int:
    return place(root, at)[0]


def where(keys: Keys) -> str:
    """Keys as people say them: ``main.choices[2].go``, the word ``steps`` left out."""
    text = ""
    for key in keys[1:] if keys[:1] == ("steps",) and len(keys) > 1 else keys:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def meant(word: str, known: Iterable[str]) -> str:
    """``; did you mean …?``, or the known words when they are few and none is near."""
    words = sorted(known)
    if close := near(word, words):
        return f"; did you mean {close}?"
    return f"; known are {', '.join(words)}" if 0 < len(words) <= 16 else ""


# --- types ------------------------------------------------------------------------------------------


def resolved(part: Schema) -> Schema:
    """What a ``$ref`` stands for."""
    while "$ref" in part:
        part = schema()["$defs"][part["$ref"].removeprefix("#/$defs/")]
    return part


def typed_node(node: Node, part: Schema) -> Any:
    """The data of a node, its scalars typed as the schema wants them."""
    part = resolved(part)
    if isinstance(node, Scalar):
        return _scalar(node.text, part)
    if isinstance(node, Sequence):
        return [typed_node(item, branch(part, "array").get("items", {})) for item in node.items]
    if "allOf" in part:
        part = step_schema(node) or part
    part = branch(part, "object")
    properties, other = part.get("properties", {}), part.get("additionalProperties", {})
    inner = other if isinstance(other, dict) else {}
    return {key.text: typed_node(value, properties.get(key.text, inner)) for key, value in node.entries}


def branch(part: Schema, kind: str) -> Schema:
    """The alternative of that type, if there are alternatives."""
    for other in part.get("anyOf", []):
        if resolved(other).get("type") == kind:
            return resolved(other)
    return part


def step_schema(step: Mapping) -> Schema | None:
    """Chosen by its ``type``; None for a type that is not known."""
    kind = step.get("type")
    found = schema()["$defs"].get(f"{kind.text}_step") if isinstance(kind, Scalar) else None
    return found if isinstance(found, dict) else None


def _scalar(text: str, part: Schema) -> Any:
    if "anyOf" in part:
        values = [_scalar(text, resolved(other)) for other in part["anyOf"]]
        return next((value for value in values if not isinstance(value, str)), text)
    kind = part.get("type")
    if (kind == "integer" or isinstance(part.get("const"), int)) and re.fullmatch(r"-?(0|[1-9][0-9]{0,8})", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?", text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


# --- mistakes ---------------------------------------------------------------------------------------


class _Checker:
    """Validates piece by piece and says what is wrong in the words of the language."""

    def __init__(self, root: Mapping, path: str) -> None:
        self.root = root
        self.path = path

    def problems(self, data: dict[str, Any]) -> list[Problem]:
        found = list(self.validate(data, ""))
        steps = data.get("steps")
        for name, step in steps.items() if isinstance(steps, dict) else ():
            found += self.step(name, step)
        return found

    def validate(self, data: Any, name: str, at: Keys = ()) -> Iterator[Problem]:
        """Against the definition `name`; without one against the whole, from which steps are left out: they are
        validated one by one, each by its own schema."""
        part, fits = _part(name)
        if fits(data):
            return
        validator = Draft202012Validator(part, format_checker=FormatChecker(["date"]))
        for error in validator.iter_errors(data):
            yield from self.told(error, at)

    def step(self, name: str, step: Any) -> Iterable[Problem]:
        at: Keys = ("steps", name)
        if not isinstance(step, dict):
            return [self.problem(at, f"{_shown(find(self.root, at))}; write {_needs('step')}")]
        kinds = schema()["$defs"]["step"]["properties"]["type"]["enum"]
        kind = step.get("type")
        if kind is None:
            if slip := near("type", [key for key in step if key not in _step_keys()]):
                return [self.problem((*at, slip), "is not known here; did you mean type?", key=True)]
            return [self.problem(at, f"type is missing; add type: with one of {', '.join(kinds)}", key=True)]
        if kind not in kinds:
            return [self.problem((*at, "type"), f"{kind!r} is not one of {', '.join(kinds)}{_close(kind, kinds)}")]
        return self.validate(step, f"{kind}_step", at)

    def told(self, error: ValidationError, base: Keys) -> Iterator[Problem]:
        at: Keys = (*base, *error.absolute_path)
        part: Schema = error.schema if isinstance(error.schema, dict) else {}
        kind = error.validator
        wanted: Any = error.validator_value
        instance: Any = error.instance
        if kind == "required":
            missing = _missing(error)
            misspelt = [name for name in instance if name not in part.get("properties", {})]
            if missing and not near(missing, misspelt):
                hint = resolved(part.get("properties", {}).get(missing, {})).get("x-needs", "")
                message = f"{missing} is missing; add {missing}: with {hint}" if hint else f"{missing} is missing"
                yield self.problem(at, message, key=True)
        elif kind == "additionalProperties":
            known = part.get("properties", {})
            for name in instance:
                if name not in known:
                    yield self.problem((*at, name), f"is not known here{meant(name, known)}", key=True)
        elif "propertyNames" in error.absolute_schema_path:
            message = f"is no good name; write {part.get('x-needs')}"
            yield self.problem((*at, str(instance)), message, key=True)
        elif kind == "anyOf" and (inner := _deeper(error)):
            yield from self.told(inner, base)
        elif kind == "enum":
            text = f"{instance!r} is not one of {', '.join(wanted)}{_close(instance, wanted)}"
            yield self.problem(at, text)
        elif kind == "uniqueItems":
            yield self.problem(at, "names something twice; name each once")
        elif kind == "format" and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(instance)):
            yield self.problem(at, f"is {instance!r}, a day that does not exist; write one of the calendar")
        else:
            yield self.problem(at, f"{_shown(find(self.root, at))}; write {part.get('x-needs') or error.message}")

    def problem(self, at: Keys, message: str, *, key: bool = False) -> Problem:
        """`key`: the place is that of the last key's name, not of its value."""
        node = find(self.root, at)
        line, column = place(self.root, at) if key else (node.line, node.column)
        return Problem(self.path, message, line, column, where(at))


@functools.cache
def _part(name: str) -> tuple[Schema, Fits]:
    """A definition with all it may refer to, and the quick answer to whether data fits it."""
    defs = schema()["$defs"]
    part = {"$defs": defs, **defs[name]} if name else {**schema(), "$defs": {**defs, "step": True}}
    return part, compiled(part, part["$defs"])


@functools.cache
def _fits_all() -> dict[int, Fits]:
    """By the part of the schema, which is never thrown away."""
    return {}


def fits_part(data: Any, part: Schema) -> bool:
    """Whether data fits a part of the schema, by the quick way; what holds steps never does."""
    known = _fits_all()
    if id(part) not in known:
        known[id(part)] = compiled(part, schema()["$defs"])
    return known[id(part)](data)


def _needs(name: str) -> str:
    return str(schema()["$defs"][name]["x-needs"])


@functools.cache
def _step_keys() -> frozenset[str]:
    """Every key that some type of step has."""
    defs = schema()["$defs"]
    kinds = defs["step"]["properties"]["type"]["enum"]
    return frozenset(key for kind in kinds for key in defs[f"{kind}_step"]["properties"])


def _missing(error: ValidationError) -> str:
    match = re.match(r"'(\w+)' is a required property", error.message)
    return match[1] if match else ""


def _deeper(error: ValidationError) -> ValidationError | None:
    """The mistake inside the alternative that was meant, if it lies deeper than the value itself."""
    return next((inner for inner in error.context or [] if inner.relative_path), None)


def near(word: str, known: Iterable[str]) -> str:
    """The known word that `word` is a slip of the pen for; empty if none is near."""
    words = list(known)
    same = [other for other in words if other.lower() == word.lower()]
    return next(iter(same or difflib.get_close_matches(word, words, 1, 0.6)), "")


def _close(word: object, known: Iterable[str]) -> str:
    close = near(str(word), known)
    return f"; did you mean {close}?" if close else ""


def _shown(node: Node) -> str:
    if isinstance(node, Scalar):
        return f"is {node.text!r}" if node.text else "is empty"
    if isinstance(node, Sequence):
        return "is a list" if node.items else "is an empty list"
    return "is a group of keys"
