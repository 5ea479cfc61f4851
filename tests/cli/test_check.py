"""`ivr check`: every mistake on standard output, exit code 2; one line and 0 when clean (M21)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ivr.cli.check import check

LISTED = '[sip]\ngateway = "sip:pbx.example"\ndial = ["tel:+15550000911"]\n'
ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in a folder with settings and a copy of the sample menus."""
    shutil.copytree(ROOT / "menus", tmp_path / "menus")
    (tmp_path / "ivr.toml").write_text(f"{LISTED}[menu]\nfolder = 'menus'\n")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command("check")(check)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_clean_menus_are_one_line(run) -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (
        0,
        "checked ivr.toml and the menus feedback, northgas: no mistakes\n",
    )


def test_a_mistake_has_the_path_as_it_was_given(run, tmp_path) -> None:
    file = tmp_path / "menus" / "northgas.yaml"
    file.write_text(file.read_text().replace("interrupt: never", "interrupt: kyes"))
    for given in ("menus/northgas.yaml", str(file)):
        result = run(given)
        assert result.exit_code == 2
        first, last = result.stdout.splitlines()
        assert first.startswith(f"{given}:")
        assert "pay_ask.interrupt: 'kyes' is not one of any, keys, speech, never" in first
        assert last == "1 mistake"
    assert "menus/northgas.yaml:" in run("northgas").stdout


def test_mistakes_in_the_tests_beside_a_menu_are_told(run, tmp_path) -> None:
    """A key that is not read would make a test of something else, or one that cannot fail."""
    file = tmp_path / "menus" / "tests" / "northgas" / "emergency.yaml"
    text = file.read_text().replace("number:", "numbr:").replace("{queue:", "{queu:").replace("during:", "durin:")
    file.write_text(text.replace("path: [greet,", "path: [gret,"))
    result = run()
    assert result.exit_code == 2
    told = [line.partition("emergency.yaml:")[2] for line in result.stdout.splitlines()[:-1]]
    assert sorted(told) == [
        "13:13: handoff: 'queu' is not known; did you mean queue?",
        "3:18: caller: 'numbr' is not known; did you mean number?",
        "6:5: call: 'durin' is not known; did you mean during?",
    ]
    file.write_text(text.replace("numbr:", "number:").replace("durin:", "during:").replace("queu:", "queue:")
                    .replace("path: [greet,", "path: [gret,"))  # fmt: skip
    (told,) = run().stdout.splitlines()[:-1]
    assert told.endswith("path: 'gret' is no step of northgas; did you mean greet?")


def test_all_mistakes_are_told_not_the_first_one(run, tmp_path) -> None:
    file = tmp_path / "menus" / "northgas.yaml"
    file.write_text(file.read_text().replace("go: bye}", "go: by}"))
    result = run()
    assert result.exit_code == 2
    assert result.stdout.count("'by' is no step of this menu; did you mean bye?") > 3


def test_bad_settings_are_told_and_the_named_file_is_checked_all_the_same(run, tmp_path) -> None:
    (tmp_path / "ivr.toml").write_text("[sip]\nmax_calls = 0\n")
    (tmp_path / "bad.yaml").write_text("ivr: 1\n")
    result = run("bad.yaml")
    assert result.exit_code == 2
    assert "sip.max_calls: is 0; it must be between 1 and 100000" in result.stdout
    assert "bad.yaml:1:1: steps is missing" in result.stdout


def test_a_default_menu_that_is_not_there_is_a_bad_setting(run, tmp_path) -> None:
    (tmp_path / "ivr.toml").write_text("[menu]\nfolder = 'menus'\ndefault = 'southgas'\n")
    result = run()
    assert result.exit_code == 2
    assert "ivr.toml: menu.default: 'southgas' is no menu in menus; there are feedback, northgas" in result.stdout


def test_a_name_that_is_no_menu_is_a_mistake(run) -> None:
    result = run("southgas")
    assert result.exit_code == 2
    assert "menus: has no menu 'southgas'; did you mean northgas?" in result.stdout


LOST = "\n  lost: {type: say, say: common.thanks, go: END, allow: [{proof: unreachable, why: for next week}]}\n"


def test_what_was_silenced_is_shown_with_its_reason_when_asked_for(run, tmp_path) -> None:
    file = tmp_path / "menus" / "northgas.yaml"
    file.write_text(file.read_text().rstrip() + LOST)
    assert "lost" not in run("northgas").stdout
    result = run("-v", "northgas")
    assert result.exit_code == 0
    assert (
        "lost: no way leads here; lead one here, or take the step out [unreachable]: silenced: for next week"
        in (result.stdout)
    )


def test_programs_get_every_mistake_as_json(run, tmp_path) -> None:
    file = tmp_path / "menus" / "northgas.yaml"
    file.write_text(file.read_text().replace("interrupt: never", "interrupt: kyes").rstrip() + LOST)
    result = run("--json", "northgas")
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    (mistake,) = found["mistakes"]
    assert (mistake["path"], mistake["where"]) == ("menus/northgas.yaml", "pay_ask.interrupt")
    assert file.read_text().splitlines()[mistake["line"] - 1][mistake["column"] - 1 :].startswith("kyes")


def test_clean_menus_are_json_too(run) -> None:
    result = run("--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"mistakes": [], "silenced": [], "remarks": []})


def test_a_voice_nobody_has_is_told_at_its_line(run, tmp_path) -> None:
    menu = tmp_path / "menus" / "northgas.yaml"
    menu.write_text(menu.read_text().replace("voice: gmw/en-us", "voice: gmw/en-klingon"))
    result = run("northgas")
    assert result.exit_code == 2
    assert "menus/northgas.yaml:" in result.stdout
    assert "languages[1].voice: no voice 'gmw/en-klingon'; similar: " in result.stdout


def test_a_dialect_nobody_has_is_told(run, tmp_path) -> None:
    (tmp_path / "ivr.toml").write_text('[ici]\ndialect = "foo"\n')
    result = run("northgas")
    assert result.exit_code == 2
    assert result.stdout.startswith("ivr.toml: ici.dialect: 'foo'; needed is one of: abap, default")


@pytest.fixture
def voices(monkeypatch) -> None:
    """Every voice is there: to ask for them takes a second."""

    async def nothing_wrong(menus: object) -> list[object]:
        return []

    monkeypatch.setattr("ivr.cli.check._voices", nothing_wrong)


@pytest.mark.usefixtures("voices")
def test_what_may_not_be_meant_is_a_note_and_no_mistake(run, tmp_path) -> None:
    menu, settings = tmp_path / "menus" / "northgas.yaml", tmp_path / "ivr.toml"
    menu.write_text(menu.read_text().replace('mon-fri: "08:00-20:00"', 'mon-fri: "20:00-08:00"'))
    (tmp_path / "menus" / "connectors.yaml").unlink()
    agent = "[[agents]]\nid = 'desk1'\nskills = ['bilings:2', 'general']\nphone = 'sip:desk1@127.0.0.1'\n"
    settings.write_text(settings.read_text() + f"[speech.models]\nen = 'nowhere'\n{agent}")
    result = run()
    assert result.exit_code == 0
    notes = [line for line in result.stdout.splitlines() if line.startswith("note: ")]
    assert len(notes) == 7, "two queues more have nobody"
    assert notes[0].startswith("note: menus/northgas.yaml:")
    assert "hours.office.week: runs past midnight, from 20:00 until 08:00 of the next day;" in notes[0]
    assert notes[1] == (
        "note: menus/connectors.yaml: is not there, so the customer store answers every look-up by its own name"
    )
    assert "speech.models.en: 'nowhere' is no folder, so nothing said in en is heard" in notes[2]
    assert "desk1 has the skill 'bilings', which no queue asks for; did you mean billing?" in notes[3]
    assert "queues.emergency: asks for emergency, which no agent of ivr.toml has" in notes[4]
    assert result.stdout.splitlines()[-1].endswith("no mistakes")


@pytest.mark.usefixtures("voices")
def test_a_variable_that_a_connector_needs_and_nobody_has_set_is_a_note(run, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("BILLS_URL", raising=False)
    file = tmp_path / "menus" / "connectors.yaml"
    text = "connectors: {bills: {kind: sql, url_from: BILLS_URL}}\n" + file.read_text()
    old = next(line for line in text.splitlines() if line.startswith("last_bill:"))
    gives = "{bill_amount: {from: total, as: money}, bill_date: {from: day, as: date}}"
    read = "SELECT total, day FROM bills WHERE account = :account"
    file.write_text(text.replace(old, f'last_bill: {{connector: bills, read: "{read}", gives: {gives}}}'))
    result = run()
    assert result.exit_code == 0
    assert "environment variable BILLS_URL is not set" in result.stdout
    monkeypatch.setenv("BILLS_URL", "sqlite://")
    assert "note:" not in run().stdout


@pytest.mark.usefixtures("voices")
def test_a_recording_that_is_no_sound_is_a_mistake(run, tmp_path) -> None:
    (tmp_path / "audio" / "en").mkdir(parents=True)
    (tmp_path / "audio" / "en" / "main.head.wav").write_bytes(b"no sound")
    result = run()
    assert result.exit_code == 2
    assert "audio/en/main.head.wav: " in result.stdout


def test_in_the_menu_folder_a_name_means_the_menu_lying_there(run, tmp_path, monkeypatch) -> None:
    file = tmp_path / "menus" / "northgas.yaml"
    file.write_text(file.read_text().replace("interrupt: never", "interrupt: kyes"))
    monkeypatch.chdir(tmp_path / "menus")
    for words in ((), ("northgas",)):
        result = run(*words)
        assert result.exit_code == 2
        assert "../menus/northgas.yaml:" in result.stdout
        assert "'kyes' is not one of" in result.stdout


def test_another_menu_than_the_one_lying_here_is_never_checked_silently(run, tmp_path, monkeypatch) -> None:
    drafts = tmp_path / "drafts"
    shutil.copytree(tmp_path / "menus", drafts)
    monkeypatch.chdir(drafts)
    for words in ((), ("northgas",)):
        said = str(run(*words).exception)
        assert said.startswith(("feedback.yaml lies here", "northgas.yaml lies here"))
        assert "../menus/" in said
        assert "../ivr.toml" in said
    assert run("./northgas.yaml").stdout.endswith("menu ./northgas.yaml: no mistakes\n")


def test_a_recording_that_is_named_like_no_prompt_is_a_note(run, tmp_path) -> None:
    folder = tmp_path / "audio" / "en"
    folder.mkdir(parents=True)
    for name in ("main.hed.wav", "main.head.wav", "qqqq.WAV", "main.hed.txt"):
        shutil.copy(next((ROOT / "audio").rglob("*.wav"), ROOT / "ivr.toml"), folder / name)
    (folder / "main.head.wav").unlink()
    notes = [line for line in run("northgas").stdout.splitlines() if "audio/en" in line]
    assert notes == [
        "note: audio/en/main.hed.wav: is named like no prompt, so nobody hears it; did you mean main.head.wav?",
        "note: audio/en/qqqq.WAV: is named like no prompt, so nobody hears it; `ivr prompts script` has the names",
    ]
