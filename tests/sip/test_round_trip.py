"""What is written is read the same: messages made of anything a careful writer may write."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.sip.message import Request, Response, decode

TOKEN = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-.!%*_+`'~", min_size=1, max_size=12)
VALUE = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40
).map(str.strip)
OTHERS = st.lists(st.tuples(TOKEN.map(lambda token: "X-" + token), VALUE), max_size=5)
BODY = st.binary(max_size=200)


def written(start: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    fixed = [
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa"),
        ("From", "<sip:a@192.0.2.1>;tag=1"),
        ("To", "<sip:b@192.0.2.2>"),
        ("Call-ID", "c"),
        ("CSeq", "1 INFO"),
    ]
    lines = [
        start,
        *(f"{name}: {value}" for name, value in [*fixed, *headers, ("Content-Length", str(len(body)))]),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@given(OTHERS, BODY)
@settings(max_examples=40, deadline=None)
def test_a_request_survives_being_read_and_written(headers: list[tuple[str, str]], body: bytes) -> None:
    message = decode(written("INFO sip:b@192.0.2.2 SIP/2.0", headers, body))
    assert isinstance(message, Request)
    assert (message.method, message.body) == ("INFO", body)
    for name, value in headers:
        assert value in message.headers.getlist(name)
    again = decode(message.encode())
    assert (again.start_line, str(again.headers), again.body) == (message.start_line, str(message.headers), body)


@given(st.integers(100, 699), VALUE, OTHERS, BODY)
@settings(max_examples=40, deadline=None)
def test_a_response_survives_being_read_and_written(
    status: int, phrase: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    message = decode(written(f"SIP/2.0 {status} {phrase}", headers, body))
    assert isinstance(message, Response)
    assert (message.status, message.body) == (status, body)
    again = decode(message.encode())
    assert (again.start_line, str(again.headers), again.body) == (message.start_line, str(message.headers), body)
