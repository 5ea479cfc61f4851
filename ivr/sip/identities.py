"""Who a request comes from: credentials are asked for, judged, and wrong ones counted. RFC 3261 section 22.

One of these serves everything that needs a password here, REGISTER and SUBSCRIBE: a guesser gains nothing by
changing the method.
"""

from __future__ import annotations

import logging

from ivr.sip.bindings import Bindings
from ivr.sip.challenge import Challenger, Verdict
from ivr.sip.core import Core
from ivr.sip.events import Flow
from ivr.sip.fields import plain
from ivr.sip.guesses import Guesses
from ivr.sip.sources import source_of
from ivr.sip.transaction.layer import Served

logger = logging.getLogger(__name__)

LONGEST_NAME = 64
"""Characters of a user name that guesses are counted by."""


class Identities:
    """The accounts of the settings, and who has proved to be whom."""

    def __init__(self, core: Core, bindings: Bindings) -> None:
        settings = core.settings
        key = core.rng.getrandbits(256).to_bytes(32, "big")
        self._core = core
        self._bindings = bindings
        self._challenger = Challenger(settings.realm, settings.accounts, settings.digest_algorithms, key)
        self._guesses = Guesses()

    def user_of(self, served: Served, flow: Flow, now: float) -> str | None:
        """The user whose password came with a request; None when it has been answered 401, or dropped."""
        request, source = served.request, source_of(flow.remote[0])
        given = self._challenger.given(request)
        user = given.get("username", "") if given else ""
        if self._must_wait(source, user[:LONGEST_NAME] if given else None, flow, now):
            self._core.layer.remove(served)
            why = f"{request.method} of somebody who guesses passwords"
            self._core.drop(why, flow, "authentication_dropped")
            return None
        # The same work is done for a user nobody knows: the time it takes tells nothing.
        verdict = self._challenger.judge(given, request.method, source, now) if given else Verdict.WRONG
        if given is None or verdict is not Verdict.RIGHT:
            if given is not None and verdict is Verdict.WRONG:
                self._note_wrong(request.method, source, user[:LONGEST_NAME], given, now)
            headers = self._challenger.challenges(source, now, verdict is Verdict.STALE)
            self._core.reply(served, 401, now, headers=headers)
            return None
        self._guesses.right(source, user[:LONGEST_NAME])
        return user

    def _must_wait(self, source: str, user: str | None, flow: Flow, now: float) -> bool:
        """`user` is None where no credentials were given."""
        if user is None:
            return self._guesses.is_scanning(source, now)
        held = self._bindings.of(user, now)
        if any(binding.flow.remote == flow.remote for binding in held):
            return False
        known_here = any(source_of(binding.flow.remote[0]) == source for binding in held)
        return self._guesses.must_wait(source, user, now, known_here=known_here)

    def _note_wrong(self, method: str, source: str, user: str, given: dict[str, str], now: float) -> None:
        """A nonce that is not ours proves nothing, not even where the request came from: that costs nobody."""
        self._core.counters["authentication_failed"] += 1
        ours = self._challenger.is_ours(given, source)
        if ours and self._guesses.wrong(source, user, now):
            logger.warning("%s_guessed source=%s user=%s", method.lower(), source, plain(user))
        else:
            logger.info("%s_refused source=%s", method.lower(), source)
