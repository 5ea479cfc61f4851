"""Published versions of the menus, and which one of them is live.

    var/versions/
      northgas.live          the pointer: one line of JSON, replaced by rename
      log.jsonl              every swap there ever was, oldest first
      1a2b3c4d5e6f/          a version: a complete copy of menu, prompts and connectors, never changed again

A version is written beside its place, brought to disk, and renamed into it; only then the pointer is
replaced, in the same way. Whoever is killed at any point leaves the live version as it was, and what he left
half done is swept up by the next. The pointer carries who and when, so that the log cannot tell otherwise.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ivr.config import Settings
from ivr.errors import IvrError, MenuError, Problem
from ivr.menu.load import load_menu, menu_file
from ivr.menu.model import Menu

LIVE = "live"
LOG = "log.jsonl"
LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Swap:
    """One line of the log: since then this version is live."""

    menu: str
    version: str
    before: str
    """Version that was live until then; empty for none."""
    action: Literal["publish", "rollback"]
    who: str
    """user@host."""
    when: str
    """UTC, ISO 8601."""


class Shelf:
    """The versions in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- reading ------------------------------------------------------------------------------------------

    def live(self, menu: str) -> Swap | None:
        """What is live; None when nothing was ever published. Raises IvrError for a damaged pointer."""
        path = self._pointer(menu)
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IvrError(f"{path} cannot be read: {error.strerror or error}") from error
        swap = _swap(text)
        if swap is None:
            raise IvrError(f"{path} is damaged; publish again, or name a version with ivr rollback HASH")
        return swap

    def swaps(self) -> list[Swap]:
        """Oldest first; a swap whose log line was lost to a crash is still told by the pointer."""
        found = self._logged()
        for pointer in sorted(self.folder.glob(f"*.{LIVE}")):
            swap = _swap(pointer.read_text("utf-8"))
            if swap is not None and swap != _last(found, swap.menu):
                found.append(swap)
        return found

    def versions(self) -> list[str]:
        """Everything that is whole, whether it was ever live or not."""
        if not self.folder.is_dir():
            return []
        return sorted(one.name for one in self.folder.iterdir() if one.is_dir() and not one.name.startswith("."))

    def line(self, menu: str) -> list[str]:
        """The versions one can go back through, oldest first; the last is live.

        Going back takes off what was gone back from, as undoing does: a version that was taken back is not what
        the next step back leads to. Published anew, or named, it is on the line again.
        """
        line: list[str] = []
        for swap in self.swaps():
            if swap.menu != menu:
                continue
            if not line and swap.before:
                line.append(swap.before)
            if swap.action == "rollback" and swap.version in line:
                while line[-1] != swap.version:
                    line.pop()
            elif line[-1:] != [swap.version]:
                line.append(swap.version)
        return line

    def find(self, start: str) -> str:
        """The version whose name begins so. Raises IvrError for none or several."""
        found = [one for one in self.versions() if one.startswith(start)] if start else []
        if len(found) == 1:
            return found[0]
        known = ", ".join(self.versions()[-5:]) or "none"
        if found:
            raise IvrError(f"{start!r} begins {len(found)} versions: {', '.join(found)}; write more of it")
        raise IvrError(f"there is no version {start!r}; there are {known} (ivr versions lists them)")

    def load(self, version: str, menu: str) -> Menu:
        """Raises MenuError for a version that is not on the shelf or no longer whole."""
        folder = self.folder / version
        loaded = load_menu(menu, folder)
        if loaded.version != version:
            raise MenuError([Problem(str(folder), f"was changed after publishing (it is {loaded.version} now)")])
        return loaded

    # --- writing ------------------------------------------------------------------------------------------

    def put(self, menu: Menu) -> str:
        """Copy a checked menu to the shelf, on disk when this returns. The same content is kept once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            name = Path(menu.path).stem
            place = self.folder / menu.version
            if place.is_dir():
                self.load(menu.version, name)
                return menu.version
            beside = self.folder / f".{menu.version}"
            _copy(menu, beside)
            if load_menu(name, beside).version != menu.version:
                shutil.rmtree(beside)
                raise MenuError([Problem(menu.path, "was changed while it was being published; publish again")])
            beside.rename(place)
            _sync(self.folder)
            return menu.version

    def swap(
        self, menu: str, version: str, *, action: Literal["publish", "rollback"], who: str, when: datetime
    ) -> Swap:
        """From now on `version` is live. One rename decides; before it nothing has happened.

        What is live already stays as it is, and the swap that made it so is returned.
        """
        with self._alone():
            try:
                before = self.live(menu)
            except IvrError:
                before = None
            if before is not None:
                self._log(before)
                if before.version == version:
                    return before
            swap = Swap(menu, version, before.version if before else "", action, who, stamp(when))
            pointer = self._pointer(menu)
            beside = pointer.with_name(f".{pointer.name}")
            _write(beside, _line(swap).encode())
            beside.rename(pointer)
            _sync(self.folder)
            self._log(swap)
            return swap

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One publisher at a time; what a killed one left behind is removed."""
        with (self.folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self.folder.glob(".*"):
                if left.is_dir():
                    shutil.rmtree(left)
                elif left.name != LOCK:
                    left.unlink()
            yield

    def _log(self, swap: Swap) -> None:
        if swap == _last(self._logged(), swap.menu):
            return
        path = self.folder / LOG
        torn = path.is_file() and not path.read_bytes().endswith(b"\n")
        with path.open("ab") as log:
            log.write((b"\n" if torn else b"") + _line(swap).encode())
            log.flush()
            os.fsync(log.fileno())
        _sync(self.folder)

    def _logged(self) -> list[Swap]:
        path = self.folder / LOG
        lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
        return [swap for line in lines if (swap := _swap(line)) is not None]

    def _pointer(self, menu: str) -> Path:
        return self.folder / f"{menu}.{LIVE}"


def stamp(when: datetime) -> str:
    """As it stands in the log."""
    return when.isoformat("T", "milliseconds")


def _last(swaps: list[Swap], menu: str) -> Swap | None:
    return next((swap for swap in reversed(swaps) if swap.menu == menu), None)


def shelf_of(settings: Settings) -> Shelf:
    return Shelf(settings.var / "versions")


def menu_name(settings: Settings, name_or_path: str = "") -> str:
    """The name versions of a menu are kept under: that of its file."""
    return menu_file(name_or_path or settings.menu.default, settings.menu.folder).stem


def live_menu(settings: Settings) -> Menu:
    """What callers get: the live version of the default menu, or the menu folder's if none was published.

    Raises MenuError.
    """
    shelf, name = shelf_of(settings), menu_name(settings)
    swap = shelf.live(name)
    if swap is None:
        return load_menu(settings.menu.default, settings.menu.folder)
    return shelf.load(swap.version, name)


def load_version(settings: Settings, what: str) -> Menu:
    """A menu by what a person calls it: ``live``, the start of a version, a menu's name (its draft), a file.

    Raises MenuError, or IvrError for a version that is not there.
    """
    if what == LIVE:
        return live_menu(settings)
    shelf = shelf_of(settings)
    file = menu_file(what, settings.menu.folder)
    if not file.is_file() and any(one.startswith(what) for one in shelf.versions()):
        version = shelf.find(what)
        names = [swap.menu for swap in shelf.swaps() if swap.version == version] or [menu_name(settings)]
        return shelf.load(version, names[-1])
    return load_menu(what, settings.menu.folder)


def _copy(menu: Menu, place: Path) -> None:
    """Every file the menu was read from, at the same place relative to the menu."""
    home = Path(menu.path).resolve().parent
    for name in menu.files:
        source = Path(name).resolve()
        if not source.is_relative_to(home):
            message = f"is outside {home}; a version is a copy of that folder, so move the file into it"
            raise MenuError([Problem(name, message)])
        target = place / source.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, source.read_bytes())
    for folder in [place, *(one for one in place.rglob("*") if one.is_dir())]:
        _sync(folder)


def _write(path: Path, octets: bytes) -> None:
    with path.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Names of files are on disk only when their folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(swap: Swap) -> str:
    return json.dumps(asdict(swap), ensure_ascii=False) + "\n"


def _swap(text: str) -> Swap | None:
    """None for a line that was cut off."""
    try:
        read = json.loads(text)
        return Swap(**{key: str(read[key]) for key in Swap.__dataclass_fields__})  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError):
        return None
