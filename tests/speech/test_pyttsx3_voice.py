"""The real pyttsx3 and espeak-ng, in their own process."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ivr.errors import IvrError, WorkerDied
from ivr.speech.contracts import Clip
from ivr.speech.engines import pyttsx3_voice
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.sound import LEVEL, active_level, from_pcm


def worker_of(voice: Pyttsx3Voice) -> int:
    assert voice._worker is not None
    return voice._worker.pid


def asked_of(voice: Pyttsx3Voice) -> asyncio.Event:
    """Set when the worker has been given a job."""
    worker, asked = voice._worker, asyncio.Event()
    assert worker is not None
    write = worker.write

    def noted(*frame: Any) -> None:
        write(*frame)
        asked.set()

    worker.write = noted  # type: ignore[method-assign]
    return asked


async def test_a_sentence_comes_at_the_telephones_rate_and_level(voice: Pyttsx3Voice) -> None:
    sound = from_pcm(await voice.render("You owe eighty-four dollars and twenty cents.", "gmw/en-us", 165))
    assert 2.0 < sound.seconds < 4.5
    assert active_level(sound) == pytest.approx(LEVEL, abs=1.0)
    assert abs(sound.samples).max() < 0.9


async def test_spanish_is_spoken_by_a_spanish_voice(voice: Pyttsx3Voice) -> None:
    text = "Su saldo es de ochenta y cuatro dólares."
    spanish = from_pcm(await voice.render(text, "roa/es-419", 165))
    english = from_pcm(await voice.render(text, "gmw/en-us", 165))
    assert spanish.seconds > 1.5
    assert abs(spanish.seconds - english.seconds) > 0.1


async def test_fast_is_shorter_than_slow_and_does_not_linger(voice: Pyttsx3Voice) -> None:
    text = "For your balance, press one."
    before = len(await voice.render(text, "gmw/en-us", 165))
    fast = len(await voice.render(text, "gmw/en-us", 450))
    after = len(await voice.render(text, "gmw/en-us", 165))
    assert fast < before * 0.6
    assert after == pytest.approx(before, rel=0.05)


async def test_a_piece_within_a_sentence_ends_sooner_than_a_sentence(voice: Pyttsx3Voice) -> None:
    def quiet_end(pcm: bytes) -> float:
        sound = from_pcm(pcm)
        return float((abs(sound.samples[::-1]) > 0.01).argmax() / sound.rate)

    assert quiet_end(await voice.render("You owe", "gmw/en-us", 165)) < 0.08
    assert 0.25 < quiet_end(await voice.render("You owe.", "gmw/en-us", 165)) < 0.4


async def test_no_utterance_in_a_row_of_many_is_lost(voice: Pyttsx3Voice) -> None:
    texts = [f"Prompt number {number}." for number in range(40)]
    voices = ("gmw/en-us", "roa/es-419")
    sounds = await asyncio.gather(
        *(voice.render(text, voices[at % 2], 150 + at % 3) for at, text in enumerate(texts))
    )
    assert min(from_pcm(pcm).seconds for pcm in sounds) > 0.8


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("gmw/en-uk", "gmw/en-us"),
        ("roa/es-mx", "roa/es-419"),
        ("gmw/en-us+f9", "f3"),
        ("../../etc/passwd", "similar"),
        ("qqq/zzz", "known are"),
    ],
)
async def test_an_unknown_voice_is_an_error_that_names_similar_ones(
    voice: Pyttsx3Voice, name: str, similar: str
) -> None:
    with pytest.raises(IvrError, match="no v") as error:
        await voice.render("Hello.", name, 165)
    assert name.lower().rpartition("+")[2] in str(error.value)
    assert similar in str(error.value)


async def test_the_last_part_of_a_voices_name_will_do(voice: Pyttsx3Voice) -> None:
    assert voice.check_voice("es-419") == "roa/es-419"
    assert voice.check_voice("EN-us+F3") == "gmw/en-us+f3"
    tails = [name.rpartition("/")[2] for name in voice.voices]
    assert len(tails) == len(set(tails))


@pytest.mark.parametrize("text", ["", "   ", "a\0b", "\ud800"])
async def test_a_text_that_cannot_be_said_never_reaches_the_worker(voice: Pyttsx3Voice, text: str) -> None:
    with pytest.raises(IvrError, match="a text to speak"):
        await voice.render(text, "gmw/en-us", 165)


@pytest.mark.parametrize("rate", [0, 79, 451, 100_000])
async def test_a_rate_that_would_spoil_the_engine_is_refused(voice: Pyttsx3Voice, rate: int) -> None:
    with pytest.raises(IvrError, match="choose 80 to 450"):
        await voice.render("Hello.", "gmw/en-us", rate)


@pytest.mark.parametrize(
    "text",
    [
        "<speak>Hello <break time='3s'/>there</speak>",
        "[[h@l'oU]] &amp; %s {name} \\u0041",
        "😀",
        "漢字 mixed with Ελληνικά",
        "word " * 300,
        "x" * 10_000,
    ],
    ids=["ssml", "phonemes", "emoji", "scripts", "a long text", "10 kB in one word"],
)
async def test_odd_texts_are_said_as_text(voice: Pyttsx3Voice, text: str) -> None:
    pid = worker_of(voice)
    assert from_pcm(await voice.render(text, "gmw/en-us", 165)).seconds > 0.3
    assert worker_of(voice) == pid


async def test_a_piece_of_nothing_but_punctuation_is_a_pause(voice: Pyttsx3Voice) -> None:
    sound = from_pcm(await voice.render(".", "gmw/en-us", 165))
    assert not sound.samples.any()
    assert sound.seconds == pytest.approx(0.3)


async def test_a_worker_killed_between_two_jobs_is_replaced_unnoticed(voice: Pyttsx3Voice) -> None:
    first = worker_of(voice)
    os.kill(first, signal.SIGKILL)
    assert from_pcm(await voice.render("Hello.", "gmw/en-us", 165)).seconds > 0.3
    assert worker_of(voice) != first


async def test_a_worker_killed_in_the_middle_of_a_job_does_not_lose_it(voice: Pyttsx3Voice) -> None:
    first, asked = worker_of(voice), asked_of(voice)
    os.kill(first, signal.SIGSTOP)  # so that it cannot finish first
    job = asyncio.ensure_future(voice.render("Hello again.", "gmw/en-us", 165))
    await asked.wait()
    os.kill(first, signal.SIGKILL)
    assert from_pcm(await job).seconds > 0.3
    assert voice.restarts == 1


async def test_a_worker_that_hangs_is_killed_and_the_next_job_works(
    voice: Pyttsx3Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = worker_of(voice)
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr(pyttsx3_voice, "JOB_TIMEOUT", 0.05)
    with pytest.raises(IvrError, match=r"gmw/en-us: 'Hello\.' took longer"):
        await voice.render("Hello.", "gmw/en-us", 165)
    monkeypatch.setattr(pyttsx3_voice, "JOB_TIMEOUT", 5.0)
    assert len(await voice.render("Hello.", "gmw/en-us", 165)) > 4000
    assert worker_of(voice) != first


async def test_a_job_nobody_waits_for_any_more_does_not_mix_up_the_next(voice: Pyttsx3Voice) -> None:
    asked = asked_of(voice)
    long = asyncio.ensure_future(voice.render("word " * 3000, "gmw/en-us", 165))
    await asked.wait()
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    assert from_pcm(await voice.render("Hello.", "gmw/en-us", 165)).seconds < 1.5


async def test_stopping_ends_the_worker_and_takes_its_folder_away(voice: Pyttsx3Voice) -> None:
    pid, folder = worker_of(voice), voice._folder
    await voice.stop()
    assert folder is not None
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_worker_that_cannot_start_says_why() -> None:
    voice = Pyttsx3Voice("ivr.speech.engines.no_such_worker")
    with pytest.raises(WorkerDied, match=r"ended with code 1: .*No module named"):
        await voice.start()
    assert voice._folder is None


async def test_two_callers_of_one_sentence_cost_one_rendering_and_the_next_start_none(
    voice: Pyttsx3Voice, tmp_path: Path
) -> None:
    library = DiskClipLibrary(tmp_path, voice)
    clip = Clip("en", "gmw/en-us", "Main menu.")
    one, two = await asyncio.gather(library.file(clip), library.file(clip))
    assert one == two
    assert voice._job == 1
    fresh = Pyttsx3Voice()  # never started
    assert await DiskClipLibrary(tmp_path, fresh).file(clip) == one
    assert fresh._worker is None
