"""The real vosk with the test model, and people saying digits. No official model is needed, nor used."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.speech.contracts import Grammar, Recognition
from ivr.speech.engines import ear as ears
from ivr.speech.engines.make import make_recogniser
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.engines.vosk_recogniser import VoskRecogniser
from ivr.speech.sound import from_pcm, levelled, silence, to_pcm
from ivr.speech.wav import Sound, decode_wav

pytestmark = pytest.mark.speech

DIGITS = Grammar("en", digits=True)
MENU = Grammar("en", ("agent", "main menu", "balance", "repeat"))
BOTH = Grammar("en", ("agent", "operator", "repeat"), digits=True)
PACKET = 1600
"""Octets of 100 ms, the pieces in which sound comes from the media worker."""


@pytest.fixture
async def ear(speech_folder: Path) -> AsyncIterator[VoskRecogniser]:
    recogniser = VoskRecogniser({"en": speech_folder / "vosk-test-model"})
    await recogniser.start()
    yield recogniser
    await recogniser.stop()


def line_noise(seconds: float) -> bytes:
    noise = np.random.default_rng(7).normal(0, 3e-4, round(8000 * seconds))
    return to_pcm(Sound(8000, noise))


def recorded(folder: Path, digit: str, speaker: str, take: int, around: float = 0.3) -> bytes:
    sound = decode_wav((folder / "digits-dev" / f"{digit}_{speaker}_{take}.wav").read_bytes())
    return line_noise(around) + to_pcm(levelled(sound)) + line_noise(around)


async def said(recogniser: VoskRecogniser, grammar: Grammar, pcm: bytes, session: str = "call-1") -> Recognition:
    recogniser.open(session, grammar)
    return await heard(recogniser, pcm, session)


async def heard(recogniser: VoskRecogniser, pcm: bytes, session: str = "call-1") -> Recognition:
    for at in range(0, len(pcm), PACKET):
        recogniser.feed(session, pcm[at : at + PACKET])
    return await recogniser.finish(session)


def worker_of(recogniser: VoskRecogniser) -> int:
    worker = recogniser._ears[0]._worker
    assert worker is not None
    return worker.pid


async def test_recorded_digits_are_recognised(ear: VoskRecogniser, speech_folder: Path) -> None:
    right, spoken = (
        0,
        [(str(d), who, take) for d in range(10) for who in ("jackson", "lucas", "george") for take in (0, 3)],
    )
    ear.open("call-1", DIGITS)
    for digit, who, take in spoken:
        found = await heard(ear, recorded(speech_folder, digit, who, take))
        right += found.kind == "match" and found.phrase == digit
    assert len(spoken) == 60
    assert right >= 57


@pytest.mark.parametrize("grammar", [DIGITS, BOTH], ids=["digits only", "digits or phrases"])
async def test_a_spoken_account_number_comes_out_as_its_digits(
    ear: VoskRecogniser, speech_folder: Path, grammar: Grammar
) -> None:
    whole = 0
    for at, who in enumerate(("jackson", "lucas", "george", "nicolas") * 2):
        number = "4000000028" if at < 4 else "5170239846"
        pcm = b"".join(recorded(speech_folder, digit, who, (at + n) % 5, 0.08) for n, digit in enumerate(number))
        found = await said(ear, grammar, line_noise(0.3) + pcm + line_noise(0.4))
        whole += found == Recognition("match", number, found.confidence, found.text)
    assert whole >= 5


async def test_a_phrase_of_the_menu_is_recognised(ear: VoskRecogniser, voice: Pyttsx3Voice) -> None:
    for phrase in MENU.phrases:
        found = await said(ear, MENU, line_noise(0.3) + await voice.render(phrase, "gmw/en-us", 165))
        assert (found.kind, found.phrase) == ("match", phrase)
        assert found.confidence > 0.5


async def test_a_phrase_is_recognised_where_digits_are_asked_for(ear: VoskRecogniser, voice: Pyttsx3Voice) -> None:
    found = await said(ear, BOTH, line_noise(0.3) + await voice.render("operator", "gmw/en-us", 165))
    assert (found.kind, found.phrase) == ("match", "operator")


async def test_what_nobody_asked_for_is_no_match(ear: VoskRecogniser, speech_folder: Path) -> None:
    story = decode_wav((speech_folder / "people-dev" / "librivox_0880.wav").read_bytes())
    pcm = to_pcm(Sound(8000, story.samples[::2]))
    for grammar in (MENU, BOTH):
        assert (await said(ear, grammar, pcm)).kind == "no_match"


async def test_silence_is_no_input(ear: VoskRecogniser) -> None:
    assert (await said(ear, MENU, to_pcm(silence(1.0)))).kind == "no_input"
    assert (await said(ear, MENU, b"")).kind == "no_input"


async def test_a_word_the_model_lacks_is_one_warning_and_the_rest_works(
    ear: VoskRecogniser, voice: Pyttsx3Voice, caplog: pytest.LogCaptureFixture
) -> None:
    grammar = Grammar("en", ("espanol", "i smell gas", "agent"))
    pcm = line_noise(0.3) + await voice.render("agent", "gmw/en-us", 165)
    for _ in range(3):
        assert (await said(ear, grammar, pcm)).phrase == "agent"
    warned = [record.getMessage() for record in caplog.records if "word_not_in_model" in record.getMessage()]
    assert sorted(warned) == [
        f"word_not_in_model language=en word='{word}'" for word in ("espanol", "gas", "i", "smell")
    ]


async def test_a_grammar_of_unknown_words_only_hears_nothing(ear: VoskRecogniser, voice: Pyttsx3Voice) -> None:
    pcm = await voice.render("agent", "gmw/en-us", 165)
    assert (await said(ear, Grammar("en", ("xyzzy", "", '"]')), pcm)).kind == "no_input"
    assert (await said(ear, MENU, pcm)).phrase == "agent"


async def test_utterances_of_several_callers_do_not_mix(ear: VoskRecogniser, speech_folder: Path) -> None:
    callers = {f"call-{digit}": recorded(speech_folder, digit, "jackson", 1) for digit in "123456"}
    for session in callers:
        ear.open(session, DIGITS)
    for at in range(0, max(map(len, callers.values())), PACKET):
        for session, pcm in callers.items():
            ear.feed(session, pcm[at : at + PACKET])
    found = await asyncio.gather(*(ear.finish(session) for session in callers))
    assert [one.phrase for one in found] == list("123456")


async def test_an_utterance_leaves_nothing_for_the_next(ear: VoskRecogniser, speech_folder: Path) -> None:
    ear.open("call-1", DIGITS)
    for digit in "72727":
        assert (await heard(ear, recorded(speech_folder, digit, "jackson", 0))).phrase == digit


async def test_a_new_grammar_replaces_the_old_and_its_half_utterance(
    ear: VoskRecogniser, speech_folder: Path
) -> None:
    ear.open("call-1", MENU)
    ear.feed("call-1", recorded(speech_folder, "3", "jackson", 0))
    found = await said(ear, DIGITS, recorded(speech_folder, "7", "jackson", 0))
    assert found.phrase == "7"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_dead_worker_costs_the_utterance_and_not_the_call(
    ear: VoskRecogniser, speech_folder: Path, sign: signal.Signals
) -> None:
    pcm = recorded(speech_folder, "7", "jackson", 0)
    ear.open("speaking", DIGITS)
    ear.open("silent", DIGITS)
    ear.feed("speaking", pcm[: len(pcm) // 2])
    first = worker_of(ear)
    os.kill(first, sign)
    assert (await ear.finish("speaking")).kind == "error"
    ear._ears[0]._up.clear()
    await asyncio.wait_for(ear.ready(), 30)
    assert worker_of(ear) != first
    assert ear.restarts == 1
    for session in ("speaking", "silent"):
        assert (await heard(ear, pcm, session)).phrase == "7"


async def test_an_utterance_that_lost_its_beginning_is_an_error_and_no_wrong_number(
    ear: VoskRecogniser, speech_folder: Path
) -> None:
    ear.open("call-1", DIGITS)
    ear.feed("call-1", recorded(speech_folder, "4", "jackson", 0))
    os.kill(worker_of(ear), signal.SIGKILL)
    ear._ears[0]._up.clear()
    await asyncio.wait_for(ear.ready(), 30)
    assert (await heard(ear, recorded(speech_folder, "2", "jackson", 0))).kind == "error"
    assert (await heard(ear, recorded(speech_folder, "2", "jackson", 0))).phrase == "2"


async def test_a_worker_that_hangs_is_replaced(
    ear: VoskRecogniser, speech_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm = recorded(speech_folder, "7", "jackson", 0)
    ear.open("call-1", DIGITS)
    monkeypatch.setattr(ears, "FINISH_TIMEOUT", 0.05)
    os.kill(worker_of(ear), signal.SIGSTOP)
    assert (await ear.finish("call-1")).kind == "error"
    ear._ears[0]._up.clear()
    await asyncio.wait_for(ear.ready(), 30)
    monkeypatch.setattr(ears, "FINISH_TIMEOUT", 5.0)
    assert (await heard(ear, pcm)).phrase == "7"


async def test_overload_drops_sound_counts_it_and_guesses_nothing(
    ear: VoskRecogniser, speech_folder: Path
) -> None:
    pid = worker_of(ear)
    ear.open("call-1", DIGITS)
    os.kill(pid, signal.SIGSTOP)
    for _ in range(400):
        ear.feed("call-1", bytes(PACKET))
    os.kill(pid, signal.SIGCONT)
    assert 100 < ear.dropped < 399
    assert (await ear.finish("call-1")).kind == "error"
    ear.open("next", DIGITS)
    assert (await ear.finish("next")).kind == "no_input"  # answered behind everything that was waiting
    assert (await heard(ear, recorded(speech_folder, "7", "jackson", 0))).phrase == "7"


async def test_an_endless_utterance_is_cut_off(ear: VoskRecogniser) -> None:
    ear.open("call-1", DIGITS)
    ear._ears[0]._sessions["call-1"].fed = ears.LONGEST
    ear.feed("call-1", bytes(PACKET))
    assert ear.dropped == 1
    assert (await ear.finish("call-1")).kind == "error"


async def test_a_closed_or_unknown_session_is_harmless(ear: VoskRecogniser) -> None:
    ear.open("call-1", MENU)
    ear.close("call-1")
    ear.close("call-1")
    ear.feed("call-1", bytes(PACKET))
    assert ear.dropped == 1
    assert (await ear.finish("call-1")).kind == "error"


async def test_the_words_of_a_menu_can_be_checked_before_any_call(
    ear: VoskRecogniser, caplog: pytest.LogCaptureFixture
) -> None:
    ear.check(Grammar("en", ("espanol",)))
    await said(ear, MENU, b"")  # the answers come in order
    assert "word_not_in_model language=en word='espanol'" in caplog.text


async def test_two_workers_share_the_callers(speech_folder: Path) -> None:
    recogniser = VoskRecogniser({"en": speech_folder / "vosk-test-model"}, workers=2)
    await recogniser.start()
    pcm = recorded(speech_folder, "7", "jackson", 0)
    found = await asyncio.gather(*(said(recogniser, DIGITS, pcm, f"call-{n}") for n in range(4)))
    assert [len(one) for one in recogniser._ears] == [2, 2]
    assert [one.phrase for one in found] == ["7"] * 4
    await recogniser.stop()


async def test_a_language_tag_with_a_region_finds_the_model_of_its_language(
    ear: VoskRecogniser, speech_folder: Path
) -> None:
    found = await said(ear, Grammar("en-US", digits=True), recorded(speech_folder, "7", "jackson", 0))
    assert found.phrase == "7"


async def test_a_bad_model_leaves_its_language_to_the_keys_and_the_others_alone(
    speech_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/HCLr.fst", "graph/Gr.fst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not a model")
    models = {"de": tmp_path, "en": speech_folder / "vosk-test-model", "es": tmp_path / "nowhere"}
    recogniser = VoskRecogniser(models)
    await recogniser.start()
    assert recogniser.languages == {"en"}
    assert recogniser.why.startswith("on: en (vosk-test-model); off: ")
    assert "nowhere is no folder" in recogniser.why
    assert "de (" in recogniser.why
    warned = [
        r.getMessage() for r in caplog.records if r.levelno == logging.WARNING and "keys_only" in r.getMessage()
    ]
    assert len(warned) == 2
    recogniser.open("call-1", Grammar("es", ("sí",)))
    assert (await recogniser.finish("call-1")).kind == "error"
    await recogniser.stop()


async def test_without_a_usable_model_it_is_keys_only_and_says_what_to_do(tmp_path: Path) -> None:
    recogniser = make_recogniser({"en": tmp_path / "nowhere"}, 1)
    await recogniser.start()
    assert recogniser.languages == frozenset()
    assert recogniser.why.startswith("off: en (")
    assert "unpack a vosk model" in recogniser.why
    await recogniser.stop()


async def test_without_any_model_it_names_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    recogniser: Any = make_recogniser({}, 1)
    await recogniser.start()
    recogniser.open("call-1", MENU)
    recogniser.feed("call-1", b"")
    assert await recogniser.finish("call-1") == Recognition("error")
    recogniser.close("call-1")
    await recogniser.stop()
    assert recogniser.why == "off: no vosk model for en; set IVR_VOSK_MODEL"
    assert caplog.text.count("IVR_VOSK_MODEL") == 1


def test_recorded_samples_are_what_the_recogniser_gets(speech_folder: Path) -> None:
    sound = from_pcm(recorded(speech_folder, "7", "jackson", 0))
    assert 0.6 < sound.seconds < 2
