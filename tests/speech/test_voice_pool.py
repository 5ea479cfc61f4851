"""Several voices at once, and a library that uses them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ivr.errors import IvrError, ProblemsError
from ivr.speech.contracts import Clip
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.engines.voice_pool import VoicePool


class Voice:
    """Speaks as soon as it is told to; knows how many of its kind are speaking."""

    name = "test"
    speaking = most = 0

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stopped = False

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    async def render(self, text: str, voice: str, rate: int) -> bytes:
        assert self not in Voice.busy, "one utterance at a time"
        Voice.busy.add(self)
        Voice.most = max(Voice.most, len(Voice.busy))
        await asyncio.sleep(0.02)
        Voice.busy.discard(self)
        if text == "bad":
            raise IvrError("cannot")
        self.said.append(text)
        return b"\0\1" * 800

    busy: set[Voice] = set()  # noqa: RUF012


@pytest.fixture
def voices() -> list[Voice]:
    Voice.busy, Voice.most = set(), 0
    return [Voice(), Voice(), Voice()]


def clips(*texts: str) -> list[Clip]:
    return [Clip("en", "v", text) for text in texts]


async def test_voices_work_side_by_side_and_each_says_one_thing_at_a_time(
    tmp_path: Path, voices: list[Voice]
) -> None:
    library = DiskClipLibrary(tmp_path, VoicePool(list(voices)))
    report = await library.build(clips(*map(str, range(9))), at_once=3)
    assert (report.rendered, report.cached) == (9, 0)
    assert Voice.most == 3
    assert sorted(text for voice in voices for text in voice.said) == sorted(map(str, range(9)))


async def test_nothing_is_rendered_twice_however_many_work(tmp_path: Path, voices: list[Voice]) -> None:
    library = DiskClipLibrary(tmp_path, VoicePool(list(voices)))
    twins = [Clip("en", "v", "same", tmp_path / f"{number}.wav") for number in range(6)]
    report = await library.build(twins, at_once=3)
    assert (report.rendered, report.cached) == (1, 0), "what was made now is not from the cache"
    again = await library.build(twins, at_once=3)
    assert (again.rendered, again.cached) == (0, 6)
    assert sum(len(voice.said) for voice in voices) == 1


async def test_what_cannot_be_said_is_told_in_the_order_of_the_menu_and_the_rest_is_there(
    tmp_path: Path, voices: list[Voice]
) -> None:
    library = DiskClipLibrary(tmp_path, VoicePool(list(voices)))
    heard: list[int] = []
    with pytest.raises(ProblemsError) as caught:
        await library.build(clips("a", "bad", "b"), lambda done, of: heard.append(done), at_once=3)
    assert len(caught.value.problems) == 1
    assert heard[-1] == 3
    assert len([clip for clip in clips("a", "b") if library.cached(clip)]) == 2


async def test_all_voices_are_stopped(voices: list[Voice]) -> None:
    await VoicePool(list(voices)).stop()
    assert all(voice.stopped for voice in voices)
