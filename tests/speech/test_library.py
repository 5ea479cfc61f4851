from __future__ import annotations

import asyncio
import logging
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.errors import IvrError, ProblemsError
from ivr.speech.contracts import Clip
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.wav import HEADER, decode_wav, encode_wav


def clip(text: str = "Main menu.", **more: Any) -> Clip:
    return Clip("en", more.pop("voice", "gmw/en-us"), text, **more)


@pytest.fixture
def library(tmp_path: Path, counting_voice: Any) -> DiskClipLibrary:
    return DiskClipLibrary(tmp_path / "var" / "prompts", counting_voice)


def tone_wav(rate: int = 44100, seconds: float = 0.5) -> bytes:
    samples = 16000 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)
    return encode_wav(samples.astype("<i2").tobytes(), rate)


def main_tone(path: Path) -> float:
    """Hz of the strongest part of a file."""
    sound = decode_wav(path.read_bytes())
    spectrum = np.abs(np.fft.rfft(sound.samples))
    return float(spectrum[1:].argmax() + 1) * sound.rate / len(sound.samples)


async def test_a_clip_is_rendered_once_and_found_again(library: DiskClipLibrary, counting_voice: Any) -> None:
    first = await library.file(clip())
    assert await library.file(clip("Main  menu. ")) == first
    assert counting_voice.said == [("Main menu.", "gmw/en-us", 165)]
    sound = decode_wav(first.read_bytes())
    assert (sound.rate, sound.seconds) == (8000, pytest.approx(1.1))


async def test_text_voice_rate_and_engine_each_make_another_clip(tmp_path: Path, counting_voice: Any) -> None:
    library = DiskClipLibrary(tmp_path, counting_voice)
    slower = DiskClipLibrary(tmp_path, counting_voice, rate=120)
    files = [await library.file(clip()), await library.file(clip("Balance.")), await slower.file(clip())]
    files.append(await library.file(clip(voice="roa/es")))
    counting_voice.name = "counting 2"
    files.append(await library.file(clip()))
    assert len(set(files)) == 5 == len(counting_voice.said)


async def test_two_who_ask_at_once_share_one_rendering(library: DiskClipLibrary, counting_voice: Any) -> None:
    files = await asyncio.gather(*(library.file(clip()) for _ in range(20)))
    assert len(set(files)) == 1 == len(counting_voice.said)


async def test_a_caller_who_hangs_up_does_not_stop_the_rendering_for_others(library: DiskClipLibrary) -> None:
    gone, stays = (asyncio.ensure_future(library.file(clip())) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).exists()


async def test_an_empty_file_left_by_a_power_failure_is_rendered_again(
    library: DiskClipLibrary, counting_voice: Any
) -> None:
    path = await library.file(clip())
    path.write_bytes(b"")
    assert await library.file(clip()) == path
    assert path.stat().st_size > HEADER
    assert len(counting_voice.said) == 2


async def test_a_failed_rendering_is_told_to_everybody_and_tried_again_later(
    library: DiskClipLibrary, counting_voice: Any
) -> None:
    both = await asyncio.gather(*(library.file(clip(voice="nobody")) for _ in range(2)), return_exceptions=True)
    assert [str(error) for error in both] == ["no voice 'nobody' for 'Main menu.'"] * 2
    tried = len(counting_voice.said)
    with pytest.raises(IvrError):
        await library.file(clip(voice="nobody"))
    assert len(counting_voice.said) == tried + 1


async def test_a_recording_beats_the_voice_whatever_its_rate(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path
) -> None:
    recording = tmp_path / "main.head.wav"
    recording.write_bytes(tone_wav(44100))
    path = await library.file(clip(recording=recording))
    sound = decode_wav(path.read_bytes())
    assert (sound.rate, sound.seconds) == (8000, pytest.approx(0.5, abs=0.01))
    assert main_tone(path) == pytest.approx(440, abs=3)
    assert counting_voice.said == []


async def test_a_recording_that_is_not_there_leaves_it_to_the_voice(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path
) -> None:
    await library.file(clip(recording=tmp_path / "absent.wav"))
    assert len(counting_voice.said) == 1


async def test_a_changed_recording_is_converted_anew_and_a_copy_is_not(
    library: DiskClipLibrary, tmp_path: Path
) -> None:
    one, copy = tmp_path / "one.wav", tmp_path / "copy.wav"
    one.write_bytes(tone_wav(seconds=0.5))
    copy.write_bytes(tone_wav(seconds=0.5))
    first = await library.file(clip(recording=one))
    assert (await library.file(clip(recording=copy))).resolve() == first.resolve()
    one.write_bytes(tone_wav(seconds=0.7))
    assert decode_wav((await library.file(clip(recording=one))).read_bytes()).seconds == pytest.approx(
        0.7, abs=0.01
    )


async def test_an_unreadable_recording_is_spoken_in_a_call_and_warned_about_once(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"this is an mp3, really")
    for _ in range(2):
        await library.file(clip(recording=bad))
    assert len(counting_voice.said) == 1
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "bad.wav" in warnings[0]


async def test_a_build_makes_what_is_missing_and_says_what_it_did(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path
) -> None:
    recording = tmp_path / "welcome.wav"
    recording.write_bytes(tone_wav())
    clips = [clip("one"), clip("two"), clip("one"), clip("welcome", recording=recording)]
    told: list[tuple[int, int]] = []
    report = await library.build(clips, lambda done, of: told.append((done, of)))
    assert (report.rendered, report.cached, report.recorded) == (2, 0, 1)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    again = await library.build(clips)
    assert (again.rendered, again.cached, again.recorded) == (0, 3, 0)
    assert len(counting_voice.said) == 2


async def test_a_second_build_opens_no_file(
    library: DiskClipLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = tmp_path / "welcome.wav"
    recording.write_bytes(tone_wav())
    clips = [clip("one"), clip("welcome", recording=recording)]
    await library.build(clips)

    def opened(path: Path) -> bytes:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(Path, "read_bytes", opened)
    assert (await library.build(clips)).cached == 2


async def test_a_build_names_every_bad_recording_and_makes_the_rest(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path
) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF\0\0\0\0AVI ")
    clips = [clip(recording=tmp_path / "a.wav"), clip("fine"), clip(recording=tmp_path / "b.wav")]
    with pytest.raises(ProblemsError) as error:
        await library.build(clips)
    assert [Path(problem.path).name for problem in error.value.problems] == ["a.wav", "b.wav"]
    assert "not a WAV file" in error.value.problems[0].message
    assert [said[0] for said in counting_voice.said] == ["fine"]


async def test_the_voice_speaks_for_a_bad_recording_where_that_is_wanted(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF\0\0\0\0AVI ")
    clips = [clip("hello", recording=tmp_path / "a.wav"), clip("fine")]
    report = await library.build(clips, speak_instead=True)
    assert (report.rendered, report.cached, report.recorded) == (2, 0, 0)
    assert [Path(problem.path).name for problem in report.unreadable] == ["a.wav"]
    assert sorted(said[0] for said in counting_voice.said) == ["fine", "hello"]


async def test_a_secret_is_in_no_log_no_error_and_no_lasting_file(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = await library.file(clip("2 5 8 0", secret=True))
    assert path.parent.name.startswith("once-")
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(IvrError) as error:
        await library.file(clip("2 5 8 0", voice="nobody", secret=True))
    assert "2 5 8 0" not in caplog.text + str(error.value) + repr(clip("2 5 8 0", secret=True))
    assert error.value.__cause__ is None
    await library.stop()
    assert not path.exists()
    # Nobody who guesses the words can find out from the name of the file.
    other = DiskClipLibrary(tmp_path / "var" / "prompts", counting_voice)
    assert (await other.file(clip("2 5 8 0", secret=True))).name != path.name


async def test_what_a_killed_library_left_of_its_secrets_is_taken_away(
    library: DiskClipLibrary, tmp_path: Path
) -> None:
    old, new = (tmp_path / "var" / "prompts" / name for name in ("once-old", "once-new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "secret.wav").write_bytes(b"")
    os.utime(old, (1e9, 1e9))
    await library.build([])
    assert not old.exists()
    assert new.exists()


async def test_stopping_one_library_leaves_the_secrets_of_another_alone(
    library: DiskClipLibrary, tmp_path: Path, counting_voice: Any
) -> None:
    path = await library.file(clip("2 5 8 0", secret=True))
    other = DiskClipLibrary(tmp_path / "var" / "prompts", counting_voice)
    await other.build([clip("one")])
    await other.stop()
    assert path.exists()


async def test_clips_with_the_same_words_are_rendered_once_and_counted_so(
    library: DiskClipLibrary, counting_voice: Any, tmp_path: Path
) -> None:
    clips = [clip("two"), clip("two", recording=tmp_path / "absent.wav")]
    report = await library.build(clips)
    assert (report.rendered, report.cached, report.recorded) == (1, 0, 0)
    assert len(counting_voice.said) == 1
    again = await library.build(clips)
    assert (again.rendered, again.cached, again.recorded) == (0, 2, 0)


async def test_a_secret_digit_uses_the_clip_everybody_uses(library: DiskClipLibrary, counting_voice: Any) -> None:
    shared = await library.file(clip("two"))
    assert await library.file(clip("two", secret=True)) == shared
    assert len(counting_voice.said) == 1


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, counting_voice: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    library = DiskClipLibrary(tmp_path / "file", counting_voice)
    with pytest.raises(IvrError, match=r"file: cannot keep a rendered prompt"):
        await library.file(clip())


async def test_nothing_but_whole_files_is_left_behind(library: DiskClipLibrary, tmp_path: Path) -> None:
    await library.file(clip())
    left = [path.name for path in (tmp_path / "var" / "prompts").iterdir()]
    assert len(left) == 1
    assert left[0].startswith("s-")
    assert struct.unpack("<I", (tmp_path / "var" / "prompts" / left[0]).read_bytes()[40:44])[0] > 0
