"""The graph of a menu: everything is on it, in its place, and readable."""

from __future__ import annotations

import io
from itertools import combinations
from xml.etree import ElementTree

import pytest
from PIL import Image

from ivr.menu.exits import exits
from ivr.menu.graph import GROUPS, KINDS, count_exits, draw, rows_of
from ivr.menu.graph_groups import groups
from ivr.menu.graph_png import to_png
from ivr.menu.graph_svg import to_svg
from ivr.menu.graph_text import to_dot, to_mermaid
from ivr.menu.model import Menu
from ivr.menu.picture import Box, Curve, Picture, Words, fitted, folded, text_width


@pytest.fixture(scope="module")
def picture(northgas: Menu) -> Picture:
    return draw(northgas)


def cards(picture: Picture) -> list[Box]:
    return [shape for shape in picture.shapes if isinstance(shape, Box) and shape.name]


def words(picture: Picture) -> list[str]:
    return [shape.text for shape in picture.shapes if isinstance(shape, Words)]


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def test_every_step_has_one_card(northgas: Menu, picture: Picture) -> None:
    assert sorted(card.name for card in cards(picture)) == sorted(northgas.steps)


def test_every_exit_is_on_a_card(northgas: Menu) -> None:
    for step in northgas.steps.values():
        there = {name for row in rows_of(northgas, step) for name in row.exits}
        proof = {"requires", "failed"} if step.requires else {"requires"}
        assert {one.name for one in exits(northgas, step)} - proof <= there


def test_no_card_covers_another(picture: Picture) -> None:
    for one, other in combinations(cards(picture), 2):
        apart = (
            one.x + one.width < other.x
            or other.x + other.width < one.x
            or one.y + one.height < other.y
            or other.y + other.height < one.y
        )
        assert apart, f"{one.name} and {other.name} overlap"


def test_every_card_lies_in_one_panel_and_panels_on_the_sheet(northgas: Menu, picture: Picture) -> None:
    grounds = {ground for _, ground in GROUPS.values()}
    panels = [shape for shape in picture.shapes if isinstance(shape, Box) and shape.fill in grounds]
    for card in cards(picture):
        assert sum(inside(card, panel) for panel in panels) == 1, card.name
    sheet = Box(0, 0, picture.width, picture.height, "#ffffff")
    assert all(inside(panel, sheet) for panel in panels)
    assert len(panels) == len(groups(northgas)) + 1  # and the bar of what works at any time


def test_lines_lead_to_the_right(picture: Picture) -> None:
    lines = [shape for shape in picture.shapes if isinstance(shape, Curve)]
    assert len(lines) > 20
    assert all(line.x1 < line.x2 for line in lines)


def test_words_stay_on_their_card(picture: Picture) -> None:
    for card in cards(picture):
        for shape in picture.shapes:
            if isinstance(shape, Words) and card.y < shape.y < card.y + card.height and card.x < shape.x:
                width = text_width(shape.text, shape.size, bold=shape.bold)
                if shape.x < card.x + card.width and not shape.right:
                    assert shape.x + width <= card.x + card.width + 4, shape.text


def test_the_emergency_is_seen_at_a_glance(northgas: Menu, picture: Picture) -> None:
    red = GROUPS["emergency"][0]
    assert groups(northgas)[0].kind == "emergency"
    heavy = [shape for shape in picture.shapes if isinstance(shape, Box) and shape.edge == red]
    assert max(box.edge_width for box in heavy) == 3.0
    (key,) = (shape for shape in picture.shapes if isinstance(shape, Box) and shape.link == "emergency")
    assert key.fill == red
    from_outage = [shape for shape in picture.shapes if isinstance(shape, Words) and shape.text == "emergency"]
    assert any(shape.colour == red and shape.bold for shape in from_outage)


def test_there_is_a_legend_of_all_kinds(picture: Picture) -> None:
    assert {what for _, what in KINDS.values()} <= set(words(picture))


def test_groups_come_from_what_steps_do(northgas: Menu) -> None:
    by_kind = {group.kind: set(group.steps) for group in groups(northgas)}
    assert by_kind["emergency"] == {"emergency", "emergency_line", "emergency_told"}
    assert {"ask_account", "find_it", "ask_pin", "pin_check", "is_locked", "wrong_pin"} == by_kind["proof"]
    assert {"pay_ask", "pay_amount", "pay_now", "paid", "promise_offer", "promise_save"} <= by_kind["money"]
    assert {"agent_asked", "closed", "call_me", "call_noted"} <= by_kind["people"]
    assert by_kind["end"] == {"bye"}
    assert {"greet", "main", "tell_balance", "anything_else"} <= by_kind["way"]


def test_counts_of_calls_stand_at_their_exits(northgas: Menu) -> None:
    counts = {
        ("main", "key 1"): 12,
        ("main", "said balance"): 3,
        ("main", "key 2"): 7,
        ("greet", "everywhere 9"): 2,
    }
    shown = words(draw(northgas, counts=counts, note="24 calls counted"))
    assert {"15×", "7×", "9: 2×"} <= set(shown)
    assert any(text.endswith("menu 22×") for text in shown)
    assert any("24 calls counted" in text for text in shown)


def test_lines_that_more_calls_take_are_thicker(northgas: Menu) -> None:
    counts = {("main", "key 1"): 100, ("main", "key 2"): 1}
    widths = sorted(shape.width for shape in draw(northgas, counts=counts).shapes if isinstance(shape, Curve))
    assert widths[-1] == 5.5
    assert widths[-2] == pytest.approx(1.54)


def test_calls_of_other_menus_and_of_drafts_do_not_count() -> None:
    steps = [{"step": "main", "exit": "key 1"}, {"step": "bye", "exit": None}]
    records: list[dict[str, object]] = [
        {"menu": "northgas@1", "steps": steps},
        {"menu": "northgas@2", "steps": steps},
        {"menu": "northgas@2 (draft)", "steps": steps},
        {"menu": "other@1", "steps": steps},
        {"menu": None},
    ]
    assert count_exits(records, "northgas") == ({("main", "key 1"): 2, ("bye", ""): 2}, 2)


def test_the_svg_is_xml_and_its_links_lead_somewhere(picture: Picture) -> None:
    root = ElementTree.fromstring(to_svg(picture))
    names = {one.get("id") for one in root.iter() if one.get("id")}
    links = [str(one.get("href")) for one in root.iter() if one.get("href")]
    assert len(links) > 100
    assert {link.removeprefix("#") for link in links} <= names


def test_signs_of_xml_in_a_prompt_stay_text(picture: Picture) -> None:
    drawn = Picture("<&>", 10, 10, [Words(0, 0, "<script>&", 10, "#000000")])
    root = ElementTree.fromstring(to_svg(drawn))
    assert [one.text for one in root.iter() if one.tag.endswith("text")] == ["<script>&"]


def test_the_png_can_be_opened_and_is_not_empty(picture: Picture) -> None:
    image = Image.open(io.BytesIO(to_png(picture, scale=1))).convert("RGB")
    assert image.size == (round(picture.width), round(picture.height))
    colours = {colour for _, colour in image.getcolors(1 << 24) or []}
    assert len(colours) > 20


def test_mermaid_and_dot_have_every_way(northgas: Menu) -> None:
    mermaid, dot = to_mermaid(northgas), to_dot(northgas)
    assert '  s_main -->|"1  balance"| s_get_balance' in mermaid
    assert '  "main" -> "get_balance" [label="1  balance", color="#1f5fbf"];' in dot
    rows = sum(len(rows_of(northgas, step)) for step in northgas.steps.values()) + 2
    assert mermaid.count("-->") == mermaid.count("linkStyle") == dot.count(" -> ") == rows


def test_texts_are_cut_where_the_room_ends() -> None:
    assert fitted("get_balance", 11, 200) == "get_balance"
    cut = fitted("a very long name of a step", 11, 60)
    assert cut.endswith("…")
    assert text_width(cut, 11) <= 60
    lines = folded("one two three four five six seven eight nine ten", 11, 60, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
