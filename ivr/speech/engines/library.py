"""The library of rendered clips: every sentence is rendered once and kept as a file.

The name of a file says what is in it, so nothing needs an index and two processes may share a folder::

    s-<sha256 of engine, voice, rate, pipeline, text>.wav     synthesised
    r-<sha256 of a recording's octets, pipeline>.wav          a recording, converted
    l-<sha256 of its path, size and time>.wav                 link to the former: spares reading it again
    once-<this library>/<keyed hash>.wav                      secret words; gone when the library stops
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ivr.clock import Clock, SystemClock
from ivr.errors import IvrError, Problem, ProblemsError
from ivr.speech.contracts import SAMPLE_RATE, Clip, Synthesiser
from ivr.speech.sound import PIPELINE, resampled, to_pcm
from ivr.speech.wav import HEADER, decode_wav, encode_wav
from ivr.speech.wording import normalised

log = logging.getLogger(__name__)

LEFT_BEHIND = 24 * 3600
"""Seconds after which a folder of secrets can only be that of a library that is no more."""

Progress = Callable[[int, int], None]
"""Told after every clip: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; every different sound counts once, under one of the three."""

    rendered: int
    """Synthesised now; words that several prompts share are one sound."""
    cached: int
    """Were there before, recordings included."""
    recorded: int
    """Recordings converted now."""
    seconds: float
    unreadable: tuple[Problem, ...] = ()
    """Recordings that are no sound; the voice speaks instead."""


class DiskClipLibrary:
    """`ClipLibrary` in a folder, over any synthesiser."""

    def __init__(
        self, folder: Path, synthesiser: Synthesiser, rate: int = 165, *, clock: Clock | None = None
    ) -> None:
        self._folder = folder.absolute()
        self._once = self._folder / f"once-{secrets.token_hex(8)}"
        self._synthesiser = synthesiser
        self._rate = rate
        self._clock = clock or SystemClock()
        self._salt = secrets.token_bytes(32)
        self._work: dict[Path, asyncio.Task[None]] = {}
        self._complained: set[Path] = set()

    async def file(self, clip: Clip) -> Path:
        """The file that says `clip`, made now if need be. Raises IvrError when no voice can say it.

        A recording that cannot be read is warned about and spoken by the voice instead.
        """
        try:
            recording = await self._recorded(clip)
        except IvrError as error:
            if clip.recording not in self._complained and clip.recording:
                self._complained.add(clip.recording)
                log.warning("recording_unreadable file=%s why=%r", clip.recording, str(error))
            recording = None
        return recording or await self._synthesised(clip)

    async def build(
        self,
        clips: Iterable[Clip],
        on_progress: Progress | None = None,
        *,
        at_once: int = 1,
        speak_instead: bool = False,
    ) -> BuildReport:
        """Make all files that are missing, `at_once` of them at the same time.

        Raises ProblemsError, with everything else made, when recordings cannot be read or texts not be said.
        With `speak_instead` a recording that cannot be read is told in the report, and the voice says its text.
        """
        started = self._clock.monotonic()
        wanted = list(dict.fromkeys(clips))
        missing = await asyncio.to_thread(self._missing, wanted)
        total, done = len(wanted), len(wanted) - len(missing)
        cached, recorded, rendered = done, 0, 0
        problems: list[tuple[Clip, Problem]] = []
        unreadable: dict[Path, Problem] = {}
        if on_progress:
            on_progress(done, total)

        async def work() -> None:
            nonlocal recorded, rendered, done
            while queue:
                clip = queue.popleft()
                try:
                    try:
                        made = await self._build_one(clip)
                    except IvrError as error:
                        if not speak_instead or clip.recording is None:
                            raise
                        unreadable[clip.recording] = Problem(str(clip.recording), str(error))
                        made = await self._build_one(replace(clip, recording=None))
                    recorded += made == "recorded"
                    rendered += made == "rendered"
                except IvrError as error:
                    problems.append((clip, Problem(str(clip.recording or clip.voice), str(error))))
                done += 1
                if on_progress:
                    on_progress(done, total)

        first, again = self._each_once(missing)
        for some in (first, again):
            queue = deque(some)
            await asyncio.gather(*(work() for _ in range(at_once)))
        if problems:
            order = {clip: number for number, clip in enumerate(wanted)}
            raise ProblemsError([problem for _, problem in sorted(problems, key=lambda found: order[found[0]])])
        seconds = self._clock.monotonic() - started
        report = BuildReport(rendered, cached, recorded, seconds, tuple(unreadable.values()))
        for problem in report.unreadable:
            log.warning("recording_unreadable file=%s why=%r", problem.path, problem.message)
        log.info("prompts_built rendered=%d cached=%d recorded=%d", report.rendered, cached, recorded)
        return report

    def _each_once(self, missing: list[Clip]) -> tuple[list[Clip], list[Clip]]:
        """The first clip of every file, and those whose file is made by then."""
        seen: set[object] = set()
        first: list[Clip] = []
        again: list[Clip] = []
        for clip in missing:
            try:
                names: object = (
                    clip.recording if clip.recording and clip.recording.exists() else self._speech(clip)
                )
            except IvrError:
                names = clip
            (again if names in seen else first).append(clip)
            seen.add(names)
        return first, again

    async def _build_one(self, clip: Clip) -> Literal["cached", "recorded", "rendered"]:
        """Two clips may say the same words, so that the second is there when its turn comes."""
        if await asyncio.to_thread(self.cached, clip):
            return "cached"
        if await self._recorded(clip):
            return "recorded"
        await self._synthesised(clip)
        return "rendered"

    def _missing(self, wanted: list[Clip]) -> list[Clip]:
        """What is to be made. Takes away, too, what a library that was killed left of its secrets."""
        for left in self._folder.glob("once-*"):
            if left != self._once and self._clock.utc().timestamp() - left.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(left, ignore_errors=True)
        return [clip for clip in wanted if self.cached(clip) is None]

    async def stop(self) -> None:
        """Forget the secret clips, and wait for what is being made."""
        for task in list(self._work.values()):
            task.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._once, ignore_errors=True)

    def cached(self, clip: Clip) -> Path | None:
        """The file that says `clip`, if it is made already. Asks the disk (stat only): not for the event loop."""
        if clip.recording and (link := self._link(clip.recording)):
            return link if _is_whole(link) else None
        try:
            paths = self._speech(clip)
        except IvrError:
            return None
        return next((path for path in paths if _is_whole(path)), None)

    # --- recordings ---------------------------------------------------------------------------------

    async def _recorded(self, clip: Clip) -> Path | None:
        """The converted recording; None when there is no recording. Raises IvrError when it cannot be read."""
        recording = clip.recording
        if recording is None:
            return None
        link = await asyncio.to_thread(self._link, recording)
        if link is None:
            return None
        if not await asyncio.to_thread(_is_whole, link):
            await self._make(link, lambda: asyncio.to_thread(self._convert, recording, link))
        return link

    def _link(self, recording: Path) -> Path | None:
        try:
            found = recording.stat()
        except OSError:
            return None
        return self._folder / f"l-{_hash(str(recording.absolute()), found.st_size, found.st_mtime_ns)}.wav"

    def _convert(self, recording: Path, link: Path) -> None:
        try:
            data = recording.read_bytes()
        except OSError as error:
            raise IvrError(f"cannot read the recording: {error.strerror}; make it a readable WAV file") from error
        target = self._folder / f"r-{_hash(hashlib.sha256(data).hexdigest())}.wav"
        if not _is_whole(target):
            _write(target, encode_wav(to_pcm(resampled(decode_wav(data)))))
        temporary = link.with_name(f"{link.name}.{secrets.token_hex(4)}")
        temporary.symlink_to(target.name)
        temporary.replace(link)

    # --- synthesis ----------------------------------------------------------------------------------

    async def _synthesised(self, clip: Clip) -> Path:
        paths = self._speech(clip)
        found = await asyncio.to_thread(lambda: next((path for path in paths if _is_whole(path)), None))
        if found is None:
            found = paths[-1]
            await self._make(found, lambda: self._render(clip, paths[-1]))
        return found

    def _speech(self, clip: Clip) -> tuple[Path, ...]:
        """Where the spoken clip may be; the last is where to put it."""
        text = normalised(clip.text)
        key = _hash(self._synthesiser.name, clip.voice, self._rate, text)
        shared = self._folder / f"s-{key}.wav"
        if not clip.secret:
            return (shared,)
        # A hash of four digits is as good as the digits, so a secret's name is keyed and its file short-lived.
        return shared, self._once / f"{hmac.digest(self._salt, key.encode(), 'sha256').hex()}.wav"

    async def _render(self, clip: Clip, path: Path) -> None:
        try:
            pcm = await self._synthesiser.render(normalised(clip.text), clip.voice, self._rate)
        except IvrError as error:
            if clip.secret:
                raise IvrError(f"voice {clip.voice} could not say a secret value") from None
            raise error
        await asyncio.to_thread(_write, path, encode_wav(pcm), private=path.parent == self._once)

    async def _make(self, path: Path, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` for `path` once, however many ask; it goes on when one who asked is gone."""
        task = self._work.get(path)
        if task is None:
            task = self._work[path] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._finished(path, done))
        await asyncio.shield(task)

    def _finished(self, path: Path, task: asyncio.Task[None]) -> None:
        self._work.pop(path, None)
        if not task.cancelled():
            task.exception()  # somebody heard of it, or had hung up


def _hash(*parts: object) -> str:
    """Of everything the sound depends on, each part set apart from the next."""
    whole = "\0".join(map(str, (PIPELINE, SAMPLE_RATE, *parts)))
    return hashlib.sha256(whole.encode()).hexdigest()


def _is_whole(path: Path) -> bool:
    """A power failure may leave an empty file behind; such a one is made again."""
    try:
        return path.stat().st_size > HEADER
    except OSError:
        return False


def _write(path: Path, data: bytes, *, private: bool = False) -> None:
    """Into place in one go: who reads sees all of it or nothing. Raises IvrError when the disk will not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                os.fchmod(handle, 0o600 if private else 0o644)  # whoever serves need not be whoever rendered
            Path(temporary).replace(path)
        except OSError:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        message = f"cannot keep a rendered prompt: {error.strerror or error}; give the folder room and rights"
        raise IvrError(f"{path.parent}: {message}") from error
