"""The dialogs of live calls, kept in the calls' records so that telephones are hung up after a kill.

No BYE comes from an engine that is dead, and a telephone without a session timer stays in silence for as long as
somebody lets it. So the record of a call has the dialogs of all its legs whenever it is put on disk while the call
goes on, and the next start sends what was owed (RFC 3261 section 15).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ivr.call.kept_flow import flow_document, read_flow
from ivr.call.signalling import Signalling
from ivr.errors import LocalProtocolError
from ivr.sip.farewell import KeptDialog

if TYPE_CHECKING:
    from ivr.call.visit import Visit

REASON = 'Q.850;cause=41;text="The engine was restarted"'
"""Temporary failure; RFC 3326 section 2, ITU-T Q.850."""
logger = logging.getLogger(__name__)


def open_record(visit: Visit) -> dict[str, Any]:
    """What is kept of a call while it goes on."""
    return visit.record.document() | {"dialogs": dialogs_of(visit)}


def dialogs_of(visit: Visit) -> list[dict[str, Any]]:
    """Of the caller, and of everybody who was called for him; fit for JSON."""
    signalling = visit.rooms.signalling
    owners = visit.exchange.legs.items()
    names = {visit.sip_leg, *(name for name, owner in owners if owner is not visit and _is_of(owner, visit))}
    kept = [signalling.kept_dialog(name) for name in sorted(names)]
    return [_document(one) for one in kept if one is not None]


def _is_of(owner: object, visit: Visit) -> bool:
    errand = getattr(owner, "handoff", owner)
    return getattr(errand, "visit", None) is visit


def hang_up_kept(signalling: Signalling, records: Iterable[dict[str, Any]]) -> None:
    """What the last engine owes the telephones of its calls: a BYE each. `records` are those it left open."""
    for record in records:
        for document in record.get("dialogs") or []:
            try:
                kept = _read(document)
                signalling.trace.name(kept.call_id, str(record.get("id")))
                signalling.end_kept(kept, REASON)
            except (KeyError, TypeError, ValueError, LocalProtocolError) as error:
                logger.warning("dialog_not_ended call=%s why=%s", record.get("id"), error)
            else:
                logger.info("dialog_ended call=%s remote=%s", record.get("id"), kept.flow.remote[0])


def _document(kept: KeptDialog) -> dict[str, Any]:
    return asdict(kept) | {"flow": flow_document(kept.flow), "route_set": list(kept.route_set)}


def _read(document: dict[str, Any]) -> KeptDialog:
    """Raises KeyError, TypeError or ValueError for what is none."""
    return KeptDialog(
        call_id=str(document["call_id"]),
        local=str(document["local"]),
        remote=str(document["remote"]),
        remote_target=str(document["remote_target"]),
        route_set=tuple(map(str, document["route_set"])),
        local_sequence=int(document["local_sequence"]),
        flow=read_flow(document["flow"]),
        use_flow=bool(document["use_flow"]),
    )
