"""What the YAML parser's complaints mean to a person with a text editor.

The parser says where it gave up, in the words of its grammar: ``while scanning a simple key, could not find
expected ':'``, one line below the colon that is missing. Here the place is the line to change, and the
words say how.
"""

from __future__ import annotations

import re

import yaml

Place = tuple[int, int]
"""Line and column, the first of each being 1."""
_MISFITS = ("<block mapping start>", "<block sequence start>", "-", "?")


def explained(error: yaml.MarkedYAMLError, text: str) -> tuple[str, Place]:
    """What to tell the editor of `text`, and the place to look at."""
    lines = text.splitlines()
    context, problem = error.context or "", error.problem or ""
    here = _place(error.problem_mark or error.context_mark)
    began = _place(error.context_mark or error.problem_mark)
    if problem == "could not find expected ':'":
        return _without_colon(_line(lines, began)), began
    if problem.startswith("mapping values are not allowed"):
        line = _line(lines, here)
        if bare := re.match(r"\s*(?:- )?([\w.]+)\s+([{\[])", line):
            place = here[0], bare.start(1) + 1
            return f"has no colon after {bare[1]}; write {bare[1]}: {bare[2]}", place
        if re.search(r"[\w\"'\]]\s*}\s*(#.*)?$", line) and "{" not in line:
            return "has a } at its end and no { before; write { after the first colon", here
        return _second_colon(line[: here[1] - 1]), here
    if "alias" in context or "anchor" in context:
        sign = "*" if "alias" in context else "&"
        star = "write the word star for the key, or " if sign == "*" else ""
        return f"has a bare {sign}; {star}put the text into quotation marks", began
    if context.startswith("while parsing a flow"):
        return _in_brackets(lines, began, here)
    if problem.startswith("expected <block end>"):
        return _out_of_place(text, lines, problem.split("'")[1], here)
    if "quoted scalar" in context and "end of stream" in problem:
        return "begins with a quotation mark and has none at its end; write it", began
    if "quoted scalar" in context and "escape" in problem:
        return "has a backslash between double quotation marks; write two, or use single ones", here
    if "cannot start any token" in problem:
        return f"begins with {problem.split(chr(39))[1]}; put the text into quotation marks", here
    return f"not readable as YAML: {', '.join(part for part in (context, problem) if part)}", here


def _without_colon(line: str) -> str:
    if re.match(r"\s*(- )?[\w.]+:\S", line):
        return "has no blank after the colon; write one, as in say: main.head"
    return "has no colon; write a key, a colon, a blank and the value, as in say: main.head"


def _second_colon(before: str) -> str:
    if ": " in before:
        return "has a second colon; put the text into quotation marks"
    return "does not fit the line above: this one is indented too far, or that one lacks its colon"


def _in_brackets(lines: list[str], began: Place, here: Place) -> tuple[str, Place]:
    before = re.search(r"[^\s:,{\[]\s+([\w.]+)\s*$", _line(lines, here)[: here[1] - 1])
    if before is not None and _line(lines, here)[here[1] - 1 : here[1]] == ":":
        return f"has no comma before {before[1]}:; write one", (here[0], before.start(1))
    for number in range(here[0], began[0] - 1, -1):
        comment = re.search(r"[ :\[{,]#", _line(lines, (number, 1)))
        if comment is not None and number < here[0]:
            message = "begins a comment with #, and so the bracket before it is not closed; write hash for the key"
            return message, (number, comment.start() + 2)
    sign = _line(lines, began)[began[1] - 1 : began[1]]
    closing = {"[": "]", "{": "}"}.get(sign)
    if closing is None:
        return "has a bracket or a comma too many, or a value too few", here
    return f"has a {sign} that is not closed; write {closing} where it ends", began


def _out_of_place(text: str, lines: list[str], found: str, here: Place) -> tuple[str, Place]:
    if found in ("}", "]"):
        return f"has a {found} too many; remove it", here
    if found in ("{", "["):
        return f"has a {found} where a dash or a key is needed; write - before an entry of a list", here
    if found in _MISFITS:
        return "is indented neither like the line above nor like its group; move it under its neighbours", here
    before = _offset(lines, here)
    closing = text.rfind('"', 0, before)
    opening = text.rfind('"', 0, max(closing, 0))
    if opening >= 0 and "\n" in text[opening:closing] and text.rfind("\n", 0, before) < closing:
        place = (text.count("\n", 0, opening) + 1, opening - text.rfind("\n", 0, opening))
        return "begins with a quotation mark and has none at its end; write it", place
    return "goes on behind the end of the value; put the whole text into quotation marks", here


def _place(mark: yaml.Mark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _line(lines: list[str], place: Place) -> str:
    return lines[place[0] - 1] if 0 < place[0] <= len(lines) else ""


def _offset(lines: list[str], place: Place) -> int:
    """Characters before `place`, where every line ends with one."""
    return sum(len(line) + 1 for line in lines[: place[0] - 1]) + place[1] - 1
