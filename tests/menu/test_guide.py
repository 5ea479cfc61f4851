"""The editors' guide: every example in it is what this program takes, and every key of the language has one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ivr.config.connectors import AS, OUTCOMES
from ivr.menu.check_report import PROOFS
from ivr.menu.connector_file import _CONNECTOR_KEYS, _LOOKUP_KEYS, read_connectors
from ivr.menu.load import check_menu
from ivr.menu.prompts import read_prompts
from ivr.menu.schema import schema, typed
from ivr.menu.source import Mapping, read
from ivr.menu.values import formatters

GUIDE = (Path(__file__).parents[2] / "menus" / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
FRAME = {
    "ivr": "ivr: 1\n",
    "name": "name: guide\n",
    "start": "start: first\n",
    "languages": "languages: [{code: en, prompts: en.yaml}]\n",
    "defaults": "defaults: {on_fault: END}\n",
    "steps": "steps:\n  first: {type: say, say: a.b, go: END}\n",
}
HEAD = frozenset(schema()["properties"])


def kind(block: str) -> str:
    """What a block is a part of, by the first name in it."""
    first = re.search(r"^([a-z_.]+):", block, re.MULTILINE)
    assert first is not None
    name = first[1]
    if name == "connectors":
        return "connectors"
    return "prompts" if "." in name else "menu" if name in HEAD else "steps"


def menu_of(block: str) -> str:
    """The block with what a whole menu needs besides."""
    if kind(block) == "steps":
        block = "steps:\n" + "".join(f"  {line}" for line in block.splitlines(keepends=True))
    return block + "".join(text for key, text in FRAME.items() if not re.search(rf"^{key}:", block, re.MULTILINE))


@pytest.mark.parametrize("block", BLOCKS, ids=[block.split(":")[0] for block in BLOCKS])
def test_every_example_of_the_guide_is_taken_as_it_is(block: str) -> None:
    if kind(block) == "connectors":
        problems = read_connectors(block, "guide")[1]
    elif kind(block) == "prompts":
        problems = read_prompts(f"prompts: en\n{block}", "guide", "en")[1]
    else:
        root, problems = read(menu_of(block), "guide")
        problems += typed(root, "guide")[1]
    assert [str(problem) for problem in problems] == []


def keys_shown() -> set[str]:
    """Names of keys in the examples, with the kind of step or part they stand in."""
    shown: set[str] = set()
    for block in BLOCKS:
        if kind(block) in ("menu", "steps"):
            root, _ = read(menu_of(block), "guide")
            data, _ = typed(root, "guide")
            shown |= set(data)
            shown |= {f"defaults.{key}" for key in data["defaults"]}
            for part in ("levels", "hours", "data", "queues"):
                shown |= {f"{part}.{key}" for entry in data.get(part, {}).values() for key in entry}
            shown |= {f"choice.{key}" for choice in data.get("everywhere", []) for key in choice}
            shown |= {f"language.{key}" for language in data["languages"] for key in language}
            for step in data["steps"].values():
                shown |= step_keys(step)
    return shown


def step_keys(step: dict[str, Any]) -> set[str]:
    shown = {f"{step['type']}_step.{key}" for key in step}
    shown |= {f"choice.{key}" for choice in step.get("choices", []) for key in choice}
    for part in ("take", "each"):
        shown |= {f"{part}.{key}" for key in step.get(part, {})}
    return shown


PARTS = {"levels": "level", "hours": "open_hours", "data": "source", "queues": "queue"}
FOR_ALL = frozenset({"type", "note", "goal", "requires", "miss", "set", "allow", "say"})
"""Keys of every step, shown once."""


def test_every_key_of_the_language_has_an_example() -> None:
    document, shown = schema(), keys_shown()
    wanted = set(document["properties"]) | {
        f"defaults.{key}" for key in document["properties"]["defaults"]["properties"]
    }
    definitions = document["$defs"]
    for part, definition in PARTS.items():
        wanted |= {f"{part}.{key}" for key in definitions[definition]["properties"]}
    for definition in ("choice", "language", "take", "each"):
        wanted |= {f"{definition}.{key}" for key in definitions[definition]["properties"]}
    steps = [name for name in definitions if name.endswith("_step")]
    assert len(steps) == 10
    for name in steps:
        wanted |= {f"{name}.{key}" for key in definitions[name]["properties"] if key not in FOR_ALL}
        assert f"{name}.type" in shown
    wanted |= {f"say_step.{key}" for key in FOR_ALL}
    assert sorted(wanted - shown) == []


def test_every_key_of_connectors_has_an_example() -> None:
    (block,) = (block for block in BLOCKS if kind(block) == "connectors")
    root, _ = read(block, "guide")
    assert isinstance(root, Mapping)
    shown = set(re.findall(r"([a-z0-9_]+):", block))
    wanted = set().union(*_CONNECTOR_KEYS.values(), *_LOOKUP_KEYS.values())
    wanted |= {"user_from", "password_from", "token_from", "after", "rest", "from", "as", "each", "status", "code",
               "field", "equals", "empty", "is"}  # fmt: skip
    assert sorted(wanted - shown) == []
    file, _ = read_connectors(block, "guide")
    assert {connector.kind for connector in file.connectors.values()} == set(_CONNECTOR_KEYS)


def test_the_guide_names_every_formatter_proof_outcome_and_type_of_value() -> None:
    for word in (*(set(formatters()) - {"plain", "key"}), *PROOFS, *OUTCOMES, *AS):
        assert f"`{word}`" in GUIDE, word


def test_the_worked_change_of_the_guide_can_be_made(tmp_path: Path) -> None:
    menus = Path(__file__).parents[2] / "menus"
    shutil.copytree(menus, tmp_path, dirs_exist_ok=True)
    step, words = (block for block in BLOCKS if block.startswith(("tell_balance:", "balance.office:")))
    new_choice = next(line for line in step.splitlines() if "# new" in line and "press" in line)
    new_step = next(line for line in step.splitlines() if line.startswith("tell_office:"))
    path = tmp_path / "northgas.yaml"
    text = path.read_text()
    last = re.search(r"^  tell_balance:\n(?:    .*\n)+", text, re.MULTILINE)
    assert last is not None
    path.write_text(text[: last.end()] + f"  {new_choice}\n  {new_step}\n" + text[last.end() :])
    assert any("balance.office" in str(problem) for problem in check_menu("northgas", tmp_path))
    for language in ("en", "es"):
        with (tmp_path / "prompts" / f"{language}.yaml").open("a") as file:
            file.write(words)
    assert [str(problem) for problem in check_menu("northgas", tmp_path)] == []
