from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ivr.call.clips import clip_of, clips_of
from ivr.config import shipped
from ivr.menu.events import Piece
from ivr.menu.load import load_menu
from ivr.menu.model import Menu

AUDIO = Path("audio")


@pytest.fixture(scope="module")
def menu() -> Menu:
    return load_menu("northgas", shipped("menus"))


def test_a_piece_is_said_by_the_voice_of_its_language_unless_it_is_recorded(menu: Menu) -> None:
    clip = clip_of(Piece("main.head", "es", "Menú principal.", "main.head.wav"), menu, AUDIO)
    assert (clip.voice, clip.text) == ("roa/es-419", "Menú principal.")
    assert clip.recording == Path("audio/es/main.head.wav")


def test_a_secret_stays_one(menu: Menu) -> None:
    clip = clip_of(Piece("auth.pin", "en", "two", secret=True), menu, AUDIO)
    assert clip.secret
    assert clip.recording is None
    assert "two" not in repr(clip)


@pytest.mark.parametrize(("language", "voice"), [("en", "gmw/en-us"), ("es", "roa/es-419"), ("fr", "fr")])
def test_a_language_without_a_voice_gets_its_usual_one(menu: Menu, language: str, voice: str) -> None:
    silent = replace(menu, languages=tuple(replace(known, voice="") for known in menu.languages))
    assert clip_of(Piece("a.b", language, "x"), silent, AUDIO).voice == voice


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.wav", "a/../../b.wav"])
def test_a_recording_outside_its_folder_is_none(menu: Menu, name: str) -> None:
    assert clip_of(Piece("a.b", "en", "x", name), menu, AUDIO).recording is None


def test_all_clips_of_a_menu_are_in_both_languages_and_none_twice(menu: Menu) -> None:
    clips = clips_of(menu, AUDIO)
    assert len(clips) == len(set(clips)) > 100
    texts = {(clip.language, clip.text) for clip in clips}
    assert {("en", "two"), ("es", "dos")} <= texts
    recordings = [clip.recording for clip in clips if clip.recording]
    assert Path("audio/en/main.head.wav") in recordings
