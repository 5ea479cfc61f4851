"""Telephones that watch a user: SUBSCRIBE and NOTIFY of RFC 6665 with the documents of RFC 4235."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from ivr.sip.bindings import Binding
from ivr.sip.dialog_info import encode_dialog_info
from ivr.sip.events import UserAgentSettings
from ivr.sip.user_agent import UserAgent

Make = Callable[..., str]
SPACE = "{urn:ietf:params:xml:ns:dialog-info}"


@pytest.fixture
def watched(peer: Any) -> Any:
    """A telephone at a listed address, and a user agent that shows desk1."""
    peer.user_agent = UserAgent(UserAgentSettings(trunks=frozenset({"192.0.2.1"})), rng=random.Random(5))
    peer.user_agent.show_lamp("desk1", "idle", peer.now)
    return peer


def subscribe(make: Make, cseq: int = 1, *, headers: str = "Event: dialog", **parts: Any) -> str:
    return make("SUBSCRIBE", cseq=cseq, uri="sip:desk1@192.0.2.2", headers=headers, **parts)


def shown(notify: Any) -> tuple[int, str, list[str]]:
    root = ElementTree.fromstring(notify.body)
    assert (root.tag, root.get("entity")) == (f"{SPACE}dialog-info", "sip:desk1@192.0.2.2")
    states = [str(state.text) for state in root.iter(f"{SPACE}state")]
    return int(root.get("version", "-1")), str(root.get("state")), states


def ok(peer: Any) -> Any:
    """Answer the NOTIFY."""
    notify = peer.request
    lines = [f"{name}: {notify.headers[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    return peer.says("SIP/2.0 200 OK\n" + "\n".join(lines) + "\nContent-Length: 0\n\n")


def test_a_telephone_is_told_how_the_lamp_is_and_every_change(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request))
    assert watched.response.headers["Expires"] == "3600"
    first = watched.request
    assert shown(first) == (0, "full", [])
    assert first.headers["Event"] == "dialog"
    assert first.headers["Content-Type"] == "application/dialog-info+xml"
    assert first.headers["Subscription-State"] == "active;expires=3600"
    ok(watched)
    watched.got(watched.user_agent.show_lamp("desk1", "ringing", watched.now))
    assert shown(watched.request) == (1, "full", ["early"])
    watched.got(watched.user_agent.show_lamp("desk1", "idle", watched.now))
    watched.got(watched.user_agent.show_lamp("desk1", "busy", watched.now))
    assert not watched.sent, "one NOTIFY at a time"


def test_of_what_changes_meanwhile_the_newest_is_told(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request))
    first = watched.request
    for lamp in ("ringing", "busy", "idle", "busy"):
        watched.got(watched.user_agent.show_lamp("desk1", lamp, watched.now))
        assert not watched.sent
    watched.sent = [first]
    ok(watched)
    assert shown(watched.request) == (1, "full", ["confirmed"])


def test_a_subscription_is_renewed_ends_by_itself_and_can_be_taken_back(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request, headers="Event: dialog\nExpires: 100"))
    tag = watched.response.to_tag
    ok(watched)
    watched.waits(90)
    watched.says(subscribe(make_request, 2, headers="Event: dialog\nExpires: 100", to_tag=tag))
    assert watched.response.status == 200 and watched.request.headers["Subscription-State"].startswith("active")
    ok(watched)
    watched.waits(90)
    assert not watched.sent, "it was renewed"
    watched.waits(11)
    assert watched.request.headers["Subscription-State"] == "terminated;reason=timeout"
    ok(watched)
    assert watched.says(subscribe(make_request, 3, to_tag=tag)).statuses == [481]

    watched.says(subscribe(make_request, call_id="again", branch="z9hG4bK-a"))
    tag = watched.response.to_tag
    ok(watched)
    gone = {"call_id": "again", "to_tag": tag, "branch": "z9hG4bK-b"}
    watched.says(subscribe(make_request, 2, headers="Event: dialog\nExpires: 0", **gone))
    assert watched.response.headers["Expires"] == "0"
    assert watched.request.headers["Subscription-State"].startswith("terminated")
    ok(watched)
    assert not watched.got(watched.user_agent.show_lamp("desk1", "busy", watched.now)).sent


def test_who_does_not_take_a_notify_is_told_nothing_more(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request))
    watched.waits(40)  # 64*T1 without an answer
    assert not watched.got(watched.user_agent.show_lamp("desk1", "busy", watched.now)).sent


@pytest.mark.parametrize(
    ("headers", "uri", "status"),
    [
        ("Event: presence", "sip:desk1@192.0.2.2", 489),
        ("", "sip:desk1@192.0.2.2", 489),
        ("Event: dialog", "sip:nobody@192.0.2.2", 404),
        ("Event: dialog\nExpires: 5", "sip:desk1@192.0.2.2", 423),
        ("Event: dialog\nAccept: text/plain", "sip:desk1@192.0.2.2", 406),
    ],
)
def test_what_cannot_be_watched_is_refused(
    watched: Any, make_request: Make, headers: str, uri: str, status: int
) -> None:
    response = watched.says(make_request("SUBSCRIBE", headers=headers, uri=uri)).response
    assert response.status == status
    if status == 489:
        assert "dialog" in response.tokens("Allow-Events")
    assert not watched.methods


def test_strangers_see_no_lamps_and_registered_telephones_do(peer: Any, make_request: Make) -> None:
    peer.user_agent = UserAgent(UserAgentSettings(accounts={"alice": "x"}), rng=random.Random(5))
    peer.user_agent.show_lamp("desk1", "idle", peer.now)
    assert peer.says(subscribe(make_request)).statuses == [403]
    binding = Binding("alice", "sip:alice@192.0.2.1", peer.flow, peer.now + 60, "r1", 1, 1.0)
    peer.user_agent.restore_bindings([binding], peer.now)
    peer.says(subscribe(make_request, call_id="c2", branch="z9hG4bK-c2"))
    assert 200 in peer.statuses and peer.methods == ["NOTIFY"]


def test_an_odd_address_leaves_the_document_well_formed() -> None:
    root = ElementTree.fromstring(encode_dialog_info('sip:a"<&>\x01@x', "busy", 3))
    assert root.get("entity") == 'sip:a"<&>@x'
