"""A menu file whose form is wrong, mended so far that the rest of it can be looked at: a mistake in one place
must not hide one in another (M11).

A misspelt key or type is read as the one that was meant. What cannot be read at all is left away where it may
be, and made up where it must be there. What is made up stands in line 0, and nothing is ever told of line 0.
What was lost on the way is said, so that no check complains of something that only the mending has taken away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ivr.menu.schema import Schema, branch, fits_part, near, resolved, schema, step_schema, typed_node
from ivr.menu.source import Mapping, Node, Scalar, Sequence

_PATTERNS = ("END", "made_up", "made.up", "1s", "2000-01-01", "00:00-24:00", "1", "made_up.yaml", "tel:0", "en")
"""Some text for every pattern of the schema; END first, as it is a target that is always there."""
_KEY = "?"
"""A key that is on no telephone, so that it is taken by nothing."""
_PLAIN = frozenset(
    {
        "interrupt", "wait", "between_keys", "end_key", "sure_enough", "listen", "say", "offer", "confirm",
        "meanwhile", "waiting", "note", "title", "voice", "prompts", "name", "ivr", "most", "length",
        "check", "least", "within", "kind", "limit", "priority", "ring", "longest", "after", "zone", "week",
        "closed_on", "reason", "raise", "press", "speak", "tries", "keep_place", "rings", "place", "resume",
        "strategy", "ask", "application",
        "stuck", "code", "each", "if", "show_if", "set",
    }
)  # fmt: skip
"""Keys that lead nowhere and prove nothing."""
_NAMED = ({"$ref": "#/$defs/step"}, {"$ref": "#/$defs/source"})
_RESERVED = re.compile(r"\b(START|BACK|REPEAT|RETURN|END)\b")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


@dataclass
class Mending:
    """What was done to a file."""

    root: Mapping
    lost: set[str] = field(default_factory=set)
    """Words in what was left away: they may have been values."""
    ways: bool = False
    """Some step may lead elsewhere than it says now."""
    levels: bool = False
    """Some step may prove or need something else than it says now."""
    patched: set[str] = field(default_factory=set)
    """Steps and look-ups that lost keys."""
    away: list[Node] = field(default_factory=list)
    """What is in the file and not in `root`."""


def respelt(root: Mapping) -> Mapping:
    """The file with the keys and types that were meant, where a slip of the pen is plain: the outermost only, so
    that what stands below them is looked at under its right name before it is changed itself."""
    node = _respelt(root, schema())
    assert isinstance(node, Mapping)
    return node


def mended(root: Mapping) -> Mending | None:
    """None where there is too little to go by: a menu without any step."""
    mending = Mending(root)
    whole = _Mender(mending).node(root, schema(), "")
    steps = whole.get("steps") if isinstance(whole, Mapping) else None
    if not isinstance(whole, Mapping) or not isinstance(steps, Mapping) or not steps.entries:
        return None
    first = Scalar(steps.entries[0][0].text, 0, 0)
    if (start := whole.get("start")) is None or not start.line:
        whole = _with(whole, "start", first)
    mending.root = whole
    return mending


def _with(group: Mapping, name: str, value: Node) -> Mapping:
    rest = [entry for entry in group.entries if entry[0].text != name]
    return Mapping(((Scalar(name, 0, 0), value), *rest), group.line, group.column)


# --- spelling -----------------------------------------------------------------------------------------------


def _respelt(node: Node, part: Schema) -> Node:
    part = resolved(part)
    if isinstance(node, Sequence):
        inner = branch(part, "array").get("items", {})
        return Sequence(tuple(_respelt(item, inner) for item in node.items), node.line, node.column)
    if isinstance(node, Scalar):
        return node
    if "allOf" in part:
        if (typed_right := _with_kind(node)) is not node:
            return typed_right
        part = step_schema(node) or part
    part = branch(part, "object")
    properties, other = part.get("properties", {}), part.get("additionalProperties", {})
    entries: list[tuple[Scalar, Node]] = []
    for key, value in node.entries:
        name = _meant(key.text, part, node)
        if name == key.text:
            below = properties.get(name, other if isinstance(other, dict) else {})
            entries.append((key, _respelt(value, below)))
        elif all(name != before.text for before, _ in entries):
            entries.append((Scalar(name, key.line, key.column), value))
    return Mapping(tuple(entries), node.line, node.column)


def _meant(key: str, part: Schema, group: Mapping) -> str:
    """The key that was meant, or the key itself."""
    properties, names = part.get("properties", {}), part.get("propertyNames")
    if properties and part.get("additionalProperties") is False and key not in properties:
        return near(key, [name for name in properties if group.key(name) is None]) or key
    if names is not None and not _is_name(key, names):
        name = re.sub(r"\W+", "_", key.lower())
        return name if _is_name(name, names) and group.key(name) is None else key
    return key


def _is_name(text: str, part: Schema) -> bool:
    return re.search(resolved(part).get("pattern", ""), text) is not None


def _with_kind(step: Mapping) -> Mapping:
    """The step with its type: spelt right, or then with the type that was meant; the same where both are right."""
    entries = list(step.entries)
    kinds = schema()["$defs"]["step"]["properties"]["type"]["enum"]
    for number, (key, value) in enumerate(entries):
        new: tuple[Scalar, Node] = key, value
        if step.key("type") is None and near(key.text, ["type"]):
            new = Scalar("type", key.line, key.column), value
        elif key.text == "type" and isinstance(value, Scalar) and value.text not in kinds:
            new = key, Scalar(near(value.text, kinds) or value.text, value.line, value.column)
        if new != entries[number]:
            entries[number] = new
            return Mapping(tuple(entries), step.line, step.column)
    return step


# --- mending ------------------------------------------------------------------------------------------------


class _Mender:
    def __init__(self, mending: Mending) -> None:
        self.mending = mending
        steps = mending.root.get("steps")
        self.steps = {key.text for key, _ in steps.entries} if isinstance(steps, Mapping) else set()
        """What a key that is not known may have led to."""
        self.name = ""
        """Of the step or look-up that is mended."""

    def node(self, node: Node, part: Schema, key: str) -> Node | None:
        """As it is where it fits, mended where it can be; None where nothing of it can be kept."""
        part = resolved(part)
        is_step = "allOf" in part
        if is_step and isinstance(node, Mapping):
            part = step_schema(node) or part
        if "allOf" not in part and fits_part(typed_node(node, part), part):
            return node
        if isinstance(node, Mapping) and not (is_step and "allOf" in part):
            wanted = branch(part, "object")
            if "properties" in wanted or isinstance(wanted.get("additionalProperties"), dict):
                return self.group(node, wanted)
        if isinstance(node, Sequence) and "items" in (wanted := branch(part, "array")):
            return self.listing(node, wanted, key)
        self.lose(node, key)
        return None

    def group(self, group: Mapping, part: Schema) -> Mapping:
        properties, other = part.get("properties", {}), part.get("additionalProperties", {})
        entries: list[tuple[Scalar, Node]] = []
        for key, value in group.entries:
            if key.text not in properties and other is False:
                self.lose(value, "")
                continue
            inner = properties.get(key.text, other if isinstance(other, dict) else {})
            self.name = key.text if inner in _NAMED else self.name
            if (kept := self.node(value, inner, key.text)) is not None:
                entries.append((key, kept))
            elif key.text not in properties:
                entries.append((key, _made_up(inner)))
        there = {key.text for key, _ in entries}
        needed = [name for name in part.get("required", ()) if name not in there]
        ways = [way["required"] for way in part.get("anyOf", ()) if "required" in way]
        if ways and not any(there.issuperset(way) for way in ways):
            needed += ways[0]
        for name in needed:
            self.doubt(name)
            self.mending.patched |= {self.name} if name in ("needs", "gives") else set()
            entries.append((Scalar(name, 0, 0), _made_up(properties.get(name, {}))))
        return Mapping(tuple(entries), group.line, group.column)

    def listing(self, listing: Sequence, part: Schema, key: str) -> Node | None:
        inner = part["items"]
        items = []
        for item in listing.items:
            kept = self.node(item, inner, key)
            if kept is not None:
                items.append(kept)
            elif resolved(inner).get("type") == "object":
                items.append(_made_up(inner))  # the others keep their places
        if len(items) < part.get("minItems", 0):
            return None
        return Sequence(tuple(items), listing.line, listing.column)

    def lose(self, node: Node, key: str) -> None:
        words = _words(node)
        self.mending.lost.update(words)
        self.mending.away.append(node)
        self.mending.patched.add(self.name)
        if key or words & self.steps or _RESERVED.search(str(node)):
            self.doubt(key)
        self.mending.levels = True

    def doubt(self, key: str) -> None:
        self.mending.ways |= key not in _PLAIN
        self.mending.levels |= key not in _PLAIN


def _made_up(part: Schema) -> Node:
    """The least that fits, in no line of the file."""
    if part == {"$ref": "#/$defs/key"}:
        return Scalar(_KEY, 0, 0)
    part = resolved(part)
    if "allOf" in part:
        part = schema()["$defs"]["say_step"]
    if "anyOf" in part:
        return _made_up(part["anyOf"][0])
    kind = part.get("type")
    if kind == "object":
        names = [*part.get("required", ())]
        entries = [(Scalar(name, 0, 0), _made_up(part.get("properties", {}).get(name, {}))) for name in names]
        return Mapping(tuple(entries), 0, 0)
    if kind == "array":
        return Sequence((_made_up(part["items"]),) if part.get("minItems") else (), 0, 0)
    return Scalar(_text(part), 0, 0)


def _text(part: Schema) -> str:
    if "enum" in part:
        return str(part["enum"][0])
    if part.get("type") == "boolean":
        return "false"
    if part.get("type") in ("integer", "number") or "const" in part:
        return str(part.get("const", part.get("minimum", 0)))
    if part is schema()["$defs"]["say_step"]["properties"]["type"]:
        return "say"
    pattern = part.get("pattern", "")
    return next((text for text in _PATTERNS if re.search(pattern, text)), "")


def _words(node: Node) -> set[str]:
    """Every word in there, names of values among them."""
    if isinstance(node, Scalar):
        return set(_WORD.findall(node.text))
    if isinstance(node, Sequence):
        return set[str]().union(*(_words(item) for item in node.items))
    return set[str]().union(*(_words(key) | _words(value) for key, value in node.entries))
