"""Recordings of what a caller says after the beep: where they are kept, and what the record tells of them.

The worker writes the file, for its owner only, under ``var/recordings``. Conversations with people are `tracks`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ivr.call.caller_side import CallerSide
from ivr.call.record import CallRecord
from ivr.call.rooms import Rooms
from ivr.call.tracks import Tracks
from ivr.media.messages import RecordingClosed
from ivr.menu import events as menu

FOLDER = "recordings"
logger = logging.getLogger(__name__)


class Recordings:
    """Those of one call; `entries` are the record's."""

    def __init__(self, record: CallRecord, leg: str, rooms: Rooms, tell: Callable[[menu.Event], None]) -> None:
        self._call_id = record.id
        self._leg = leg
        self._folder = rooms.settings.var / FOLDER
        self._media = rooms.media
        self._entries = record.recordings
        self._tell = tell
        self.tracks = Tracks(record, leg, rooms)
        """Conversations with people."""
        self._open: dict[str, dict[str, Any]] = {}

    def start(self, command: menu.StartRecording, at: float) -> None:
        """`at`: seconds since the call was answered."""
        number = str(command.recording)
        file = f"{self._call_id}-{number}.wav"
        entry = {
            "id": file,
            "leg": CallerSide.recorded_as,
            "step": command.step,
            "at": round(at, 3),
            "seconds": 0.0,
            "file": f"{FOLDER}/{file}",
            "why": None,
        }
        self._entries.append(entry)
        self._open[number] = entry
        logger.info("recording call=%s step=%s", self._call_id, command.step)
        self._media.record(self._leg, number, self._folder / file, longest=command.most, patience=command.silence)

    def ids(self) -> list[tuple[str, str]]:
        """Whose sound, and the id, of everything that was kept; of a message it is the name of its file."""
        kept = [entry for entry in self._entries if entry["file"]]
        return [(entry["leg"], entry["id"]) for entry in kept]

    def stop(self) -> None:
        self._media.stop_recording(self._leg)

    def ended(self, event: RecordingClosed) -> str:
        """What the record should tell of it as an incident; empty for nothing."""
        if event.why == "unwritable" and (missing := self.tracks.unwritable(event.recording)):
            return f"the recording of {missing} could not be written on"
        entry = self._open.pop(event.recording, None)
        if entry is not None:
            self._close(entry, event.seconds, event.why)
            self._tell(menu.RecordingEnded(int(event.recording), entry["file"] or "", event.seconds))
        return ""

    def lost(self) -> None:
        """The media worker died, and with it what was not on disk yet."""
        self.tracks.lost()
        for number in list(self._open):
            self.ended(RecordingClosed(self._leg, number, 0.0, "unwritable"))

    def leg_closed(self, seconds: float) -> None:
        """The caller hung up: what was said until then is kept."""
        self.tracks.over()
        for entry in self._open.values():
            self._close(entry, seconds, "hung_up")
        self._open.clear()

    def _close(self, entry: dict[str, Any], seconds: float, why: str) -> None:
        entry["seconds"], entry["why"] = seconds, why
        if not seconds:
            entry["file"] = None
