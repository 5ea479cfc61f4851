"""The short way past the schema's validator: never yes where the validator says no."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from ivr.menu.fits import compiled
from ivr.menu.schema import schema, typed
from ivr.menu.source import read

SAMPLE = (Path(__file__).parents[2] / "menus" / "northgas.yaml").read_text()
DATA = typed(read(SAMPLE, "m")[0], "m")[0]
DEFS = schema()["$defs"]
STEPS = sorted(DATA["steps"])

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 200),
    st.floats(-1, 2),
    st.sampled_from(["", "any", "kyes", "END", "main", "5s", "0s", "p.x", "2026-02-30", "Name", "a" * 60]),
    st.lists(st.sampled_from(["keys", "speech", 1, {}]), max_size=3),
    st.dictionaries(st.sampled_from(["go", "press", "say", "x"]), st.sampled_from([1, "END", "p.x"]), max_size=3),
)


def full(part: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"$defs": DEFS, **part}, format_checker=FormatChecker(["date"]))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(name=st.sampled_from(STEPS), key=st.integers(0, 20), value=values, drop=st.booleans())
def test_the_short_way_and_the_validator_agree_on_steps(name, key, value, drop) -> None:
    step = copy.deepcopy(DATA["steps"][name])
    keys = [*step, "speling"]
    chosen = keys[key % len(keys)]
    if drop:
        step.pop(chosen, None)
    else:
        step[chosen] = value
    part = DEFS[f"{DATA['steps'][name]['type']}_step"]
    assert compiled(part, DEFS)(step) == full(part).is_valid(step)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(name=st.sampled_from(sorted(DEFS)), value=values)
def test_the_short_way_and_the_validator_agree_on_every_definition(name, value) -> None:
    if name != "step":
        assert compiled(DEFS[name], DEFS)(value) == full(DEFS[name]).is_valid(value)


def test_the_whole_sample_takes_the_short_way() -> None:
    whole = {**schema(), "$defs": {**DEFS, "step": True}}
    assert compiled(whole, whole["$defs"])(DATA)


@pytest.mark.parametrize("word", ["not", "oneOf", "patternProperties", "multipleOf"])
def test_a_keyword_it_does_not_know_makes_the_answer_no(word) -> None:
    assert not compiled({word: {}}, {})("anything")
