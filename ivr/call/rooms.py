"""What a call is made of: the running parts it is given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ivr.call.signalling import Signalling
from ivr.clock import Clock
from ivr.config import Settings
from ivr.ici.switchboard import IciEvent
from ivr.media.worker.client import MediaWorkers
from ivr.net.names import Names
from ivr.speech.contracts import ClipLibrary, Recogniser
from ivr.store.connector_pool import ConnectorPool
from ivr.store.contracts import Store


class Publisher(Protocol):
    """Tells desktops what happened; see `ivr.ici.client.EventSender`."""

    def publish(self, user: str, event: IciEvent) -> asyncio.Future[bool]:
        """True once the desktop has acknowledged; False when nobody is subscribed, or it was given up."""
        ...


@dataclass(slots=True)
class Rooms:
    """Built once by `engine`, shared by all calls."""

    settings: Settings
    clock: Clock
    signalling: Signalling
    media: MediaWorkers
    library: ClipLibrary
    recogniser: Recogniser
    store: Store
    publisher: Publisher
    music: Path
    """Hold and queue music, 8 kHz WAV."""
    connectors: ConnectorPool
    """Who answers look-ups that are not the customer store's."""
    ringing: Path | None = None
    """What an agent hears while a colleague's telephone rings; None for silence."""
    names: Names = field(default_factory=Names)
    """Who is asked where registrars, trunks and telephones are."""
