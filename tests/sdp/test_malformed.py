"""Descriptions that are broken or unusable, each with its answer; and those that only look odd."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import RemoteProtocolError
from ivr.sdp import LocalMedia, MediaDescription, NotAcceptable, Origin, SessionDescription, answer
from ivr.sdp.stream import Srtp

LOCAL = LocalMedia("192.0.2.9", 20000, session_id=7, srtp="offered", keys=(b"a" * 30, b"b" * 30))
GOOD = (
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:97 telephone-event/8000\r\n"
    "a=ptime:20\r\na=sendrecv\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n"
)


def status(body: bytes) -> int:
    """The answer to an INVITE with this body."""
    try:
        answer(SessionDescription.parse(body), LOCAL)
    except NotAcceptable:
        return 488
    except RemoteProtocolError:
        return 400
    return 200


ODDITIES = {
    "nothing": ("", 400),
    "no version": (GOOD.replace("v=0\r\n", ""), 400),
    "another version": (GOOD.replace("v=0", "v=1"), 400),
    "an origin cut short": (GOOD.replace(" IN IP4 192.0.2.1\r\ns=-", "\r\ns=-"), 400),
    "an origin with a space in its name": (GOOD.replace("o=alice", "o=alice smith"), 400),
    "a line without equals sign": (GOOD.replace("t=0 0", "t 0 0"), 400),
    "a line of one letter": (GOOD + "a\r\n", 400),
    "XML": ("<sdp/>", 400),
    "a connection without address": (GOOD.replace("c=IN IP4 192.0.2.1", "c=IN IP4"), 400),
    "a connection with two addresses": (GOOD.replace("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1 192.0.2.2"), 400),
    "a port that is a word": (GOOD.replace("49170", "port"), 400),
    "a port below nothing": (GOOD.replace("49170", "-1"), 400),
    "a port too great": (GOOD.replace("49170", "65536"), 400),
    "a port of a hundred digits": (GOOD.replace("49170", "9" * 100), 400),
    "a port of Arabic digits": (GOOD.replace("49170", "٤٩١٧٠"), 400),
    "a stream without formats": (GOOD.replace(" 0 8 97", ""), 400),
    "an m= line with nothing on it": (GOOD + "m=\r\n", 400),
    "one octet above the limit": (GOOD + "a=x:" + "x" * (65537 - len(GOOD) - 4), 400),
    "no stream": (GOOD.partition("m=")[0], 488),
    "only video": (GOOD.replace("m=audio", "m=image"), 488),
    "audio that was taken back": (GOOD.replace("49170", "0"), 488),
    "no address anywhere": (GOOD.replace("c=IN IP4 192.0.2.1\r\n", ""), 488),
    "a name for an address": (GOOD.replace("c=IN IP4 192.0.2.1", "c=IN IP4 phone.example"), 488),
    "another network": (GOOD.replace("c=IN IP4 192.0.2.1", "c=ATM NSAP 47.0091"), 488),
    "formats that are words": (GOOD.replace("0 8 97", "t38 x"), 488),
    "payload types above 127": (GOOD.replace("0 8 97", "128 999"), 488),
    "telephone events alone": (GOOD.replace("0 8 97", "97"), 488),
    "PCMU at 16 kHz": (GOOD.replace("0 8 97", "0").replace("PCMU/8000", "PCMU/16000"), 488),
    "a map of nothing": (GOOD.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:0"), 200),
    "bare line feeds": (GOOD.replace("\r\n", "\n"), 200),
    "bare carriage returns": (GOOD.replace("\r\n", "\r"), 200),
    "no last line end": (GOOD.rstrip(), 200),
    "white space around": (GOOD.replace("\r\n", "  \r\n"), 200),
    "empty lines": (GOOD.replace("\r\n", "\r\n\r\n"), 200),
    "letters nobody knows": (GOOD + "q=what\r\n", 200),
    "an attribute without name": (GOOD + "a=:x\r\na=\r\n", 200),
    "no origin": (GOOD.replace("o=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\n", ""), 200),
    "no name and no time": (GOOD.replace("s=-\r\n", "").replace("t=0 0\r\n", ""), 200),
    "ids that are no numbers": (GOOD.replace("2890844526 2890844526", "x -7"), 200),
    "a number of ports": (GOOD.replace("49170", "49170/2"), 200),
    "two directions": (GOOD.replace("a=sendrecv", "a=sendrecv\r\na=inactive"), 200),
    "a ptime of words": (GOOD.replace("ptime:20", "ptime:fast"), 200),
    "one format a thousand times": (GOOD.replace("0 8 97", "0 " * 1000 + "8"), 200),
    "a thousand streams": (GOOD + "m=video 5000 RTP/AVP 31\r\n" * 1000, 200),
}  # fmt: skip


@pytest.mark.parametrize("oddity", ODDITIES)
def test_a_strange_description_gets_the_answer_of_a_careful_listener(oddity: str) -> None:
    body, expected = ODDITIES[oddity]
    assert status(body.encode()) == expected


def test_octets_that_are_no_text_do_no_harm() -> None:
    assert status(GOOD.encode().replace(b"s=-", b"s=\xff\xfe\x00")) == 200


WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
HOSTS = st.one_of(st.ip_addresses().map(str), WORDS)
ATTRIBUTES = st.lists(st.tuples(WORDS.map(str.lower), st.one_of(st.none(), WORDS)), max_size=4).map(tuple)
NUMBERS = st.integers(0, 10**20 - 1)
ORIGINS = st.builds(Origin, WORDS, NUMBERS, NUMBERS, HOSTS)
STREAMS = st.builds(
    MediaDescription,
    WORDS.map(str.lower),
    st.integers(0, 65535),
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "UDP/BFCP"]),
    st.lists(WORDS, min_size=1, max_size=5).map(tuple),
    st.one_of(st.none(), HOSTS, st.just("ATM NSAP 47.0091")),
    ATTRIBUTES,
)
DESCRIPTIONS = st.builds(
    SessionDescription,
    ORIGINS,
    st.one_of(st.none(), HOSTS),
    st.lists(STREAMS, max_size=4).map(tuple),
    ATTRIBUTES,
    WORDS,
    st.just(("0 0",)),
)


@given(DESCRIPTIONS)
@settings(max_examples=25, deadline=None)
def test_what_is_written_reads_the_same(description: SessionDescription) -> None:
    assert SessionDescription.parse(description.encode()) == description


@given(DESCRIPTIONS, st.sampled_from(["off", "offered", "required"]))
@settings(max_examples=25, deadline=None)
def test_an_answer_has_the_streams_of_the_offer_in_their_order(
    description: SessionDescription, srtp: Srtp
) -> None:
    local = LocalMedia("192.0.2.9", 20000, 7, srtp=srtp, keys=LOCAL.keys)
    try:
        ours = answer(description, local).description
    except RemoteProtocolError:
        return
    assert [(m.kind, m.profile) for m in ours.media] == [(m.kind, m.profile) for m in description.media]
    assert [m.port for m in ours.media if m.port] == [20000]
    assert SessionDescription.parse(ours.encode()) == ours


def test_three_thousand_mutations_of_a_good_description_raise_nothing_else() -> None:
    rng = random.Random(4566)
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n"
    base = GOOD.replace("a=ptime", key + "a=ptime").encode()
    seen = set()
    for _ in range(3000):
        body = bytearray(base)
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(body))
            match rng.randrange(4):
                case 0:
                    body[place] = rng.randrange(256)
                case 1:
                    del body[place : place + rng.randrange(12)]
                case 2:
                    body[place:place] = body[rng.randrange(len(body)) :][: rng.randrange(40)]
                case _:
                    body[place:place] = rng.randbytes(rng.randrange(4))
            body = body or bytearray(b"v")
        seen.add(status(bytes(body)))
    assert seen == {200, 400, 488}
