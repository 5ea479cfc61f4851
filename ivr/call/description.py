"""What a person at a desk should know of a call that its status does not tell: one line, in plain words.

While the call is live: who sent the caller, and what failed before he came back. Once it is over: why, where the
code is not enough, since ``rerouted`` stands for a telephone that nobody picked up and for an emergency alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivr.call.handoff import Handoff

WITHDRAWN = {
    "missed": "your telephone was not picked up",
    "failed": "your telephone or your desktop could not be reached",
    "overtaken": "an emergency goes first; the caller keeps his place",
    "taken": "somebody else was quicker",
    "closed": "the queue has closed",
}
"""Why an offer ended (`ivr.agents.events.Withdrawn`), for whom it was made."""
REFUSED = {
    404: "there is no such number",
    408: "nobody answered",
    410: "the number is not in use any more",
    480: "nobody can be reached there",
    484: "the number is incomplete",
    486: "busy",
    487: "nobody answered",
    503: "the line is out of service",
    600: "busy",
    603: "the call was declined",
    604: "there is no such number",
}
"""Final answers of SIP in words (RFC 3261 section 21)."""
IN_VAIN = {
    "rejected": "refused",
    "missed": "did not answer",
    "abandoned": "the caller did not wait",
    "failed": "could not be reached",
}
"""What became of a transfer (`HandoffRecord.passed`)."""


def refused(status: int) -> str:
    """
    >>> refused(486)
    'busy (486)'
    >>> refused(555)
    'refused with 555'
    """
    return f"{REFUSED[status]} ({status})" if status in REFUSED else f"refused with {status}"


def of_caller(handoff: Handoff, agent: str) -> str:
    """How the caller came to this agent; empty for one who comes from the menu and its queue."""
    earlier = handoff.visit.record.handoffs
    if (passed := handoff.record.passed) and passed[-1]["to"] == agent:
        return f"handed over by {passed[-1]['by']}"
    at = next((index for index, one in enumerate(earlier) if one is handoff.record), 0)
    if not at:
        return ""
    before = earlier[at - 1]
    if before.passed:
        return _sent(before.passed[-1], agent)
    if not before.agent or not handoff.visit.has_customer:  # the other half of a call among colleagues
        return ""
    return f"was with {before.agent}, whom the call lost" if before.onward else f"was with {before.agent} before"


def _sent(passed: dict[str, Any], agent: str) -> str:
    by, to, outcome = passed["by"], passed["to"], passed["outcome"]
    if to == agent or outcome in (None, "answered"):
        return f"sent by {by}"
    why = passed.get("why") or IN_VAIN.get(outcome, IN_VAIN["failed"])
    what = f"{to}: {why}" if passed.get("why") else f"{to} {why}"
    return f"back from your transfer, {what}" if by == agent else f"sent by {by}, {what}"
