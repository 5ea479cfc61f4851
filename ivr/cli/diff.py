"""`ivr diff`: what another version of a menu changes for callers."""

from __future__ import annotations

from typing import Annotated

import typer

from ivr.cli.customers import Config, Json
from ivr.cli.tables import console, plain, print_json
from ivr.cli.which_menu import not_another_here
from ivr.config import load_settings
from ivr.engine.shelf import LIVE, load_version, menu_name, shelf_of
from ivr.menu.diff import differences

Version = Annotated[
    str, typer.Argument(help="A menu file, a menu's name (the draft), `live`, or a published version.")
]


def diff(old: Version = LIVE, new: Version = "", as_json: Json = False, config: Config = None) -> None:
    """Say in sentences what NEW changes for callers who know OLD.

    Without arguments: what publishing the default menu's draft would change. Files that cannot be read or
    checked end with code 2.
    """
    settings = load_settings(config)
    for name in {old, new or settings.menu.default} - {LIVE}:
        not_another_here(name, settings)
    before = load_version(settings, old)
    after = load_version(settings, new or settings.menu.default)
    sentences = differences(before, after)
    if as_json:
        names = {"old": f"{before.name}@{before.version}", "new": f"{after.name}@{after.version}"}
        print_json({**names, "changes": sentences})
        return
    out = console()
    for sentence in sentences:
        out.print(plain(sentence), markup=False, highlight=False)
    if sentences:
        return
    if old == LIVE and shelf_of(settings).live(menu_name(settings)) is None:
        print(
            f"No version of {before.name} was published yet, so there is nothing to compare the draft with. "
            "Publish once before you change something."
        )
    else:
        print("Nothing changes for callers.")
