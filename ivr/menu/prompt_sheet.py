"""The sheet a voice talent reads from: printable, as plain text, or as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One recording to be made."""

    language: str
    file: str
    """Name of the file to deliver, ``main.head.wav``."""
    text: str
    goes_on: bool
    """A value follows in the same sentence: the voice stays up."""
    follows: bool
    """A value goes before in the same sentence: it begins in the middle."""
    where: tuple[str, ...]
    """The places of the menu that say it."""
    whole: str
    """All of the prompt, values in braces, where this is a part of it."""
    old_text: str = ""
    """What the recording that is there says, where the text has changed."""


HEAD = ("language", "file", "text", "how", "where", "whole prompt", "recorded text", "take", "done")


def as_csv(lines: Sequence[SheetLine]) -> str:
    """With a byte order mark, so that a spreadsheet takes it for UTF-8."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(HEAD)
    for line in lines:
        row = (line.language, line.file, line.text, how(line), "; ".join(line.where), line.whole, line.old_text)
        table.writerow([_harmless(cell) for cell in row] + ["", ""])
    return "\ufeff" + out.getvalue()


def _harmless(cell: str) -> str:
    """A cell that begins like a formula is text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell


def as_text(title: str, lines: Sequence[SheetLine]) -> str:
    """For a screen or a plain printer, 78 columns."""
    out = [title, "=" * min(78, len(title)), ""]
    for number, line in enumerate(lines, 1):
        out.append(f"[ ] {number:3}  {line.file}  ({line.language})")
        out += textwrap.wrap(line.text, 78, initial_indent="         ", subsequent_indent="         ")
        for label, said in _notes(line):
            out += textwrap.wrap(f"{label}: {said}", 78, initial_indent="       . ", subsequent_indent="         ")
        out.append("")
    return "\n".join(out)


def how(line: SheetLine) -> str:
    """How it is to be spoken so that it joins with the values around it."""
    if line.goes_on and line.follows:
        return "middle of a sentence: begin in the middle, keep the voice up at the end"
    if line.goes_on:
        return "a value follows: keep the voice up at the end"
    return "a value goes before: begin in the middle of the sentence" if line.follows else ""


def _notes(line: SheetLine) -> list[tuple[str, str]]:
    notes = [("how", how(line)), ("whole prompt", line.whole), ("where", "; ".join(line.where))]
    notes.append(("recorded now with other words", line.old_text))
    return [(label, said) for label, said in notes if said]


_STYLE = """
@page { margin: 15mm 12mm; }
* { box-sizing: border-box; }
body { font: 11pt/1.4 "Liberation Sans", Arial, Helvetica, sans-serif; color: #111; margin: 0 auto;
  max-width: 190mm; padding: 4mm; }
h1 { font-size: 16pt; margin: 0 0 2mm; } h2 { font-size: 13pt; margin: 6mm 0 2mm; }
p.hint { margin: 0 0 3mm; color: #444; font-size: 9.5pt; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { border: 0.3mm solid #999; padding: 2mm; text-align: left; vertical-align: top; }
th { background: #eee; font-size: 9pt; }
td.no { width: 10mm; text-align: right; color: #555; }
td.words { font-size: 14pt; line-height: 1.35; }
td.words .file { font: 9pt "Liberation Mono", Consolas, monospace; color: #333; display: block;
  margin-bottom: 1mm; overflow-wrap: anywhere; }
td.words .note { font-size: 9pt; color: #444; display: block; margin-top: 1mm; line-height: 1.3; }
td.box { width: 16mm; text-align: center; }
.square { display: inline-block; width: 6mm; height: 6mm; border: 0.4mm solid #111; margin-top: 1mm; }
"""


def as_html(title: str, lines: Sequence[SheetLine]) -> str:
    """One page without anything from outside, which a browser prints with its table head on every sheet."""
    first = escape(lines[0].language if lines else "en")
    parts = [
        f'<!doctype html>\n<html lang="{first}"><head><meta charset="utf-8">',
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        '<p class="hint">Deliver one WAV file for each line, with the name given: 16 or 24 bit, 44.1 or 48 kHz, ',
        "mono. Leave half a second of silence before and after; it is cut, and the level is set, when the files ",
        "are taken in. A file that is clipped has to be recorded again.</p>",
    ]
    for language in dict.fromkeys(line.language for line in lines):
        own = [line for line in lines if line.language == language]
        parts.append(f'<h2 lang="{escape(language)}">{escape(language)}: {len(own)} to record</h2><table>')
        parts.append('<thead><tr><th>No.</th><th>Text</th><th>Take</th><th>Done</th></tr></thead><tbody lang="')
        parts.append(f'{escape(language)}">')
        parts += [_row(number, line) for number, line in enumerate(own, 1)]
        parts.append("</tbody></table>")
    if not lines:
        parts.append("<p>Everything is recorded.</p>")
    return "".join([*parts, "</body></html>\n"])


def _row(number: int, line: SheetLine) -> str:
    notes = "".join(f'<span class="note">{escape(label)}: {escape(said)}</span>' for label, said in _notes(line))
    boxes = '<td class="box"></td><td class="box"><span class="square"></span></td>'
    return (
        f'<tr><td class="no">{number}</td><td class="words"><span class="file">{escape(line.file)}</span>'
        f"{escape(line.text)}{notes}</td>{boxes}</tr>\n"
    )
