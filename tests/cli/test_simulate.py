"""`ivr simulate`: a day as a table."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from ivr.cli.main import application

runner = CliRunner()


def test_a_day_is_told_by_half_hour_by_queue_and_in_words(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = runner.invoke(application(["simulate", "check"]), ["simulate", "-n", "60", "--agents", "4"])
    assert ran.exit_code == 0, ran.output
    lines = ran.output.splitlines()
    assert lines[1].startswith("08:00") and lines[24].startswith("19:30")
    assert any(line.startswith("all ") for line in lines)
    assert "In time is within 20 s (routing.answer_within)" in ran.output
    assert "4 agents, busy" in ran.output


def test_a_day_is_there_for_programs_too(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = runner.invoke(application(["simulate", "check"]), ["simulate", "-n", "40", "--json"])
    document = json.loads(ran.output)
    assert document["complaints"] == [] and document["agents"] == 3
    assert sum(slot["joined"] for slot in document["half_hours"]) == document["total"]["joined"] >= 40


def test_without_agents_there_is_nothing_to_simulate(tmp_path: Path) -> None:
    path = tmp_path / "ivr.toml"
    path.write_text("[sip]\n")
    ran = runner.invoke(application(["simulate", "check"]), ["simulate", "-c", str(path)])
    assert "there are no [[agents]] in the settings; add at least one, with skills" in str(ran.exception)
