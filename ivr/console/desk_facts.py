"""What programs are told of calls and agents: the data of ``--json``; and what is told to both."""

from __future__ import annotations

from typing import Any

from ivr.console.desk_events import AttachedData, Happened, Output, Say, account_of
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


def changed_about(item: PhoneCallItem, data: AttachedData) -> list[Output]:
    """Something is different about a call that goes on as it is, such as a colleague's putting one aside."""
    happened = [Happened("connected", item.id, about(item, data))] if item.status == "connected" else []
    return [*happened, Say(f"Now: {item.description}.")] if item.description else []
