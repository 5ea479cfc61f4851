"""Keys of SRTP in descriptions: which lines are taken, and what is answered to whom."""

import base64

import pytest

from ivr.errors import RemoteProtocolError
from ivr.sdp import SUITES, LocalMedia, NotAcceptable, SessionDescription, answer, make_offer, read_answer
from ivr.sdp.crypto import Crypto
from ivr.sdp.stream import Srtp

THEIRS = bytes(range(30))
TEXT = base64.b64encode(THEIRS).decode()
OURS = (b"a" * 30, b"b" * 30)
EIGHTY, THIRTY_TWO = SUITES
KEY = f"a=crypto:1 {EIGHTY} inline:{TEXT}"


def local(srtp: Srtp = "offered", host: str = "192.0.2.9") -> LocalMedia:
    return LocalMedia(host, 20000, session_id=7, srtp=srtp, keys=OURS)


def offer(*lines: str) -> SessionDescription:
    head = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


def test_an_offer_with_a_key_is_answered_with_ours_under_the_same_tag_and_suite() -> None:
    agreed = answer(offer("m=audio 4000 RTP/SAVP 0", f"a=crypto:4 {THIRTY_TWO} inline:{TEXT}|2^31"), local())
    assert agreed.secured is not None
    assert (agreed.secured.suite, agreed.secured.remote_key, agreed.secured.local_key) == (
        THIRTY_TWO,
        THEIRS,
        OURS[1],
    )
    media = agreed.description.media[0]
    assert (media.profile, media.port) == ("RTP/SAVP", 20000)
    assert media.values("crypto") == [f"4 {THIRTY_TWO} inline:{base64.b64encode(OURS[1]).decode()}"]


def test_the_first_line_that_can_be_used_is_taken() -> None:
    lines = (
        f"a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{TEXT}",
        f"a=crypto:2 {EIGHTY} inline:{TEXT}|2^20|1:4",
        f"a=crypto:3 {THIRTY_TWO} inline:{TEXT}",
        f"a=crypto:5 {EIGHTY} inline:{TEXT}",
    )
    agreed = answer(offer("m=audio 4000 RTP/SAVP 0", *lines), local())
    assert agreed.secured is not None and agreed.secured.suite == THIRTY_TWO
    assert agreed.description.media[0].values("crypto")[0].startswith("3 ")


@pytest.mark.parametrize(
    "value",
    [
        f"1 {EIGHTY} inline:{TEXT}|2^31",
        f"1 {EIGHTY} inline:{TEXT}|1048576",
        f"1 {EIGHTY} inline:{TEXT} WSH=128",
        f"1 {EIGHTY} inline:{TEXT} -NEW=1",
        f"1  {EIGHTY}   inline:{TEXT}  ",
        f"1 {EIGHTY} INLINE:{TEXT}",
    ],
)
def test_lines_that_ask_for_nothing_unusual_are_taken(value: str) -> None:
    assert Crypto.parse(value).key == THEIRS


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("", "form"),
        (f"x {EIGHTY} inline:{TEXT}", "form"),
        (f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}", "suite F8"),
        (f"1 {EIGHTY} inline:{TEXT}|1:4", "master key index"),
        (f"1 {EIGHTY} inline:{TEXT}|2^20|1:4", "master key index"),
        (f"1 {EIGHTY} inline:{TEXT};inline:{TEXT}", "single"),
        (f"1 {EIGHTY} inline:{TEXT}|2^10", "2\\^10 packets"),
        (f"1 {EIGHTY} inline:{TEXT}|1000", "1000 packets"),
        (f"1 {EIGHTY} inline:{TEXT} UNENCRYPTED_SRTP", "UNENCRYPTED_SRTP"),
        (f"1 {EIGHTY} inline:{TEXT} UNAUTHENTICATED_SRTP", "UNAUTHENTICATED_SRTP"),
        (f"1 {EIGHTY} inline:{TEXT} KDR=1", "KDR"),
        (f"1 {EIGHTY} inline:{TEXT[:-4]}", "27 octets"),
        (f"1 {EIGHTY} inline:{TEXT[:-1]}", "base64"),
        (f"1 {EIGHTY} uri:https://x", "single"),
    ],
)
def test_lines_that_ask_for_more_are_passed_over_without_telling_the_key(value: str, named: str) -> None:
    with pytest.raises(RemoteProtocolError, match=named) as refusal:
        Crypto.parse(value)
    assert TEXT[:8] not in str(refusal.value)


@pytest.mark.parametrize(
    ("srtp", "lines", "code"),
    [
        ("off", ("m=audio 4000 RTP/SAVP 0", KEY), 302),
        ("required", ("m=audio 4000 RTP/AVP 0",), 302),
        ("required", ("m=audio 4000 RTP/SAVP 0",), 306),
        ("offered", ("m=audio 4000 RTP/SAVP 0", f"a=crypto:1 {EIGHTY} inline:{TEXT}|1:4"), 306),
        ("offered", ("m=audio 4000 UDP/TLS/RTP/SAVP 0", KEY), 302),
        ("required", ("m=audio 4000 RTP/SAVPF 0", KEY), 302),
    ],
)
def test_what_the_setting_does_not_allow_is_refused_with_its_warning(
    srtp: Srtp, lines: tuple[str, ...], code: int
) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        answer(offer(*lines), local(srtp))
    assert refusal.value.code == code


@pytest.mark.parametrize(("srtp", "secured"), [("off", False), ("offered", True), ("required", True)])
def test_keys_beside_plain_rtp_are_a_wish(srtp: Srtp, secured: bool) -> None:
    agreed = answer(offer("m=audio 4000 RTP/AVP 0", KEY), local(srtp))
    assert (agreed.secured is not None) is secured
    assert agreed.description.media[0].has("crypto") is secured
    assert agreed.description.media[0].profile == "RTP/AVP"


@pytest.mark.parametrize("plain_first", [True, False])
@pytest.mark.parametrize(("srtp", "ports"), [("off", {"RTP/AVP"}), ("offered", {"RTP/SAVP"})])
def test_of_a_plain_and_a_protected_stream_the_better_allowed_one_is_taken(
    plain_first: bool, srtp: Srtp, ports: set[str]
) -> None:
    streams = [["m=audio 4000 RTP/AVP 0"], ["m=audio 4002 RTP/SAVP 0", KEY]]
    lines = [line for stream in (streams if plain_first else streams[::-1]) for line in stream]
    agreed = answer(offer(*lines), local(srtp))
    assert {media.profile for media in agreed.description.media if media.port} == ports
    assert [media.port for media in agreed.description.media].count(0) == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "secured"),
    [
        ("offered", "offered", True),
        ("offered", "off", False),
        ("required", "required", True),
        ("required", "offered", True),
        ("offered", "required", True),
        ("off", "offered", False),
    ],
)
def test_our_offers_are_answered_by_those_who_can_and_by_those_who_cannot(
    ours: Srtp, theirs: Srtp, secured: bool
) -> None:
    made = SessionDescription.parse(make_offer(local(ours)).encode())
    peer = LocalMedia("192.0.2.1", 4000, 8, srtp=theirs, keys=(b"c" * 30, b"d" * 30))
    agreed_there = answer(made, peer)
    agreed = read_answer(made, SessionDescription.parse(agreed_there.description.encode()))
    assert (agreed.secured is not None, agreed_there.secured is not None) == (secured, secured)
    if agreed.secured is not None and agreed_there.secured is not None:
        assert agreed.secured.local_key == agreed_there.secured.remote_key == OURS[0]
        assert agreed.secured.remote_key == agreed_there.secured.local_key == b"c" * 30


def test_a_plain_answer_to_an_offer_that_needs_keys_is_not_acceptable() -> None:
    with pytest.raises(NotAcceptable):
        read_answer(make_offer(local("required")), offer("m=audio 4000 RTP/AVP 0"))


@pytest.mark.parametrize("line", [f"9 {EIGHTY}", f"2 {EIGHTY}"])
def test_an_answer_with_a_tag_or_suite_that_was_not_offered_is_not_acceptable(line: str) -> None:
    with pytest.raises(NotAcceptable, match="not offered"):
        read_answer(
            make_offer(local("required")), offer("m=audio 4000 RTP/SAVP 0", f"a=crypto:{line} inline:{TEXT}")
        )


def test_no_key_is_shown_by_anything() -> None:
    agreed = answer(offer("m=audio 4000 RTP/SAVP 0", KEY), local())
    shown = repr((agreed, local(), offer("m=audio 4000 RTP/SAVP 0", KEY), Crypto.parse(KEY[9:])))
    assert TEXT[:8] not in shown
    assert repr(THEIRS)[2:20] not in shown and "aaaaaaaa" not in shown
    assert base64.b64encode(OURS[0]).decode()[:8] not in shown


def test_a_broken_line_is_told_without_the_key_in_it() -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        offer("m=audio 4000 RTP/SAVP 0", f"acrypto:1 X inline:{TEXT}")
    assert TEXT[:4] not in str(refusal.value)
