"""`ivr import`: menus of other systems, with a report of what became of every part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.customers import Json
from ivr.cli.tables import plain, print_json
from ivr.errors import IvrError, Problem
from ivr.menu.import_draft import Draft, identifier
from ivr.menu.import_freeswitch import from_freeswitch
from ivr.menu.import_voicexml import from_voicexml
from ivr.menu.load import check_menu
from ivr.menu.words import LANGUAGES


class Source(StrEnum):
    """Whose file it is."""

    FREESWITCH = "freeswitch"
    VOICEXML = "voicexml"


CONVERTERS: dict[Source, Callable[[bytes, str, str, str], Draft]] = {
    Source.FREESWITCH: from_freeswitch,
    Source.VOICEXML: from_voicexml,
}


NO_EMERGENCY = (
    "the menu has no emergency line, for these files have no word for one; add a queue for it and a key "
    "under everywhere:, or emergency: {none: why} at its top"
)


def import_(
    file: Annotated[Path, typer.Argument(help="The other system's file.", show_default=False)],
    source: Annotated[Source, typer.Option("--from", help="Whose file it is.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The menu to write, menus/NAME.yaml.")],
    language: Annotated[str, typer.Option("--language", "-l", help="Language of its texts.")] = "en",
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Make a menu of FreeSWITCH's ivr.conf.xml or of a VoiceXML 2.1 document.

    Writes the menu, its prompts beside it (prompts/NAME.LANGUAGE.yaml), and a report: what was taken, what was
    changed, what is lost because the menu language has no words for it. The last two stand as notes in their
    steps, too. Then the menu is checked, and what a person has to fill in is told with its line.
    """
    if language not in LANGUAGES:
        raise IvrError(f"{language!r} is no language of this program; there are {', '.join(sorted(LANGUAGES))}")
    if output.suffix != ".yaml":
        raise IvrError(f"{output} is no menu file; write a name such as menus/{identifier(file.stem)}.yaml")
    prompts = output.parent / "prompts" / f"{output.stem}.{language}.yaml"
    for path in (output, prompts):
        if path.exists() and not force:
            raise IvrError(f"{path} is there already; name another file, or write over it with --force")
    draft = CONVERTERS[source](_read(file), str(file), identifier(output.stem), language)
    _write(output, _noted(file, source) + draft.menu_yaml(f"prompts/{prompts.name}"))
    _write(prompts, draft.prompts_yaml())
    problems = check_menu(str(output), output.parent)
    if as_json:
        findings = [{"fate": one.fate, "line": one.line, "what": one.what} for one in draft.findings]
        print_json(
            {
                "menu": str(output),
                "prompts": str(prompts),
                "findings": findings,
                "to_do": [*map(str, problems)],
                "notes": [NO_EMERGENCY],
            }
        )
        return
    _report(file, draft, problems)
    print(f"Note: {NO_EMERGENCY}.")
    print(f"Written: {output} and {prompts}.")


def _noted(file: Path, source: Source) -> str:
    return f"# Made by `ivr import` from {plain(file.name)} ({source}). Notes say what was changed or left out.\n"


def _report(file: Path, draft: Draft, problems: list[Problem]) -> None:
    counts = Counter(finding.fate for finding in draft.findings)
    for fate, title in (("changed", "Changed"), ("lost", "Could not be said")):
        if counts[fate]:  # type: ignore[index]
            print(f"{title}:")
        for finding in (one for one in draft.findings if one.fate == fate):
            print(f"  {file}:{finding.line}: {plain(finding.what)}")
    if problems:
        print("To be filled in before it can be used:")
        for problem in problems:
            print(f"  {plain(problem)}")
    print(
        f"{len(draft.steps)} steps, {len(draft.prompts)} prompts: {counts['taken']} parts taken, "
        f"{counts['changed']} changed, {counts['lost']} lost, {len(problems)} to be filled in."
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IvrError(f"cannot read {path}: {error.strerror or error}; name a file that is there") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise IvrError(
            f"cannot write {path}: {error.strerror or error}; name a folder you may write to"
        ) from error
