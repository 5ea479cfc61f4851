"""`ivr import`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from ivr.cli.main import app

IMPORTS = Path(__file__).parents[1] / "menu" / "imports"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments])


def test_a_menu_and_its_prompts_are_written_with_a_report(tmp_path: Path) -> None:
    menu = tmp_path / "menus" / "demo.yaml"
    result = run(str(IMPORTS / "demo_ivr.xml"), "--from", "freeswitch", "-o", str(menu))
    assert result.exit_code == 0, result.output
    assert "demo_ivr.xml:19: lua pay.lua: there is no such step; choose another type" in result.stdout
    assert "demo.yaml:21:5: demo_ivr.choices: has 7 choices" in result.stdout
    assert "12 parts taken, 8 changed, 4 lost, 1 to be filled in." in result.stdout
    assert "Note: the menu has no emergency line" in result.stdout
    assert menu.read_text().startswith("# Made by `ivr import` from demo_ivr.xml (freeswitch).")
    assert (tmp_path / "menus" / "prompts" / "demo.en.yaml").is_file()


def test_a_file_that_is_there_is_written_over_only_when_asked(tmp_path: Path) -> None:
    menu = tmp_path / "demo.yaml"
    menu.write_text("mine")
    arguments = (str(IMPORTS / "demo_ivr.xml"), "--from", "freeswitch", "-o", str(menu))
    result = run(*arguments)
    assert "is there already" in str(result.exception)
    assert menu.read_text() == "mine"
    assert run(*arguments, "--force").exit_code == 0


def test_the_report_is_there_for_programs(tmp_path: Path) -> None:
    menu = tmp_path / "account.yaml"
    result = run(str(IMPORTS / "account.vxml"), "--from", "voicexml", "-o", str(menu), "--json")
    report = json.loads(result.stdout)
    assert {one["fate"] for one in report["findings"]} == {"taken", "changed", "lost"}
    assert len(report["to_do"]) == 3
    assert "no emergency line" in report["notes"][0]


def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    file = str(IMPORTS / "account.vxml")
    assert "name a file that is there" in str(
        run("no.xml", "--from", "voicexml", "-o", f"{tmp_path}/a.yaml").exception
    )
    assert "menus/account.yaml" in str(run(file, "--from", "voicexml", "-o", f"{tmp_path}/a.txt").exception)
    wrong = run(file, "--from", "voicexml", "-o", f"{tmp_path}/a.yaml", "-l", "fr")
    assert "'fr' is no language of this program; there are de, en, es" in str(wrong.exception)
