"""Hanging up a call of before a restart: its dialog was kept, all else is gone. RFC 3261 sections 12 and 15."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ivr.sip.core import Core
from ivr.sip.dialog import Dialog, address_of
from ivr.sip.events import Flow
from ivr.sip.leg import Leg
from ivr.sip.message import Response
from ivr.sip.reason import reason_header
from ivr.sip.transaction.layer import Sent

LEAP = 10_000
"""How far the counter is put ahead of what was kept, which knows nothing of later requests of ours. It must grow,
and a gap is no error: RFC 3261 sections 12.2.1.1 and 12.2.2."""


@dataclass(frozen=True, slots=True)
class KeptDialog:
    """What is kept of a call's dialog through a restart."""

    call_id: str
    local: str
    remote: str
    remote_target: str
    route_set: tuple[str, ...]
    local_sequence: int
    flow: Flow
    """The way the peer's last message came."""
    use_flow: bool
    """The peer's own idea of its address is no use, as behind an address translator."""

    @classmethod
    def of(cls, leg: Leg | None) -> KeptDialog | None:
        """None while there is no dialog."""
        dialog = leg.dialog if leg is not None else None
        if leg is None or dialog is None or leg.is_ending:
            return None
        return cls(
            dialog.call_id,
            dialog.local,
            dialog.remote,
            dialog.remote_target,
            tuple(dialog.route_set),
            dialog.local_sequence,
            replace(leg.flow, connection=0),
            leg.use_flow,
        )

    def dialog(self) -> Dialog:
        """Raises ValueError for what is none."""
        names = self.call_id, self.local, self.remote, self.remote_target
        return Dialog(*names, list(self.route_set), self.local_sequence + LEAP)


class Farewell:
    """One BYE in a dialog of before. Whatever is answered, 481 too, that call is over for the peer."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def send(self, kept: KeptDialog, now: float, reason: str) -> None:
        """Raises ValueError for what is no dialog."""
        dialog = kept.dialog()
        request = dialog.request("BYE")
        for name, value in reason_header(reason):
            request.headers.add(name, value)
        flow = self._core.flow_towards(dialog, kept.flow, kept.use_flow)
        if flow.is_stream and not kept.use_flow and (address := address_of(dialog.next_hop())) is not None:
            flow = replace(flow, remote=address)  # its connection is gone; where it listens, another can be opened
        self._core.send(request, flow, self, now)

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        """Nothing is left to be done."""

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        """Nobody is there to hang up."""
