"""Text on its way to a voice: what may be said, and how long to pause around it.

Prompts are put together from pieces ("You owe" + "eighty-four dollars" + ", due on" + …) that are rendered
one by one. The pause that belongs to a piece's punctuation is made here, so that the pieces join as
if they had been said in one breath, whatever silence the voice puts around an utterance.
"""

from __future__ import annotations

import unicodedata

from ivr.errors import IvrError

LONGEST = 20_000
"""Characters of one text; some twenty minutes of speech. More is a mistake, not a prompt."""

BETWEEN_WORDS = 0.03
"""Seconds after a piece that ends in the middle of a phrase."""
PAUSES = {
    **dict.fromkeys(".!?…。", 0.30),
    **dict.fromkeys(":;", 0.22),
    **dict.fromkeys(",–—", 0.14),
}
"""Seconds after a piece that ends with such a sign, or before one that begins with it."""
BRACKETS = "\"'»«”“’‘)]}"


def normalised(text: str) -> str:
    """`text` as it goes to the voice and into the cache key: composed, in one line, without control characters.

    Raises IvrError for what no voice should be given: a NUL, half a character, nothing, or far too much.
    """
    if "\0" in text:
        raise IvrError("a text to speak has a NUL character in it; write it without")
    if any(unicodedata.category(sign) == "Cs" for sign in text):
        raise IvrError("a text to speak has half a character (a lone surrogate) in it; save it as UTF-8")
    composed = unicodedata.normalize("NFC", text)
    visible = "".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in composed)
    plain = " ".join("".join(sign for sign in visible if unicodedata.category(sign) != "Cf").split())
    if not plain:
        raise IvrError("a text to speak is empty; write what is to be said")
    if len(plain) > LONGEST:
        raise IvrError(f"a text to speak has {len(plain)} characters; at most {LONGEST} can be said at once")
    return plain


def is_pause(text: str) -> bool:
    """Whether nothing in `text` can be pronounced: "." or ", " between two values."""
    return all(unicodedata.category(sign)[0] in "PZC" for sign in text)


def pause_after(text: str) -> float:
    """Seconds of silence that the end of `text` asks for."""
    return PAUSES.get(text.rstrip().rstrip(BRACKETS).rstrip()[-1:], BETWEEN_WORDS)


def pause_before(text: str) -> float:
    """Seconds of silence that a `text` which begins with a comma or a full stop asks for."""
    return PAUSES.get(text.lstrip()[:1], 0.0)


def seconds_at_least(text: str) -> float:
    """The shortest time in which anybody says `text`: 30 ms a word."""
    return 0.0 if is_pause(text) else 0.03 * len(text.split())
