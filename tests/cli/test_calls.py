from __future__ import annotations

import asyncio
import json
import re
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ivr.cli.calls import calls_app
from ivr.errors import IvrError
from ivr.media.g711_wav import header
from ivr.store.contracts import Callback
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_pins import PinHasher

HANDOFF = {
    "queue": "general",
    "reason": "ASKED_FOR_AGENT",
    "agent": "desk1",
    "attached_data": {"SAP-IC": {"ACCOUNT": "4000000002", "REASON": "ASKED_FOR_AGENT", "PROVED": "verified"}},
    "outcome": "answered",
    "waited": 4.2,
    "offers": [{"agent": "desk2", "outcome": "missed"}, {"agent": "desk1", "outcome": "answered"}],
}
PLACES: dict[str, dict[str, Any] | None] = {
    "": None,
    "c2-c1": None,
    "c3-c1": {"tries": 0, "not_before": "2020-11-22T15:30:00+00:00"},
    "c4-c1": {"tries": 2, "not_before": "2099-11-22T15:50:00+00:00"},
}
"""By ticket of a callback; the first is for people, the second was reached."""
RECORD: dict[str, Any] = {
    "id": "a84b4c76e66710",
    "caller": "+15550100",
    "called": "1000",
    "started": "2026-11-22T15:00:00.000+00:00",
    "ended": "2026-11-22T15:01:12.500+00:00",
    "menu": "northgas@1a2b3c4d",
    "language": "en",
    "path": ["greet", "main", "main", "agent_asked"],
    "steps": [
        {"step": "greet", "at": 0.1, "exit": "go"},
        {"step": "main", "at": 8.25, "exit": "no_input"},
        {"step": "main", "at": 20.0, "exit": "everywhere 0"},
        {"step": "agent_asked", "at": 61.5, "exit": None},
    ],
    "digits": "1••••0",
    "lookups": [{"name": "check_pin", "outcome": "ok", "seconds": 0.041}],
    "prompts": [],
    "handoff": HANDOFF,
    "handoffs": [HANDOFF],
    "media": {"sent": 3600, "received": 3590, "lost": 3, "jitter_ms": 0.8},
    "end": {"by": "caller", "reason": "hung_up"},
}
CHANGES: list[dict[str, Any]] = [
    {
        "version": 1,
        "author": "menu",
        "at": "2026-11-22T15:01:01.000+00:00",
        "changes": [{"application": "SAP-IC", "field": "FOR_MACHINES", "old": None, "new": "x"}],
        "kept": [],
    },
    {
        "version": 2,
        "author": "desk1",
        "at": "2026-11-22T15:01:07.000+00:00",
        "changes": [{"application": "NOTES", "field": "TEXT", "old": "before", "new": "after"}],
        "kept": ["SAP-IC REASON"],
    },
    {
        "version": 3,
        "author": "desk1",
        "at": "2026-11-22T15:01:08.000+00:00",
        "changes": [],
        "kept": ["SAP-IC ACCOUNT", "SAP-IC PROVED"],
        "refused": [
            {"application": "SAP-IC", "field": "ACCOUNT", "kept": "40", "written": "9"},
            {"application": "SAP-IC", "field": "PROVED", "kept": "no", "written": None},
        ],
    },
]
CONTACT = {
    "id": "older-h1.2",
    "call_id": "older",
    "account": "4000000002",
    "agent": "desk1",
    "reason": "ASKED_FOR_AGENT",
    "how": "transferred",
    "began": "2026-11-22T15:01:05.000+00:00",
    "notes": [{"at": "2026-11-22T15:01:09.000+00:00", "text": "[bold]meter[/bold] read wrong"}],
    "wrap_up_reason": "refund",
}
UNFINISHED = {"id": "still-there", "caller": "", "called": "1000", "started": "2026-11-22T16:00:00.000+00:00"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "ivr.toml"
    file.write_text(f'[store]\npath = "{tmp_path / "ivr.db"}"\n')
    return file


@pytest.fixture
def kept(config: Path, tmp_path: Path) -> Path:
    async def fill() -> None:
        store = await SqliteStore.open(tmp_path / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        handoff = {**HANDOFF, "attached_data_changes": CHANGES}
        wrong = [{"at": 12.5, "what": "tel:+15550199 could not be called: no way there"}]
        older = {
            "id": "older",
            "incidents": wrong,
            "started": "2026-11-22T14:00:00+00:00",
            "ended": None,
            "handoffs": [handoff],
        }
        await store.save_call({**RECORD, **older})
        await store.save_call(RECORD)
        await store.save_call(UNFINISHED)
        await store.save_contact(CONTACT)
        noted = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
        for number, (ticket, place) in enumerate(PLACES.items()):
            data = {"ACCOUNT": "4000000002"} if not number else {}
            one = Callback(f"+1555010{number}", "general", "CLOSED", f"c{number + 1}", data, noted, ticket)
            await store.note_callback(one)
            if place is not None:
                await store.save_callback_place(ticket, place)
            elif ticket:
                await store.save_callback_place(ticket, None, outcome="answered")
        await store.close()

    asyncio.run(fill())
    return config


def run(*words: str) -> Result:
    return CliRunner().invoke(calls_app, list(words))


def test_the_list_has_the_newest_call_first(kept: Path) -> None:
    result = run("--config", str(kept))
    assert result.exit_code == 0
    head, *lines = [re.sub("  +", "|", line.strip()) for line in result.stdout.splitlines()]
    assert head == "started (UTC)|lasted|caller|called|last step|handoff|end|id"
    assert lines == [
        "2026-11-22 16:00:00|goes on|withheld|1000|still-there",
        "2026-11-22 15:00:00|1:12|+15550100|1000|agent_asked|general answered desk1|caller hung_up|a84b4c76e66710",
        "2026-11-22 14:00:00|goes on|+15550100|1000|agent_asked|general answered desk1|caller hung_up|older",
    ]


def test_on_a_terminal_of_80_columns_ids_stay_whole(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id is what the next command needs; folded over three lines it cannot be copied."""
    monkeypatch.setattr("ivr.cli.tables.PIPED_WIDTH", 80)
    lines = run("--config", str(kept)).stdout.splitlines()
    assert [re.sub("  +", "|", line.strip()) for line in lines[:3]] == [
        "id|lasted|caller|last step|outcome",
        "still-there|goes on|withheld",
        "a84b4c76e66710|1:12|+15550100|agent_asked|general answered desk1",
    ]
    assert len(lines) == 4
    noted = run("callbacks", "--config", str(kept)).stdout.splitlines()
    assert [re.sub("  +", "|", line.strip()) for line in noted] == [
        "call|number|queue|state|tries|next (UTC)",
        "c1|+15550100|general|yours to ring",
        "c3|+15550102|general|waits|at its turn",
        "c4|+15550103|general|not reached|2|15:50",
        "What you have rung yourself: ivr calls callbacks --done c1",
    ]
    everybody = run("callbacks", "--all", "--config", str(kept)).stdout.splitlines()
    assert max(map(len, map(str.rstrip, everybody))) <= 80


def test_the_list_for_machines_holds_whole_records(kept: Path) -> None:
    records = json.loads(run("--json", "--most", "2", "--config", str(kept)).stdout)
    assert records == [UNFINISHED, RECORD]


@pytest.mark.parametrize("call_id", ["last", "a84b4c76e66710"])
def test_a_call_for_machines_is_the_record_itself(kept: Path, call_id: str) -> None:
    assert json.loads(run("show", call_id, "--json", "--config", str(kept)).stdout) == RECORD
    assert json.loads(run("--config", str(kept), "show", call_id, "--json").stdout) == RECORD


def test_a_call_for_people_is_a_story(kept: Path) -> None:
    result = run("show", "last", "--config", str(kept))
    assert result.exit_code == 0
    lines = [re.sub("  +", "|", line.strip()) for line in result.stdout.splitlines() if line.strip()]
    assert lines == [
        "call|a84b4c76e66710",
        "from|+15550100",
        "to|1000",
        "started|2026-11-22 15:00:00 UTC",
        "lasted|72 s",
        "menu|northgas@1a2b3c4d",
        "language|en",
        "keys|1••••0",
        "at|step|left by",
        "0:00.1|greet|go",
        "0:08.2|main|no_input",
        "0:20.0|main|everywhere 0",
        "1:01.5|agent_asked",
        "look-up|outcome|seconds",
        "check_pin|ok|0.041",
        "handoff|1",
        "queue|general",
        "reason|ASKED_FOR_AGENT",
        "agent|desk1",
        "outcome|answered",
        "waited|4 s",
        "offered to|desk2: missed",
        "offered to|desk1: answered",
        "application|field|value",
        "SAP-IC|ACCOUNT|4000000002",
        "SAP-IC|REASON|ASKED_FOR_AGENT",
        "SAP-IC|PROVED|verified",
        "sound",
        "sent|3600",
        "received|3590",
        "lost|3",
        "jitter ms|0.8",
        "Ended 2026-11-22 15:01:12 UTC by caller: hung_up",
    ]


def test_a_call_that_goes_on_is_told_as_far_as_it_went(kept: Path) -> None:
    text = re.sub(" +", " ", run("show", "still-there", "--config", str(kept)).stdout)
    assert "from withheld" in text and "lasted goes on" in text and "Ended" not in text


def test_a_call_that_is_not_there_is_code_1_and_one_line(kept: Path) -> None:
    result = run("show", "none", "--config", str(kept))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "ivr: there is no call 'none'; `ivr calls` lists them\n"


def test_before_the_first_start_there_are_no_calls_and_none_is_made(config: Path, tmp_path: Path) -> None:
    assert run("--config", str(config)).stdout == "No calls yet.\n"
    nobody = "Nobody is to be called back; --all lists those that are over.\n"
    assert run("callbacks", "--config", str(config)).stdout == nobody
    assert run("callbacks", "--all", "--config", str(config)).stdout == "No callbacks are noted.\n"
    result = run("show", "last", "--config", str(config))
    assert (result.exit_code, result.stderr) == (1, "ivr: no call has ended yet\n")
    assert not (tmp_path / "ivr.db").exists()


def callbacks(kept: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("callbacks", *words, "--json", "--config", str(kept)).stdout)
    return found


def test_who_is_still_to_be_called_is_listed_for_people_and_machines(kept: Path) -> None:
    line = run("callbacks", "--config", str(kept)).stdout.splitlines()[1]
    shown = "2026-11-22 15:30|+15550100|general|yours to ring|c1|CLOSED|ACCOUNT=4000000002"
    assert re.sub("  +", "|", line.strip()) == shown
    yours, waits, tried = callbacks(kept)
    assert yours == {
        "number": "+15550100",
        "queue": "general",
        "reason": "CLOSED",
        "call": "c1",
        "attached_data": {"ACCOUNT": "4000000002"},
        "noted": "2026-11-22T15:30:00+00:00",
        "ticket": None,
        "state": "yours to ring",
        "outcome": None,
        "tries": 0,
        "next": None,
        "over": None,
    }
    assert (waits["ticket"], waits["state"], waits["tries"]) == ("c3-c1", "waits", 0)
    assert (tried["state"], tried["tries"], tried["next"]) == ("not reached", 2, "2099-11-22T15:50:00+00:00")


def test_who_was_reached_is_listed_only_with_all(kept: Path) -> None:
    assert [one["call"] for one in callbacks(kept)] == ["c1", "c3", "c4"]
    reached = callbacks(kept, "--all")[1]
    assert (reached["call"], reached["state"], reached["outcome"]) == ("c2", "reached", "answered")
    assert reached["over"] is not None


def test_people_strike_off_what_they_have_rung_and_not_what_the_engine_rings(kept: Path) -> None:
    done = run("callbacks", "--done", "c1", "--config", str(kept))
    assert (done.exit_code, done.stdout) == (0, "Done: c1.\n")
    assert [one["call"] for one in callbacks(kept)] == ["c3", "c4"]
    for call in ("c1", "c3", "nothing"):
        refused = run("callbacks", "--done", call, "--config", str(kept))
        assert refused.exit_code == 1
        assert refused.stderr.startswith(f"ivr: no callback of the call {call!r} is yours to ring;")
    assert [one["call"] for one in callbacks(kept)] == ["c3", "c4"]


def kept_as(kept: Path, **changes: Any) -> None:
    async def save() -> None:
        async with await SqliteStore.open(kept.parent / "ivr.db", create=False) as store:
            await store.save_call({**RECORD, "id": "one", "started": "2026-11-23T15:00:00.000+00:00", **changes})

    asyncio.run(save())


def test_a_call_that_a_kill_ended_says_that_it_lasted_longer_than_is_known(kept: Path) -> None:
    kept_as(kept, ended="2026-11-23T15:01:12.500+00:00", killed="2026-11-23T15:09:00.000+00:00")
    assert "1:12+" in run("--most", "1", "--config", str(kept)).stdout.splitlines()[1]
    assert "at least 72 s: the engine was killed" in run("show", "one", "--config", str(kept)).stdout


def test_who_gave_the_caller_to_whom_is_told(kept: Path) -> None:
    first = HANDOFF | {
        "offers": [
            {"agent": "desk1", "outcome": "answered"},
            {"agent": "desk1", "direction": "outbound", "remote": ["desk2"], "outcome": "rejected"},
            {"agent": "desk2", "direction": "inbound", "remote": ["desk1"], "outcome": "rejected"},
        ],
        "passed": [{"by": "desk1", "to": "desk3", "how": "blind", "outcome": "answered"}],
    }
    second = HANDOFF | {
        "agent": "desk3",
        "offers": [],
        "sent_by": "desk1",
        "number": "+15550199",
        "passed": [{"by": "desk3", "to": "+15550199", "how": "warm", "outcome": "answered"}],
    }
    kept_as(kept, handoff=second, handoffs=[first, second])
    assert "general answered desk3 → +15550199" in run("--most", "1", "--config", str(kept)).stdout
    lines = [
        re.sub("  +", "|", line.strip()) for line in run("show", "one", "--config", str(kept)).stdout.splitlines()
    ]
    for told in (
        "asked by|desk1, who called desk2: rejected",
        "offered to|desk2, asked by desk1: rejected",
        "sent on by|desk1 to desk3: answered",
        "sent by|desk1",
        "number outside|+15550199",
        "handed over by|desk3 to +15550199: answered",
    ):
        assert told in lines, told


def test_a_consultation_that_a_kill_cut_off_was_answered_and_names_who_asked(kept: Path) -> None:
    cut = HANDOFF | {
        "offers": [
            {"agent": "desk1", "direction": "outbound", "remote": ["desk2"], "outcome": "answered"},
            {
                "agent": "desk2",
                "direction": "inbound",
                "remote": ["+15550100"],
                "asked_by": ["desk1"],
                "outcome": "answered",
                "ended": "normal",
            },
        ],
    }
    kept_as(kept, handoff=cut, handoffs=[cut], killed="2026-11-23T15:09:00.000+00:00")
    told = re.sub(" +", " ", run("show", "one", "--config", str(kept)).stdout)
    assert "asked by desk1, who called desk2: answered, then cut off" in told
    assert "offered to desk2, asked by desk1: answered \n" in told


def test_an_emergency_that_a_number_outside_took_names_it_in_the_list(kept: Path) -> None:
    taken = {"queue": "emergency", "outcome": "answered", "agent": None, "number": "+15550000911"}
    kept_as(kept, handoff=taken, handoffs=[taken])
    assert "emergency answered +15550000911" in run("--most", "1", "--config", str(kept)).stdout


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "odd"},
        {
            "id": "odd",
            "steps": "x",
            "handoffs": [None, 3],
            "handoff": None,
            "media": [],
            "end": None,
            "lookups": 7,
        },
        {
            "id": "odd",
            "started": "yesterday",
            "ended": "today",
            "path": ["a"],
            "steps": [{"at": "x"}],
            "goals": [1],
        },
    ],
)
def test_an_odd_record_is_shown_all_the_same(config: Path, tmp_path: Path, odd: dict[str, Any]) -> None:
    async def fill() -> None:
        store = await SqliteStore.open(tmp_path / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        await store.save_call(odd)
        await store.close()

    asyncio.run(fill())
    for words in (["show", "odd"], []):
        result = run(*words, "--config", str(config))
        assert result.exit_code == 0, result.exception
        assert "odd" in result.stdout


def test_what_a_caller_sends_cannot_steer_the_terminal(config: Path, tmp_path: Path) -> None:
    async def fill() -> None:
        store = await SqliteStore.open(tmp_path / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        await store.save_call({**RECORD, "caller": "\x1b[2J\u202e[bold]x[/bold]\ud800"})
        await store.close()

    asyncio.run(fill())
    for words in (["show", "last"], []):
        text = run(*words, "--config", str(config)).stdout
        assert "\x1b" not in text and "\u202e" not in text
        assert "[2J�[bold]x[/bold]?" in text


def test_a_call_shows_the_contacts_of_its_agents_and_what_they_changed(kept: Path) -> None:
    shown = CliRunner().invoke(calls_app, ["show", "older", "--config", str(kept)]).stdout
    words = re.sub(r"[\s│─┃━]+", " ", shown)
    assert "desk1 ASKED_FOR_AGENT transferred refund" in words
    assert "desk1 [bold]meter[/bold] read wrong" in words
    assert "15:01:07 desk1 2 NOTES TEXT before after" in words
    assert "15:01:07 desk1 2 SAP-IC REASON kept kept" in words, "records of older versions have no values"
    assert "15:01:08 desk1 3 SAP-IC ACCOUNT 40 kept, not '9'" in words
    assert "SAP-IC PROVED no kept, though" in words
    assert "0:12.5 tel:+15550199 could not be called: no way there" in words
    assert "FOR_MACHINES" not in words
    machines = CliRunner().invoke(calls_app, ["show", "older", "--json", "--config", str(kept)]).stdout
    assert json.loads(machines)["contacts"] == [CONTACT]


@pytest.fixture
def recorded(config: Path, tmp_path: Path) -> Path:
    """A call in which desk1 talked a quarter of a second after the caller, and a message after the beep."""
    config.write_text(f'var = "{tmp_path / "var"}"\n{config.read_text()}')
    entries: list[dict[str, Any]] = [{"step": "say_it", "at": 1.0, "seconds": 2.0, "file": "recordings/c1-1.wav"}]
    for number, (leg, at) in enumerate((("caller", 10.0), ("desk1", 10.25)), 1):
        file = tmp_path / "var" / "conversations" / "2026-11-22" / f"c1-r{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(header("PCMU", 4000) + bytes([0x10 * number]) * 4000)
        name = f"conversations/2026-11-22/{file.name}"
        entries.append({"id": file.stem, "leg": leg, "at": at, "seconds": 0.5, "file": name, "why": "parted"})

    async def fill() -> None:
        store = await SqliteStore.open(tmp_path / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        await store.save_call({**RECORD, "id": "c1", "recordings": entries})
        await store.close()

    asyncio.run(fill())
    return config


def test_from_the_id_of_a_recording_to_its_file(recorded: Path, tmp_path: Path) -> None:
    result = run("recordings", "c1-r2", "--config", str(recorded))
    path = tmp_path / "var" / "conversations" / "2026-11-22" / "c1-r2.wav"
    assert (result.exit_code, result.stdout.strip()) == (0, str(path))
    listed = json.loads(run("recordings", "last", "--json", "--config", str(recorded)).stdout)
    assert [(one["leg"], one["id"], one["exists"]) for one in listed] == [
        ("caller", "c1-1.wav", False),
        ("caller", "c1-r1", True),
        ("desk1", "c1-r2", True),
    ]
    told = re.sub(r"[\s│─┃━]+", " ", run("show", "c1", "--config", str(recorded)).stdout)
    assert "caller 1.0 2 c1-1.wav deleted caller 10.0 0 c1-r1 desk1 10.2 0 c1-r2" in told


def test_a_conversation_can_be_listened_to_as_one_file(recorded: Path, tmp_path: Path) -> None:
    target = tmp_path / "both.wav"
    result = run("recordings", "c1", "--mix", str(target), "--config", str(recorded))
    assert (result.exit_code, result.stdout) == (0, f"0.8 s written to {target}\n")
    with wave.open(str(target)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 6000)
        both = np.frombuffer(file.readframes(6000), "<i2").reshape(-1, 2)
    left, right = (np.flatnonzero(both[:, side]) for side in (0, 1))
    assert (left[0], left[-1], right[0], right[-1]) == (0, 3999, 2000, 5999)


def test_what_is_deleted_or_unknown_is_said_and_no_path_is_printed(recorded: Path, tmp_path: Path) -> None:
    gone = run("recordings", "c1-1.wav", "--config", str(recorded))
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "c1-1.wav was deleted, or moved" in gone.stderr
    unknown = run("recordings", "c1-r9", "--config", str(recorded))
    assert (unknown.exit_code, "nothing is recorded as 'c1-r9'" in unknown.stderr) == (1, True)
    (tmp_path / "var" / "conversations" / "2026-11-22" / "c1-r1.wav").unlink()
    with pytest.raises(IvrError, match=r"c1-r1\.wav: cannot be read"):
        CliRunner().invoke(
            calls_app,
            ["recordings", "c1", "--mix", str(tmp_path / "x.wav"), "--config", str(recorded)],
            catch_exceptions=False,
        )
