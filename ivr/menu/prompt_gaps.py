"""Prompts that one language has and another has not, also in a menu that cannot be loaded for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.menu.prompts import PromptBook, read_prompts
from ivr.menu.schema import find
from ivr.menu.source import Scalar, decode, read


@dataclass(frozen=True, slots=True)
class Gap:
    """One prompt to be translated."""

    language: str
    id: str
    path: str
    """The file it belongs into."""
    text: str
    """What it says in the language that has it."""


def gaps(menu_file: Path) -> list[Gap]:
    """In the order of the file that has them. A prompt file that cannot be read is all gaps."""
    books = list(_books(menu_file))
    found: list[Gap] = []
    for book in books:
        for other in books:
            for prompt in other.prompts.values():
                gap = Gap(book.language, prompt.id, book.path, prompt.text)
                if prompt.id not in book.prompts and all(
                    gap.id != one.id or gap.path != one.path for one in found
                ):
                    found.append(gap)
    return found


def _books(menu_file: Path) -> Iterator[PromptBook]:
    root, _ = read(_text(menu_file), str(menu_file))
    for item in getattr(find(root, ["languages"]), "items", ()):
        code, prompts = find(item, ["code"]), find(item, ["prompts"])
        if isinstance(code, Scalar) and isinstance(prompts, Scalar):
            path = menu_file.parent / prompts.text
            yield read_prompts(_text(path), str(path), code.text)[0]


def _text(path: Path) -> str:
    try:
        return decode(path.read_bytes(), str(path))[0]
    except OSError:
        return ""
