"""``ivr schema``: what text editors get."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from ivr.cli.schema import schema

MENUS = Path(__file__).parents[2] / "menus"
app = typer.Typer()
app.command()(schema)


class Core(yaml.SafeLoader):
    """Types of YAML 1.2's core schema, which language servers use: yes and no are words."""


Core.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":bool")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


@pytest.mark.parametrize("name", ["northgas", "feedback"])
def test_an_editor_accepts_the_samples_as_it_reads_them(name) -> None:
    """With YAML's own types, which are not ours."""
    data = yaml.load((MENUS / f"{name}.yaml").read_text(), Loader=Core)
    document = json.loads(CliRunner().invoke(app).stdout)
    Draft202012Validator.check_schema(document)
    assert [error.message for error in Draft202012Validator(document).iter_errors(data)] == []
    data["steps"][data["start"]]["interupt"] = "any"
    assert not Draft202012Validator(document).is_valid(data)


def test_the_file_beside_the_samples_is_the_one_that_is_printed() -> None:
    assert (MENUS / "schema.json").read_text() == CliRunner().invoke(app).stdout


@pytest.mark.parametrize("name", ["northgas", "feedback"])
def test_the_first_line_of_a_sample_leads_to_it(name) -> None:
    first = (MENUS / f"{name}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"


def test_every_value_says_what_it_must_be() -> None:
    document = json.loads(CliRunner().invoke(app).stdout)
    assert document["$defs"]["time"]["description"].startswith("a time: a whole number from 1 and ms, s, m")
    assert "x-needs" not in json.dumps(document)


def test_it_can_be_written_to_a_file(tmp_path) -> None:
    assert CliRunner().invoke(app, ["-o", str(tmp_path / "s.json")]).exit_code == 0
    assert json.loads((tmp_path / "s.json").read_text())["title"] == "IVR menu, format 1"
