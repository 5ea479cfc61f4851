"""Session descriptions and offer/answer. RFC 8866, RFC 3264."""

from ivr.sdp.description import MediaDescription, Origin, SessionDescription
from ivr.sdp.negotiation import Agreement, LocalMedia, NotAcceptable, answer, make_offer, read_answer

__all__ = [
    "Agreement",
    "LocalMedia",
    "MediaDescription",
    "NotAcceptable",
    "Origin",
    "SessionDescription",
    "answer",
    "make_offer",
    "read_answer",
]
