"""What a leg plays now, and what may stop it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ivr.media.messages import PlayEnded
from ivr.media.player import Playlist

Interrupt = Literal["any", "keys", "speech", "never"]
Why = Literal["finished", "key", "speech", "stopped", "replaced", "closed", "unreadable"]


@dataclass(slots=True)
class Play:
    """A playlist with a name that the engine knows."""

    name: str
    playlist: Playlist
    interrupt: Interrupt

    def yields_to(self, what: Literal["key", "speech"]) -> bool:
        """Whether a key or the caller's voice stops it."""
        return self.interrupt == "any" or self.interrupt == ("keys" if what == "key" else "speech")

    def ended(self, leg: str, now: float, why: Why) -> PlayEnded:
        """The event that tells its end."""
        if why == "finished" and self.playlist.unreadable:
            why = "unreadable"
        return PlayEnded(leg, self.name, now, why == "finished", round(self.playlist.played, 3), why)
