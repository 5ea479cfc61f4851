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
    "en": ("No screen. {reason}.", "Account ending in {digits}.", "No account.", "Not verified."),
    "es": ("Sin pantalla. {reason}.", "Cuenta terminada en {digits}.", "Sin cuenta.", "Sin verificar."),
}
"""By language of the menu's callers; any other gets the English ones, which need no grammar."""
SHOWN: Final = 4
"""Digits of the account: enough to find it among those the caller has, too few to use."""


def whisper_of(visit: Visit, reason: str) -> Clip:
    """In the first language of the menu, the house's own. The sound is not kept: somebody's account is in it."""
    known = visit.menu.languages[0].code if visit.menu.languages else "en"
    language = known if known in WORDS else "en"
    facts = visit.machine.facts
    text = whisper_text(language, reason, plain(facts.values.get("account")), proved=facts.level != "no")
    return clip_of(Piece("whisper", language, text, secret=True), visit.menu, visit.rooms.settings.menu.audio)


def whisper_text(language: str, reason: str, account: str, *, proved: bool) -> str:
    """An account that the caller has not proved to be his is never told without saying so (H19).

    >>> whisper_text("en", "ASKED_FOR_AGENT", "4000000002", proved=True)
    'No screen. asked for agent. Account ending in 0, 0, 0, 2.'
    >>> whisper_text("en", "BILL", "4000000002", proved=False)
    'No screen. bill. Account ending in 0, 0, 0, 2. Not verified.'
    """
    what, which, none, unproved = WORDS[language]
    words = reason.replace("_", " ").lower()
    known = which.format(digits=", ".join(account[-SHOWN:])) if account else none
    whispered = f"{what.format(reason=words)} {known}"
    return f"{whispered} {unproved}" if account and not proved else whispered
