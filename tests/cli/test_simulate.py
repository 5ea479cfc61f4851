"""`ivr simulate`: a day as a table."""

from __future__ import annotations

import json
import re
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


def test_every_caller_of_a_day_is_in_exactly_one_column(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["simulate", "-n", "300", "--agents", "2", "--restarts", "6"]
    ran = runner.invoke(application(["simulate", "check"]), words)
    lines = [re.split("  +", line.strip()) for line in ran.output.splitlines()]
    begin = next(number for number, line in enumerate(lines) if line[0] == "queue")
    head, rows = lines[begin], lines[begin + 1 : begin + 6]
    assert rows[-1][0] == "all"
    ends = ("taken", "gave up", "sent off", "to call", "cut off")
    counts = {row[0]: {name: int(row[head.index(name)]) for name in ("calls", *ends)} for row in rows}
    for queue, count in counts.items():
        assert sum(count[name] for name in ends) == count["calls"], queue
    assert counts["all"]["to call"] > 0 < counts["all"]["cut off"], "a day on which nothing of that happens"
    assert max(map(len, ran.output.split("\n\n")[0].splitlines())) <= 80


def test_a_day_tells_how_long_agents_spoke(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["simulate", "-n", "200", "--agents", "6", "--talk", "100", "--restarts", "0", "--json"]
    total = json.loads(runner.invoke(application(["simulate", "check"]), words).output)["total"]
    assert 80.0 < total["talked"] / total["answered"] < 120.0


def test_without_agents_there_is_nothing_to_simulate(tmp_path: Path) -> None:
    path = tmp_path / "ivr.toml"
    path.write_text("[sip]\n")
    ran = runner.invoke(application(["simulate", "check"]), ["simulate", "-c", str(path)])
    assert "there are no [[agents]] in the settings; add at least one, with skills" in str(ran.exception)
