"""The import table of the house, held by reading every module: `ivr` may only import downwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "ivr"
MOST_LINES = 450

GROUND = frozenset({"errors", "clock", "config"})
PURE = frozenset({"sip", "sdp", "media", "speech", "menu", "store", "agents", "ici"})
ADAPTERS = {
    "net": ("net",),
    "media": ("media.worker",),
    "speech": ("speech.engines",),
    "store": ("store.sqlite", "store.connector"),
    "ici": ("ici.endpoint", "ici.client", "ici.crm_client"),
}
"""Modules, by how their names begin, that do input and output; by the room they belong to."""
LEVELS = {"call": 3, "engine": 4, "cli": 5, "console": 5, "testing": 5}
ENTRANCES = frozenset({"__init__", "__main__"})


def room(module: str) -> str:
    """``menu`` of ``ivr.menu.values``; the first name under the package."""
    return module.split(".")[1] if "." in module else "__init__"


def level(module: str) -> int:
    """How high in the house a module lives. Raises KeyError for a room the plan does not have."""
    name = room(module)
    if name in GROUND:
        return 0
    inside = module.removeprefix("ivr.")
    if any(inside.startswith(prefix) for prefix in ADAPTERS.get(name, ())):
        return 2
    return 1 if name in PURE else LEVELS[name]


def imports(tree: ast.AST, module: str, *, package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything of `ivr` a module imports, inside functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = parts[: len(parts) - node.level + package]
                base = ".".join([*kept, base] if base else kept)
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node.func):
            yield from ((node.lineno, name) for name in _texts(node.args[:1]))


def _is_import_call(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in ("import_module", "__import__")


def _texts(arguments: list[ast.expr]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def forbidden(importer: str, imported: str) -> str:
    """Why `importer` may not import `imported`; empty where it may."""
    if room(importer) in ENTRANCES:
        return ""
    own, other = level(importer), level(imported)
    if room(imported) == room(importer):
        return "a pure part imports its adapter" if own == 1 and other == 2 else ""
    if room(imported) in ("testing", "console"):
        return "" if room(importer) == "cli" else f"only cli may import {room(imported)}"
    if own == 2 and other:
        return "an adapter imports the ground and its own room only"
    if own == other == 1:
        return "pure rooms do not know each other"
    if own == other == 0:
        return ""
    return "" if other < own else f"level {own} imports level {other}"


def complaints(source: str, module: str, *, package: bool = False) -> list[str]:
    """Everything one module does against the plan of the house."""
    try:
        level(module)
    except KeyError:
        if room(module) not in ENTRANCES:
            return [f"{module}: room {room(module)!r} is not in the plan"]
    tree = ast.parse(source)
    found = []
    if (lines := source.count("\n") + 1) > MOST_LINES:
        found.append(f"{module}: {lines} lines, at most {MOST_LINES}: find the second noun")
    for line, name in imports(tree, module, package=package):
        if name.split(".")[0].lower() == "pyvoip":
            found.append(f"{module}:{line}: pyVoIP belongs to the tests")
        if name.split(".")[0] != "ivr" or room(name) in ENTRANCES:
            continue
        if why := _why(module, name):
            found.append(f"{module}:{line}: imports {name}: {why}")
    if room(module) not in ("cli", "console"):
        found += [f"{module}:{line}: prints; only cli and console may" for line in prints(tree)]
    return found


def _why(module: str, name: str) -> str:
    try:
        return forbidden(module, name)
    except KeyError:
        return "" if room(name).startswith("__") else f"room {room(name)!r} is not in the plan"


def prints(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node.lineno


def modules() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if "shipped" not in path.relative_to(HOUSE).parts)


def name_of(path: Path) -> str:
    parts = ("ivr", *path.relative_to(HOUSE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", modules(), ids=lambda path: name_of(path))
def test_every_module_keeps_to_the_plan_of_the_house(path: Path) -> None:
    package = path.name == "__init__.py"
    assert complaints(path.read_text("utf-8"), name_of(path), package=package) == []


def test_the_whole_house_was_walked() -> None:
    names = {name_of(path) for path in modules()}
    assert {"ivr", "ivr.errors", "ivr.menu.values", "ivr.sip.events", "ivr.media.messages"} <= names
    assert {room(name) for name in names} >= PURE


WRONG = [
    ("ivr.menu.bad", "from ivr.sip.events import CallOffered", "pure rooms do not know each other"),
    ("ivr.menu.bad", "import ivr.media", "pure rooms do not know each other"),
    ("ivr.menu.bad", "from ..sip import events", "pure rooms do not know each other"),
    ("ivr.menu.bad", "def f():\n    from ivr.sip import events", "pure rooms do not know each other"),
    (
        "ivr.sip.bad",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ivr.net.udp import Udp",
        "level 1 imports level 2",
    ),
    ("ivr.sip.bad", "import importlib\nimportlib.import_module('ivr.call')", "level 1 imports level 3"),
    ("ivr.store.sqlite_bad", "from ivr.menu.events import Piece", "ground and its own room"),
    ("ivr.store.connector_bad", "from ivr.menu.events import Piece", "ground and its own room"),
    ("ivr.net.bad", "from ivr.sip import events", "ground and its own room"),
    ("ivr.net.bad", "from ivr.media.worker import loop", "ground and its own room"),
    ("ivr.store.bad", "from ivr.store.sqlite_store import open_store", "a pure part imports its adapter"),
    ("ivr.store", "from .sqlite_store import open_store", "a pure part imports its adapter"),
    ("ivr.call.bad", "from ivr.engine import parts", "level 3 imports level 4"),
    ("ivr.errors", "from ivr.menu import events", "level 0 imports level 1"),
    ("ivr.engine.bad", "from ivr.testing import phone", "only cli may import testing"),
    ("ivr.console.bad", "from ivr.testing import phone", "only cli may import testing"),
    ("ivr.console.bad", "from ivr.cli import main", "level 5 imports level 5"),
    ("ivr.menu.bad", "from ivr.utils import thing", "room 'utils' is not in the plan"),
    ("ivr.utils.text", "", "room 'utils' is not in the plan"),
    ("ivr.call.bad", "from pyVoIP.VoIP import VoIPPhone", "pyVoIP belongs to the tests"),
    ("ivr.testing.bad", "def f():\n    import pyVoIP", "pyVoIP belongs to the tests"),
    ("ivr.call.bad", "print('here')", "prints; only cli and console may"),
    ("ivr.menu.bad", "x = 1\n" * (MOST_LINES + 1), "find the second noun"),
]


@pytest.mark.parametrize(("module", "source", "complaint"), WRONG)
def test_what_breaks_the_plan_is_caught(module: str, source: str, complaint: str) -> None:
    found = complaints(source, module, package=module == "ivr.store")
    assert len(found) == 1
    assert complaint in found[0]


RIGHT = [
    ("ivr.menu.good", "from ivr.errors import IvrError\nfrom ivr.menu.events import Piece\nimport babel"),
    ("ivr.menu.good", "from .events import Piece\nfrom ..errors import IvrError"),
    ("ivr.store.sqlite_good", "from ivr.store.contracts import Store\nfrom ivr.config.settings import Settings"),
    ("ivr.media.worker.good", "from ivr.media.rtp import Packet"),
    ("ivr.call.good", "from ivr.menu import machine\nfrom ivr.store.sqlite_store import x\nimport ivr.net.udp"),
    ("ivr.engine.good", "from ivr.call import controller\nimport ivr.media.worker.process"),
    ("ivr.cli.good", "from ivr.testing import phone\nfrom ivr.engine import parts\nprint('yes')"),
    ("ivr.testing.good", "from ivr.sip import dialog\nfrom ivr.net import udp\nfrom ivr import __version__"),
    ("ivr.__main__", "from ivr.cli.main import main"),
]


@pytest.mark.parametrize(("module", "source"), RIGHT)
def test_what_keeps_the_plan_is_let_through(module: str, source: str) -> None:
    assert complaints(source, module) == []
