"""Whom a leg hears and who hears it: its partner in a bridge, a conference, or music while it is on hold."""

from __future__ import annotations

from typing import Self

from ivr.media.player import Playlist
from ivr.media.worker.mixing import Mix
from ivr.media.worker.outgoing import Outgoing
from ivr.media.worker.relay import Relay
from ivr.media.worker.track import Track


class Company:
    """The side of a leg that is turned to other legs."""

    _partner: Self | None

    def __init__(self, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.muted: set[str] = set()
        """``from``: others do not hear this leg; ``to``: it does not hear them. Keys go through."""
        self._relay: Relay | None = None
        self._partner = None
        self._mix: Mix | None = None
        self._music: Playlist | None = None
        self._talking = False
        self._track: tuple[Track, Self] | None = None
        """Where this leg is recorded, and whose conversation that is."""

    def join(self, other: Self) -> None:
        """Hear each other. Either one leaves the bridge or conference it was in."""
        for leg in (self, other):
            leg.part()
        self._partner, other._partner = other, self
        self._relay, other._relay = Relay(other.outgoing), Relay(self.outgoing)

    def enter(self, mix: Mix) -> None:
        """Leave where it was, and hear everybody in a conference. Raises LocalProtocolError when that is full."""
        self.part()
        mix.enter(self)
        self._mix = mix

    def part(self) -> None:
        """Leave the bridge, or the conference."""
        other = self._partner
        self._partner = self._relay = None
        if other is not None:
            other._partner = other._relay = None
        if self._mix is not None:
            self._mix.leave(self)
            self._mix = None

    @property
    def partner(self) -> Self | None:
        return self._partner

    def hold(self, music: Playlist) -> None:
        """Music to this leg, nothing of it to others, until `unhold`."""
        self._music = music
        self._talking = False

    def unhold(self) -> None:
        self._music = None
        self._talking = False

    @property
    def on_hold(self) -> bool:
        return self._music is not None

    @property
    def may_be_heard(self) -> bool:
        return self._music is None and "from" not in self.muted

    @property
    def may_hear(self) -> bool:
        return "to" not in self.muted

    # --- recorded ---

    def take_down(self, track: Track, subject: Self) -> None:
        """Record what `subject`, or whoever talks with it, hears of this leg. A track that goes on ends."""
        self.end_track()
        self._track = track, subject

    def end_track(self, name: str = "") -> None:
        """End it, or only the one of that name."""
        if self._track is not None and name in ("", self._track[0].name):
            self._track[0].close()
            self._track = None

    def track_now(self) -> Track | None:
        """The track, while somebody of that conversation hears this leg: not on hold, muted or in a menu, and not
        between two agents while the caller hears music."""
        if self._track is None or not self.may_be_heard:
            return None
        track, subject = self._track
        if self._mix is not None:
            return track if subject._mix is self._mix else None
        other = self._partner
        talks = other is not None and not other.on_hold and other.may_hear and subject in (self, other)
        return track if talks else None

    def send_key(self, key: str, duration: float) -> None:
        """Press a key towards the peer. Raises LocalProtocolError for what is no key."""
        raise NotImplementedError
