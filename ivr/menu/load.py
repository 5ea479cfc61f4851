"""Reading a menu with its prompt files and the list of connectors (M19), all mistakes at once.

The only part of this room that touches files; it runs before calls, never during one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ivr.errors import MenuError, Problem
from ivr.menu.build import build
from ivr.menu.check import check
from ivr.menu.check_connectors import check_connectors
from ivr.menu.connector_file import ConnectorFile, read_connectors
from ivr.menu.model import Menu
from ivr.menu.prompts import PromptBook, read_prompts
from ivr.menu.schema import find, meant, schema, typed
from ivr.menu.source import Mapping, Node, Scalar, decode, read

CONNECTORS = "connectors.yaml"
"""Says how each look-up is answered; lies beside the menu."""


def load_menu(name_or_path: str, folder: Path) -> Menu:
    """The menu of that name in `folder`, or in that file.

    Raises MenuError with every mistake in the menu, its prompt files and the connectors.
    """
    loading = _load(name_or_path, folder, frozenset())
    if loading.problems or loading.menu is None:
        raise MenuError(loading.problems)
    return loading.menu


def check_menu(
    name_or_path: str, folder: Path, *, recogniser_languages: frozenset[str] | None = None
) -> list[Problem]:
    """Every mistake in a menu and the files it uses, in the order of the files; empty if it is clean.

    With `recogniser_languages` also what could not be answered where only those languages are heard.
    """
    return _load(name_or_path, folder, recogniser_languages).problems


def menu_names(folder: Path) -> list[str]:
    """Names of the menus in `folder`, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.name != CONNECTORS)


def menu_file(name_or_path: str, folder: Path) -> Path:
    """Where a menu is: a file if it looks like one, otherwise a name in `folder`."""
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        return Path(name_or_path)
    return folder / f"{name_or_path}.yaml"


@dataclass
class _Loading:
    """What has been read so far."""

    problems: list[Problem] = field(default_factory=list)
    menu: Menu | None = None
    digest: Any = field(default_factory=hashlib.sha256)
    files: list[str] = field(default_factory=list)

    def text(self, path: Path, shown: str = "") -> str | None:
        shown = shown or str(path)
        try:
            octets = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            self.problems.append(Problem(shown, f"cannot be read: {reason}; name a file that is there"))
            return None
        self.digest.update(f"{path.name}\0{len(octets)}\0".encode() + octets)
        self.files.append(str(path))
        text, problems = decode(octets, shown)
        self.problems += problems
        return None if problems else text


def _load(name_or_path: str, folder: Path, recogniser_languages: frozenset[str] | None) -> _Loading:
    loading = _Loading()
    file = menu_file(name_or_path, folder)
    shown = name_or_path if file == Path(name_or_path) else str(file)
    if not file.is_file() and file != Path(name_or_path):
        known = meant(name_or_path, menu_names(folder))
        loading.problems.append(Problem(str(folder), f"has no menu {name_or_path!r}{known}"))
        return loading
    text = loading.text(file, shown)
    if text is None:
        return loading
    root, problems = read(text, shown)
    loading.problems += problems
    readable = not problems or (isinstance(root, Mapping) and bool(root.entries))
    data, mistakes = typed(root, shown) if readable else ({}, [])
    loading.problems += mistakes
    books = _books(loading, root, file.parent)
    if readable and not mistakes:
        built = build(root, data, shown, books)
        loading.problems += built.problems
        connectors = _connectors(loading, file.parent / CONNECTORS)
        names = None if connectors is None else frozenset(connectors.lookups)
        loading.problems += check(built.menu, root, names, recogniser_languages)
        if connectors is not None:
            loading.problems += check_connectors(built.menu, connectors, str(file.parent / CONNECTORS))
        version = loading.digest.hexdigest()[:12]
        answered = connectors.lookups if connectors else {}
        loading.menu = replace(built.menu, version=version, files=tuple(loading.files), answered=answered)
    loading.problems = _in_order(loading.problems, shown)
    return loading


def _in_order(problems: list[Problem], first: str) -> list[Problem]:
    """The menu's own mistakes first, each once, by line."""
    once = dict.fromkeys(problems)
    return sorted(once, key=lambda one: (one.path != first, one.path, one.line, one.column))


def _books(loading: _Loading, root: Node, folder: Path) -> dict[str, PromptBook]:
    """The prompt books of the languages that are written well enough to find them."""
    books: dict[str, PromptBook] = {}
    languages = find(root, ["languages"])
    for item in getattr(languages, "items", ()):
        code, prompts = find(item, ["code"]), find(item, ["prompts"])
        if not isinstance(code, Scalar) or not isinstance(prompts, Scalar) or code.text in books:
            continue
        path = folder / prompts.text
        text = loading.text(path)
        if text is not None:
            books[code.text], problems = read_prompts(text, str(path), code.text)
            loading.problems += problems
    return books


def _connectors(loading: _Loading, path: Path) -> ConnectorFile | None:
    """Who answers which look-up; None where no such file is."""
    if not path.is_file():
        return None
    text = loading.text(path)
    if text is None:
        return None
    file, problems = read_connectors(text, str(path))
    loading.problems += problems
    return file


def schema_document() -> dict[str, Any]:
    """The JSON Schema of the menu language, for text editors."""
    return schema()
