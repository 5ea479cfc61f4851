"""``ivr schema``: the menu language as JSON Schema, for text editors that complete and underline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ivr.errors import IvrError
from ivr.menu.schema import published


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it there; otherwise it is printed.")
    ] = None,
) -> None:
    """Print the JSON Schema (2020-12) of menu files.

    Editors with a YAML language server use it where the first line of a menu is
    `# yaml-language-server: $schema=schema.json`; the samples have it, and the file lies beside them.
    """
    text = json.dumps(published(), ensure_ascii=False, indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise IvrError(f"{output}: cannot be written: {error.strerror or error}; name another file") from error
    typer.echo(f"wrote {output}")
