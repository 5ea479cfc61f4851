"""`ivr status`, against an HTTP server that says what an engine would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ivr.cli.main import application
from ivr.sip.guard import COUNTERS

HEALTH: dict[str, Any] = {
    "version": "0.1.0",
    "accepting": True,
    "menu": "northgas@1a2b",
    "calls": {"now": 2, "total": 40, "refused": 1},
    "sip": {"authentication_failed": 7, "authentication_dropped": 3},
    "trunks": {
        "pbx": {"state": "waiting", "bound": True, "at": "udp 192.0.2.1:5060", "next": 41.2, "why": "",
                "last": {"status": 503, "phrase": "Busy", "at": "2026-11-22T08:15:30.123+00:00"}},
        "carrier": {"state": "not registering", "gateway": "sip:gate.example"},
    },
    "telephones": {"desk1": [
        {"contact": "sip:desk1@192.0.2.50:5062;line=\u001b[31m", "from": "udp 192.0.2.50:5062", "expires": 55},
        {"contact": "sip:desk1@192.0.2.51", "from": "tcp 192.0.2.51:40000", "expires": 3000},
    ]},
    "agents": {"desk1": {"state": "available", "reason": "", "phone": True, "presence": "Available"},
               "desk2": {"state": "available", "reason": "", "phone": False, "presence": "Busy"}},
    "queues": {"general": {
        "waiting": 3, "longest_wait": 61.4, "staffed": True, "callbacks": 2,
        "today": {"answered": 40, "service_level": 87.5, "abandoned": 3, "overflow": 1, "unreached": 1,
                  "closed": 9},
    }},
}  # fmt: skip


class Engine(HTTPServer):
    status = 200
    body = json.dumps(HEALTH).encode()


class Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine() -> Iterator[Engine]:
    server = Engine(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(application(["status", "check"]), ["status", *arguments])


def url(engine: Engine) -> str:
    return f"http://127.0.0.1:{engine.server_port}"


def test_it_shows_what_the_engine_says(engine: Engine) -> None:
    result = run("--url", url(engine))
    assert result.exit_code == 0
    for words in (
        "takes calls, menu northgas@1a2b",
        "2 calls now, 40 since start, 1 refused; 7 wrong passwords, 3 ignored",
        "waiting, still bound",
        "41 s",
        "503 Busy at 08:15:30 UTC",
        "not registering",
        "tcp 192.0.2.51:40000",
        "not registered",
        "61 s",
    ):
        assert words in result.output, words
    assert "\x1b[31m" not in result.output, "a stranger's Contact steers the terminal"


def test_a_queue_tells_who_waits_and_what_became_of_todays_callers(engine: Engine) -> None:
    *_, head, line = run("--url", url(engine)).output.splitlines()
    assert head.split() == ["Queue", "Staffed", "Waiting", "Longest", "Callbacks", "Taken", "In", "time", "Lost"]
    assert line.split() == ["general", "yes", "3", "61", "s", "2", "40", "88", "%", "5"]
    assert len(head.rstrip()) <= 80


def test_what_was_kept_out_is_shown_when_there_was_any(engine: Engine) -> None:
    assert "kept out" not in run("--url", url(engine)).output
    guard = dict.fromkeys(COUNTERS, 0) | {"calls": 2, "sources": 9, "scanner": 12, "source_rate": 3}
    engine.body = json.dumps(HEALTH | {"guard": guard}).encode()
    told = run("--url", url(engine)).output
    assert "kept out: 12 of scanners, 3 calls beyond source_calls_per_second\n" in told
    engine.body = json.dumps(HEALTH | {"guard": dict.fromkeys(COUNTERS, 1)}).encode()
    told = " ".join(run("--url", url(engine)).output.partition("kept out: ")[2].partition("Trunk")[0].split())
    assert told.count(",") == len(COUNTERS) - 1, "a counter of the guard has no words"


def test_json_is_the_engines_own_document(engine: Engine) -> None:
    assert json.loads(run("--url", url(engine), "--json").output) == HEALTH


def test_the_address_is_that_of_the_settings(engine: Engine, tmp_path: Path) -> None:
    config = tmp_path / "ivr.toml"
    config.write_text(f'[http]\nlisten = "0.0.0.0:{engine.server_port}"\n')
    assert "takes calls" in run("--config", str(config)).output


def test_an_engine_that_takes_no_calls_is_1(engine: Engine) -> None:
    engine.status, engine.body = 503, json.dumps(HEALTH | {"accepting": False}).encode()
    result = run("--url", url(engine))
    assert (result.exit_code, "takes no calls" in result.output) == (1, True)


def test_nobody_there_is_3_with_what_to_do(free_port: int) -> None:
    result = run("--url", f"http://127.0.0.1:{free_port}")
    assert result.exit_code == 3
    assert "refused; start one with `ivr serve`, or name its address with --url" in result.output


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b"[]"), (500, b"{}"), (503, b"busy")])
def test_somebody_else_there_is_3(engine: Engine, status: int, body: bytes) -> None:
    engine.status, engine.body = status, body
    result = run("--url", url(engine))
    assert (result.exit_code, "no engine answers at" in result.output) == (3, True)
