"""What one caller hears, and what is listened for: clips found and played, the queue's loop, the recogniser."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ivr.call.clips import clip_of
from ivr.call.rooms import Rooms
from ivr.call.tasks import Tasks
from ivr.errors import IvrError
from ivr.media.messages import AudioHeard, PlayEnded
from ivr.menu import events as menu
from ivr.menu.model import Menu
from ivr.speech.contracts import Grammar

SOUND_WAIT = 2.0
"""Seconds a prompt may take to be rendered before the call goes on without the rest of it."""
QUEUE_PLAY = "queue"
logger = logging.getLogger(__name__)


class Sounding:
    """Carries out the sound commands of one menu machine and tells it, by `tell`, what became of them."""

    def __init__(
        self, call_id: str, leg: str, menu_: Menu, rooms: Rooms, tell: Callable[[menu.Event], None]
    ) -> None:
        self._call_id = call_id
        self._leg = leg
        self._menu = menu_
        self._rooms = rooms
        self._tell = tell
        self._tasks = Tasks(call_id)
        self._preparing: asyncio.Task[None] | None = None
        self._plays: dict[str, menu.PlayPrompt] = {}
        self._begun: dict[str, float] = {}
        """Monotonic time each of them began."""
        self._waiting: Sequence[menu.Piece] | None = None
        """What is said in the queue, while the caller is there."""
        self._telling = ""
        """The play that tells a waiting caller something; empty for none."""
        self._told = itertools.count(1)
        self.listening = False

    def go_to(self, leg: str) -> None:
        """The caller's side is another telephone now."""
        self._leg = leg

    # --- prompts ----------------------------------------------------------------------------------------

    def play(self, command: menu.PlayPrompt) -> None:
        self._waiting = None
        self._cancel()
        logger.info("prompt call=%s prompts=%s", self._call_id, ",".join(command.prompts))
        self._preparing = self._tasks.spawn(self._play(command))

    async def _play(self, command: menu.PlayPrompt) -> None:
        files = await self._files(command.pieces)
        if not files:
            self._tell(menu.PromptEnded(command.play, True))
            return
        play = str(command.play)
        self._plays[play] = command
        self._begun[play] = self._rooms.clock.monotonic()
        self._rooms.media.play(self._leg, play, files, interrupt=command.interrupt)

    def ended(self, event: PlayEnded) -> dict[str, Any] | None:
        """A play is over: the machine is told; returns the prompts, for the record."""
        if event.play == self._telling:
            self._telling = ""
            if self._waiting is not None:
                self.wait(self._waiting)
            return None
        command = self._plays.pop(event.play, None)
        self._begun.pop(event.play, None)
        if command is None:
            return None
        self._tell(menu.PromptEnded(command.play, event.finished))
        return {"prompts": list(command.prompts), "played": round(event.played, 3), "why": event.why}

    def cut_off(self) -> list[tuple[float, dict[str, Any]]]:
        """What was being said when the caller left: when it began (monotonic), and the prompts, for the record."""
        now, entries = self._rooms.clock.monotonic(), []
        for play, command in self._plays.items():
            began = self._begun[play]
            entry = {"prompts": list(command.prompts), "played": round(now - began, 3), "why": "hung_up"}
            entries.append((began, entry))
        return entries

    def silence(self) -> None:
        self._waiting, self._telling = None, ""
        self._cancel()
        self._rooms.media.stop_playing(self._leg)

    def _cancel(self) -> None:
        if self._preparing is not None and self._preparing is not asyncio.current_task():
            self._preparing.cancel()
        self._preparing = None

    async def _files(self, pieces: Sequence[menu.Piece]) -> list[Path]:
        """Sound files of the pieces; one that cannot be had is left out, with a log line."""
        files: list[Path] = []
        try:
            async with asyncio.timeout(SOUND_WAIT):
                for piece in pieces:
                    await self._add_file(piece, files)
        except TimeoutError:
            logger.error("prompt_too_slow call=%s prompt=%s", self._call_id, pieces[0].prompt)
        return files

    async def _add_file(self, piece: menu.Piece, files: list[Path]) -> None:
        clip = clip_of(piece, self._menu, self._rooms.settings.menu.audio)
        try:
            files.append(await self._rooms.library.file(clip))
        except (IvrError, OSError) as error:
            logger.error(
                "prompt_not_rendered call=%s prompt=%s error=%s",
                self._call_id,
                piece.prompt,
                type(error).__name__,
            )

    # --- the queue --------------------------------------------------------------------------------------

    def wait(self, pieces: Sequence[menu.Piece]) -> None:
        """Words, then music, again and again: a caller who waits never hears silence."""
        self._cancel()
        self._waiting, self._telling = pieces, ""
        self._preparing = self._tasks.spawn(self._wait(pieces))

    def tell_waiting(self, command: menu.TellWaiting) -> None:
        """Say something once to a caller who waits; the words and music of the queue go on afterwards."""
        if self._waiting is not None:
            self._cancel()
            logger.info("prompt call=%s prompts=%s", self._call_id, ",".join(command.prompts))
            self._telling = f"told-{next(self._told)}"
            self._preparing = self._tasks.spawn(self._tell_waiting(command.pieces))

    async def _tell_waiting(self, pieces: Sequence[menu.Piece]) -> None:
        if files := await self._files(pieces):
            self._rooms.media.play(self._leg, self._telling, files, interrupt="never")
        else:
            self._telling = ""

    def only_music(self) -> None:
        """An agent is being rung: no words that would be cut off when he answers (RT16)."""
        if self._waiting is not None and self._telling:
            self._cancel()
            self._telling = ""
            self._rooms.media.play(self._leg, QUEUE_PLAY, [self._rooms.music], interrupt="never", loop=True)

    async def _wait(self, pieces: Sequence[menu.Piece]) -> None:
        files = [*await self._files(pieces), self._rooms.music]
        self._rooms.media.play(self._leg, QUEUE_PLAY, files, interrupt="never", loop=True)

    # --- hearing ----------------------------------------------------------------------------------------

    def listen(self, command: menu.Listen) -> None:
        self.listening = True
        self._rooms.recogniser.open(self._leg, Grammar(command.language, command.phrases, command.digits))
        self._rooms.media.listen(self._leg, True)

    def stop_listening(self) -> None:
        if self.listening:
            self.listening = False
            self._rooms.media.listen(self._leg, False)
            self._rooms.recogniser.close(self._leg)

    def speech_began(self) -> None:
        if self.listening:
            self._tell(menu.SpeechBegan())

    def heard(self, event: AudioHeard) -> None:
        if self.listening:
            self._rooms.recogniser.feed(self._leg, event.pcm)

    def speech_ended(self) -> None:
        if self.listening:
            self._tasks.spawn(self._recognise())

    async def _recognise(self) -> None:
        heard = await self._rooms.recogniser.finish(self._leg)
        logger.info("speech call=%s kind=%s confidence=%.2f", self._call_id, heard.kind, heard.confidence)
        if self.listening:
            self._tell(menu.PhraseHeard(heard.phrase, heard.confidence))

    # --- after a worker died, and at the end ------------------------------------------------------------

    def again(self) -> None:
        """The leg is with another media worker: what was being said is said again from its beginning."""
        if self.listening:
            self._rooms.media.listen(self._leg, True)
        if self._waiting is not None:
            self.wait(self._waiting)
        elif self._plays:
            command = list(self._plays.values())[-1]
            self._plays.clear()
            self.play(command)

    def close(self) -> None:
        self.stop_listening()
        self._tasks.cancel()
