"""Session descriptions and offer/answer. RFC 8866, RFC 3264."""

from ivr.sdp.crypto import SUITES, Secured
from ivr.sdp.description import MediaDescription, Origin, SessionDescription
from ivr.sdp.negotiation import Agreement, LocalMedia, answer, make_offer, make_straight_offer, read_answer
from ivr.sdp.stream import NotAcceptable, Srtp, choose

__all__ = [
    "SUITES",
    "Agreement",
    "LocalMedia",
    "MediaDescription",
    "NotAcceptable",
    "Origin",
    "Secured",
    "SessionDescription",
    "Srtp",
    "answer",
    "choose",
    "make_offer",
    "make_straight_offer",
    "read_answer",
]
