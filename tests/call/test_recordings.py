"""A caller leaves a message: it is a file for its owner only, and the record names it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from house import House
from media.test_voice import vowel
from sounds import likeness

from ivr.config import MenuSettings
from ivr.config.shipped import shipped
from ivr.media.wav import read_wav

MENU = """\
ivr: 1
name: tape
start: hello
languages: [{code: en, prompts: en.yaml}]
defaults: {on_fault: bye}
steps:
  hello: {type: record, say: p.hello, as: message, most: 30s, wait: 2s, go: which}
  which: {type: check, when: [{if: message is set, go: bye}], else: nothing}
  nothing: {type: say, say: p.bye, go: END}
  bye: {type: say, say: p.bye, go: END}
"""


@pytest.fixture
async def tape_house(tmp_path, build_house):
    folder = tmp_path / "menus"
    folder.mkdir()
    (folder / "tape.yaml").write_text(MENU)
    (folder / "en.yaml").write_text("prompts: en\np.hello: Hello.\np.bye: Goodbye.\n")
    settings = MenuSettings(folder=folder, default="tape", audio=shipped("audio"))
    return await build_house(menu=settings)


def file_of(house: House, record: dict) -> Path:
    return house.settings.var / record["recordings"][0]["file"]


async def test_a_message_is_kept_and_named_in_the_record(tape_house: House) -> None:
    call = await (await tape_house.phone()).dial(tape_house.uri)
    await call.wait_for_sound()
    await call.wait_for_silence(0.5)
    await call.play(vowel(1.5))
    await call.press("#")
    await call.ended()
    record = await tape_house.record()
    (entry,) = record["recordings"]
    assert (entry["step"], entry["why"]) == ("hello", "stopped")
    assert entry["seconds"] >= 1.4
    file = file_of(tape_house, record)
    assert file.name == f"{record['id']}-1.wav"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert likeness(read_wav(file), vowel(1.5)[1600:8000]) > 0.8
    assert record["path"] == ["hello", "which", "bye"]


async def test_a_caller_who_hangs_up_has_left_a_message_all_the_same(tape_house: House) -> None:
    call = await (await tape_house.phone()).dial(tape_house.uri)
    await call.wait_for_sound()
    await call.wait_for_silence(0.5)
    await call.play(vowel(1.0))
    await call.hang_up()
    record = await tape_house.record()
    assert record["recordings"][0]["why"] == "hung_up"
    assert record["recordings"][0]["seconds"] >= 0.9
    assert record["end"]["by"] == "caller"


async def test_a_caller_who_says_nothing_leaves_no_file(tape_house: House) -> None:
    call = await (await tape_house.phone()).dial(tape_house.uri)
    await call.ended()
    record = await tape_house.record()
    (entry,) = record["recordings"]
    assert (entry["file"], entry["seconds"], entry["why"]) == (None, 0.0, "silence")
    assert record["path"] == ["hello", "which", "nothing"]
    assert not (tape_house.settings.var / "recordings").exists()
