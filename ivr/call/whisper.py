"""What an agent is told who gets a caller without a desktop to show him (H3): the reason, and of which account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ivr.call.clips import clip_of
from ivr.menu.events import Piece
from ivr.menu.facts import plain
from ivr.speech.contracts import Clip

if TYPE_CHECKING:
    from ivr.call.visit import Visit

WORDS: Final = {
    "en": ("No screen. {reason}.", "Account ending in {digits}.", "No account."),
    "es": ("Sin pantalla. {reason}.", "Cuenta terminada en {digits}.", "Sin cuenta."),
}
"""By language of the menu's callers; any other gets the English ones, which need no grammar."""
SHOWN: Final = 4
"""Digits of the account: enough to find it among those the caller has, too few to use."""


def whisper_of(visit: Visit, reason: str) -> Clip:
    """In the first language of the menu, the house's own. The sound is not kept: somebody's account is in it."""
    known = visit.menu.languages[0].code if visit.menu.languages else "en"
    language = known if known in WORDS else "en"
    text = whisper_text(language, reason, plain(visit.machine.facts.values.get("account")))
    return clip_of(Piece("whisper", language, text, secret=True), visit.menu, visit.rooms.settings.menu.audio)


def whisper_text(language: str, reason: str, account: str) -> str:
    """
    >>> whisper_text("en", "ASKED_FOR_AGENT", "4000000002")
    'No screen. asked for agent. Account ending in 0, 0, 0, 2.'
    """
    what, which, none = WORDS[language]
    words = reason.replace("_", " ").lower()
    known = which.format(digits=", ".join(account[-SHOWN:])) if account else none
    return f"{what.format(reason=words)} {known}"
