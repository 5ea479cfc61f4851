"""Telephones that watch a user: SUBSCRIBE and NOTIFY of RFC 6665 with the documents of RFC 4235."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from ivr.sip.bindings import Binding
from ivr.sip.credentials import Credentials
from ivr.sip.dialog_info import encode_dialog_info
from ivr.sip.digest import parse_digest
from ivr.sip.events import UserAgentSettings, WatchesChanged
from ivr.sip.message import Request, decode
from ivr.sip.presence_status import PresenceStatus
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
        ("Event: message-summary", "sip:desk1@192.0.2.2", 489),
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


@pytest.fixture
def accounts(peer: Any) -> Any:
    """A user agent with an account, and nobody trusted by address."""
    peer.user_agent = UserAgent(UserAgentSettings(accounts={"alice": "secret"}), rng=random.Random(5))
    peer.user_agent.show_lamp("desk1", "idle", peer.now)
    return peer


def proved(peer: Any, make: Make, password: str, number: int = 2) -> Any:
    """SUBSCRIBE with the proof that the last 401 asked for."""
    challenge = parse_digest(peer.response.headers["WWW-Authenticate"])
    assert challenge is not None
    request = make("SUBSCRIBE", cseq=number, uri="sip:desk1@192.0.2.2", headers="Event: dialog")
    data = "\r\n".join(line.strip() for line in request.lstrip().splitlines()) + "\r\n\r\n"
    said = decode(data.encode())
    assert isinstance(said, Request)
    answer = Credentials("alice", password).proof(said, challenge, 1, random.Random(2))
    return peer.says(subscribe(make, number, headers=f"Event: dialog\nAuthorization: {answer}"))


def test_who_watches_proves_himself_as_for_a_registration(accounts: Any, make_request: Make) -> None:
    assert accounts.says(subscribe(make_request)).statuses == [401]
    assert proved(accounts, make_request, "wrong").statuses == [401]
    assert not accounts.methods
    assert accounts.user_agent.counters["authentication_failed"] == 1
    proved(accounts, make_request, "secret", 3)
    assert accounts.statuses == [200] and accounts.methods == ["NOTIFY"]


def test_an_address_with_a_registered_telephone_proves_nothing(accounts: Any, make_request: Make) -> None:
    binding = Binding("alice", "sip:alice@192.0.2.1", accounts.flow, accounts.now + 60, "r1", 1, 1.0)
    accounts.user_agent.restore_bindings([binding], accounts.now)
    assert accounts.says(subscribe(make_request)).statuses == [401]


def test_guesses_by_subscribe_are_silenced_like_those_by_register(accounts: Any, make_request: Make) -> None:
    accounts.says(subscribe(make_request))
    challenge = accounts.response
    for number in range(2, 40):
        accounts.sent = [challenge]
        proved(accounts, make_request, f"guess {number}", number)
    assert not accounts.sent
    assert accounts.user_agent.counters["authentication_dropped"] > 0
    accounts.sent = [challenge]
    assert not proved(accounts, make_request, "secret", 50).sent, "right or wrong"


def test_where_nobody_has_an_account_strangers_see_no_lamps(peer: Any, make_request: Make) -> None:
    peer.user_agent = UserAgent(UserAgentSettings(), rng=random.Random(5))
    peer.user_agent.show_lamp("desk1", "idle", peer.now)
    assert peer.says(subscribe(make_request)).statuses == [403]


# --- presence ---------------------------------------------------------------------------------------

PIDF = "{urn:ietf:params:xml:ns:pidf}"
RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"


def present(notify: Any) -> tuple[str, str, list[str]]:
    """Basic status, note and activities."""
    assert notify.headers["Content-Type"] == "application/pidf+xml"
    root = ElementTree.fromstring(notify.body)
    assert (root.tag, root.get("entity")) == (f"{PIDF}presence", "sip:desk1@192.0.2.2")
    activities = [one.tag.removeprefix(RPID) for each in root.iter(f"{RPID}activities") for one in each]
    return (
        str(root.findtext(f"{PIDF}tuple/{PIDF}status/{PIDF}basic")),
        root.findtext(f"{PIDF}note", ""),
        activities,
    )


def test_presence_tells_whether_somebody_may_be_called_and_why_not(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request, headers="Event: presence\nAccept: application/pidf+xml"))
    assert present(watched.request) == ("closed", "", []), "nothing is known yet"
    for status, found in (
        (PresenceStatus("open", note="Available"), ("open", "Available", [])),
        (PresenceStatus("open", "on-the-phone", "Busy"), ("open", "Busy", ["on-the-phone"])),
        (PresenceStatus("closed", note='Out <"&> now'), ("closed", 'Out <"&> now', [])),
    ):
        ok(watched)
        watched.got(watched.user_agent.show_status("desk1", status, watched.now))
        assert present(watched.request) == found
    ok(watched)
    assert not watched.got(watched.user_agent.show_lamp("desk1", "busy", watched.now)).sent, (
        "a lamp is no presence"
    )


@pytest.mark.parametrize(
    ("event", "accept"), [("presence", "application/dialog-info+xml"), ("dialog", "application/pidf+xml")]
)
def test_each_package_has_its_own_document(watched: Any, make_request: Make, event: str, accept: str) -> None:
    assert watched.says(subscribe(make_request, headers=f"Event: {event}\nAccept: {accept}")).statuses == [406]


# --- a restart --------------------------------------------------------------------------------------


def restarted(peer: Any) -> Any:
    """The same telephone, and a user agent that was told what the one before kept."""
    kept = peer.user_agent.watches("desk1")
    peer.user_agent = UserAgent(UserAgentSettings(trunks=frozenset({"192.0.2.1"})), rng=random.Random(6))
    peer.user_agent.show_lamp("desk1", "busy", peer.now)
    return peer.got(peer.user_agent.restore_watches(kept, peer.now))


def test_a_subscription_goes_on_after_a_restart_with_growing_counters(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request, headers="Event: dialog;id=7\nExpires: 600"))
    assert [event.user for event in watched.events if isinstance(event, WatchesChanged)] == ["desk1"]
    tag = watched.response.to_tag
    ok(watched)
    watched.got(watched.user_agent.show_lamp("desk1", "ringing", watched.now))
    before, version = watched.request, shown(watched.request)[0]
    ok(watched)
    watched.waits(100)
    restarted(watched)
    after = watched.request
    assert shown(after)[0] > version and shown(after)[1:] == ("full", ["confirmed"])
    assert after.cseq.sequence > before.cseq.sequence
    assert (after.call_id, after.headers["To"], after.headers["From"]) == (
        (before.call_id, before.headers["To"], before.headers["From"])
    )
    assert after.headers["Event"] == "dialog;id=7"
    assert after.headers["Subscription-State"] == "active;expires=500"
    ok(watched)
    watched.says(subscribe(make_request, 2, headers="Event: dialog;id=7\nExpires: 600", to_tag=tag))
    assert watched.statuses == [200], "renewed in the same dialog"
    ok(watched)
    watched.waits(599)
    assert watched.user_agent.watches("desk1")
    watched.waits(2)
    assert watched.request.headers["Subscription-State"] == "terminated;reason=timeout"
    assert not watched.user_agent.watches("desk1")


def test_a_telephone_that_forgot_its_subscription_meanwhile_is_left_alone(
    watched: Any, make_request: Make
) -> None:
    watched.says(subscribe(make_request))
    ok(watched)
    restarted(watched)
    notify = watched.request
    lines = [f"{name}: {notify.headers[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    watched.says("SIP/2.0 481 Gone\n" + "\n".join(lines) + "\nContent-Length: 0\n\n")
    assert [event.user for event in watched.events if isinstance(event, WatchesChanged)] == ["desk1"]
    assert not watched.user_agent.watches("desk1")


def test_what_ended_while_nobody_was_here_does_not_go_on(watched: Any, make_request: Make) -> None:
    watched.says(subscribe(make_request, headers="Event: dialog\nExpires: 60"))
    ok(watched)
    kept = watched.user_agent.watches("desk1")
    watched.now += 61
    assert not watched.got(watched.user_agent.restore_watches(kept, watched.now)).sent


def test_an_odd_address_leaves_the_document_well_formed() -> None:
    root = ElementTree.fromstring(encode_dialog_info('sip:a"<&>\x01@x', "busy", 3))
    assert root.get("entity") == 'sip:a"<&>@x'
