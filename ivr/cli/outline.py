"""`ivr outline`: a menu as a caller hears it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from ivr.cli.customers import Config
from ivr.cli.tables import console, plain
from ivr.cli.which_menu import not_another_here
from ivr.config import load_settings
from ivr.errors import IvrError
from ivr.menu.load import load_menu
from ivr.menu.outline import outline as outline_of


def outline(
    menu: Annotated[
        str | None, typer.Argument(help="A menu's name or file; else the default menu.", show_default=False)
    ] = None,
    language: Annotated[str, typer.Option("--language", "-l", help="Language code; else the menu's first.")] = "",
    config: Config = None,
) -> None:
    """Print a menu as a caller hears it: the words, the keys, and what follows each.

    The number in brackets is the line of the menu file where the step stands. A step that several ways lead
    to is told once; `→ name` refers to it.
    """
    settings = load_settings(config)
    not_another_here(menu or settings.menu.default, settings)
    loaded = load_menu(menu or settings.menu.default, settings.menu.folder)
    codes = [known.code for known in loaded.languages]
    if language and language not in codes:
        raise IvrError(f"{loaded.name} does not speak {language!r}; it speaks {', '.join(codes)}")
    out = console()
    for line in outline_of(loaded, language):
        text = Text("  " * line.depth)
        if line.step:
            text.append(line.step, style="bold").append(plain(line.text.removeprefix(line.step)))
            text.append(f"  [{line.line}]", style="dim")
        else:
            text.append(plain(line.text))
        for number, row in enumerate(text.wrap(out, max(out.width - 2, 40)) if line.text else [text]):
            out.print(row if number == 0 else Text("  " * (line.depth + 1)) + row, soft_wrap=True)
