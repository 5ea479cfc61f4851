"""Offers of telephones people use, and what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import RemoteProtocolError
from ivr.sdp import LocalMedia, NotAcceptable, SessionDescription, answer, make_offer, read_answer

LOCAL = LocalMedia("192.0.2.9", 20000, session_id=7)


def offer(*lines: str, host: str = "192.0.2.1") -> SessionDescription:
    head = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


BARESIP = offer(
    "m=audio 10000 RTP/AVP 0 8 101",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=rtcp:10001",
    "a=sendrecv",
    "a=label:1",
    "a=ptime:20",
)


def test_a_softphones_offer_is_answered_with_its_first_codec_and_its_event_payload_type() -> None:
    agreed = answer(BARESIP, LOCAL)
    assert (agreed.codec, agreed.payload_type, agreed.event_payload_type) == ("PCMU", 0, 101)
    assert agreed.remote == ("192.0.2.1", 10000)
    assert agreed.send and agreed.receive
    text = agreed.description.encode().decode()
    assert "m=audio 20000 RTP/AVP 0 101\r\n" in text
    assert "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" in text
    assert "c=IN IP4 192.0.2.9\r\n" in text and "a=sendrecv\r\n" in text


def test_the_order_of_the_offerer_is_kept() -> None:
    agreed = answer(offer("m=audio 4000 RTP/AVP 9 8 0"), LOCAL)
    assert (agreed.codec, agreed.payload_type, agreed.event_payload_type) == ("PCMA", 8, None)


def test_a_codec_on_a_dynamic_payload_type_is_understood() -> None:
    agreed = answer(
        offer("m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 pcmu/8000", "a=rtpmap:97 Telephone-Event/8000"), LOCAL
    )
    assert (agreed.codec, agreed.payload_type, agreed.event_payload_type) == ("PCMU", 96, 97)


def test_events_at_another_clock_rate_are_not_taken() -> None:
    agreed = answer(offer("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/48000"), LOCAL)
    assert agreed.event_payload_type is None


def test_unwanted_streams_are_rejected_in_their_place() -> None:
    agreed = answer(offer("m=video 5000 RTP/AVP 99", "a=rtpmap:99 H264/90000", "m=audio 4000 RTP/AVP 0"), LOCAL)
    kinds = [(media.kind, media.port) for media in agreed.description.media]
    assert kinds == [("video", 0), ("audio", 20000)]


@pytest.mark.parametrize(
    ("lines", "code", "named"),
    [
        (["m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2"], 305, "opus"),
        (["m=audio 4000 RTP/SAVPF 0"], 302, "RTP/SAVPF"),
        (["m=video 4000 RTP/AVP 99"], 304, "no audio"),
        (["m=audio 0 RTP/AVP 0"], 304, "no audio"),
        ([], 304, "no audio"),
    ],
)
def test_an_offer_without_anything_usable_names_what_is_needed(lines: list[str], code: int, named: str) -> None:
    with pytest.raises(NotAcceptable, match=named) as refusal:
        answer(offer(*lines), LOCAL)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("direction", "answered", "send", "receive"),
    [
        ("sendonly", "recvonly", False, True),
        ("recvonly", "sendonly", True, False),
        ("inactive", "inactive", False, False),
        ("sendrecv", "sendrecv", True, True),
    ],
)
def test_hold_is_mirrored(direction: str, answered: str, send: bool, receive: bool) -> None:
    agreed = answer(offer("m=audio 4000 RTP/AVP 0", f"a={direction}"), LOCAL)
    assert (agreed.send, agreed.receive) == (send, receive)
    assert f"a={answered}\r\n".encode() in agreed.description.encode()


def test_hold_by_the_old_zero_address_stops_our_sound() -> None:
    assert answer(offer("m=audio 4000 RTP/AVP 0", host="0.0.0.0"), LOCAL).send is False


def test_a_direction_of_the_session_counts_for_a_stream_without_one() -> None:
    assert answer(offer("a=sendonly", "m=audio 4000 RTP/AVP 0"), LOCAL).send is False


def test_an_address_of_the_stream_beats_that_of_the_session() -> None:
    assert answer(offer("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.77"), LOCAL).remote == ("192.0.2.77", 4000)


def test_an_ipv6_address_is_taken_and_written_as_ip6() -> None:
    text = b"v=0\no=- 1 1 IN IP6 ::1\ns=-\nc=IN IP6 ::1\nt=0 0\nm=audio 4000 RTP/AVP 0\n"
    agreed = answer(SessionDescription.parse(text), LocalMedia("::1", 20000, 7))
    assert agreed.remote == ("::1", 4000)
    assert b"c=IN IP6 ::1\r\n" in agreed.description.encode()


def test_our_offer_is_answered_by_ourselves() -> None:
    ours = make_offer(LOCAL)
    theirs = answer(SessionDescription.parse(ours.encode()), LocalMedia("192.0.2.1", 4000, 8, codecs=("PCMA",)))
    agreed = read_answer(ours, SessionDescription.parse(theirs.description.encode()))
    assert (agreed.codec, agreed.payload_type, agreed.event_payload_type) == ("PCMA", 8, 101)
    assert agreed.remote == ("192.0.2.1", 4000) and agreed.send and agreed.receive


def test_an_answer_that_took_nothing_is_not_acceptable() -> None:
    with pytest.raises(NotAcceptable):
        read_answer(make_offer(LOCAL), offer("m=audio 0 RTP/AVP 0"))


@pytest.mark.parametrize(
    "text",
    [b"", b"hello", b"v=1\r\n", b"v=0\r\no=- 1 1 IN IP4\r\n", b"v=0\r\nm=audio x RTP/AVP 0\r\n",
     b"v=0\r\nc=IN IP4\r\n", b"v=0\r\nc=IN IP4 /127\r\n",
     b"v=0\r\nm=audio 99999 RTP/AVP 0\r\n", b"v=0\r\nfoo\r\n", b"v" * 70000],
)  # fmt: skip
def test_what_is_no_description_is_refused(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        SessionDescription.parse(text)


@pytest.mark.parametrize(
    ("connection", "code", "named"),
    [
        ("IN IP4 phone.example", 301, "name"),
        ("IN IP4 999.0.0.1", 301, "name or none"),
        ("IN IP6 ::1", 301, "IPv4 is needed"),
        ("IN IP4 ::1", 301, "IPv4 is needed"),
        ("IN IP6 fe80::1%eth0", 301, "zone"),
        ("IN IP4 224.2.1.1/127", 330, "multicast"),
        ("ATM NSAP 47.0091", 300, "ATM NSAP"),
        ("IN IP5 a", 300, "IN IP5"),
    ],
)
def test_an_address_nothing_can_be_sent_to_is_named(connection: str, code: int, named: str) -> None:
    with pytest.raises(NotAcceptable, match=named) as refusal:
        answer(offer("m=audio 4000 RTP/AVP 0", f"c={connection}"), LOCAL)
    assert refusal.value.code == code


def test_an_audio_stream_without_any_address_is_not_acceptable() -> None:
    bare = SessionDescription.parse(b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\n")
    with pytest.raises(NotAcceptable, match="no c= line") as refusal:
        answer(bare, LOCAL)
    assert refusal.value.code == 301


def test_the_first_usable_of_several_audio_streams_is_taken_and_the_others_keep_their_places() -> None:
    agreed = answer(
        offer(
            "m=audio 4000 RTP/AVP 96",
            "a=rtpmap:96 opus/48000/2",
            "m=video 4002 RTP/AVP 97",
            "m=audio 4004 RTP/AVP 8 0",
            "c=IN IP4 192.0.2.5",
            "m=audio 4006 RTP/AVP 0",
            "m=application 4008 UDP/BFCP *",
        ),
        LOCAL,
    )
    media = [(m.kind, m.port, m.profile) for m in agreed.description.media]
    assert media == [
        ("audio", 0, "RTP/AVP"),
        ("video", 0, "RTP/AVP"),
        ("audio", 20000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("application", 0, "UDP/BFCP"),
    ]
    assert (agreed.remote, agreed.codec) == (("192.0.2.5", 4004), "PCMA")


@pytest.mark.parametrize(
    ("lines", "packet_time"),
    [
        ((), 20),
        (("a=ptime:40",), 40),
        (("a=ptime:30",), 30),
        (("a=ptime:10",), 10),
        (("a=ptime:20.0",), 20),
        (("a=ptime:200",), 60),
        (("a=ptime:1",), 10),
        (("a=ptime:60", "a=maxptime:40"), 40),
        (("a=maxptime:10",), 10),
        (("a=maxptime:150",), 20),
        (("a=ptime:lots",), 20),
        (("a=ptime:0", "a=maxptime:0"), 20),
        (("a=ptime",), 20),
    ],
)
def test_the_packet_time_a_peer_asks_for_is_agreed_to_within_its_limit(
    lines: tuple[str, ...], packet_time: int
) -> None:
    agreed = answer(offer("m=audio 4000 RTP/AVP 0", *lines), LOCAL)
    assert agreed.packet_time == packet_time
    assert f"a=ptime:{packet_time}\r\n".encode() in agreed.description.encode()


def test_what_we_want_less_of_the_answer_gives_less_of() -> None:
    held = LocalMedia("192.0.2.9", 20000, 7, direction="sendonly")
    assert b"a=sendonly\r\n" in answer(offer("m=audio 4000 RTP/AVP 0"), held).description.encode()
    assert b"a=inactive\r\n" in answer(offer("m=audio 4000 RTP/AVP 0", "a=sendonly"), held).description.encode()


def test_a_peer_that_answers_hold_holds_us_too() -> None:
    agreed = read_answer(make_offer(LOCAL), offer("m=audio 4000 RTP/AVP 0", "a=inactive"))
    assert (agreed.send, agreed.receive) == (False, False)


@given(st.binary(max_size=300))
def test_strangers_bytes_raise_nothing_but_the_protocol_error(data: bytes) -> None:
    try:
        answer(SessionDescription.parse(b"v=0\r\nc=IN IP4 192.0.2.1\r\n" + data), LOCAL)
    except RemoteProtocolError:
        pass


@given(st.lists(st.sampled_from(BARESIP.encode().decode().split("\r\n")), max_size=20))
def test_lines_in_any_order_raise_nothing_but_the_protocol_error(lines: list[str]) -> None:
    try:
        agreed = answer(SessionDescription.parse("\n".join(lines).encode()), LOCAL)
    except RemoteProtocolError:
        return
    assert SessionDescription.parse(agreed.description.encode()) == agreed.description
