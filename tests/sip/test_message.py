"""Reading and writing messages: what is forgiven, what is kept, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.fields import NameAddress, Via, parse_uri, plain, quoted, split_outside_quotes, unquoted
from ivr.sip.message import MalformedMessage, Request, Response, decode

ODD_INVITE = (
    b"\r\nINVITE  sip:100@192.0.2.2\tSIP/2.0\n"
    b"v: SIP / 2.0 / UDP\r\n  192.0.2.1 : 5060 ;branch= z9hG4bKodd , SIP/2.0/TCP other.example\n"
    b'f : "A \\"quoted\\" ; , < name" <sip:alice@192.0.2.1;user=phone> ; TAG = abc\n'
    b"T:sip:100@192.0.2.2\n"
    b"call-id:odd-1\n"
    b"CSEQ: 7\t INVITE\n"
    b'm: <sip:a@b>;expires=5,\r\n\t"x, y" <sip:c@d>\n'
    b"Supported:\n"
    b"User-Agent: caf\xe9\n"
    b"l: 3\n\nabcdef"
)


def test_an_odd_invite_reads_like_a_plain_one() -> None:
    invite = decode(ODD_INVITE)
    assert isinstance(invite, Request)
    assert (invite.method, invite.uri, invite.body) == ("INVITE", "sip:100@192.0.2.2", b"abc")
    assert (invite.top_via.host, invite.top_via.port, invite.top_via.branch) == ("192.0.2.1", 5060, "z9hG4bKodd")
    assert [via.transport for via in invite.vias] == ["UDP", "TCP"]
    assert invite.from_address.display == 'A "quoted" ; , < name'
    assert (invite.from_address.uri, invite.from_tag) == ("sip:alice@192.0.2.1;user=phone", "abc")
    assert (invite.to_address.uri, invite.to_tag, invite.call_id) == ("sip:100@192.0.2.2", "", "odd-1")
    assert (invite.cseq.sequence, invite.cseq.method) == (7, "INVITE")
    assert [address.uri for address in invite.addresses("Contact")] == ["sip:a@b", "sip:c@d"]
    assert (invite.text("User-Agent"), invite.tokens("Supported")) == ("café", [])


def test_bytes_that_are_not_utf_8_go_out_as_they_came_in() -> None:
    invite = decode(ODD_INVITE)
    assert b"User-Agent: caf\xe9\r\n" in invite.encode()
    assert decode(invite.encode()).headers.getlist("User-Agent") == invite.headers.getlist("User-Agent")


@pytest.mark.parametrize(
    ("line", "status", "phrase"),
    [("SIP/2.0 200 OK", 200, "OK"), ("SIP/2.0 200", 200, ""), ("SIP/2.0 486  Busy Here ", 486, "Busy Here")],
)
def test_a_status_line_needs_no_reason(line: str, status: int, phrase: str) -> None:
    head = (
        "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 BYE"
    )
    response = decode(f"{line}\r\n{head}\r\n\r\n".encode())
    assert isinstance(response, Response)
    assert (response.status, response.phrase) == (status, phrase)


@pytest.mark.parametrize("line", ["SIP/2.0 2000 OK", "SIP/2.0 099 X", "SIP/2.0 700 X", "SIP/3.0 200 OK", "200 OK"])
def test_other_status_lines_are_nothing(line: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        decode(line.encode() + b"\r\n\r\n")
    assert caught.value.request is None


def test_captures_decode_and_encode_back_unchanged(wire_folder: Path) -> None:
    captures = sorted(wire_folder.glob("*.sip"))
    assert len(captures) >= 5
    for capture in captures:
        data = capture.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        assert decode(data).encode() == data, capture.name


def test_invalid_captures_name_what_is_wrong(wire_folder: Path) -> None:
    captures = sorted((wire_folder / "invalid").glob("*.sip"))
    assert len(captures) >= 6
    for capture in captures:
        expected, _, data = capture.read_bytes().partition(b"\n")
        with pytest.raises(MalformedMessage) as caught:
            decode(data.replace(b"\n", b"\r\n"))
        status = caught.value.status if caught.value.request else "dropped"
        assert f"{status} {caught.value}" == expected.decode(), capture.name


def test_a_message_of_too_many_lines_is_refused_but_answered() -> None:
    head = ODD_INVITE.partition(b"\n\n")[0].decode("latin-1")
    with pytest.raises(MalformedMessage, match="more than 256") as caught:
        decode((head + "\nX: y" * 300 + "\n\n").encode())
    assert caught.value.request is not None


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    try:
        decode(data)
    except MalformedMessage as problem:
        assert str(problem)


@given(st.lists(st.tuples(st.integers(0, len(ODD_INVITE) - 1), st.integers(0, 255)), max_size=8))
def test_a_mutated_invite_is_a_message_or_malformed(changes: list[tuple[int, int]]) -> None:
    data = bytearray(ODD_INVITE)
    for place, octet in changes:
        data[place] = octet
    try:
        message = decode(bytes(data))
    except MalformedMessage:
        return
    again = decode(message.encode())
    assert (again.start_line, again.body) == (message.start_line, message.body)
    assert str(again.headers) == str(message.headers)


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:alice@192.0.2.1:5070", "alice", "192.0.2.1", 5070),
        ("SIP:*97#@my_pbx;transport=udp", "*97#", "my_pbx", None),
        ("sip:al%20ice@[2001:db8::1]:5062;ob", "al ice", "[2001:db8::1]", 5062),
        ("sip:a:secret@h.example?X=y", "a", "h.example", None),
        ("tel:+1-555-0100;phone-context=x", "+1-555-0100", "", None),
        ("sips:h.example", None, "h.example", None),
    ],
)
def test_uris_of_real_telephones_are_read(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)


@pytest.mark.parametrize(
    "text", ["", "sip:", "sip:a@", "http://a", "a@b", "sip:a@b:99999", "sip:a b@c", "sip:" + "a" * 2000]
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs a|above 65535|longer than"):
        parse_uri(text)


def test_separators_in_quotes_and_brackets_do_not_cut() -> None:
    text = '"a,b\\",c" <sip:x,y@z>, <sip:2>,, sip:3'
    assert list(split_outside_quotes(text, ",")) == ['"a,b\\",c" <sip:x,y@z>', "<sip:2>", "", "sip:3"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquoted(quoted(text)) == text.strip()


def test_people_never_see_control_characters_or_broken_bytes() -> None:
    assert plain(b"a\x1b[31m\r\nb\xff".decode("utf-8", "surrogateescape")) == "a [31m bÿ"
    assert plain("naïve \ud800") == "naïve ?"


@pytest.mark.parametrize("text", ["", "SIP/2.0/UDP", "SIP/3.0/UDP h", "SIP/2.0/UDP h:99999", "UDP h;branch=1"])
def test_what_is_no_via_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needs a Via"):
        Via.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "<sip:a",
        '"x <sip:a@b>',
        "nothing",
        "<sip:a> junk",
        ': "x <sip:a@b>',
        "<sip:a>;x=<",
        '<sip:a>;x="\\"',
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs an address|closing quote|bracket"):
        NameAddress.parse(text)
