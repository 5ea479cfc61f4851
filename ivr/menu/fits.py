"""Whether data fits a schema, yes or no: the short way past `jsonschema` for everything without a mistake.

A schema is made into nested functions once. A keyword that is not known here makes the answer no, and the
full validator has the last word and the messages: this can save time, it cannot let a mistake pass that the
full validator would have found in a keyword it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

Fits = Callable[[Any], bool]
_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_SILENT = frozenset({"$schema", "$id", "$defs", "title", "description", "x-needs", "$ref"})


def compiled(schema: Any, defs: Mapping[str, Any]) -> Fits:
    """What says whether data fits `schema`, whose ``$ref`` point into `defs`."""
    return _Compiler(defs).all(schema)


class _Compiler:
    def __init__(self, defs: Mapping[str, Any]) -> None:
        self.defs = defs
        self.named: dict[str, Fits] = {}

    def all(self, schema: Any) -> Fits:
        if isinstance(schema, bool):
            return lambda data: schema
        tests = [self.one(word, schema) for word in schema if word not in _SILENT]
        if "$ref" in schema:
            tests.append(self.ref(schema["$ref"].removeprefix("#/$defs/")))
        if len(tests) == 1:
            return tests[0]
        return lambda data: all(test(data) for test in tests)

    def ref(self, name: str) -> Fits:
        if name not in self.named:
            self.named[name] = lambda data: self.named[name](data)  # for a definition that names itself
            self.named[name] = self.all(self.defs[name])
        return self.named[name]

    def one(self, word: str, schema: Mapping[str, Any]) -> Fits:
        wanted = schema[word]
        match word:
            case "type":
                return _of_kind(wanted)
            case "const":
                return lambda data: type(data) is type(wanted) and data == wanted
            case "enum":
                return lambda data: isinstance(data, str) and data in wanted
            case "pattern":
                found = re.compile(wanted).search
                return lambda data: not isinstance(data, str) or found(data) is not None
            case "format" if wanted == "date":
                return lambda data: not isinstance(data, str) or _is_day(data)
            case "minLength" | "minItems" | "minProperties":
                return lambda data: not isinstance(data, (str, list, dict)) or len(data) >= wanted
            case "maxLength":
                return lambda data: not isinstance(data, str) or len(data) <= wanted
            case "minimum":
                return lambda data: not isinstance(data, (int, float)) or data >= wanted
            case "maximum":
                return lambda data: not isinstance(data, (int, float)) or data <= wanted
            case "required":
                return lambda data: not isinstance(data, dict) or all(name in data for name in wanted)
            case "uniqueItems":
                return lambda data: not isinstance(data, list) or len({repr(item) for item in data}) == len(data)
            case "items":
                item = self.all(wanted)
                return lambda data: not isinstance(data, list) or all(item(one) for one in data)
            case "anyOf":
                ways = [self.all(way) for way in wanted]
                return lambda data: any(way(data) for way in ways)
            case "propertyNames":
                name = self.all(wanted)
                return lambda data: not isinstance(data, dict) or all(name(key) for key in data)
            case "properties":
                return self.properties(wanted)
            case "additionalProperties":
                return self.others(wanted, frozenset(schema.get("properties", ())))
        return lambda data: False

    def properties(self, wanted: Mapping[str, Any]) -> Fits:
        tests = {name: self.all(part) for name, part in wanted.items()}
        anything: Fits = lambda data: True  # noqa: E731  a default, not a function with a name

        def fit(data: Any) -> bool:
            return not isinstance(data, dict) or all(tests.get(key, anything)(one) for key, one in data.items())

        return fit

    def others(self, wanted: Any, known: Iterable[str]) -> Fits:
        test = self.all(wanted)

        def fit(data: Any) -> bool:
            return not isinstance(data, dict) or all(key in known or test(one) for key, one in data.items())

        return fit


def _of_kind(kind: str) -> Fits:
    classes = _KINDS[kind]
    if kind in ("integer", "number"):
        return lambda data: isinstance(data, classes) and not isinstance(data, bool)
    return lambda data: isinstance(data, classes)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
