"""Nothing secret leaves in a trace, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.masking import masked

HEAD = b"REGISTER sip:here SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCSeq: 2 REGISTER\r\n"
INFO = b"INFO sip:x SIP/2.0\r\nCSeq: 3 INFO\r\nContent-Type: application/dtmf-relay\r\n\r\n"

SECRETS = [
    (
        HEAD + b'Authorization: Digest username="a", nonce="n0nce", response="5ecre7", cnonce="5ecre8"\r\n\r\n',
        b"5ecre",
    ),
    (HEAD + b"Proxy-Authorization: Digest username=a,\r\n response = 5ecre7\r\n\r\n", b"5ecre"),
    (HEAD + b"Authorization: Basic NWVjcmU3\r\n\r\n", b"NWVjcmU3"),
    (HEAD + b'Authentication-Info: rspauth="5ecre7", nextnonce="n0nce"\r\n\r\n', b"5ecre"),
    (HEAD + b"From: <sip:alice:5ecre7@192.0.2.1>;tag=1\r\n\r\n", b"5ecre"),
    (HEAD + b"user-to-user: 5ecre7;encoding=hex\r\n\r\n", b"5ecre"),
    (HEAD + b"Refer-To: <sip:b@192.0.2.1?Replaces=x&User-to-User=5ecre7%3Bencoding%3Dhex>\r\n\r\n", b"5ecre"),
    (HEAD + b"\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7/AB+c==|2^20|1:4\r\n", b"5ecre"),
    (HEAD + b"\r\nv=0\r\na=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:5ecre7 inline:5ecre8\r\n", b"5ecre"),
    (HEAD + b"\r\nv=0\r\nk=clear:5ecre7\r\na=ice-pwd:5ecre7\r\na=key-mgmt:mikey 5ecre7\r\n", b"5ecre"),
    (HEAD + b'\r\n<kpml-response digits="1234"/>\r\n', b"1234"),
    (INFO + b"Signal=7\r\nDuration=160\r\n", b"7"),
    (INFO + b"signal = 7\nduration = 160\n", b"7"),
    (b"INFO sip:x SIP/2.0\r\nCSeq: 3 INFO\r\nContent-Type: application/dtmf\r\n\r\n7\r\n", b"7"),
    (b"INFO sip:x SIP/2.0\r\ncseq : 3  INFO\r\nContent-Type: text/plain\r\n\r\nthe PIN is 7", b"7"),
]


@pytest.mark.parametrize(("message", "secret"), SECRETS, ids=lambda part: part.decode()[-40:])
def test_what_is_secret_becomes_stars_of_the_same_length(message: bytes, secret: bytes) -> None:
    assert secret in message
    shown = masked(message)
    assert secret not in shown
    assert len(shown) == len(message)
    assert b"*" in shown


def test_what_helps_to_find_a_fault_stays() -> None:
    shown = masked(SECRETS[0][0])
    assert b'username="a", nonce="n0nce", response="******", cnonce="******"' in shown
    shown = masked(SECRETS[7][0])
    assert shown.endswith(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:*************|2^20|1:4\r\n")
    assert masked(SECRETS[11][0]).endswith(b"Signal=*\r\nDuration=160\r\n")


PLAIN = (
    b"INVITE sip:100@192.0.2.2:5060;transport=udp SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@192.0.2.1:5060>;tag=1\r\nTo: <sip:192.0.2.2:5060>\r\nContact: <sip:192.0.2.1:5060>\r\n"
    b"CSeq: 1 INVITE\r\nCall-ID: INFO@x\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\na=rtpmap:0 PCMU/8000\r\n"
)


def test_a_message_without_secrets_is_left_as_it_is() -> None:
    assert masked(PLAIN) == PLAIN


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_keep_their_length(head: bytes, body: bytes) -> None:
    for data in (head, head + b"\r\n\r\n" + body, INFO + body):
        assert len(masked(data)) == len(data)
