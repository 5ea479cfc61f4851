"""Ladders as an operator sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.call.ladder import Ladder
from ivr.call.traced import Traced, calls_in, session_in_words

CALL = "20260302-151500-ab12cd"
BEGAN = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
SDP = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"


class Story:
    """Messages one after the other."""

    def __init__(self) -> None:
        self.messages: list[Traced] = []

    def add(
        self, at: float, way: str, start: str, cseq: str, *, leg: str = CALL, body: str = "", more: str = ""
    ) -> None:
        caller = leg == CALL
        called = "100" if caller else "desk1"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        head = (
            f"{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{cseq.replace(' ', '')}\r\n"
            f"From: <sip:+15550100@h>;tag=1\r\nTo: <sip:{called}@h>\r\nCall-ID: {leg}\r\n"
            f"CSeq: {cseq}\r\n{more}{kind}Content-Length: {len(body)}\r\n\r\n"
        )
        remote = ("192.0.2.1", 5080) if caller else ("192.0.2.9", 5070)
        moment, us = BEGAN + timedelta(seconds=at), ("192.0.2.2", 5060)
        data, number = (head + body).encode(), len(self.messages)
        self.messages.append(Traced(number, moment, way == "in", "udp", us, remote, CALL, leg, data))


@pytest.fixture
def story() -> Story:
    story = Story()
    agent = f"agent-{CALL}-h1.1"
    story.add(0.0, "in", "INVITE sip:100@h SIP/2.0", "1 INVITE", body=SDP)
    story.add(0.001, "out", "SIP/2.0 100 Trying", "1 INVITE")
    story.add(0.2, "out", "SIP/2.0 200 OK", "1 INVITE", body=SDP)
    story.add(0.7, "out", "SIP/2.0 200 OK", "1 INVITE", body=SDP)
    story.add(0.71, "in", "ACK sip:ivr@h SIP/2.0", "1 ACK")
    story.add(12.3, "out", "INVITE sip:desk1@h SIP/2.0", "7 INVITE", leg=agent, body=SDP)
    story.add(13.0, "in", "SIP/2.0 486 Busy Here", "7 INVITE", leg=agent, more='Warning: 399 h "in a meeting"\r\n')
    story.add(20.0, "out", "BYE sip:alice@h SIP/2.0", "1 BYE", more="Reason: Q.850;cause=16\r\n")
    return story


def drawn(messages: list[Traced], *, live: bool = False) -> list[str]:
    ladder = Ladder(80)
    if not live:
        ladder.expect(messages)
    return [line.text for message in messages for line in ladder.draw(message)]


LADDER = """\
+15550100 calls: 192.0.2.1:5080 by udp
desk1 is called: 192.0.2.9:5070 by udp
ivr: 192.0.2.2:5060
              +15550100                    ivr                      desk1
   0.000          |------- INVITE 1 ------->|                         |
                  | 192.0.2.1:4000 PCMU PCMA keys                     |
   0.001          |<---- 100 (INVITE 1) ----|                         |
   0.200          |<-- 200 OK (INVITE 1) ---|                         |
                  | 192.0.2.1:4000 PCMU PCMA keys                     |
   0.700          |<- 200 (INVITE 1) again -|                         |
   0.710          |-------- ACK 1 --------->|                         |
  12.300          |                         |------- INVITE 7 ------->|
                  |                         | 192.0.2.1:4000 PCMU PCMA keys
  13.000          |                         |<---- 486 (INVITE 7) ----|
                  |                         | 486 Busy Here (INVITE 7)|
                  |                         | Warning: 399 h "in a meeting"
  20.000          |<-------- BYE 1 ---------|                         |
                  | Reason: Q.850;cause=16  |                         |
"""


def test_both_legs_of_a_call_stand_beside_each_other(story: Story) -> None:
    assert "\n".join(drawn(story.messages)) + "\n" == LADDER
    assert max(map(len, LADDER.splitlines())) <= 80


def test_an_agent_who_turns_up_later_gets_a_column_and_a_new_head(story: Story) -> None:
    lines = drawn(story.messages, live=True)
    heads = [line for line in lines if line.strip().startswith("+15550100  ")]
    assert len(heads) == 2
    assert "desk1" not in heads[0] and heads[1].rstrip().endswith("desk1")


def test_six_parties_are_drawn_wider_and_lose_nothing(story: Story) -> None:
    for number in range(2, 7):
        leg = f"agent-{CALL}-h1.{number}"
        story.add(13.0 + number, "out", "INVITE sip:desk1@h SIP/2.0", "7 INVITE", leg=leg, body=SDP)
    text = "\n".join(drawn(story.messages))
    assert len([line for line in text.splitlines() if ">|" in line and "INVITE 7" in line]) == 6
    assert len([line for line in text.splitlines() if "192.0.2.1:4000 PCMU PCMA keys" in line]) == 8


def test_a_second_line_of_an_agent_stands_on_the_side_of_those_who_called(story: Story) -> None:
    story.add(14.0, "out", "BYE sip:desk1@h SIP/2.0", "2 BYE", leg=f"line-{CALL}")
    assert "+15550100 calls: 192.0.2.9:5070 by udp" in drawn(story.messages)
    assert len(calls_in(story.messages)) == 1


def test_what_cannot_be_read_is_drawn_as_that() -> None:
    odd = Traced(1, BEGAN, True, "udp", ("192.0.2.2", 5060), ("192.0.2.1", 5), "", "", b"\x1b[2Jrubbish")
    assert any("unreadable, 11 octets" in line for line in drawn([odd]))


def test_a_list_says_what_became_of_each_call(story: Story) -> None:
    (call,) = calls_in(story.messages)
    assert (call.group, call.outcome) == (CALL, "answered, we hung up")
    (early,) = calls_in(story.messages[:2])
    assert early.outcome == "no answer yet"
    (busy,) = calls_in(story.messages[5:7])
    assert busy.outcome == "refused: 486 Busy Here"
    assert calls_in(story.messages[1:2]) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "v=0\nc=IN IP6 2001:db8::1\nm=audio 40 RTP/SAVP 0\na=inactive\n",
            "[2001:db8::1]:40 SRTP PCMU inactive",
        ),
        ("v=0\nc=IN IP4 h\nm=audio 0 RTP/AVP 0\nm=video 9 RTP/AVP 96\n", "rejected PCMU | video h:9 96"),
        ("v=0\nc=IN IP4 h\nm=audio 4 RTP/AVP 0\na=crypto:1 x inline:y\n", "h:4 SRTP (RTP/AVP) PCMU"),
        ("v=0\na=sendonly\nm=audio 4 RTP/AVP 8\n", "?:4 PCMA sendonly"),
        ("m=oops\n", "unreadable session: SDP media 'oops'; kind, port, profile and formats are needed"),
        ("v=0\n", "no stream"),
    ],
)
def test_a_session_in_words(body: str, words: str) -> None:
    assert session_in_words(body.encode()) == words
