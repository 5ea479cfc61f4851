"""The graph for other programs: Mermaid and Graphviz DOT, from the same cards as the picture."""

from __future__ import annotations

import re

from ivr.menu.exits import ExitKind, everywhere_exits
from ivr.menu.graph import GROUPS, KINDS, Counts, rows_of
from ivr.menu.graph_groups import groups
from ivr.menu.model import Menu

_ENDS = ("END", "BACK", "REPEAT", "RETURN")


def to_mermaid(menu: Menu, counts: Counts | None = None) -> str:
    """A flow chart as Mermaid reads it; exits in their colours, panels as subgraphs."""
    lines, styles = ["flowchart LR"], []
    lines.append("  everywhere_((at any time))")
    for group in groups(menu):
        lines.append(f'  subgraph {_id(group.title)}["{group.title}"]')
        lines += [f'    {_id(name)}["{name}"]' for name in group.steps]
        lines.append("  end")
        colour, ground = GROUPS[group.kind]
        styles.append(f"  style {_id(group.title)} fill:{ground},stroke:{colour}")
    edges = _edges(menu, counts)
    for number, (source, target, label, kind) in enumerate(edges):
        shown = label.replace('"', "'")
        lines.append(f'  {_id(source)} -->|"{shown}"| {_id(target)}')
        styles.append(f"  linkStyle {number} stroke:{KINDS[kind][0]}")
    lines += [f"  {_id(end)}([{end}])" for end in _ENDS if any(edge[1] == end for edge in edges)]
    return "\n".join([*lines, *styles]) + "\n"


def to_dot(menu: Menu, counts: Counts | None = None) -> str:
    """A graph as Graphviz reads it."""
    lines = [
        f"digraph {_quoted(menu.name)} {{",
        "  rankdir=LR; node [shape=box, style=rounded, fontname=Helvetica];",
    ]
    lines.append('  "everywhere" [label="at any time", shape=circle];')
    for number, group in enumerate(groups(menu)):
        colour, ground = GROUPS[group.kind]
        lines.append(f"  subgraph cluster_{number} {{ label={_quoted(group.title)}; color={_quoted(colour)};")
        lines.append(f"    style=filled; fillcolor={_quoted(ground)};")
        lines += [f"    {_quoted(name)};" for name in group.steps]
        lines.append("  }")
    for source, target, label, kind in _edges(menu, counts):
        colour = KINDS[kind][0]
        source = "everywhere" if source == "everywhere_" else source
        lines.append(
            f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(label)}, color={_quoted(colour)}];"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _edges(menu: Menu, counts: Counts | None) -> list[tuple[str, str, str, ExitKind]]:
    found: list[tuple[str, str, str, ExitKind]] = []
    for one in everywhere_exits(menu):
        if one.target in menu.steps:
            found.append(("everywhere_", one.target, one.label, "everywhere"))
    for step in menu.steps.values():
        for row in rows_of(menu, step):
            times = sum((counts or {}).get((step.name, name), 0) for name in row.exits)
            label = f"{row.label} {times}x" if counts is not None else row.label
            target = menu.start if row.target == "START" else row.target
            found.append((step.name, target, label, row.kind))
    return found


def _id(name: str) -> str:
    """`end` is a word of Mermaid's own, so every name gets a letter in front."""
    return "s_" + re.sub(r"\W", "_", name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
