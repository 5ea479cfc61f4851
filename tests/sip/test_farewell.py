"""Hanging up the calls of an engine that was killed, from what was kept of their dialogs."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ivr.sip.events import Flow, UserAgentSettings
from ivr.sip.farewell import LEAP, KeptDialog
from ivr.sip.user_agent import UserAgent

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
KEPT = KeptDialog(
    call_id="abc@192.0.2.1",
    local="<sip:ivr@192.0.2.2>;tag=ours",
    remote="<sip:+15550100@192.0.2.1>;tag=theirs",
    remote_target="sip:phone@192.0.2.50:5062",
    route_set=(),
    local_sequence=7,
    flow=FLOW,
    use_flow=False,
)
WHY = 'Q.850;cause=41;text="The engine was restarted"'


def bye_of(peer: Any, kept: KeptDialog) -> Any:
    """What another user agent, which knows nothing of the call, sends."""
    peer.user_agent = UserAgent(UserAgentSettings(), rng=random.Random(5))
    peer.got(peer.user_agent.end_kept(kept, peer.now, WHY))
    return peer.request


def test_the_next_engine_sends_the_bye_that_a_kill_owed(peer: Any) -> None:
    bye = bye_of(peer, KEPT)
    assert (bye.method, bye.uri) == ("BYE", "sip:phone@192.0.2.50:5062")
    assert (bye.headers["From"], bye.headers["To"], bye.call_id) == (KEPT.local, KEPT.remote, KEPT.call_id)
    assert bye.cseq.sequence == 7 + LEAP + 1, "requests after what was kept must have had lower numbers"
    assert bye.headers["Reason"] == WHY
    assert peer.sends[0].flow.remote == ("192.0.2.50", 5062)


def test_a_bye_of_before_goes_through_the_proxies_of_the_call(peer: Any) -> None:
    routes = ("<sip:192.0.2.9:5070;lr>", "<sip:192.0.2.10;lr>")
    bye = bye_of(peer, replace(KEPT, route_set=routes))
    assert tuple(bye.tokens("Route")) == routes
    assert peer.sends[0].flow.remote == ("192.0.2.9", 5070)


def test_who_is_behind_an_address_translator_is_told_the_way_he_came(peer: Any) -> None:
    bye_of(peer, replace(KEPT, use_flow=True))
    assert peer.sends[0].flow.remote == ("192.0.2.1", 5060)


def test_for_a_connection_that_is_gone_another_is_opened_to_where_the_peer_listens(peer: Any) -> None:
    flow = replace(FLOW, transport="tcp", remote=("192.0.2.50", 40000))
    bye_of(peer, replace(KEPT, flow=flow))
    sent = peer.sends[0].flow
    assert (sent.transport, sent.remote, sent.connection) == ("tcp", ("192.0.2.50", 5062), 0)


@pytest.mark.parametrize("status", ["200 OK", "481 Call/Transaction Does Not Exist"])
def test_whatever_is_answered_the_call_of_before_is_over(peer: Any, status: str) -> None:
    bye = bye_of(peer, KEPT)
    lines = [f"{name}: {bye.headers[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    peer.says(f"SIP/2.0 {status}\n" + "\n".join(lines) + "\nContent-Length: 0\n\n")
    assert peer.sent == [] and peer.events == []
    peer.now += 60.0
    assert peer.got(peer.user_agent.expire(peer.now)).sent == []


def test_a_bye_that_is_lost_is_sent_again(peer: Any) -> None:
    bye_of(peer, KEPT)
    peer.now = peer.user_agent.deadline
    assert [one.method for one in peer.got(peer.user_agent.expire(peer.now)).sent] == ["BYE"]


def test_a_call_that_is_up_can_be_kept_and_hung_up_by_another_engine(answered: Any) -> None:
    kept = answered.peer.user_agent.kept_dialog(answered.leg)
    assert kept is not None
    own = bye_of(answered.peer, replace(kept, local_sequence=kept.local_sequence - LEAP))
    assert own.to_tag and own.from_tag and (own.call_id, own.from_tag) == (kept.call_id, kept.dialog().local_tag)


def test_what_is_no_call_or_over_is_not_kept(answered: Any) -> None:
    user_agent = answered.peer.user_agent
    assert user_agent.kept_dialog("nobody") is None
    user_agent.hang_up(answered.leg, answered.peer.now)
    assert user_agent.kept_dialog(answered.leg) is None
