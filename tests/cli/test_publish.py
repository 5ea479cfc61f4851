"""`ivr publish`, `versions`, `rollback`, `diff` as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ivr.cli import publish as module
from ivr.cli.main import app

LISTED = '[sip]\ngateway = "sip:pbx.example"\ndial = ["tel:+15550000911"]\n'
ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a folder of its own; prompts count as rendered."""
    shutil.copytree(ROOT / "menus", tmp_path / "menus")
    (tmp_path / "ivr.toml").write_text(f"{LISTED}[menu]\nfolder = 'menus'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IVR_VAR", raising=False)
    monkeypatch.delenv("IVR_CONFIG", raising=False)

    async def rendered(*_: object) -> int:
        return 0

    monkeypatch.setattr(module, "_render", rendered)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def edit(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "menus" / "northgas.yaml"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def test_a_friday_afternoon(run, tmp_path) -> None:
    first = run("publish")
    assert first.exit_code == 0
    assert "is live: 3 tests passed" in first.stdout
    edit(tmp_path, "ring: 12s", "ring: 20s")
    told = "The emergency queue rings 20 s instead of 12 s.\n"
    assert run("diff").stdout == told
    assert run("publish").stdout.startswith(told)
    assert run("diff").stdout == "Nothing changes for callers.\n"
    back = run("rollback")
    assert back.stdout.startswith("The emergency queue rings 12 s instead of 20 s.\n")
    swaps = json.loads(run("versions", "--json").stdout)
    assert [(swap["action"], swap["live"]) for swap in swaps] == [
        ("rollback", True),
        ("publish", False),
        ("publish", False),
    ]
    assert all("@" in swap["who"] for swap in swaps)


def test_before_the_first_version_there_is_nothing_to_compare_with(run, tmp_path) -> None:
    edit(tmp_path, "ring: 12s", "ring: 20s")
    told = run("diff")
    assert told.exit_code == 0
    assert told.stdout == (
        "No version of northgas was published yet, so there is nothing to compare the draft with. "
        "Publish once before you change something.\n"
    )
    assert run("diff", "live", "northgas").stdout == told.stdout
    run("publish")
    assert run("diff").stdout == "Nothing changes for callers.\n"


def test_a_moved_emergency_key_cannot_be_published(run, tmp_path) -> None:
    run("publish")
    live = json.loads(run("versions", "--json").stdout)
    edit(tmp_path, "{press: 9, speak", "{press: 8, speak")
    result = run("publish")
    assert result.exit_code == 2
    assert "emergency.yaml:7: hear: emergency.leave_now was not heard" in result.stderr
    assert "not published: 1 mistake; callers still get what was live before" in result.stderr
    assert json.loads(run("versions", "--json").stdout) == live


def test_every_mistake_is_told(run, tmp_path) -> None:
    edit(tmp_path, "interrupt: never", "interrupt: kyes")
    edit(tmp_path, "wait: 8s", "wait: soon")
    result = run("publish")
    assert result.exit_code == 2
    assert "kyes" in result.stderr
    assert "soon" in result.stderr
    assert "2 mistakes" in result.stderr


def test_versions_of_nothing_say_what_callers_get(run) -> None:
    assert run("versions").stdout == "No version of northgas was published yet; callers get the draft in menus.\n"


def test_two_files_can_be_compared(run, tmp_path) -> None:
    shutil.copytree(tmp_path / "menus", tmp_path / "other")
    edit(tmp_path, "tries: 3", "tries: 4")
    result = run("diff", "other/northgas.yaml", "menus/northgas.yaml", "--json")
    assert json.loads(result.stdout)["changes"] == ["Callers have 4 tries to be verified instead of 3."]


def test_the_outline_knows_its_languages(run) -> None:
    assert "greet: says" in run("outline").stdout
    assert "does not speak 'xx'; it speaks en, es" in str(run("outline", "-l", "xx").exception)


def test_from_the_menu_folder_the_menu_there_becomes_live_where_its_settings_say(
    run, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path / "menus")
    edit(tmp_path, "ring: 12s", "ring: 20s")
    result = run("publish")
    assert result.exit_code == 0
    assert f"Versions are kept in {tmp_path}/var/versions, which was made now." in result.stdout
    assert "the settings are ../ivr.toml, the versions are in ../var/versions" in result.stderr
    assert not (tmp_path / "menus" / "var").exists()
    monkeypatch.chdir(tmp_path)
    assert run("diff").stdout == "Nothing changes for callers.\n"
    again = run("publish").stdout
    assert "Nothing changed: northgas " in again
    assert "is live already, since " in again
    assert len(json.loads(run("versions", "--json").stdout)) == 1


def test_without_settings_nothing_is_published_and_nothing_is_made(run, tmp_path, monkeypatch) -> None:
    (tmp_path / "ivr.toml").unlink()
    for command in ("publish", "versions", "rollback"):
        result = run(command)
        assert f"there is no ivr.toml in {tmp_path} or above it" in str(result.exception)
        assert "ivr init" in str(result.exception)
    assert not (tmp_path / "var").exists()
    monkeypatch.chdir(tmp_path / "menus")
    said = str(run("publish").exception)
    assert "northgas.yaml lies here, but northgas is" in said
    assert not (tmp_path / "menus" / "var").exists()


def test_an_emergency_line_that_nothing_lists_is_not_published(run, tmp_path) -> None:
    settings = tmp_path / "ivr.toml"
    settings.write_text(settings.read_text().replace("tel:+15550000911", "tel:+4930"))
    result = run("publish")
    assert result.exit_code == 2
    assert "emergency_line.to: tel:+15550000911 is not listed in sip.dial" in result.stderr
    checked = run("check", "northgas")
    assert checked.exit_code == 2
    assert "tel:+15550000911 is not listed in sip.dial" in checked.stdout
    served = run("serve")
    assert "tel:+15550000911 is not listed in sip.dial" in str(served.exception)
