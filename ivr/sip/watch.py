"""What is kept of a subscription through a restart. RFC 6665 section 4.2, RFC 3261 section 12."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.sip.dialog import Dialog
from ivr.sip.events import Flow

LEAP = 100_000
"""How far both counters are put ahead of what was kept. They must grow (RFC 3261 section 12.2.1.1, RFC 4235
section 4.1), and are kept at each SUBSCRIBE, not at each NOTIFY: in the hour between two SUBSCRIBEs there are
fewer NOTIFYs. A gap harms nothing, as each document has the full state."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One telephone that watches one user."""

    user: str
    package: str
    """``dialog`` or ``presence``."""
    event: str
    """The Event header, with the telephone's own id."""
    entity: str
    """The URI that was asked for."""
    flow: Flow
    """The way the last SUBSCRIBE came."""
    expires_at: float
    """Monotonic seconds."""
    version: int
    """Of the next document."""
    call_id: str
    local: str
    remote: str
    remote_target: str
    route_set: tuple[str, ...]
    local_sequence: int
    remote_sequence: int

    @classmethod
    def of(
        cls,
        user: str,
        package: str,
        event: str,
        entity: str,
        flow: Flow,
        until: float,
        version: int,
        dialog: Dialog,
    ) -> Watch:
        return cls(
            user,
            package,
            event,
            entity,
            flow,
            until,
            version,
            call_id=dialog.call_id,
            local=dialog.local,
            remote=dialog.remote,
            remote_target=dialog.remote_target,
            route_set=tuple(dialog.route_set),
            local_sequence=dialog.local_sequence,
            remote_sequence=dialog.remote_sequence or 0,
        )

    def dialog(self) -> Dialog:
        """The dialog, after a restart. Raises ValueError for one that cannot be read."""
        dialog = Dialog(
            self.call_id,
            self.local,
            self.remote,
            self.remote_target,
            list(self.route_set),
            self.local_sequence + LEAP,
        )
        dialog.remote_sequence = self.remote_sequence
        return dialog
