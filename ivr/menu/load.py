"""Reading a menu with its prompt files and the list of connectors (M19), all mistakes at once.

The only part of this room that touches files; it runs before calls, never during one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ivr.errors import MenuError, Problem
from ivr.menu.build import build
from ivr.menu.check import check, prove
from ivr.menu.check_at_sight import names_at_sight
from ivr.menu.check_connectors import check_connectors
from ivr.menu.check_remarks import remarks
from ivr.menu.check_report import Doubt, Report, Silenced
from ivr.menu.check_run import check_run
from ivr.menu.connector_file import ConnectorFile, read_connectors
from ivr.menu.inside import MOST_DEEP, MOST_STEPS, TooLarge, placed
from ivr.menu.mend import Mending, mended, respelt
from ivr.menu.model import Menu, RunStep
from ivr.menu.prompts import PromptBook, read_prompts
from ivr.menu.schema import find, meant, typed
from ivr.menu.source import NOTHING_LOST, Mapping, Node, Scalar, decode, read

CONNECTORS = "connectors.yaml"
"""Says how each look-up is answered; lies beside the menu."""


def load_menu(name_or_path: str, folder: Path) -> Menu:
    """The menu of that name in `folder`, or in that file.

    Raises MenuError with every mistake in the menu, its prompt files and the connectors.
    """
    loading = _load(name_or_path, folder, frozenset(), dialled=True)
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


def silenced_proofs(name_or_path: str, folder: Path) -> list[Silenced]:
    """The proofs that an editor has silenced in a menu, with the reasons."""
    return _load(name_or_path, folder, None).silenced


def menu_remarks(name_or_path: str, folder: Path) -> list[Problem]:
    """What is no mistake in a menu and may not be meant."""
    return list(dict.fromkeys(_load(name_or_path, folder, None).remarks))


def menu_names(folder: Path) -> list[str]:
    """Names of the menus in `folder`, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.name != CONNECTORS and path.is_file())


def menu_file(name_or_path: str, folder: Path) -> Path:
    """Where a menu is: a file if it looks like one, otherwise a name in `folder`."""
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        return Path(name_or_path)
    return folder / f"{name_or_path}.yaml"


@dataclass(frozen=True)
class _Part:
    """A menu file with what it runs."""

    menu: Menu
    root: Node
    roots: dict[str, Node]
    """Of the menus it runs, by what their steps begin with."""
    doubt: Doubt
    """Of all of them."""


@dataclass
class _Loading:
    """What has been read so far."""

    heard: frozenset[str] | None = None
    """Languages in which speech is recognised, where that is to be checked."""
    dialled: bool = False
    """Whether callers come straight to the menu, so that it must have all it names."""
    parts: dict[Path, _Part] = field(default_factory=dict)
    silenced: list[Silenced] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    menu: Menu | None = None
    digest: Any = field(default_factory=hashlib.sha256)
    files: list[str] = field(default_factory=list)
    texts: dict[Path, str | None] = field(default_factory=dict)

    def text(self, path: Path, shown: str = "") -> str | None:
        """What is in a file; menus that run each other share prompt files, and each is read once."""
        if path not in self.texts:
            self.texts[path] = self._read(path, shown or str(path))
        return self.texts[path]

    def _read(self, path: Path, shown: str) -> str | None:
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


def _load(
    name_or_path: str, folder: Path, recogniser_languages: frozenset[str] | None, *, dialled: bool = False
) -> _Loading:
    loading = _Loading(recogniser_languages, dialled)
    file = menu_file(name_or_path, folder)
    shown = name_or_path if file == Path(name_or_path) else str(file)
    if not file.is_file() and file != Path(name_or_path):
        if file.exists():
            loading.problems.append(Problem(shown, "is a folder; a menu is a file, move the folder away"))
            return loading
        known = meant(name_or_path, menu_names(folder))
        loading.problems.append(Problem(str(folder), f"has no menu {name_or_path!r}{known}"))
        return loading
    part = _part(loading, file, shown, (file.resolve(),))
    if part is not None:
        report = Report(part.menu, part.root, part.roots, doubt=part.doubt)
        prove(report)
        loading.problems += report.problems
        loading.silenced += report.silenced
        loading.menu = replace(part.menu, version=loading.digest.hexdigest()[:12], files=tuple(loading.files))
    loading.problems = _in_order(loading.problems, shown)
    return loading


def _part(loading: _Loading, file: Path, shown: str, stack: tuple[Path, ...]) -> _Part | None:
    """A menu file, checked by itself, with the menus it runs in their places; None if it cannot be understood."""
    text = loading.text(file, shown)
    if text is None:
        return None
    root, problems = read(text, shown)
    loading.problems += problems
    readable = not problems or (isinstance(root, Mapping) and bool(root.entries))
    data, mistakes = typed(root, shown) if readable else ({}, [])
    mending, spelt = None, root
    if mistakes and isinstance(root, Mapping):
        spelt = _respelt(root, shown, mistakes)
        mending = mended(spelt)
    loading.problems += mistakes
    books = _books(loading, spelt if readable else _languages(text, shown), file.parent)
    if mending is not None:
        root, data = mending.root, typed(mending.root, shown)[0]
    elif not readable or mistakes:
        loading.problems += names_at_sight(root, shown, books.values(), [*problems, *mistakes])
        _connectors(loading, file.parent / CONNECTORS)
        return None
    built = build(root, data, shown, books)
    loading.problems += built.problems
    connectors = _connectors(loading, file.parent / CONNECTORS)
    names = frozenset(connectors.lookups) if connectors is not None and connectors.whole else None
    report = Report(built.menu, root, doubt=_doubt(mending, problems, built.unread))
    check(report, names, loading.heard, dialled=loading.dialled and len(stack) == 1)
    loading.silenced += report.silenced
    missing = "" if (file.parent / CONNECTORS).is_file() else str(file.parent / CONNECTORS)
    loading.remarks += remarks(report, missing)
    if connectors is not None:
        found = check_connectors(built.menu, connectors, str(file.parent / CONNECTORS))
        report.problems += [one for one in found if one.where not in report.doubt.patched]
    menu = replace(built.menu, answered=connectors.lookups if connectors else {})
    part = _with_inner(loading, _Part(menu, root, {}, report.doubt), report, file, stack)
    loading.problems += report.problems
    if mending is not None:  # what was left away has names, too
        loading.problems += names_at_sight(spelt, shown, books.values(), loading.problems, mending.away)
    return part


def _respelt(root: Mapping, shown: str, mistakes: list[Problem]) -> Mapping:
    """As it was meant; `mistakes` gets what the slips of the pen have hidden."""
    told = {(one.line, one.column) for one in mistakes}
    while (spelt := respelt(root)) != root:
        root = spelt
        for one in typed(root, shown)[1]:
            if (one.line, one.column) not in told:
                told.add((one.line, one.column))
                mistakes.append(one)
    return root


def _doubt(mending: Mending | None, unreadable: list[Problem], unread: frozenset[str]) -> Doubt:
    """What the checks had better not rely on. `unread` are words of conditions with mistakes."""
    doubt = Doubt(unread=set(unread))
    if mending is not None:
        doubt.lost |= mending.lost
        doubt.patched |= mending.patched
    doubt.values = not all(problem.message.startswith(NOTHING_LOST) for problem in unreadable)
    doubt.ways = doubt.values or (mending is not None and mending.ways)
    doubt.levels = doubt.grants = doubt.ways or (mending is not None and mending.levels)
    return doubt


def _with_inner(
    loading: _Loading, part: _Part, report: Report, file: Path, stack: tuple[Path, ...]
) -> _Part | None:
    """The menu with those it runs in their places; None if one of them cannot be had."""
    inner: dict[str, _Part] = {}
    roots: dict[str, Node] = {}
    runs = [step for step in part.menu.steps.values() if isinstance(step, RunStep)]
    for step in runs:
        path = file.parent / f"{step.menu}.yaml"
        if refusal := _not_to_be_run(step, path, stack):
            report.wrong(("steps", step.name, "menu"), refusal)
            continue
        if path not in loading.parts:
            found = _part(loading, path, str(path), (*stack, path.resolve()))
            if found is None:
                continue
            loading.parts[path] = found
        other = inner[step.menu] = loading.parts[path]
        roots |= {f"{step.name}/": other.root} | {f"{step.name}/{one}": root for one, root in other.roots.items()}
        part.doubt.add(other.doubt)
        check_run(report, step, other.menu)
    if len({step.menu for step in runs}) > len(inner):
        return None
    try:
        menu = placed(part.menu, {name: one.menu for name, one in inner.items()})
    except TooLarge:
        report.wrong(("steps",), f"has more than {MOST_STEPS} steps with the menus it runs; run fewer", key=True)
        return None
    return _Part(menu, part.root, roots, part.doubt)


def _not_to_be_run(step: RunStep, path: Path, stack: tuple[Path, ...]) -> str:
    """Why that file cannot be run here; empty if it can."""
    if not path.is_file():
        return f"{step.menu!r} is no menu in {path.parent}{meant(step.menu, menu_names(path.parent))}"
    if path.resolve() in stack:
        way = " runs ".join(one.stem for one in (*stack[stack.index(path.resolve()) :], path))
        return f"goes round in a circle: {way}; a menu cannot run itself"
    if len(stack) >= MOST_DEEP:
        return f"is the {MOST_DEEP}th menu inside another; at most {MOST_DEEP - 1} are run inside each other"
    return ""


def _in_order(problems: list[Problem], first: str) -> list[Problem]:
    """The menu's own mistakes first, each once, by line."""
    once = dict.fromkeys(problems)
    return sorted(once, key=lambda one: (one.path != first, one.path, one.line, one.column))


def _languages(text: str, shown: str) -> Node:
    """The lines that name the prompt files, of a menu that cannot be read as a whole."""
    lines = re.findall(r"^ *- *(\{ *code: *[\w-]+ *,.*?\})", text, re.MULTILINE)
    return read("languages:\n" + "".join(f"- {line}\n" for line in lines), shown)[0]


def _books(loading: _Loading, root: Node, folder: Path) -> dict[str, PromptBook]:
    """The prompt books of the languages that are written well enough to find them."""
    books: dict[str, PromptBook] = {}
    languages = find(root, ["languages"])
    for item in getattr(languages, "items", ()):
        if not isinstance(item, Mapping):
            continue
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
