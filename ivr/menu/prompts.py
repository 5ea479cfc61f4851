"""What callers hear: the prompt files, and prompts put together from pieces of sound.

A prompt without values is one piece. One with values is cut at them, so that everything but the values
themselves is rendered before the first call. Nothing here fails while somebody is on the line: a value
that is missing or cannot be said is left out, and the checks at loading are what finds the mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache

from ivr.errors import IvrError
from ivr.menu.events import Piece
from ivr.menu.prompt_book import PromptBook, PromptText, Variant
from ivr.menu.prompt_file import read_prompts
from ivr.menu.template import Hole, Part, Pause, Words, parse
from ivr.menu.values import closed_set, is_empty, say_value

__all__ = [
    "PromptBook",
    "PromptText",
    "Variant",
    "all_pieces",
    "compose",
    "read_prompts",
    "value_recording",
    "wordings",
]

_VALUE_RECORDINGS = frozenset({"money", "date", "time", "digits", "number", "ordinal", "phone", "key"})
"""Formatters whose words come from a small stock, so that a studio can record them."""
_MOST_FILE_NAME = 80
"""Characters; file systems end at 255 octets."""


def compose(
    book: PromptBook,
    prompt_id: str,
    values: Mapping[str, object],
    *,
    currency: str = "USD",
    secret: bool = False,
    today: date | None = None,
) -> tuple[Piece, ...]:
    """The pieces of a prompt, in order; none for an id the book has not.

    `secret` marks what is said of the values. `today`, the caller's, gives dates far from it their year and
    lets ``when_past`` fit.
    """
    prompt = book.prompts.get(prompt_id)
    if prompt is None:
        return ()
    if not prompt.variables:
        return _fixed(prompt, book.language)
    if prompt.variables == ("key",) and not secret:
        return _with_key(prompt, book.language, str(values.get("key") or ""))
    return _pieces(prompt, book.language, values, currency, secret, today)


def _pieces(
    prompt: PromptText,
    language: str,
    values: Mapping[str, object],
    currency: str,
    secret: bool,
    today: date | None,
) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for part, recording in _parts(prompt, values, today):
        if isinstance(part, Words):
            pieces.append(Piece(prompt.id, language, part.text, recording))
            continue
        if isinstance(part, Pause):
            pieces.append(Piece(prompt.id, language, part.sign))
            continue
        for text in _said(part, values.get(part.name), language, currency, today):
            stock = "" if secret or part.formatter not in _VALUE_RECORDINGS else value_recording(text)
            pieces.append(Piece(prompt.id, language, text, stock, secret))
    return (*pieces, *_also(prompt))


def all_pieces(book: PromptBook, *, currency: str = "USD") -> list[Piece]:
    """Every piece that can be rendered before calls: all fixed words, and of the formatters in use those
    values that are few (digits, keys, cents, ordinals up to 31). No sound comes twice."""
    found: dict[tuple[str, str, str], Piece] = {}
    used: dict[str, None] = {}
    for prompt in book.prompts.values():
        for part, recording in _all_parts(prompt):
            if isinstance(part, Hole):
                used[part.formatter] = None
            else:
                text = part.text if isinstance(part, Words) else part.sign
                found.setdefault(
                    (book.language, text, recording), Piece(prompt.id, book.language, text, recording)
                )
        for piece in _also(prompt):
            found.setdefault((piece.language, piece.text, piece.recording), piece)
    for formatter in used:
        for text in closed_set(formatter, book.language, currency=currency):
            recording = value_recording(text)
            found.setdefault((book.language, text, recording), Piece("", book.language, text, recording))
    return list(found.values())


def wordings(book: PromptBook, prompt: PromptText) -> Iterator[tuple[str, list[Piece | Hole]]]:
    """Every text of a prompt, the usual one first under the name "", as its pieces and the places for values."""
    texts = [("", prompt.text, prompt.id, prompt.audio)]
    for variant in prompt.variants:
        name = f"{prompt.id}.{variant.condition}.{variant.variable}"
        texts.append((f"{variant.condition} {variant.variable}", variant.text, name, ()))
    for what, text, name, audio in texts:
        parts: list[Piece | Hole] = []
        for part, recording in _recorded(text, name, audio):
            if isinstance(part, Hole):
                parts.append(part)
            else:
                said = part.text if isinstance(part, Words) else part.sign
                parts.append(Piece(prompt.id, book.language, said, recording))
        yield what, parts


def value_recording(text: str) -> str:
    """Where a recording of spoken words is looked for: ``value/and_twenty_cents.wav``.

    Digits that end a group have a name of their own, ``value/four-.wav``, because they are spoken falling.
    """
    name = "".join(sign if sign.isalnum() else "-" if sign == "," else "_" for sign in text.lower())
    return f"value/{name}.wav" if len(name) <= _MOST_FILE_NAME else ""


@lru_cache(maxsize=20_000)
def _fixed(prompt: PromptText, language: str) -> tuple[Piece, ...]:
    """The pieces of a prompt without values, which are the same in every call."""
    parts = _recorded(prompt.text, prompt.id, prompt.audio)
    words = [(part.text, recording) for part, recording in parts if isinstance(part, Words)]
    return (*(Piece(prompt.id, language, text, recording) for text, recording in words), *_also(prompt))


@lru_cache(maxsize=20_000)
def _with_key(prompt: PromptText, language: str, key: str) -> tuple[Piece, ...]:
    """An offer, which says the key of its choice and nothing else."""
    return _pieces(prompt, language, {"key": key}, "", False, None)


def _also(prompt: PromptText) -> list[Piece]:
    name = f"{prompt.id}.also.wav"
    return [Piece(prompt.id, language, text, name) for language, text in prompt.also]


def _parts(prompt: PromptText, values: Mapping[str, object], today: date | None) -> Iterable[tuple[Part, str]]:
    for variant in prompt.variants:
        if variant.fits(values, today):
            return _recorded(variant.text, f"{prompt.id}.{variant.condition}.{variant.variable}", ())
    return _recorded(prompt.text, prompt.id, prompt.audio)


def _all_parts(prompt: PromptText) -> Iterator[tuple[Part, str]]:
    yield from _recorded(prompt.text, prompt.id, prompt.audio)
    for variant in prompt.variants:
        yield from _recorded(variant.text, f"{prompt.id}.{variant.condition}.{variant.variable}", ())


@lru_cache(maxsize=20_000)
def _recorded(text: str, name: str, audio: tuple[str, ...]) -> tuple[tuple[Part, str], ...]:
    """The parts with their recordings: as listed, else by name, the stretches of a cut prompt numbered."""
    return tuple(_with_recordings(text, name, audio))


def _with_recordings(text: str, name: str, audio: tuple[str, ...]) -> Iterator[tuple[Part, str]]:
    parts = parse(text)
    listed = [entry for entry in audio if not entry.startswith("{")]
    fixed = 0
    for part in parts:
        if not isinstance(part, Words):
            yield part, ""
            continue
        fixed += 1
        default = f"{name}.wav" if len(parts) == 1 else f"{name}.{fixed}.wav"
        yield part, listed[fixed - 1] if fixed <= len(listed) else default


def _said(hole: Hole, value: object, language: str, currency: str, today: date | None) -> Iterable[str]:
    if is_empty(value):
        return ()
    try:
        return say_value(value, hole.formatter, language, currency=currency, today=today)
    except IvrError:
        return ()
