"""The keyboard as telephone: what is typed in a pipe, and what is told."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli.main import app
from ivr.cli.talk import INDENT
from ivr.menu.load import load_menu
from ivr.testing.clock import FakeClock
from ivr.testing.sample_store import SampleStore
from ivr.testing.simulation import Surroundings
from ivr.testing.talk import HELP, Talk

MENUS = Path(__file__).parents[2] / "menus"
Typed = Callable[..., list[str]]
TO_PIN = ("1", "4000000002#", "1")


@pytest.fixture
def typed() -> Typed:
    """What is told of a call in which these lines are typed."""

    def play(*lines: str, caller: str = "+15550100") -> list[str]:
        told: list[str] = []
        clock = FakeClock()
        with SampleStore(clock) as store:
            talk = Talk(
                load_menu("northgas", MENUS),
                Surroundings(store),
                clock,
                lambda kind, text: told.append(f"{kind}: {text}"),
                caller=caller,
            )
            talk.begin()
            for line in lines:
                talk.line(line)
            talk.settle()
        return told

    return play


def test_steps_show_their_line_of_the_file(typed: Typed) -> None:
    line = load_menu("northgas", MENUS).steps["main"].line
    assert f"step: 0:07.8  main  {MENUS / 'northgas.yaml'}:{line}" in typed()


def test_words_values_and_timers_are_shown(typed: Typed) -> None:
    told = typed(*TO_PIN, "2580")
    assert any("You owe eighty-four dollars and twenty cents." in line for line in told)
    assert "look: balance: ok, amount_due=84.20 due_date=2026-03-14" in told
    assert told[-1] == "note: waits 5.0 s for an answer"


def test_a_secret_is_bullets_even_where_it_is_typed_ahead(typed: Typed) -> None:
    for lines in ((*TO_PIN, "2580", "values"), ("1", "4000000002", "12580", "values")):
        told = typed(*lines)
        assert "key: key ••••" in told
        assert "look: looks up check_pin with account=4000000002 pin=••••" in told
        assert "2580" not in "\n".join(told)


@pytest.mark.parametrize("fault", ["slow", "down"])
def test_faults_on_demand(typed: Typed, fault: str) -> None:
    told = typed(f"!{fault} balance", *TO_PIN, "2580", "wait 3s")
    assert any(line.startswith("step:") and "data_down" in line for line in told)


def test_values_on_demand_and_back_to_the_store(typed: Typed) -> None:
    told = typed("!ok balance amount_due=7.50 due_date=2026-03-09", *TO_PIN, "2580")
    assert any("seven dollars and fifty cents" in line for line in told)
    told = typed("!down balance", "!store balance", *TO_PIN, "2580")
    assert any("eighty-four dollars" in line for line in told)


def test_agents_answer_or_are_busy(typed: Typed) -> None:
    assert any("left by answered: desk1 answers" in line for line in typed("0", "wait 5s"))
    assert any(" call_me " in line for line in typed("!agents busy", "0", "wait 5s"))
    assert any(" call_me " in line for line in typed("!agents wait", "0", "!busy"))


def test_now_barges_in(typed: Typed) -> None:
    told = typed("now 9")
    assert [line.split()[2] for line in told if line.startswith("step:")][:2] == ["greet", "emergency"]
    assert any(line.startswith("step: 0:00.0  emergency") for line in told)


def test_speech_is_understood(typed: Typed) -> None:
    assert any(" outage_kind " in line for line in typed("say there is no power here"))
    assert "wrong: nobody listens to speech here; press a key" in typed("now 9", "say help")


def test_silence_is_counted(typed: Typed) -> None:
    told = typed("wait 6s")
    assert any("Sorry, I did not hear anything." in line for line in told)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("helo", "wrong: 'helo' is neither keys nor a command; ? shows what there is"),
        ("!slw balance", "wrong: !slw is not known; did you mean slow?; ? shows what there is"),
        ("!slow balans", "wrong: there is no look-up 'balans'; did you mean balance?"),
        ("wait long", "wrong: 'long' is no time; write wait 5s"),
    ],
)
def test_what_is_not_understood_is_said(typed: Typed, line: str, says: str) -> None:
    assert says in typed(line)


def test_a_script_in_a_pipe_ends_with_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IVR_CONFIG", raising=False)
    arguments = ["talk", "northgas", "--as", "+15550100", "--at", "2026-03-02 10:15", "--json"]
    told = []
    for _ in range(2):
        result = CliRunner().invoke(app, arguments, input="# Friday\n1\n4000000002\n1\n2580\nhangup\n")
        assert result.exit_code == 0, result.output
        told.append(result.stdout)
    record = json.loads(told[0][told[0].index("\n{") :])
    assert record["path"][-1] == "tell_balance"
    assert record["started"] == "2026-03-02T15:15:00.000+00:00"
    assert record["digits"] == "140000000021••••"
    assert record["end"] == {"by": "caller", "reason": "BYE"}
    assert told[0] == told[1]


def test_a_time_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(app, ["talk", "northgas", "--at", "noon"], input="")
    assert "'noon' is no time" in str(result.exception)


def test_the_beep_is_told_once(typed: Typed) -> None:
    told = typed("!agents closed", "0", "wait 6s", "3", "say hello", "wait 1s", "say there")
    assert sum("beep" in line for line in told) == 1


def test_a_script_is_heard_out_and_a_loudspeaker_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = tmp_path / "paplay"
    player.write_text(f"#!/bin/sh\nsleep 0.05\necho played >> {tmp_path}/played\nexit 1\n")
    player.chmod(0o755)
    (tmp_path / "en.yaml").write_text("prompts: en\np.one: One.\np.two: Two.\n")
    (tmp_path / "small.yaml").write_text(
        "ivr: 1\nname: small\nstart: one\nlanguages: [{code: en, prompts: en.yaml}]\ndefaults: {on_fault: two}\n"
        "steps:\n  one: {type: say, say: p.one, go: two}\n  two: {type: say, say: p.two, go: END}\n"
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["talk", "small.yaml", "--speak"], input="")
    assert result.exit_code == 0
    assert (tmp_path / "played").read_text().split() == ["played"] * 2
    assert Path("talk.wav").exists()
    assert "paplay cannot play sound here; what was said goes to talk.wav" in result.output


def test_an_agent_enters_something_and_sends_the_call_back(tmp_path: Path) -> None:
    shutil.copytree(MENUS, tmp_path / "menus")
    file = tmp_path / "menus" / "northgas.yaml"
    fields = "fields: {ACCOUNT: account,"
    file.write_text(
        file.read_text("utf-8").replace(fields, f"from_agent: {{WISH: agent_wish}}\n  {fields}"), "utf-8"
    )
    told: list[str] = []
    clock = FakeClock()
    with SampleStore(clock) as store:
        talk = Talk(
            load_menu("northgas", tmp_path / "menus"),
            Surroundings(store),
            clock,
            lambda _, text: told.append(text),
        )
        talk.begin()
        for line in ("1", "!back main", "0", "wait 30s", "!enter agent_wihs=pay", "!enter agent_wish=pay it all"):
            talk.line(line)
        for line in ("!back mian", "!back main", "values", "0", "wait 30s"):
            talk.line(line)
    assert told.count("no agent has the call; wait until one answers") == 1
    assert "'agent_wihs' is nothing that agents enter for this menu; did you mean agent_wish?" in told
    assert "the agent enters SAP-IC WISH: pay it all" in told
    assert "'mian' is no step of this menu; did you mean main?" in told
    assert "desk1 sends the call back to main" in told
    assert "agent_wish = pay it all" in told
    assert told.count("and of an agent before: SAP-IC WISH=pay it all") == 1


def test_the_help_fits_a_terminal_of_80_columns() -> None:
    assert max(map(len, HELP.splitlines())) <= 80 - INDENT


def test_what_is_no_number_cannot_call() -> None:
    result = CliRunner().invoke(app, ["talk", "northgas", "--as", "12a"], input="")
    assert "--as is '12a', which is no telephone number; write it like +15550100" in str(result.exception)


@pytest.fixture
def web() -> Iterator[str]:
    """A system that answers every question with an amount."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"amount_due": "84.20", "due_date": "2026-04-01"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_connectors_are_asked_when_that_is_wanted_and_faults_go_on_top(tmp_path: Path, web: str) -> None:
    shutil.copytree(MENUS, tmp_path / "menus")
    file = tmp_path / "menus" / "connectors.yaml"
    gives = "{amount_due: amount_due, due_date: due_date}"
    there = "balance:      {connector: sqlite, operation: balance}"
    here = f"balance: {{connector: web, path: 'accounts/{{account}}', gives: {gives}}}"
    text = file.read_text()
    assert there in text
    file.write_text(f"connectors:\n  web: {{kind: http, url: '{web}'}}\n{text.replace(there, here)}")
    (tmp_path / "ivr.toml").write_text(f"[menu]\nfolder = '{tmp_path / 'menus'}'\n")
    common = ["talk", "--as", "+15550100", "--at", "2026-03-02 10:15", "--config", str(tmp_path / "ivr.toml")]
    keys = "1\n4000000002\n1\n2580\n"
    asked = CliRunner().invoke(app, [*common, "--connect"], input=f"{keys}hangup\n")
    assert "balance: ok, amount_due=84.20" in asked.stdout, asked.exception or asked.stdout
    alone = CliRunner().invoke(app, common, input=f"{keys}hangup\n").stdout
    assert "balance is answered by the connector web, not by the store; try ivr talk --connect" in alone
    down = CliRunner().invoke(app, [*common, "--connect"], input=f"!down balance\n{keys}hangup\n").stdout
    assert "balance: down" in down
    assert "the connector web did not answer as it should" not in down
