"""What the desk says to a person: words for operations, calls and states."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.ici.switchboard import PhoneCallItem, UserView

WHAT = {
    "unhold": "retrieve",
    "drop": "hang up",
    "dial": "call",
    "set_workmode": "change the state",
    "toggle": "go to",
    "warm_transfer": "hand over",
    "conference": "join",
    "blind_transfer": "send away",
    "note": "write a note on",
    "reason": "say what came of",
    "field": "fill in a field of",
    "consult": "ask a colleague about",
}
"""Operations in words, where their own name is not the word."""


def whom(item: PhoneCallItem) -> str:
    """Who is at the other end."""
    return " ".join(item.remote_numbers)


def from_colleague(item: PhoneCallItem) -> bool:
    """Whether a colleague has dialled this agent: such a call comes from no queue, every caller's does."""
    return item.direction == "inbound" and not item.queue_id


def another_customer(item: PhoneCallItem, before: PhoneCallItem | None) -> bool:
    """Whether the customer, who is named first, is not the one of `before`: logged on anew, or handed on."""
    if item.direction == "outbound":
        return False
    return before is None or (item.remote_numbers[:1] != before.remote_numbers[:1] and not from_colleague(item))


def call_words(item: PhoneCallItem, *, again: bool) -> str:
    """What a call has become; `again`: it was on hold before."""
    own = item.direction == "outbound" and not item.linked_item_id
    match item.status:
        case "conferenced":
            return f"All three of you hear each other: {' and '.join(item.remote_numbers)} are with you."
        case "connected" if own or from_colleague(item):
            return f"You have {whom(item)}{' again' if again else ''}."
        case "connected" if item.direction == "outbound":
            return f"You have {whom(item)}, the caller has music: t hands over, j joins, g goes back."
        case "connected":
            return "You have the caller again." if again else "Connected."
        case "held":
            other = whom(item) if own or from_colleague(item) else "the caller"
            return f"On hold; u takes {other} back." if "unhold" in item.capabilities else "On hold."
        case _ if own:
            return f"Calling {whom(item)}: pick up your telephone, theirs rings next; d gives up."
        case _:
            return f"Calling {whom(item)}; d gives up."


RANG_IN_VAIN = {
    "rejected": "You have refused the call",
    "rerouted": "The call goes to somebody else",
    "abandoned": "The caller has hung up",
    "failed": "The call could not be put through to you",
}
CALLED_IN_VAIN = {"rejected": "{} has refused your call", "failed": "{} could not be reached"}
ENDED = {"transferred": "The caller is with somebody else now", "failed": "The call has broken off"}


def over_words(item: PhoneCallItem, before: str, others: Iterable[PhoneCallItem]) -> str:
    """How a call ended that was in the status `before`, beside the other calls of the agent."""
    reason, why = item.reason or "", f": {item.description}." if item.description else "."
    if item.direction == "outbound":
        if any(one.status == "conferenced" for one in others):
            return f"Your call to {whom(item)} is part of that one now."
        if reason == "transferred" and not item.queue_id:
            return "You have handed the call over."
        if reason == "transferred":
            return f"{whom(item)} has the caller now."
        if before == "dialing" and reason in CALLED_IN_VAIN:
            return CALLED_IN_VAIN[reason].format(whom(item)) + ("." if reason == "rejected" else why)
        return f"Your call to {whom(item)} is over{why}"
    known = RANG_IN_VAIN if before == "alerting" else ENDED
    return known.get(reason, "The call is over") + why


def mode_words(view: UserView) -> str:
    """An agent's state, and what follows it."""
    text = view.workmode_text or str(view.workmode)
    if view.next_workmode is None or view.next_workmode == view.workmode:
        return text
    wish = {1: "logged off", 2: "ready", 3: "not ready"}.get(view.next_workmode)
    return f"{text}, then {wish or f'reason {view.next_workmode}'}"


def tells_wrap_up(view: UserView) -> bool:
    """Whether the engine's text says so: SAP has no code for it."""
    return "wrap" in view.workmode_text.lower()


def hint(view: UserView) -> str:
    """What to do about a state that was not chosen, which its text tells by a reason behind it."""
    lost = view.workmode == 3 and ", " in view.workmode_text and not view.workmode_text.endswith("not registered")
    return " Press r to be ready again." if lost else ""


def presence_words(words: dict[str, str]) -> str:
    """Colleagues by presence, those who can be called first."""
    found = []
    for word in ("Available", "Busy", "Logged Off"):
        if users := [user for user, theirs in words.items() if theirs == word]:
            found.append(f"{word}: {', '.join(users)}")
    return "; ".join(found) + "." if found else ""
