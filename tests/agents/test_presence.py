"""PR1 to PR4: SAP's three words."""

from __future__ import annotations

import pytest

from ivr.agents.events import AgentChanged, AgentState, LoggedOn, Presence, ScreenLost, WorkmodeChosen
from ivr.agents.presence import options, presence, presence_of


@pytest.mark.parametrize(
    ("crm", "cms", "in_call", "word"),
    [
        (True, True, False, Presence.AVAILABLE),
        (True, True, True, Presence.BUSY),
        (False, True, False, Presence.BUSY),
        (False, True, True, Presence.BUSY),
        (False, False, False, Presence.LOGGED_OFF),
        (True, False, False, Presence.LOGGED_OFF),
    ],
)
def test_the_truth_table_of_the_presence_page(crm, cms, in_call, word):
    assert presence(logged_on_crm=crm, logged_on_cms=cms, in_call=in_call) is word


def test_pr1_the_word_is_told_once_per_change(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.call_ends("ann")
    shift.waits(10.0)
    shift.does(ScreenLost("ann"))
    shift.does(WorkmodeChosen("ann", 1))
    words = [c.presence for c in shift.all if isinstance(c, AgentChanged)]
    assert words == [
        Presence.AVAILABLE,  # logged on
        Presence.AVAILABLE,  # ready
        Presence.BUSY,  # ringing
        Presence.BUSY,  # talking
        Presence.AVAILABLE,  # wrap-up
        Presence.AVAILABLE,  # available
        Presence.BUSY,  # screen lost
        Presence.LOGGED_OFF,
    ]


def test_pr2_only_available_users_can_be_called_or_transferred_to():
    assert options(Presence.AVAILABLE) == ("Call", "Blind Transfer", "Warm Transfer")
    assert options(Presence.BUSY) == ()
    assert options(Presence.LOGGED_OFF) == ()


@pytest.mark.parametrize(
    ("state", "literal", "strict"),
    [
        (AgentState.OFF, Presence.LOGGED_OFF, Presence.LOGGED_OFF),
        (AgentState.NOT_READY, Presence.AVAILABLE, Presence.BUSY),
        (AgentState.AVAILABLE, Presence.AVAILABLE, Presence.AVAILABLE),
        (AgentState.OFFERED, Presence.BUSY, Presence.BUSY),
        (AgentState.IN_CALL, Presence.BUSY, Presence.BUSY),
        (AgentState.ON_HOLD, Presence.BUSY, Presence.BUSY),
        (AgentState.WRAP_UP, Presence.AVAILABLE, Presence.BUSY),
        (AgentState.MISSED, Presence.AVAILABLE, Presence.BUSY),
    ],
)
def test_pr3_ringing_is_busy_and_the_states_between_calls_follow_the_setting(state, literal, strict):
    assert presence_of(state, screen=True, strict=False) is literal
    assert presence_of(state, screen=True, strict=True) is strict


@pytest.mark.parametrize("strict", [False, True])
def test_pr4_presence_never_drives_routing(open_shift, strict):
    shift = open_shift(strict=strict, ann=["general"])
    shift.does(LoggedOn("ann"))
    assert shift.agent("ann").presence is (Presence.BUSY if strict else Presence.AVAILABLE)
    assert shift.offers(shift.joins("t1")) == []


@pytest.mark.parametrize("workmode", [2, 3])
def test_pr5_a_second_session_of_a_user_leaves_the_most_reachable_word(open_shift, workmode):
    """Which telephone rings is another matter: the newest session's (H22)."""
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.does(WorkmodeChosen("ann", workmode))
    before = shift.agent("ann")
    assert shift.does(LoggedOn("ann")) == []
    assert shift.agent("ann") == before
