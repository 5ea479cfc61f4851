"""`ivr graph`: a menu as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.customers import Config, with_store
from ivr.cli.which_menu import not_another_here
from ivr.config import load_settings
from ivr.engine.shelf import load_version
from ivr.errors import IvrError
from ivr.menu.graph import Counts, count_exits, draw
from ivr.menu.graph_png import to_png
from ivr.menu.graph_svg import to_svg
from ivr.menu.graph_text import to_dot, to_mermaid
from ivr.menu.model import Menu

MOST_CALLS = 100_000
KINDS = (".svg", ".png", ".mmd", ".dot")


def graph(
    menu: Annotated[
        str | None,
        typer.Argument(
            help="A menu's name or file, `live`, or a version; else the default menu.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A .svg, .png, .mmd or .dot file.")
    ] = None,
    calls: Annotated[bool, typer.Option("--calls", help="Say at each exit how many real calls took it.")] = False,
    language: Annotated[str, typer.Option("--language", "-l", help="Language of the words; else the first.")] = "",
    config: Config = None,
) -> None:
    """Draw a menu: every step with its words and all its ways out, in groups, the emergency on top.

    With --calls the call records of the store are counted: calls of this menu, in any version, without
    drafts. In an SVG the names lead to their steps.
    """
    settings = load_settings(config)
    not_another_here(menu or settings.menu.default, settings)
    loaded = load_version(settings, menu or settings.menu.default)
    path = output or Path(f"{loaded.name}.svg")
    if path.suffix not in KINDS:
        raise IvrError(f"{path} is no kind of picture known here; end its name in {', '.join(KINDS)}")
    counts: Counts | None = None
    note = ""
    if calls:
        records = with_store(config, lambda store: store.calls(MOST_CALLS), create=False)
        counts, number = count_exits(records, loaded.name)
        note = f"{number} call{'s' if number != 1 else ''} counted"
    try:
        path.write_bytes(_drawn(loaded, path.suffix, language, counts, note))
    except OSError as error:
        raise IvrError(f"{path} cannot be written: {error.strerror or error}; name another file") from error
    print(f"{path}: {len(loaded.steps)} steps of {loaded.name}{f', {note}' if note else ''}")


def _drawn(menu: Menu, kind: str, language: str, counts: Counts | None, note: str) -> bytes:
    if kind == ".mmd":
        return to_mermaid(menu, counts).encode()
    if kind == ".dot":
        return to_dot(menu, counts).encode()
    picture = draw(menu, language=language, counts=counts, note=note)
    return to_png(picture) if kind == ".png" else to_svg(picture).encode()
