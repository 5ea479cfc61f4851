"""What others see of an agent: derived from log-ons and calls, never used for routing (PR4)."""

from __future__ import annotations

from ivr.agents.events import AgentState, Presence

_IN_A_CALL = {AgentState.OFFERED, AgentState.IN_CALL, AgentState.ON_HOLD}
_STRICT = _IN_A_CALL | {AgentState.WRAP_UP, AgentState.NOT_READY, AgentState.MISSED}
_OPTIONS = ("Call", "Blind Transfer", "Warm Transfer")


def presence(*, logged_on_crm: bool, logged_on_cms: bool, in_call: bool) -> Presence:
    """SAP's truth table.

    Logged on to the CRM alone is not defined by SAP: it counts as Logged Off.
    """
    if not logged_on_cms:
        return Presence.LOGGED_OFF
    return Presence.AVAILABLE if logged_on_crm and not in_call else Presence.BUSY


def presence_of(state: AgentState, *, screen: bool, strict: bool, phone: bool = True) -> Presence:
    """The word for an inner state; `screen` says whether the agent's desktop is there, `phone` the telephone.

    A ringing telephone counts as in a call, and so does one that cannot be rung: nobody can call him. Not ready,
    missed and wrap-up show as Available, which is SAP's literal rule, or with `strict` as Busy (PR3).
    """
    busy = not phone or state in (_STRICT if strict else _IN_A_CALL)
    return presence(logged_on_crm=screen, logged_on_cms=state is not AgentState.OFF, in_call=busy)


def options(word: Presence) -> tuple[str, ...]:
    """What a colleague may do with a user who shows this word (PR2).

    All three are listed; the asking desk greys out what its own call state forbids.
    """
    return _OPTIONS if word is Presence.AVAILABLE else ()
