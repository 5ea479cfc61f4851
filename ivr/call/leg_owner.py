"""Whoever owns one side of a call."""

from __future__ import annotations

from typing import Protocol

from ivr.media.messages import MediaEvent
from ivr.sip import events as sip


class LegOwner(Protocol):
    """Is told what happens to its leg."""

    def on_sip(self, event: sip.Output) -> None:
        """An event of its dialog."""
        ...

    def on_media(self, event: MediaEvent) -> None:
        """An event of its sound."""
        ...

    def sound_lost(self) -> None:
        """The media worker that had its sound died."""
        ...
