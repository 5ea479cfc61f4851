"""The graph of a menu: a card for each step with all its ways out, in panels of what belongs together.

Ways within a panel that lead forward are drawn as lines. All others are named at the exit, like the page
references of a printed flow chart: at fifty steps and two hundred exits, lines alone are a ball of wool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.menu.exits import Exit, ExitKind, all_phrases, default_misses, everywhere_exits, exits, phrases_of
from ivr.menu.graph_groups import Group, GroupKind, groups
from ivr.menu.model import AnyStep, HandoffStep, LookupStep, Menu, TransferStep
from ivr.menu.outline import words_of
from ivr.menu.picture import Box, Curve, Picture, Words, fitted, folded, text_width

Counts = Mapping[tuple[str, str], int]
"""Step and exit, as in call records, to how often calls took it."""
KINDS: dict[ExitKind, tuple[str, str]] = {
    "key": ("#1f5fbf", "a key or phrase"),
    "ok": ("#2e7d32", "went well, or simply on"),
    "failure": ("#c77700", "went wrong"),
    "miss": ("#7a5195", "silence, or nothing that fits"),
    "everywhere": ("#c62828", "at any time"),
}
GROUPS: dict[GroupKind, tuple[str, str]] = {
    "emergency": ("#c62828", "#fdeaea"),
    "way": ("#37474f", "#f2f5f7"),
    "proof": ("#6a4fa3", "#f3effa"),
    "money": ("#00695c", "#e8f5f2"),
    "people": ("#8a5a00", "#fdf5e6"),
    "end": ("#616161", "#f0f0f0"),
}
"""Colour of the edge and of the ground."""
CARD, COLUMN_GAP, ROW_GAP, PAD = 250.0, 56.0, 18.0, 18.0
HEAD, ROW, LINE = 26.0, 19.0, 15.0
SMALL, USUAL, LARGE = 11.0, 12.5, 16.0
PANEL_HEAD = 34.0
INK, PALE, PAPER = "#1b1f23", "#5b6670", "#ffffff"
MOST_WORDS = 3
"""Lines of a prompt on a card."""
HUB = 4
"""Ways to one card from which on they are only named: more lines to one place tell nothing."""
TALLEST = 7
"""Cards above each other; more are set in columns of `SHORT`."""
SHORT = 4


@dataclass(frozen=True, slots=True)
class Row:
    """Exits of a step that lead to the same place for the same kind of reason."""

    label: str
    target: str
    kind: ExitKind
    exits: tuple[str, ...]


@dataclass(slots=True)
class Card:
    step: AnyStep
    words: list[str]
    rows: list[Row]
    column: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        return HEAD + LINE * len(self.words) + ROW * len(self.rows) + (10 if self.words else 4)

    def row_y(self, number: int) -> float:
        return self.y + HEAD + LINE * len(self.words) + (6 if self.words else 0) + ROW * number + ROW / 2


def draw(menu: Menu, *, language: str = "", counts: Counts | None = None, note: str = "") -> Picture:
    """The whole menu. With `counts` each exit says how often calls took it; `note` stands under the title."""
    return _Drawing(menu, language or menu.languages[0].code, counts, note).picture


def rows_of(menu: Menu, step: AnyStep) -> list[Row]:
    """The exits of a card: those with one target together, without what the step's badge says."""
    found: dict[tuple[str, ExitKind, str], list[Exit]] = {}
    for one in exits(menu, step):
        if one.name == "requires" or (one.name == "failed" and step.requires and not step.miss):
            continue
        alone = one.name if one.kind == "key" else ""
        found.setdefault((one.target, one.kind, alone), []).append(one)
    made = []
    for (target, kind, _), ways in found.items():
        label = ", ".join(map(_label, ways))
        made.append(
            Row(
                "then" if label in ("go", "run", "return") else label,
                target,
                kind,
                tuple(one.name for one in ways),
            )
        )
    return made


class _Drawing:
    def __init__(self, menu: Menu, language: str, counts: Counts | None, note: str) -> None:
        self.menu = menu
        self.language = language
        self.counts = counts
        self.most = max((counts or {}).values(), default=0)
        self.picture = Picture(menu.title or menu.name)
        self.groups = groups(menu)
        self.kind_of = {name: group.kind for group in self.groups for name in group.steps}
        self.cards = {step.name: self.card(step) for step in menu.steps.values()}
        self.sizes = [self.lay_out(group) for group in self.groups]
        self.put(note)

    # --- cards ------------------------------------------------------------------------------------------------

    def card(self, step: AnyStep) -> Card:
        said = words_of(self.menu, step.say, self.language)
        words = folded(f"“{said}”", SMALL, CARD - 20, MOST_WORDS) if said else []
        return Card(step, words, rows_of(self.menu, step))

    def lay_out(self, group: Group) -> tuple[float, float]:
        """Columns and heights within the panel; its size."""
        mine = {name: self.cards[name] for name in group.steps}
        after = {name: [row.target for row in card.rows if row.target in mine] for name, card in mine.items()}
        for name, column in _columns(after).items():
            mine[name].column = column
        bottoms: dict[int, float] = {}
        _spread(list(mine.values()))
        for card in sorted(mine.values(), key=lambda one: one.column):
            card.x = PAD + card.column * (CARD + COLUMN_GAP)
            came = [
                before.y
                for name, before in mine.items()
                if card.step.name in after[name] and before.column < card.column
            ]
            card.y = max(bottoms.get(card.column, PANEL_HEAD), min(came, default=PANEL_HEAD))
            bottoms[card.column] = card.y + card.height + ROW_GAP
        columns = 1 + max(card.column for card in mine.values())
        width = 2 * PAD + columns * CARD + (columns - 1) * COLUMN_GAP
        return width, max(bottoms.values()) - ROW_GAP + PAD

    # --- panels -----------------------------------------------------------------------------------------------

    def put(self, note: str) -> None:
        """The head, then the panels beside each other as far as they fit."""
        limit = max([*(width for width, _ in self.sizes), 1500.0])
        top = self.head(note, limit)
        x, y, tallest = PAD, top, 0.0
        for group, (width, height) in zip(self.groups, self.sizes, strict=True):
            if x > PAD and x + width > limit + PAD:
                x, y, tallest = PAD, y + tallest + PAD, 0.0
            self.panel(group, x, y, width, height)
            x, tallest = x + width + PAD, max(tallest, height)
        self.picture.width, self.picture.height = limit + 2 * PAD, y + tallest + PAD

    def head(self, note: str, width: float) -> float:
        """Title, legend and what works at any time; where the panels begin."""
        add = self.picture.shapes.append
        add(Words(PAD, 36, self.picture.title, 22, INK, bold=True))
        start = f"{self.menu.name}@{self.menu.version}   calls begin at {self.menu.start}"
        add(Words(PAD, 56, f"{start}   {note}".rstrip(), SMALL, PALE))
        x = PAD
        for colour, what in KINDS.values():
            add(Box(x, 69, 14, 10, colour, corner=2))
            add(Words(x + 19, 78, what, SMALL, INK))
            x += 19 + text_width(what, SMALL) + 18
        add(Words(x, 78, "needs proof: name in brackets", SMALL, INK))
        return self.always(92.0, width)

    def always(self, y: float, width: float) -> float:
        """The keys of everywhere, emergency first, and where misses lead in the end."""
        rows = [Row(one.label, one.target, "everywhere", (one.name,)) for one in everywhere_exits(self.menu)]
        rows.sort(key=lambda row: self.kind_of.get(row.target) != "emergency")
        rows += [Row(one.label, one.target, "miss", (one.name,)) for one in default_misses(self.menu)]
        colour, ground = GROUPS["emergency"]
        self.picture.shapes.append(Box(PAD, y, width, 34, ground, colour, 2, 6))
        self.picture.shapes.append(Words(PAD + 12, y + 22, "At any time", USUAL, colour, bold=True))
        x = PAD + 110
        for row in rows:
            loud = self.kind_of.get(row.target) == "emergency"
            times = self.times(row, "")
            label = f"{row.label}: {times}" if times else row.label
            wide = text_width(label, USUAL, bold=True) + 26 + text_width(row.target, SMALL) + 12
            fill = colour if loud else PAPER
            ink = PAPER if loud else KINDS[row.kind][0]
            self.picture.shapes.append(Box(x, y + 6, wide, 22, fill, KINDS[row.kind][0], 1, 11, link=row.target))
            self.picture.shapes.append(Words(x + 10, y + 21, label, USUAL, ink, bold=True))
            end = x + wide - 10
            self.picture.shapes.append(
                Words(end, y + 21, row.target, SMALL, PAPER if loud else PALE, right=True, link=row.target)
            )
            x += wide + 10
        return y + 34 + PAD

    def panel(self, group: Group, x: float, y: float, width: float, height: float) -> None:
        colour, ground = GROUPS[group.kind]
        loud = group.kind == "emergency"
        add = self.picture.shapes.append
        add(Box(x, y, width, height, ground, colour, 3.0 if loud else 1.2, 8))
        add(Words(x + PAD, y + 23, group.title, LARGE, colour, bold=True))
        for name in group.steps:
            self.cards[name].x += x
            self.cards[name].y += y
        self.lines([self.cards[name] for name in group.steps])
        for name in group.steps:
            self.draw_card(self.cards[name], colour)

    # --- one card -----------------------------------------------------------------------------------------------

    def lines(self, cards: list[Card]) -> None:
        """The ways forward within a panel, but for those to a card that everything leads to."""
        mine = {card.step.name: card for card in cards}
        ways = [(card, number, mine[row.target]) for card in cards for number, row in enumerate(card.rows)
                if row.target in mine and mine[row.target].column > card.column]  # fmt: skip
        coming = Counter(target.step.name for _, _, target in ways)
        for card, number, target in ways:
            far = target.column > card.column + 1
            if coming[target.step.name] >= HUB or (far and coming[target.step.name] > 1):
                continue
            colour = KINDS[card.rows[number].kind][0]
            share = self.taken(card.step.name, card.rows[number]) / self.most if self.most else 0.0
            width = 1.5 + 4.0 * min(share, 1.0)
            self.picture.shapes.append(
                Curve(card.x + CARD, card.row_y(number), target.x, target.y + HEAD / 2, colour, width, dashed=far)
            )

    def draw_card(self, card: Card, colour: str) -> None:
        add, step = self.picture.shapes.append, card.step
        first = step.name == self.menu.start
        add(Box(card.x, card.y, CARD, card.height, PAPER, colour, 2.4 if first else 1.0, 6, name=step.name))
        add(Box(card.x, card.y, CARD, HEAD - 3, colour, corner=6))
        does = _does(step)
        badge = f"[{step.requires}]" if step.requires else ""
        visits = self.visits(step.name)
        right = " ".join(part for part in (badge, does, visits) if part)
        room = CARD - 24 - text_width(step.name, USUAL, bold=True)
        add(Words(card.x + 8, card.y + 16, step.name, USUAL, PAPER, bold=True))
        add(Words(card.x + CARD - 8, card.y + 16, fitted(right, SMALL, room), SMALL, PAPER, right=True))
        for number, line in enumerate(card.words):
            add(Words(card.x + 10, card.y + HEAD + 10 + LINE * number, line, SMALL, PALE))
        for number, row in enumerate(card.rows):
            self.draw_row(card, row, card.row_y(number))

    def draw_row(self, card: Card, row: Row, y: float) -> None:
        add = self.picture.shapes.append
        colour = KINDS[row.kind][0]
        loud = self.kind_of.get(row.target) == "emergency" and self.kind_of[card.step.name] != "emergency"
        add(Box(card.x + 6, y - 6, 4, 12, colour, corner=1))
        target = {"END": "the call ends", "RETURN": "back again"}.get(row.target, row.target)
        times = self.times(row, card.step.name)
        room = CARD - 34 - text_width(times, SMALL, bold=True)
        shown = fitted(target, SMALL, room * 0.55)
        ink = GROUPS["emergency"][0] if loud else GROUPS[self.kind_of.get(row.target, "end")][0]
        add(Words(card.x + CARD - 8, y + 4, shown, SMALL, ink, bold=loud, right=True, link=row.target))
        left = room - text_width(shown, SMALL, bold=loud)
        label = fitted(row.label, SMALL, left, bold=row.kind == "key")
        add(Words(card.x + 15, y + 4, label, SMALL, colour, bold=row.kind == "key"))
        if times:
            at = card.x + 19 + text_width(label, SMALL, bold=row.kind == "key")
            add(Words(at, y + 4, times, SMALL, INK, bold=True))

    # --- calls ----------------------------------------------------------------------------------------------

    def times(self, row: Row, step: str) -> str:
        if self.counts is None:
            return ""
        if row.kind == "everywhere" and not step:
            count = sum(number for (_, exit), number in self.counts.items() if exit in row.exits)
        elif not step:
            return ""
        else:
            count = self.taken(step, row)
        return f"{count}×"

    def taken(self, step: str, row: Row) -> int:
        """How often calls left the step so; of a choice also by its phrases."""
        counts = self.counts or {}
        count = sum(counts.get((step, name), 0) for name in row.exits)
        for one in exits(self.menu, self.menu.steps[step]):
            if one.name in row.exits and one.choice is not None:
                phrases = {f"said {phrase}" for phrase in all_phrases(one.choice)}
                count += sum(counts.get((step, name), 0) for name in phrases - set(row.exits))
        return count

    def visits(self, step: str) -> str:
        if self.counts is None:
            return ""
        return f"{sum(number for (name, _), number in self.counts.items() if name == step)}×"


def count_exits(records: list[dict[str, object]], menu: str) -> tuple[dict[tuple[str, str], int], int]:
    """From call records of this menu, in any version, without calls to drafts: counts, and how many calls."""
    counts: dict[tuple[str, str], int] = {}
    calls = 0
    for record in records:
        name, _, version = str(record.get("menu") or "").partition("@")
        steps = record.get("steps")
        if name != menu or version.endswith("(draft)") or not isinstance(steps, list):
            continue
        calls += 1
        for step in steps:
            if isinstance(step, dict):
                key = str(step.get("step")), str(step.get("exit") or "")
                counts[key] = counts.get(key, 0) + 1
    return counts, calls


def _label(one: Exit) -> str:
    """A key with what is said for it, or the name of the exit."""
    phrases = phrases_of(one.choice) if one.choice is not None and one.choice.press else ()
    return f"{one.label}  {phrases[0]}" if phrases else one.label


def _spread(cards: list[Card]) -> None:
    """Columns that would be too tall become several, and what is right of them moves on."""
    shift = 0
    for column in range(1 + max(card.column for card in cards)):
        mine = [card for card in cards if card.column == column + shift]
        if len(mine) > TALLEST:
            more = -(-len(mine) // SHORT) - 1
            for card in cards:
                card.column += more if card.column > column + shift else 0
            for number, card in enumerate(mine):
                card.column += number // SHORT
            shift += more


def _does(step: AnyStep) -> str:
    match step:
        case LookupStep():
            return step.use
        case HandoffStep():
            return f"queue {step.queue}"
        case TransferStep():
            return step.to
        case _:
            return type(step).__name__.removesuffix("Step").lower()


def _columns(after: Mapping[str, list[str]]) -> dict[str, int]:
    """Each step right of all that lead to it, as far as there is no circle: ways back do not count."""
    forward: dict[str, list[str]] = {name: [] for name in after}
    state: dict[str, int] = {}

    def visit(start: str) -> None:
        stack = [(start, iter(after[start]))]
        state[start] = 1
        while stack:
            name, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                state[name] = 2
                stack.pop()
            elif state.get(target) != 1:
                forward[name].append(target)
                if target not in state:
                    state[target] = 1
                    stack.append((target, iter(after[target])))

    led = {target for targets in after.values() for target in targets}
    for name in [*(one for one in after if one not in led), *after]:
        if name not in state:
            visit(name)
    columns = dict.fromkeys(after, 0)
    for _ in after:
        changed = False
        for name, targets in forward.items():
            for target in targets:
                if columns[target] <= columns[name]:
                    columns[target] = columns[name] + 1
                    changed = True
        if not changed:
            break
    return columns
