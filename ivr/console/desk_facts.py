"""What programs are told of calls and agents: the data of ``--json``."""

from __future__ import annotations

from typing import Any

from ivr.console.desk_events import AttachedData, account_of
from ivr.ici.switchboard import PhoneCallItem, UserView


def about_user(view: UserView) -> dict[str, Any]:
    return {
        "workmode": view.workmode,
        "text": view.workmode_text,
        "next_workmode": view.next_workmode,
        "presence": view.presence,
        "queues": list(view.queues),
        "workcenter": view.workcenter_id,
    }


def about(item: PhoneCallItem, data: AttachedData) -> dict[str, Any]:
    account, proved = account_of(data)
    return {
        "status": item.status,
        "reason": item.reason,
        "description": item.description or None,
        "remote_numbers": list(item.remote_numbers),
        "called_number": item.called_number,
        "direction": item.direction,
        "queue": item.queue_id,
        "capabilities": list(item.capabilities),
        "sequence": item.sequence,
        "started_at": item.started_at.isoformat(),
        "account": account or None,
        "proved": bool(proved),
        "attached_data": data,
    }
