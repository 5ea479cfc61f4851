"""The headers of a message: names in any case, in the order they came, each with all its values.

Looked up a hundred times a call, so a dictionary; the list of `sipmessage`, searched from its beginning with each
name lowered again, took a sixth of the time of a call.
"""

from __future__ import annotations


class Headers:
    """What `sipmessage.Headers` does."""

    __slots__ = ("_named",)

    def __init__(self) -> None:
        self._named: dict[str, tuple[str, list[str]]] = {}
        """By lower-case name: the name as first written, and the values."""

    def add(self, name: str, value: str) -> None:
        """One value more."""
        found = self._named.get(key := name.lower())
        if found is None:
            self._named[key] = (name, [value])
        else:
            found[1].append(value)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value."""
        found = self._named.get(name.lower())
        return found[1][0] if found else default

    def getlist(self, name: str) -> list[str]:
        """All values: the list itself where there is one, so that a value can be replaced in it."""
        found = self._named.get(name.lower())
        return found[1] if found else []

    def keys(self) -> list[str]:
        """The names as first written."""
        return [name for name, _ in self._named.values()]

    def remove(self, name: str) -> None:
        self._named.pop(name.lower(), None)

    def set(self, name: str, value: str) -> None:
        """This value alone, in the place of those there were."""
        self.setlist(name, [value])

    def setlist(self, name: str, values: list[str]) -> None:
        """These values alone, at least one."""
        key = name.lower()
        found = self._named.get(key)
        self._named[key] = (found[0] if found else name, values)

    def __getitem__(self, name: str) -> str:
        """Raises KeyError when there is none."""
        return self._named[name.lower()][1][0]

    def __str__(self) -> str:
        lines = [f"{name}: {value}\r\n" for name, values in self._named.values() for value in values]
        return "".join(lines) + "\r\n"
