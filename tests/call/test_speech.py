"""Speaking through a real call: RTP, the media worker, vosk, the menu, people saying digits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from house import House
from sounds import likeness

from ivr.config import SpeechSettings
from ivr.media.g711 import Samples
from ivr.media.wav import read_wav
from ivr.testing.phone import PhoneCall

pytestmark = pytest.mark.speech

ACCOUNT, PIN = "4000000002", "2580"


@pytest.fixture
async def hearing(build_house: Callable[..., Awaitable[House]], speech_folder: Path) -> House:
    """An engine that recognises English; Spanish is keys only."""
    return await build_house(speech=SpeechSettings(models={"en": speech_folder / "vosk-test-model"}))


def pause(seconds: float) -> Samples:
    """A quiet line, never quite silent."""
    return np.random.default_rng(7).normal(0, 8, round(8000 * seconds)).astype(np.int16)


def digits(folder: Path, number: str, speaker: str = "jackson") -> Samples:
    said = [read_wav(folder / "digits-dev" / f"{digit}_{speaker}_0.wav") for digit in number]
    return np.concatenate([part for one in said for part in (one, pause(0.15))])


async def say(call: PhoneCall, spoken: Samples) -> None:
    """With the quiet that tells that a speaker has ended."""
    await call.play(np.concatenate([pause(0.3), spoken, pause(1.2)]))


async def main_menu(house: House) -> PhoneCall:
    phone = await house.phone()
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("1")  # English, by key: speech works beside keys
    await call.wait_for_silence(0.7)
    return call


async def test_saying_agent_leads_to_the_queue(hearing: House) -> None:
    call = await main_menu(hearing)
    await say(call, await hearing.clip("agent"))
    await call.hang_up()
    record = await hearing.record()
    assert {"step": "main", "exit": "said agent"}.items() <= record["steps"][-2].items()
    assert record["path"][-1] == "agent_asked"
    assert record["handoff"]["reason"] == "ASKED_FOR_AGENT"


async def test_a_spoken_word_interrupts_the_prompt(hearing: House) -> None:
    phone = await hearing.phone()
    call = await phone.dial(hearing.uri)
    await call.wait_for_sound()
    await call.press("1")
    await say(call, await hearing.clip("balance"))  # into the list of choices
    await call.wait_for_silence(0.7)
    await call.hang_up()
    assert likeness(call.recording, await hearing.clip("Please enter your ten-digit account number.")) > 0.85
    record = await hearing.record()
    assert record["path"][-2:] == ["get_balance", "ask_account"]


async def test_a_spoken_account_number_is_read_back_and_leads_to_the_balance(
    hearing: House, speech_folder: Path
) -> None:
    call = await main_menu(hearing)
    await say(call, await hearing.clip("balance"))
    await call.wait_for_silence(0.7)
    await say(call, digits(speech_folder, ACCOUNT))
    await call.wait_for_silence(0.7)
    assert likeness(call.recording, await hearing.clip("I have")) > 0.85, "nothing was read back"
    await call.press("1" + PIN)
    await call.wait_for_silence(1.0)
    await call.hang_up()
    assert likeness(call.recording, await hearing.clip("eighty-four dollars")) > 0.85
    record = await hearing.record()
    assert record["path"][-1] == "tell_balance"
    assert PIN not in str(record)


async def test_a_word_of_nobody_is_not_understood(hearing: House) -> None:
    call = await main_menu(hearing)
    await say(call, await hearing.clip("hippopotamus"))
    await call.wait_for_silence(0.7)
    await call.hang_up()
    record = await hearing.record()
    assert record["path"][-1] == "main"
    assert likeness(call.recording, await hearing.clip("Sorry, I did not understand.")) > 0.85
