"""Conversations of a caller with people, recorded where ``[recording]`` says so: a file for every leg.

What a leg's file holds is what the others heard of it: nothing of a menu, of hold, of somebody muted, of two
agents among themselves. So no secret typed in a menu can be in it, and nobody has to tell speakers apart. Each
file has its beginning in the record (`at`, seconds after the answer), by which they lie beside each other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ivr.call.record import CallRecord
from ivr.call.rooms import Rooms
from ivr.config import Settings
from ivr.ici.switchboard import IciRefusal, ItemAttachedDataChanged
from ivr.ici.travelling_data import Version

if TYPE_CHECKING:
    from ivr.call.item import Item
    from ivr.call.visit import Visit

WISH: Final = "RECORD"
"""Field of the attached data by which the menu, or an agent at any moment, stops recording: ``no``."""
HEARD: Final = ("connected", "held", "conferenced")
"""Items in these states are told of new recordings; the others are told with their next state."""
logger = logging.getLogger(__name__)


def folder_of(settings: Settings) -> Path:
    """Where conversations are kept."""
    return settings.recording.folder or settings.var / "conversations"


class Tracks:
    """The files of one call. What is heard decides the media worker; this says whose sound goes where."""

    def __init__(self, record: CallRecord, leg: str, rooms: Rooms) -> None:
        """`leg` is the caller's, or that of whom an agent has called."""
        self._record = record
        self._leg = leg
        self._rooms = rooms
        self._open: dict[str, dict[str, Any]] = {}
        """The record's entries, by leg."""
        self._answered: float | None = None
        self._count = 0

    @property
    def going(self) -> bool:
        return bool(self._open)

    def stop(self) -> None:
        """Nobody is to be recorded any more."""
        for leg in list(self._open):
            self._end(leg, "refused")

    def follow(self, people: Mapping[str, str]) -> bool:
        """These legs talk, by the names of their people. Whether somebody new is among them."""
        new = {leg: name for leg, name in people.items() if leg not in self._open}
        for leg, name in new.items():
            self._begin(leg, name)
        return bool(new)

    def part(self, leg: str) -> None:
        """This leg has left the conversation; with the last of the others that of the caller is over."""
        self._end(leg, "parted")
        if set(self._open) == {self._leg}:
            self._end(self._leg, "parted")

    def over(self) -> None:
        """The caller's leg is gone."""
        for leg in list(self._open):
            self._end(leg, "hung_up")

    def lost(self) -> None:
        """The media worker died. What was on disk stays; who still talks gets a new file."""
        for leg in list(self._open):
            self._end(leg, "worker_died")

    def unwritable(self, id: str) -> str:
        """The disk took no more. Whose sound is missing; empty for an unknown recording."""
        for leg, entry in self._open.items():
            if entry["id"] == id:
                self._end(leg, "unwritable")
                return str(entry["leg"])
        return ""

    def _begin(self, leg: str, name: str) -> None:
        since = self._rooms.clock.monotonic()
        if self._answered is None:
            answered = self._record.answered or self._record.started
            self._answered = since - (self._rooms.clock.utc() - answered).total_seconds()
        self._count += 1
        id = f"{self._record.id}-r{self._count}"
        var, day = self._rooms.settings.var, f"{self._record.started:%Y-%m-%d}"
        file = folder_of(self._rooms.settings) / day / f"{id}.wav"
        entry: dict[str, Any] = {
            "id": id,
            "leg": name,
            "at": round(since - self._answered, 3),
            "seconds": None,
            "file": str(file.relative_to(var) if file.is_relative_to(var) else file.absolute()),
            "why": None,
        }
        self._record.recordings.append(entry)
        self._open[leg] = entry
        logger.info("track call=%s leg=%s recording=%s", self._record.id, name, id)
        self._rooms.media.track(leg, id, file, since=since, subject=self._leg)

    def _end(self, leg: str, why: str) -> None:
        entry = self._open.pop(leg, None)
        if entry is not None and self._answered is not None:
            now = self._rooms.clock.monotonic() - self._answered
            entry["seconds"], entry["why"] = round(max(now - entry["at"], 0.0), 3), why
            self._rooms.media.stop_track(leg, entry["id"])


def is_wanted(visit: Visit) -> bool:
    """Whether the settings want the conversation that goes on, or begins, and nobody refuses.

    Colleagues among themselves, and callers who try a draft, are nobody's business.
    """
    setting = visit.rooms.settings.recording
    if setting.conversations == "none" or visit.draft or not visit.has_customer:
        return False
    queue = visit.record.handoffs[-1].queue if visit.record.handoffs else ""
    if setting.conversations == "queues" and queue not in setting.queues:
        return False
    blocks = visit.data.blocks.values() if visit.data is not None else ()
    return all(fields.get(WISH, "").strip().lower() != "no" for fields in blocks)


def record_talk(visit: Visit, others: Mapping[str, str], items: Sequence[Item] = ()) -> Version | None:
    """Whoever talks with the caller is recorded, if that is wanted; all parties are told of new recordings.

    `others`: by leg, the names of their people. Harmless when done twice.
    """
    tracks = visit.recordings.tracks
    if not is_wanted(visit):
        tracks.stop()
        return None
    if not tracks.follow({visit.leg: visit.recorded_as, **others}):
        return None
    version = None
    if visit.data is not None:
        try:
            version = visit.data.record(visit.recordings.ids(), visit.rooms.clock.utc())
        except IciRefusal as refusal:
            visit.note_incident(f"attached data: {refusal}; the ids of recordings are missing")
    for item in items if version is not None and visit.data is not None else ():
        if item.status in HEARD and visit.data is not None:
            event = ItemAttachedDataChanged(item.item_id, visit.data.document, visit.data.number)
            visit.rooms.publisher.publish(item.agent, event)
    visit.save()
    return version
