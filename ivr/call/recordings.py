"""Recordings of what a caller says after the beep: where they are kept, and what the record tells of them.

The worker writes the file, for its owner only, under ``var/recordings``; nothing else of a call is recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivr.media.messages import RecordingClosed
from ivr.media.worker.client import MediaWorkers
from ivr.menu import events as menu

FOLDER = "recordings"
logger = logging.getLogger(__name__)


class Recordings:
    """Those of one call; `entries` are the record's."""

    def __init__(
        self,
        call_id: str,
        leg: str,
        var: Path,
        media: MediaWorkers,
        entries: list[dict[str, Any]],
        tell: Callable[[menu.Event], None],
    ) -> None:
        self._call_id = call_id
        self._leg = leg
        self._folder = var / FOLDER
        self._media = media
        self._entries = entries
        self._tell = tell
        self._open: dict[str, dict[str, Any]] = {}

    def start(self, command: menu.StartRecording, at: float) -> None:
        """`at`: seconds since the call was answered."""
        number = str(command.recording)
        file = f"{self._call_id}-{number}.wav"
        entry = {"step": command.step, "at": round(at, 3), "seconds": 0.0, "file": f"{FOLDER}/{file}", "why": None}
        self._entries.append(entry)
        self._open[number] = entry
        logger.info("recording call=%s step=%s", self._call_id, command.step)
        self._media.record(self._leg, number, self._folder / file, longest=command.most, patience=command.silence)

    def ids(self) -> list[tuple[str, str]]:
        """Whose sound, and the name of the file, of everything that was kept."""
        return [("caller", Path(entry["file"]).name) for entry in self._entries if entry["file"]]

    def stop(self) -> None:
        self._media.stop_recording(self._leg)

    def ended(self, event: RecordingClosed) -> None:
        entry = self._open.pop(event.recording, None)
        if entry is None:
            return
        self._close(entry, event.seconds, event.why)
        self._tell(menu.RecordingEnded(int(event.recording), entry["file"] or "", event.seconds))

    def lost(self) -> None:
        """The media worker died, and with it what was not on disk yet."""
        for number in list(self._open):
            self.ended(RecordingClosed(self._leg, number, 0.0, "unwritable"))

    def leg_closed(self, seconds: float) -> None:
        """The caller hung up: what was said until then is kept."""
        for entry in self._open.values():
            self._close(entry, seconds, "hung_up")
        self._open.clear()

    def _close(self, entry: dict[str, Any], seconds: float, why: str) -> None:
        entry["seconds"], entry["why"] = seconds, why
        if not seconds:
            entry["file"] = None
