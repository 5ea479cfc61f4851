"""What a caller hears in a call that is tried out, as sound: one WAV file, or a player as it goes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Self

from ivr.call.clips import clip_of
from ivr.errors import IvrError
from ivr.media.wav import read_wav
from ivr.menu.events import PlayPrompt
from ivr.menu.model import Menu
from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.wav import encode_wav

PLAYERS = (
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
    ("afplay",),
)
"""Programs that play a WAV file, best first."""


class Speaking:
    """Renders prompts and lays them out in time. Use it in a `with`."""

    def __init__(self, menu: Menu, prompts: Path, audio: Path, rate: int) -> None:
        self._menu = menu
        self._audio = audio
        self._voice = Pyttsx3Voice()
        self._library = DiskClipLibrary(prompts, self._voice, rate)
        self._runner = asyncio.Runner()
        self._player: subprocess.Popen[bytes] | None = None
        self.failed = ""
        """The program that could not play, as where there is no loudspeaker; empty while all is well."""
        self._track = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.silence()
        self._runner.run(self._library.stop())
        self._runner.run(self._voice.stop())
        self._runner.close()

    def sound(self, command: PlayPrompt) -> bytes:
        """Linear samples of a prompt; what cannot be rendered is left out."""
        return b"".join(read_wav(path).astype("<i2").tobytes() for path in self._runner.run(self._files(command)))

    def length(self, command: PlayPrompt) -> float:
        """Seconds."""
        return len(self.sound(command)) / 2 / SAMPLE_RATE

    def lay(self, at: float, command: PlayPrompt) -> None:
        """What sounds from `at` on (seconds since the answer); what sounded before is cut off there."""
        start = int(at * SAMPLE_RATE) * 2
        del self._track[start:]
        self._track.extend(bytes(start - len(self._track)))
        self._track.extend(self.sound(command))

    def cut(self, at: float) -> None:
        """Silence from there on."""
        del self._track[int(at * SAMPLE_RATE) * 2 :]

    def write(self, path: Path) -> float:
        """The whole call as a WAV file; seconds. Raises IvrError where it cannot be written."""
        try:
            path.write_bytes(encode_wav(bytes(self._track)))
        except OSError as error:
            raise IvrError(f"{path} cannot be written: {error.strerror or error}; name another file") from error
        return len(self._track) / 2 / SAMPLE_RATE

    def play(self, command: PlayPrompt, folder: Path, *, hear_out: bool = False) -> None:
        """Through the loudspeaker, instead of what sounds; or after it, where all is to be heard out."""
        if hear_out:
            self.finish()
        self.silence()
        found = player()
        if found:
            path = folder / "now.wav"
            path.write_bytes(encode_wav(self.sound(command)))
            self._player = subprocess.Popen(
                [*found, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def finish(self) -> None:
        """Wait until what sounds is over."""
        if self._player is not None:
            self._player.wait()

    def silence(self) -> None:
        if self._player is not None:
            if self._player.poll() not in (None, 0):
                self.failed = str(self._player.args[0]) if isinstance(self._player.args, list) else "the player"
            self._player.terminate()
            self._player.wait()
            self._player = None

    async def _files(self, command: PlayPrompt) -> list[Path]:
        files = []
        for piece in command.pieces:
            try:
                files.append(await self._library.file(clip_of(piece, self._menu, self._audio)))
            except (IvrError, OSError):
                continue
        return files


def player() -> tuple[str, ...]:
    """A program that plays WAV files here; empty if there is none."""
    return next((found for found in PLAYERS if shutil.which(found[0])), ())
