"""RFC 3263: which questions are asked, and in which order the answers are tried."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import IvrError
from ivr.sip.location import (
    MAX_TARGETS,
    Addresses,
    Naptr,
    NaptrRecord,
    Question,
    Srv,
    SrvRecord,
    Target,
    in_order,
    locate,
)

ZONE: dict[Question, list[Any]] = {
    Naptr("full.example"): [
        NaptrRecord(20, 10, "SIP+D2U", "_sip._udp.full.example"),
        NaptrRecord(10, 10, "SIP+D2T", "_sip._tcp.full.example"),
        NaptrRecord(5, 10, "SIP+D2W", "_sip._ws.full.example"),
        NaptrRecord(5, 5, "E2U+email", "mail.full.example"),
        NaptrRecord(30, 10, "SIPS+D2T", "_sips._tcp.full.example"),
    ],
    Srv("_sip._tcp.full.example"): [SrvRecord(2, 0, 5070, "b.example"), SrvRecord(1, 0, 5080, "a.example")],
    Srv("_sip._udp.full.example"): [SrvRecord(1, 0, 5060, "a.example")],
    Srv("_sips._tcp.full.example"): [SrvRecord(1, 0, 5061, "a.example")],
    Srv("_sip._udp.plain.example"): [SrvRecord(1, 0, 5062, "a.example")],
    Srv("_sip._tcp.plain.example"): [SrvRecord(1, 0, 5063, "b.example")],
    Srv("_sip._udp.closed.example"): [SrvRecord(0, 0, 0, ".")],
    Addresses("closed.example"): ["192.0.2.99"],
    Addresses("a.example"): ["192.0.2.1", "2001:db8::1"],
    Addresses("b.example"): ["192.0.2.2"],
    Addresses("bare.example"): ["192.0.2.3"],
}


def located(uri: str, zone: dict[Question, list[Any]] = ZONE, seed: int = 1) -> tuple[list[Question], list[str]]:
    """What was asked, and the targets as ``transport host:port``."""
    asked: list[Question] = []
    search = locate(uri, random.Random(seed))
    try:
        question = next(search)
        while True:
            asked.append(question)
            question = search.send(zone.get(question, []))
    except StopIteration as end:
        targets: list[Target] = end.value
        return asked, [f"{target.transport} {target.host}:{target.port}" for target in targets]


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:192.0.2.9", "udp 192.0.2.9:5060"),
        ("sip:me@192.0.2.9:5070", "udp 192.0.2.9:5070"),
        ("sips:192.0.2.9", "tls 192.0.2.9:5061"),
        ("sip:192.0.2.9;transport=TCP", "tcp 192.0.2.9:5060"),
        ("sip:192.0.2.9;transport=tls", "tls 192.0.2.9:5061"),
        ("sip:[2001:db8::9]", "udp 2001:db8::9:5060"),
        ("sips:[2001:db8::9]:5062;transport=tcp", "tls 2001:db8::9:5062"),
    ],
)
def test_a_numeric_address_is_asked_of_nobody(uri: str, target: str) -> None:
    assert located(uri) == ([], [target])


def test_a_port_is_an_order_to_ask_for_addresses_only() -> None:
    asked, targets = located("sip:a.example:5099;transport=tcp")
    assert asked == [Addresses("a.example")]
    assert targets == ["tcp 192.0.2.1:5099", "tcp 2001:db8::1:5099"]


def test_naptr_orders_the_transports_and_srv_the_hosts_within() -> None:
    asked, targets = located("sip:full.example")
    assert asked[0] == Naptr("full.example")
    assert targets == [
        "tcp 192.0.2.1:5080", "tcp 2001:db8::1:5080", "tcp 192.0.2.2:5070",
        "udp 192.0.2.1:5060", "udp 2001:db8::1:5060", "tls 192.0.2.1:5061", "tls 2001:db8::1:5061",
    ]  # fmt: skip
    assert Srv("_sip._ws.full.example") not in asked


def test_sips_takes_nothing_that_is_not_secure() -> None:
    assert located("sips:full.example")[1] == ["tls 192.0.2.1:5061", "tls 2001:db8::1:5061"]
    assert located("sips:plain.example")[0] == [
        Naptr("plain.example"), Srv("_sips._tcp.plain.example"), Addresses("plain.example")
    ]  # fmt: skip


def test_a_transport_in_the_address_skips_naptr() -> None:
    asked, targets = located("sip:full.example;transport=udp")
    assert asked == [Srv("_sip._udp.full.example"), Addresses("a.example")]
    assert targets[0] == "udp 192.0.2.1:5060"


def test_without_naptr_every_transport_is_looked_for() -> None:
    asked, targets = located("sip:plain.example")
    assert asked[:2] == [Naptr("plain.example"), Srv("_sip._udp.plain.example")]
    assert targets == ["udp 192.0.2.1:5062", "udp 2001:db8::1:5062", "tcp 192.0.2.2:5063"]


def test_without_any_record_it_is_a_host() -> None:
    asked, targets = located("sip:bare.example")
    assert asked[-1] == Addresses("bare.example")
    assert targets == ["udp 192.0.2.3:5060"]


def test_a_target_of_a_dot_says_that_nobody_is_there() -> None:
    asked, targets = located("sip:closed.example")
    assert targets == [] and Addresses("closed.example") not in asked


def test_a_name_that_leads_nowhere_has_no_target() -> None:
    assert located("sip:nowhere.example")[1] == []


def test_tls_proves_the_name_that_was_asked_for_and_not_that_of_the_record() -> None:
    search = locate("sips:full.example", random.Random(1))
    try:
        question = next(search)
        while True:
            question = search.send(ZONE.get(question, []))
    except StopIteration as end:
        assert {target.name for target in end.value} == {"full.example"}


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("tel:+1555", "scheme tel"),
        ("hello", "no SIP address"),
        ("sip:x;transport=sctp", "transport sctp; udp, tcp or tls is needed"),
        ("sips:x;transport=udp", "transport udp; tcp or tls is needed"),
    ],
)
def test_what_is_no_address_is_told(uri: str, said: str) -> None:
    with pytest.raises(IvrError, match=said):
        located(uri)


def test_a_name_with_records_without_end_is_not_followed_through_all_of_them() -> None:
    zone: dict[Question, list[Any]] = {
        Srv("_sip._udp.many.example"): [SrvRecord(n, 0, 5060, f"h{n}.example") for n in range(100)],
        **{Addresses(f"h{n}.example"): [f"192.0.2.{n}"] for n in range(100)},
    }
    asked, targets = located("sip:many.example", zone)
    assert len(targets) == MAX_TARGETS
    assert len(asked) <= MAX_TARGETS + 2


def test_weights_are_shares_and_a_weight_of_nothing_is_still_drawn_sometimes() -> None:
    rng = random.Random(5)
    records = [
        SrvRecord(1, 60, 1, "a"),
        SrvRecord(1, 30, 1, "b"),
        SrvRecord(1, 10, 1, "c"),
        SrvRecord(1, 0, 1, "z"),
    ]
    first = Counter(in_order(records, rng)[0].host for _ in range(5000))
    assert 0.55 < first["a"] / 5000 < 0.65
    assert 0.25 < first["b"] / 5000 < 0.35
    assert 0.06 < first["c"] / 5000 < 0.14
    assert 0 < first["z"] < 200


@given(
    st.lists(
        st.builds(
            SrvRecord, st.sampled_from([9, 1, 16, 8]), st.integers(0, 5), st.just(5060), st.sampled_from("abcdef")
        ),
        max_size=12,
    ),
    st.integers(0, 100),
)
def test_every_record_is_there_once_and_priorities_are_kept(records: list[SrvRecord], seed: int) -> None:
    ordered = in_order(records, random.Random(seed))
    assert Counter(ordered) == Counter(records)
    assert [record.priority for record in ordered] == sorted(record.priority for record in records)
