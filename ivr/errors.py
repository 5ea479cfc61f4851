"""What can go wrong, by whose fault it is.

Every message names what was found and what was needed, so that the person who reads it can act.
"""

from __future__ import annotations

from dataclasses import dataclass


class IvrError(Exception):
    """Anything this package raises on purpose. The text is fit to be shown to a person."""


class LocalProtocolError(IvrError):
    """We asked for something the protocol forbids in this state."""


class RemoteProtocolError(IvrError):
    """The other side sent something the protocol forbids. Live calls survive it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file a person wrote.

    Printed as ``path:line:column: where: message``; parts that are not known are left out.
    """

    path: str
    message: str
    """What is wrong, then what to write instead."""
    line: int = 0
    """First line is 1; 0 when the mistake has no place in the file."""
    column: int = 0
    """First column is 1."""
    where: str = ""
    """The step, key or setting concerned."""

    def __str__(self) -> str:
        place = self.path
        if self.line:
            place += f":{self.line}:{self.column}" if self.column else f":{self.line}"
        return ": ".join(part for part in (place, self.where, self.message) if part)


class ProblemsError(IvrError):
    """One or more mistakes in files that people edit, all reported at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class SettingsError(ProblemsError):
    """A bad setting: in ``ivr.toml`` or in an environment variable."""


class MenuError(ProblemsError):
    """A menu, prompt or connector file that cannot be used."""


class ImportRowsError(ProblemsError):
    """Rows of a customer file that cannot be imported. Nothing was."""


class StoreError(IvrError):
    """The customer store could not do what was asked: unreadable, locked, full."""


class WorkerDied(IvrError):
    """A worker process ended while something was waiting for it."""
