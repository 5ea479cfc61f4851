"""Which file a menu's name means: that of the menu folder, and never silently another than the one lying here."""

from __future__ import annotations

from pathlib import Path

from ivr.config import Settings
from ivr.errors import IvrError
from ivr.menu.load import menu_file


def not_another_here(menu: str, settings: Settings) -> None:
    """Raises IvrError where NAME.yaml lies in the folder a command was typed in and NAME means another file.

    Who stands in a folder of menus and types a name means the one he sees; to check or publish another would
    tell him nothing about it.
    """
    meant, here = menu_file(menu, settings.menu.folder), Path(f"{menu}.yaml")
    if meant == Path(menu) or not here.is_file() or (meant.exists() and meant.samefile(here)):
        return
    raise IvrError(
        f"{here} lies here, but {menu} is {meant} by {settings.source or 'the settings'}; write ./{here} for "
        f"the one here, {meant} for the other, or name the settings whose menu.folder this is with --config"
    )
