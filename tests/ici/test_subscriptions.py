"""Who is told, and where events and calls may go."""

from __future__ import annotations

import pytest

from ivr.ici.subscriptions import Subscription, Subscriptions, check_callback, check_workcenter, host_matches
from ivr.ici.switchboard import IciRefusal

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def test_a_new_log_on_of_a_user_supersedes_the_older() -> None:
    known = Subscriptions()
    first, second = Subscription("http://a/", "1", "desk1"), Subscription("http://a/", "2", "desk1")
    assert known.add(first) is None
    assert known.add(second) is first
    assert known.of("desk1") is second
    assert known.remove(first) is False
    assert known.remove(second) is True
    assert known.of("desk1") is None


def test_the_same_subscription_again_supersedes_nothing() -> None:
    known = Subscriptions()
    known.add(Subscription("http://a/", "1", "desk1"))
    assert known.add(Subscription("http://a/", "1", "desk1", "another phone")) is None


def test_events_for_several_users_are_grouped_by_where_they_go() -> None:
    known = Subscriptions()
    a, b, c = (
        Subscription(url, "1", user) for url, user in (("http://x/", "a"), ("http://y/", "b"), ("http://x/", "c"))
    )
    for each in (a, b, c):
        known.add(each)
    assert known.by_url(["a", "b", "c", "nobody", "a"]) == {"http://x/": [a, c], "http://y/": [b]}
    assert known.users() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:81/x",
        "https://LOCALHOST/",
        "http://[::1]:9/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://localhost./",
    ],
)
def test_a_callback_on_a_listed_host_is_taken(url: str) -> None:
    check_callback(url, "1", LOOPBACK)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "needed is an http or https URL"),
        ("ftp://127.0.0.1/", "needed is an http or https URL"),
        ("http:///x", "needed is an http or https URL"),
        ("http://10.0.0.1/", "host 10.0.0.1 is not listed in ici.callbacks"),
        ("http://127.0.0.1.evil.example/", "not listed"),
        ("http://evil.example\\@127.0.0.1/", "without white space"),
        ("http://user@127.0.0.1/", "does not belong"),
        ("http://127.0.0.1:x/", "Port could not be cast"),
        ("http://127.0.0.1:99999/", "out of range"),
        ("http://127.0.0.1/a b", "without white space"),
        ("http://127.0.0.1/\r\nX: y", "without white space"),
        ("http://[::1/", "Invalid IPv6"),
        ("http://127.0.0.1/" + "x" * 2048, "at most 2048"),
    ],
)
def test_another_callback_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(IciRefusal, match=complaint) as refused:
        check_callback(url, "1", LOOPBACK)
    assert refused.value.code == "ICI-BAD-VALUE"


@pytest.mark.parametrize("app_id", ["", "x" * 257])
def test_an_application_id_has_a_sensible_length(app_id: str) -> None:
    with pytest.raises(IciRefusal, match="needed are 1 to 256"):
        check_callback("http://localhost/", app_id, LOOPBACK)


@pytest.mark.parametrize(
    "workcenter",
    [
        "",
        "4711",
        "Desk 7/b",
        "sip:desk1@127.0.0.1:5070",
        "sips:desk1@localhost",
        "sip:[::1]:5070;transport=tcp",
        "sip:127.0.0.1",
    ],
)
def test_a_work_centre_is_a_listed_phone_or_a_name_or_nothing(workcenter: str) -> None:
    check_workcenter(workcenter, LOOPBACK)


@pytest.mark.parametrize(
    ("workcenter", "complaint"),
    [
        ("sip:desk1@10.0.0.1", "host 10.0.0.1 is not listed in ici.phones"),
        ("sip:desk1@127.0.0.1@evil.example", "needed is a SIP address"),
        ("sip:desk1@127.0.0.1;maddr=10.0.0.1", "needed is a SIP address"),
        ("sip:desk1@127.0.0.1?Route=evil", "needed is a SIP address"),
        ("sip:desk1@127.0.0.1:99999", "needed is a SIP address"),
        ("<sip:desk1@127.0.0.1>", "needed is a SIP address"),
        ("sip:desk1@127.0.0.1\r\nX: y", "needed is a SIP address"),
        ("tel:+15550100", "needed is a SIP address"),
        ("desk1@127.0.0.1", "needed is a SIP address"),
        ("x" * 65, "needed is a SIP address"),
    ],
)
def test_another_work_centre_is_refused(workcenter: str, complaint: str) -> None:
    with pytest.raises(IciRefusal, match=complaint) as refused:
        check_workcenter(workcenter, LOOPBACK)
    assert refused.value.code == "ICI-BAD-VALUE"


def test_hosts_are_compared_as_addresses_and_names() -> None:
    assert host_matches("::0001", LOOPBACK)
    assert host_matches("LocalHost", LOOPBACK)
    assert not host_matches("127.0.0.2", LOOPBACK)
