"""A drawing before it is a file: boxes, texts and lines with places in pixels."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    fill: str
    """``#rrggbb``."""
    edge: str = ""
    """Colour of its outline; empty for none."""
    edge_width: float = 1.0
    corner: float = 0.0
    link: str = ""
    """Name of the box it leads to, where a file can be clicked."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    x: float
    y: float
    """Of the base line."""
    text: str
    size: float
    colour: str
    bold: bool = False
    right: bool = False
    """Ends at `x` instead of beginning there."""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """From left to right with an arrow head at its end."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float = 1.5
    dashed: bool = False


@dataclass(slots=True)
class Picture:
    title: str
    width: float = 0.0
    height: float = 0.0
    shapes: list[Box | Words | Curve] = field(default_factory=list)
    """Drawn in this order."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Near enough for any sans-serif face: narrow letters count less than wide ones."""
    letters = sum(0.36 if sign in "ijlrtfI.,:;'|! ()“”‘’" else 0.95 if sign in "mwMW@" else 0.61 for sign in text)
    return letters * size * (1.06 if bold else 1.0)


def fitted(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """As much of it as there is room for, with … where it was cut."""
    if text_width(text, size, bold=bold) <= width:
        return text
    while text and text_width(f"{text}…", size, bold=bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def folded(text: str, size: float, width: float, most: int) -> list[str]:
    """At most so many lines; the last is cut."""
    lines: list[str] = []
    rest = text.split()
    while rest and len(lines) < most:
        line = rest.pop(0)
        while rest and text_width(f"{line} {rest[0]}", size) <= width:
            line += f" {rest.pop(0)}"
        lines.append(line)
    if rest and lines:
        lines[-1] = f"{lines[-1]} {' '.join(rest)}"
    return [fitted(line, size, width) for line in lines]
