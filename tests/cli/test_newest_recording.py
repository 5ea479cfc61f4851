"""`ivr calls recordings` for a call that has no recording."""

from __future__ import annotations

import asyncio
from pathlib import Path

from typer.testing import CliRunner, Result

from ivr.cli.calls import calls_app
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_pins import PinHasher


def filled(folder: Path, *calls: tuple[str, str]) -> Path:
    """Settings of a house with these calls, oldest first: the id, and the file of a recording or none."""

    async def fill() -> None:
        store = await SqliteStore.open(folder / "ivr.db", hasher=PinHasher(time_cost=1, memory=8))
        for minute, (id, file) in enumerate(calls, 10):
            at = f"2026-11-22T16:{minute}:00.000+00:00"
            kept = [{"id": f"{id}-r1", "file": file}] if file else []
            await store.save_call({"id": id, "caller": "1", "started": at, "ended": at, "recordings": kept})
        await store.close()

    asyncio.run(fill())
    config = folder / "ivr.toml"
    config.write_text(f'var = "{folder}"\n[store]\npath = "{folder / "ivr.db"}"\n')
    return config


def recordings(id: str, config: Path) -> Result:
    return CliRunner().invoke(calls_app, ["recordings", id, "--config", str(config)])


def test_a_newest_call_without_a_recording_is_named_and_the_newest_that_has_one(tmp_path: Path) -> None:
    config = filled(tmp_path, ("c0", "c0.wav"), ("c1", "c1.wav"), ("c2", ""), ("c3", ""))
    other = "the newest that has one is c1: `ivr calls recordings c1`"
    for wanted, named in (("last", "c3 (newest)"), ("c2", "c2")):
        result = recordings(wanted, config)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"the call {named} has no recording; {other}" in " ".join(result.stderr.split())


def test_where_no_call_has_a_recording_the_setting_is_named(tmp_path: Path) -> None:
    said = " ".join(recordings("last", filled(tmp_path, ("c1", ""), ("c2", ""))).stderr.split())
    assert "c2 (newest) has no recording, nor has any of the newest 2; see [recording] in ivr.toml" in said
