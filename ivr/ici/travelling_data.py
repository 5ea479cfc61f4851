"""The attached data of one call while it travels from hand to hand: who changed what, and what nobody may undo.

Two kinds of fields are guarded (ICI.md sections 5.3 and 10.2):

* what the menu learnt about the caller stays as the menu learnt it, whatever a screen writes into that block;
* the forward marks of ``CRM_IC/MCM``, `FWDTYPE` and `FWDPREHANDLE`. SAP's own writer blanks the first and writes
  the current interaction into the second when the next agent saves anything, after which his context area stops
  working. Blank marks are taken from whoever set them, and from nobody else.

What was recorded is ours to say, too. Who names the version he has read is not let write over a block that others
have changed since (optimistic locking); other blocks are no hindrance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from ivr.ici.attached_data import EMPTY, Limits, build, changed_blocks, merge, read, restore
from ivr.ici.switchboard import IciRefusal

MARKS_BLOCK: Final = "CRM_IC/MCM"
"""Application id of SAP CRM's own block; some releases write it in lower case."""
FORWARD_TYPE: Final = "FWDTYPE"
MARKS: Final = (FORWARD_TYPE, "FWDPREHANDLE")
RECORDINGS_BLOCK: Final = "IVR/RECORDINGS"
"""Our block, a field for each recording of the call: ``R1``, ``R2`` … hold whose sound it is, and its id."""
CONTACT_BLOCK: Final = "IVR/CONTACT"
NOTE: Final = "NOTE"
"""Where an agent writes a note: one field, so that each new text takes the place of the one before."""
NOTES_BLOCK: Final = "IVR/NOTES"
"""Our block, a field for each note of the call: ``N1``, ``N2`` … hold who wrote it, and the text."""
NOTES_KEPT: Final = 50
"""Notes that travel; the contact records have all."""
CHANGES_KEPT: Final = 200
"""Versions whose changes are told; a call has a handful."""


class NoSuchVersion(IciRefusal):
    """Somebody names a version of a document that it never had."""

    def __init__(self, number: int, newest: int, *, field: str = "attachedDataVersion", item_id: str = "") -> None:
        """`field` is how the dialect spells it."""
        self.number, self.newest = number, newest
        text = f"{field} is {number}; the newest there is has {newest}"
        super().__init__("ICI-BAD-VALUE", text, item_id=item_id)


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is different now. None: it was, or is, not there."""

    application: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """The document after one write."""

    number: int
    author: str
    """An agent, or ``menu``."""
    at: datetime
    """UTC."""
    changes: tuple[Change, ...]
    guarded: tuple[str, ...] = ()
    """Fields the write would have spoilt, as ``APPLICATION FIELD``: they were kept."""
    blocks: tuple[str, ...] = ()
    """Application ids whose octets are others now."""
    refused: tuple[Change, ...] = ()
    """The same as what was kept and what was written instead; None: it was left out."""
    meant: bool = False
    """What was kept is one field of the menu that somebody gave another value: a wish, and no accident."""

    def document(self) -> dict[str, Any]:
        """For the call record."""
        return {
            "version": self.number,
            "author": self.author,
            "at": self.at.isoformat(timespec="milliseconds"),
            "blocks": list(self.blocks),
            "changes": [
                {"application": one.application, "field": one.field, "old": one.old, "new": one.new}
                for one in self.changes
            ],
            "kept": list(self.guarded),
            "refused": [
                {"application": one.application, "field": one.field, "kept": one.old, "written": one.new}
                for one in self.refused
            ],
        }


@dataclass(frozen=True, slots=True)
class Touched:
    """When a block got the octets it has, and from whom."""

    number: int
    author: str


@dataclass(slots=True)
class TravellingData:
    """The document, its versions, and the guard. Writes raise `IciRefusal` and then change nothing."""

    application: str
    """The block of the menu."""
    limits: Limits = field(default_factory=Limits)
    document: str = ""
    number: int = 0
    """Of the version that `document` is; 0 before the first write. It grows, not always by one."""
    versions: list[Version] = field(default_factory=list)
    _learnt: dict[str, str] = field(default_factory=dict)
    _marks: dict[str, str] = field(default_factory=dict)
    _marked_by: str = ""
    _recorded: dict[str, str] = field(default_factory=dict)
    _notes: dict[str, str] = field(default_factory=dict)
    """Text to author, in the order of writing."""
    _touched: dict[str, Touched] = field(default_factory=dict)
    """By Application id."""

    def saved(self) -> dict[str, Any]:
        """The document and what is guarded in it, for JSON; not the changes, which are told one by one."""
        return {
            "application": self.application,
            "document": self.document,
            "version": self.number,
            "learnt": dict(self._learnt),
            "marks": dict(self._marks),
            "marked_by": self._marked_by,
            "recorded": dict(self._recorded),
            "notes": dict(self._notes),
            "touched": {id: [last.number, last.author] for id, last in self._touched.items()},
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any], limits: Limits) -> TravellingData:
        """As it was when it was `saved`."""
        return cls(
            saved["application"],
            limits,
            saved["document"],
            saved["version"],
            _learnt=dict(saved["learnt"]),
            _marks=dict(saved["marks"]),
            _marked_by=saved["marked_by"],
            _recorded=dict(saved["recorded"]),
            _notes=dict(saved.get("notes", {})),
            _touched={id: Touched(number, author) for id, (number, author) in saved["touched"].items()},
        )

    def copy(self) -> TravellingData:
        """The document for a consultation: it goes on from this version, and the same is guarded in it (H19)."""
        return replace(
            self,
            versions=[],
            _learnt=dict(self._learnt),
            _marks=dict(self._marks),
            _recorded=dict(self._recorded),
            _notes=dict(self._notes),
            _touched=dict(self._touched),
        )

    def check(self, author: str, document: str, number: int) -> None:
        """Whether `author`, who has read version `number`, may write `document`, which is merged already.

        Raises `IciRefusal` ICI-CONFLICT for a block that somebody else has changed since, `NoSuchVersion` for a
        version that never was. Blocks that stay as they are conflict with nothing.
        """
        if not 0 <= number <= self.number:
            raise NoSuchVersion(number, self.number)
        for id in changed_blocks(self.document, document, limits=self.limits):
            last = self._touched.get(id)
            if last is not None and last.number > number and last.author != author:
                raise IciRefusal(
                    "ICI-CONFLICT",
                    f"the block {id!r} was changed by {last.author} in version {last.number}, after the version "
                    f"{number} that was read; the current version is {self.number}: read it again, then write",
                    facts={
                        "applicationId": id,
                        "changedBy": last.author,
                        "changedInVersion": str(last.number),
                        "currentVersion": str(self.number),
                    },
                )

    def outgrow(self, other: TravellingData) -> None:
        """Who has read `other` reads this from now on: what differs counts as changed after both."""
        differing = changed_blocks(other.document, self.document, limits=self.limits)
        newest = max(self.number, other.number)
        self.number = newest + 1 if differing else newest
        for id in differing:
            author = self._touched[id].author if id in self._touched else "menu"
            self._touched[id] = Touched(self.number, author)

    @property
    def blocks(self) -> dict[str, dict[str, str]]:
        """Application id to field to text."""
        return read(self.document, limits=self.limits)

    def learn(self, fields: Mapping[str, str], at: datetime) -> Version | None:
        """The menu knows these fields now; whatever else is in its block stays."""
        self._learnt |= fields
        document = self.document or EMPTY
        if self.application:
            document = self._with(document, self.application, self._learnt)
        return self._take(document, "menu", at, ())

    def write(self, author: str, document: str, at: datetime) -> Version | None:
        """A screen wrote `document`, merged already with what was there. None when nothing is different."""
        written = read(document, limits=self.limits)
        refused: list[Change] = []
        for application, ours in ((self.application, self._learnt), (RECORDINGS_BLOCK, self._recorded)):
            block = written.get(application, {})
            lost = sorted(name for name, value in ours.items() if block.get(name) != value)
            if lost:
                document = self._with(document, application, ours)
                refused += [Change(application, name, ours[name], block.get(name)) for name in lost]
        mine = len(refused)
        document, spoilt = self._with_marks(author, document, written)
        refused += spoilt
        document, overwritten = self._with_notes(author, document, written)
        refused += overwritten
        names = [(one.application, one.field) for one in refused]
        meant = [(self.application, name) for name in self._given_otherwise(written)] == names and mine == 1
        return self._take(document, author, at, refused, meant=meant)

    def _given_otherwise(self, written: Mapping[str, Mapping[str, str]]) -> list[str]:
        """What the menu learnt and the writer says differently; what he leaves out or blanks is not said."""
        block = written.get(self.application, {})
        said = {name: value for name, value in block.items() if value.strip()}
        return [name for name, value in self._learnt.items() if said.get(name, value) != value]

    def record(self, recordings: Iterable[tuple[str, str]], at: datetime) -> Version | None:
        """Name every recording of the call: whose sound it is, and its id."""
        fields = {f"R{number}": f"{leg} {name}" for number, (leg, name) in enumerate(recordings, 1)}
        if not fields or fields == self._recorded:
            return None
        block = build(RECORDINGS_BLOCK, fields, limits=self.limits)
        version = self._take(merge(self.document or EMPTY, block, limits=self.limits), "menu", at, ())
        self._recorded = fields
        return version

    def gather_notes(self, other: TravellingData, author: str, at: datetime) -> Version | None:
        """Whoever was asked beside the call wrote them about it: they travel with it from now on."""
        new = {text: by for text, by in other._notes.items() if text not in self._notes}
        self._notes |= dict(list(new.items())[: NOTES_KEPT - len(self._notes)])
        return self._take(self._with_all_notes(self.document or EMPTY), author, at, ()) if new else None

    # --- the notes -------------------------------------------------------------------------------------

    def _with_notes(
        self, author: str, document: str, written: Mapping[str, Mapping[str, str]]
    ) -> tuple[str, list[Change]]:
        """All notes so far, and the new one if there is. A writer who has not read the newest is no incident."""
        before, after = self.blocks.get(CONTACT_BLOCK, {}), written.get(CONTACT_BLOCK, {})
        block, ours = written.get(NOTES_BLOCK, {}), self._note_fields()
        overwritten = [
            Change(NOTES_BLOCK, name, text, block[name])
            for name, text in ours.items()
            if block.get(name, text) not in ("", text)
        ]
        note = after.get(NOTE, "")
        if note.strip() and note != before.get(NOTE) and len(self._notes) < NOTES_KEPT:
            self._notes.setdefault(note, author)
        return self._with_all_notes(document), overwritten

    def _with_all_notes(self, document: str) -> str:
        try:
            return self._with(document, NOTES_BLOCK, self._note_fields()) if self._notes else document
        except IciRefusal:  # too long to travel twice; the note itself is written
            return document

    def _note_fields(self) -> dict[str, str]:
        return {f"N{number}": f"{by}: {text}" for number, (text, by) in enumerate(self._notes.items(), 1)}

    # --- the guard -------------------------------------------------------------------------------------

    def _with_marks(
        self, author: str, document: str, written: Mapping[str, Mapping[str, str]]
    ) -> tuple[str, list[Change]]:
        id, block = _marks_of(written)
        if block.get(FORWARD_TYPE, "").strip():
            new = {name: block[name] for name in MARKS if name in block}
            if new != self._marks:
                self._marks, self._marked_by = new, author
            return document, []
        if not self._marks:
            return document, []
        if author == self._marked_by:  # a transfer that he thought better of
            self._marks, self._marked_by = {}, ""
            return document, []
        marks = self._marks.items()
        spoilt = [Change(id, name, value, block.get(name)) for name, value in marks if block.get(name) != value]
        others = {name: value for name, value in block.items() if name not in MARKS}
        before = self.blocks.get(id, {})
        if others == {name: value for name, value in before.items() if name not in MARKS}:
            return restore(document, self.document, id, limits=self.limits), spoilt
        return self._with(document, id, self._marks), spoilt

    def _with(self, document: str, application: str, fields: Mapping[str, str]) -> str:
        """`document` with these fields in that block, and everything else of the block."""
        block = read(document, limits=self.limits).get(application)
        if block is not None and all(block.get(name) == value for name, value in fields.items()):
            return document
        block = block or {}
        return merge(document, build(application, {**block, **fields}, limits=self.limits), limits=self.limits)

    def _take(
        self, document: str, author: str, at: datetime, refused: Iterable[Change], *, meant: bool = False
    ) -> Version | None:
        attempts = tuple(refused)
        kept = tuple(f"{one.application} {one.field}" for one in attempts)
        if document == self.document and not kept:
            return None
        changes = tuple(differences(self.blocks, read(document, limits=self.limits)))
        blocks: tuple[str, ...] = ()
        if document != self.document:
            self.number += 1
            blocks = tuple(changed_blocks(self.document, document, limits=self.limits))
            self._touched |= {id: Touched(self.number, author) for id in blocks}
        self.document = document
        version = Version(self.number, author, at, changes, kept, blocks, attempts, meant)
        self.versions.append(version)
        del self.versions[:-CHANGES_KEPT]
        return version


def differences(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> list[Change]:
    """Field by field, in the order of the new document, then what is gone."""
    found = []
    for application in dict.fromkeys([*new, *old]):
        before, after = old.get(application, {}), new.get(application, {})
        for name in dict.fromkeys([*after, *before]):
            if before.get(name) != after.get(name):
                found.append(Change(application, name, before.get(name), after.get(name)))
    return found


def _marks_of(blocks: Mapping[str, Mapping[str, str]]) -> tuple[str, Mapping[str, str]]:
    for id, block in blocks.items():
        if id.upper() == MARKS_BLOCK:
            return id, block
    return MARKS_BLOCK, {}
