"""Why a request is sent: the Reason header. RFC 3326 section 2."""

from __future__ import annotations

from ivr.sip.fields import parse_parameters, plain, quoted
from ivr.sip.message import Message
from ivr.sip.reply import Header


def reason_header(reason: str) -> list[Header]:
    """Words, or a whole Reason value such as ``Q.850;cause=16``; nothing for nothing."""
    reason = plain(reason)
    if not reason:
        return []
    protocol = reason.partition(";")[0].strip()
    if ";" in reason and protocol in ("SIP", "Q.850"):
        return [("Reason", reason)]
    return [("Reason", f"SIP;text={quoted(reason)}")]


def reason_of(message: Message) -> str:
    """The text of a Reason header, or else its whole value; empty when there is none."""
    value = message.headers.get("Reason") or ""
    text = parse_parameters(value.partition(";")[2]).get("text", "")
    return plain(text or value)[:200]
