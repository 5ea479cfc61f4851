"""Snapshots and values to elements and back."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ivr.errors import RemoteProtocolError
from ivr.ici import envelope, items, wire, xml
from ivr.ici.dialect import Field, load
from ivr.ici.switchboard import (
    EndReason,
    IciEvent,
    IciRefusal,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    ProcessingStatus,
    SubscriptionEnded,
    UserChanged,
    UserView,
)
from ivr.ici.xml import has_doctype, legal

DIALECT = load("default")
EVENTS = DIALECT.services["IciEvent"]

text = st.text(max_size=30).map(legal)
moments = st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
calls = st.builds(
    PhoneCallItem,
    id=text,
    status=st.sampled_from(get_args(ProcessingStatus)),
    direction=st.sampled_from(["inbound", "outbound"]),
    remote_numbers=st.lists(text, max_size=3).map(tuple),
    called_number=text,
    queue_id=text,
    attached_data=text,
    sequence=st.integers(0, 2**31),
    started_at=moments,
    linked_item_id=text,
    reason=st.none() | st.sampled_from(get_args(EndReason)),
    capabilities=st.lists(st.sampled_from(sorted(DIALECT.capabilities)), max_size=3).map(tuple),
)
users = st.builds(
    UserView,
    id=text,
    name=st.just(""),
    workmode=st.integers(0, 10**8),
    workmode_text=text.filter(bool),
    next_workmode=st.none() | st.integers(0, 10**8),
    presence=text,
    queues=st.lists(text, max_size=3).map(tuple),
    workcenter_id=text,
)
events = (
    st.builds(PhoneCallChanged, calls)
    | st.builds(UserChanged, users)
    | st.builds(ItemAttachedDataChanged, text, text)
    | st.builds(SubscriptionEnded, st.sampled_from(["superseded", "unsubscribed", "shutdown", "logged_off"]), text)
)


@given(events, st.lists(text, max_size=3))
def test_every_event_is_read_back_equal(event: IciEvent, app_ids: list[str]) -> None:
    name, values = items.event_message(event, app_ids, DIALECT)
    raw = envelope.request(DIALECT, EVENTS, EVENTS.operations[name], values, user="desk1")
    message = envelope.parse_message(raw, DIALECT)
    found = message.values(EVENTS.operations[message.name], DIALECT)
    assert (message.user, found["appIds"]) == ("desk1", app_ids)
    assert items.parse_event(message.name, found, DIALECT) == event


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(raw: bytes) -> None:
    start = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><phoneCallChanged>'
    for document in (raw, start + raw, start + raw + b"</phoneCallChanged></s:Body></s:Envelope>"):
        try:
            message = envelope.parse_message(document, DIALECT)
            message.values(EVENTS.operations["phoneCallChanged"], DIALECT, lenient=True)
        except IciRefusal as refusal:
            assert refusal.code.startswith("ICI-")


def test_a_time_of_another_zone_is_sent_as_utc(item: Any) -> None:
    started = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    values = items.phone_call(item(started_at=started), DIALECT)
    assert values["startedAt"] == "2025-12-31T23:30:00.000Z"


@pytest.mark.parametrize(("sent", "year"), [("2026-05-06T07:08:09", 2026), ("yesterday", 1970), (None, 1970)])
def test_a_time_that_is_odd_does_not_hide_the_call(item: Any, sent: str | None, year: int) -> None:
    values = {**items.phone_call(item(), DIALECT), "startedAt": sent}
    moment = items.parse_phone_call(values, DIALECT).started_at
    assert (moment.year, moment.tzinfo) == (year, UTC)


def test_a_status_that_nobody_knows_is_refused(item: Any) -> None:
    values = items.phone_call(item(), DIALECT)
    values["processingStatus"]["id"] = "confused"
    with pytest.raises(IciRefusal, match="processingStatus is 'confused'"):
        items.parse_phone_call(values, DIALECT)


def test_the_spellings_of_the_dialect_are_used_both_ways(item: Any) -> None:
    other = dataclasses.replace(
        DIALECT,
        statuses={**DIALECT.statuses, "held": dataclasses.replace(DIALECT.statuses["held"], id="7")},
        capabilities={**DIALECT.capabilities, "unhold": "retrieve"},
    )
    call = item(status="held")
    values = items.phone_call(call, other)
    assert (values["processingStatus"]["id"], values["capabilityList"]) == (
        "7",
        ["retrieve", "drop", "blindTransfer", "setAttachedData"],
    )
    assert items.parse_phone_call(values, other) == call


FIELDS = (Field("n", "n", "int"), Field("b", "b", "boolean"), Field("s", "s", "string", optional=True))
NIL = 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil="true"'


@pytest.mark.parametrize(
    ("inner", "complaint"),
    [
        ("<b>1</b>", "op: n is missing"),
        ("<n>many</n><b>1</b>", "n is 'many'; needed is a whole number"),
        ("<n>1</n><b>yes</b>", "b is 'yes'; needed is true or false"),
        (f"<n {NIL}/><b>1</b>", "n is nil; needed is a value of the type int"),
    ],
)
def test_a_value_that_does_not_fit_is_named(inner: str, complaint: str) -> None:
    with pytest.raises(IciRefusal, match=complaint) as refused:
        wire.read(etree.fromstring(f"<op>{inner}</op>"), FIELDS, DIALECT)
    assert refused.value.code == "ICI-BAD-VALUE"


def test_values_are_read_whatever_surrounds_them() -> None:
    element = etree.fromstring(f"<op><s {NIL}/><junk/><n> 7 </n><b>0</b><junk/></op>")
    assert wire.read(element, FIELDS, DIALECT) == {"n": 7, "b": False, "s": None}


def test_a_list_has_a_limit() -> None:
    element = etree.fromstring("<op><l>" + "<item/>" * 1001 + "</l></op>")
    with pytest.raises(IciRefusal, match="l has 1001 entries; at most 1000 fit"):
        wire.read(element, (Field("l", "l", "string", many=True),), DIALECT)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"<a/>", False),
        (b"<a><![CDATA[<!DOCTYPE x>]]></a>", False),
        (b"<!-- <!DOCTYPE x> --><a/>", False),
        (b"<!-- never ended <!DOCTYPE x>", False),
        (b"<?xml version='1.0'?>\n<!-- a --><?b?><!DOCTYPE x><a/>", True),
        ("<!DOCTYPE x><a/>".encode("utf-16"), True),
    ],
)
def test_a_dtd_is_found_where_it_can_be(raw: bytes, found: bool) -> None:
    assert has_doctype(raw) is found


def test_an_answer_that_is_no_soap_is_the_other_sides_fault() -> None:
    ping = DIALECT.services["IciSystem"].operations["ping"]
    for raw in (b"", b"<html>", b"<html/>"):
        with pytest.raises(RemoteProtocolError, match=r"the answer is not SOAP 1\.1"):
            envelope.parse_answer(raw, DIALECT, ping)


def test_a_fault_of_a_stranger_is_understood_without_a_code() -> None:
    raw = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        b"<faultcode>s:Server.Busy</faultcode><faultstring>later</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    with pytest.raises(IciRefusal, match="later") as refused:
        envelope.parse_answer(raw, DIALECT, DIALECT.services["IciSystem"].operations["ping"])
    assert (refused.value.code, refused.value.server) == ("ICI-FAULT", True)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"<a>" * 300, "elements are nested deeper than 256 levels"),
        (b"<a>" + b"x" * 10_100_000 + b"</a>", "is longer than XML here may have"),
        (b"<a><b></a>", "mismatch: b line 1 and a, line 1, column 11"),
    ],
    ids=["deep", "long", "mismatch"],
)
def test_a_fault_says_what_is_wrong_and_nothing_of_the_parsers_own_affairs(raw: bytes, said: str) -> None:
    with pytest.raises(IciRefusal, match=said) as refused:
        xml.parse(raw)
    assert "HUGE" not in str(refused.value)
    assert "<string>" not in str(refused.value)
