"""Snapshots and events to the values of the wire, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, cast, get_args

from ivr.ici.dialect import Dialect
from ivr.ici.switchboard import (
    EndReason,
    IciEvent,
    IciRefusal,
    ItemAttachedDataChanged,
    MonitorDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    ProcessingStatus,
    QueueView,
    SubscriptionEnded,
    UserChanged,
    UserView,
)
from ivr.ici.wire import Values

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def phone_call(item: PhoneCallItem, dialect: Dialect) -> Values:
    """`phoneCall` on the wire."""
    status = dialect.statuses[item.status]
    return {
        "id": item.id,
        "processingStatus": {"id": status.id, "description": status.description},
        "direction": dialect.code("direction", item.direction),
        "remoteNumbers": list(item.remote_numbers),
        "calledNumber": item.called_number,
        "queueId": item.queue_id,
        "linkedItemId": item.linked_item_id or None,
        "capabilityList": [dialect.capabilities.get(name, name) for name in item.capabilities],
        "attachedData": item.attached_data,
        "attachedDataVersion": item.attached_data_version or None,
        "sequence": item.sequence,
        "startedAt": item.started_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "reason": item.reason and dialect.code("reason", item.reason),
        "description": item.description or None,
    }


def parse_phone_call(values: Values, dialect: Dialect) -> PhoneCallItem:
    """The snapshot. Raises `IciRefusal` ICI-BAD-VALUE for a status nobody knows."""
    status = dialect.status_of((values["processingStatus"] or {}).get("id") or "")
    if status not in get_args(ProcessingStatus):
        raise IciRefusal("ICI-BAD-VALUE", f"processingStatus is {status[:40]!r}, which is none of the dialect")
    reason = dialect.word("reason", values["reason"] or "")
    return PhoneCallItem(
        id=values["id"] or "",
        status=cast(ProcessingStatus, status),
        direction="outbound" if dialect.word("direction", values["direction"] or "") == "outbound" else "inbound",
        remote_numbers=_texts(values["remoteNumbers"]),
        called_number=values["calledNumber"] or "",
        queue_id=values["queueId"] or "",
        attached_data=values["attachedData"] or "",
        sequence=values["sequence"] or 0,
        started_at=_time(values["startedAt"]),
        linked_item_id=values["linkedItemId"] or "",
        reason=cast(EndReason, reason) if reason in get_args(EndReason) else None,
        capabilities=tuple(dialect.capability_of(token) for token in _texts(values["capabilityList"])),
        attached_data_version=values.get("attachedDataVersion") or 0,
        description=values.get("description") or "",
    )


def user(view: UserView, dialect: Dialect) -> Values:
    """`user` on the wire."""
    return {
        "id": view.id,
        "workmode": {
            "id": str(view.workmode),
            "description": workmode_text(view.workmode, view.workmode_text, dialect),
        },
        "nextWorkmode": None if view.next_workmode is None else str(view.next_workmode),
        "presence": dialect.code("presence", view.presence),
        "queues": list(view.queues),
        "workcenterId": view.workcenter_id,
    }


def parse_user(values: Values, dialect: Dialect) -> UserView:
    """The view; its name stays empty, for the wire has none. Raises `IciRefusal` ICI-BAD-VALUE."""
    workmode = values["workmode"] or {}
    following = values["nextWorkmode"]
    return UserView(
        id=values["id"] or "",
        name="",
        workmode=parse_workmode(workmode.get("id") or ""),
        workmode_text=workmode.get("description") or "",
        next_workmode=parse_workmode(following) if following else None,
        presence=dialect.word("presence", values["presence"] or ""),
        queues=_texts(values["queues"]),
        workcenter_id=values["workcenterId"] or "",
    )


def parse_workmode(text: str) -> int:
    """1 logged off, 2 ready, 3 not ready, or a site's own reason. Raises `IciRefusal` ICI-BAD-VALUE."""
    if not (text.isascii() and text.strip().isdigit() and len(text) < 10):
        raise IciRefusal("ICI-BAD-VALUE", f"the work mode is {text[:40]!r}; needed is a number such as 2 (ready)")
    return int(text)


def workmode_text(workmode: int, text: str, dialect: Dialect) -> str:
    """The telephone system's own text, else the dialect's."""
    return text or dialect.workmodes.get(workmode, str(workmode))


def queue_info(queue: QueueView) -> Values:
    """An entry of getPresenceQueueInfo."""
    return {
        "queueId": queue.id,
        "description": queue.description,
        "waiting": queue.waiting,
        "longestWait": int(queue.longest_wait),
    }


def event_message(event: IciEvent, app_ids: list[str], dialect: Dialect) -> tuple[str, Values]:
    """Name and parameters of the operation of IciEvent that tells of the event."""
    match event:
        case PhoneCallChanged(item):
            return "phoneCallChanged", {"appIds": app_ids, "phoneCall": phone_call(item, dialect)}
        case UserChanged(view):
            return "userChanged", {"appIds": app_ids, "user": user(view, dialect)}
        case ItemAttachedDataChanged(item_id, document, version):
            news = {"itemId": item_id, "attachedData": document, "attachedDataVersion": version}
            return "itemAttachedDataChanged", {"appIds": app_ids, **news}
        case MonitorDataChanged(form):
            return "monitorDataChanged", {"appIds": app_ids, "dataForm": form}
        case SubscriptionEnded(reason, description):
            return "subscriptionEnded", {
                "appIds": app_ids,
                "reason": {"id": dialect.code("ended", reason), "description": description},
            }


def parse_event(name: str, values: Values, dialect: Dialect) -> IciEvent:
    """The event. Raises `IciRefusal` ICI-NOT-SUPPORTED for one that nobody here knows."""
    match name:
        case "phoneCallChanged":
            return PhoneCallChanged(parse_phone_call(_structure(values, "phoneCall"), dialect))
        case "userChanged":
            return UserChanged(parse_user(_structure(values, "user"), dialect))
        case "itemAttachedDataChanged":
            version = values.get("attachedDataVersion") or 0
            return ItemAttachedDataChanged(values["itemId"] or "", values["attachedData"] or "", version)
        case "monitorDataChanged":
            return MonitorDataChanged(values["dataForm"] or "")
        case "subscriptionEnded":
            reason = values["reason"] or {}
            word = dialect.word("ended", reason.get("id") or "")
            return SubscriptionEnded(cast(Any, word), reason.get("description") or "")
    raise IciRefusal("ICI-NOT-SUPPORTED", f"cannot understand the ICI event {name[:40]!r}")


def _structure(values: Values, name: str) -> Values:
    value = values[name]
    if not isinstance(value, dict):
        raise IciRefusal("ICI-BAD-VALUE", f"{name} is missing")
    return value


def _texts(entries: list[Any] | None) -> tuple[str, ...]:
    return tuple(entry or "" for entry in entries or ())


def _time(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return _EPOCH
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
