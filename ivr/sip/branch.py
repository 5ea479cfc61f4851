"""One place that a call of ours rings, over one way after another. RFC 3263 section 4.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.again import again_with
from ivr.sip.companions import cancel_of
from ivr.sip.events import Place
from ivr.sip.message import Request
from ivr.sip.reason import reason_header
from ivr.sip.transaction.layer import Sent

if TYPE_CHECKING:
    from ivr.sip.outgoing_leg import OutgoingLeg

SILENT = 4.0
"""Seconds without any answer, not even 100 Trying, after which the next way is taken, where there is one. The
transaction itself would be patient for 32 s (timer B), which no caller is."""
NEXT_WAY = (408, 503)
"""Failures, told by the peer or made up for silence and a broken connection, after which the next way is taken."""
BY_A_PERSON = (486, 600, 603)
"""Answers that somebody gave on purpose."""


class Branch:
    """An INVITE of one call; there may be others of the same call beside it."""

    def __init__(self, leg: OutgoingLeg, place: Place) -> None:
        self.place = place
        self.flow = place.flows[0]
        self.provisional = False
        """CANCEL must wait for the first provisional answer. RFC 3261 section 9.1."""
        self.unwanted: str | None = None
        """Set, to the reason, when another place or way was quicker, or we gave up."""
        self.is_over = False
        self.is_left = False
        """Silent, and another way was taken; should it answer after all and first, it has the call."""
        self.is_another_way = False
        """Another had failed before."""
        self.status, self.phrase = 0, ""
        """Of its end, when that was a failure."""
        self.tags: set[str] = set()
        """Of the early dialogs it has made."""
        self.deadline: float | None = None
        self._leg = leg
        self._ways = list(place.flows[1:])

    sent: Sent

    @property
    def is_live(self) -> bool:
        """Whether the call may still be answered here."""
        return not self.is_over and not self.is_left and self.unwanted is None

    @property
    def has_another_way(self) -> bool:
        return bool(self._ways)

    def start(self, request: Request, now: float) -> None:
        self._send(request, now)

    def again(self, sent: Sent) -> None:
        """The INVITE was sent once more, as after a challenge."""
        self.sent, self.provisional = sent, False

    def take_another_way(self, now: float) -> Branch:
        """The same INVITE to the next server of this place; the branch that has it from now on."""
        place = Place(self.place.uri, tuple(self._ways), self.place.rank, self.place.use_flow)
        self._ways = []
        other = Branch(self._leg, place)
        other.is_another_way = True
        request = again_with(self.sent.request, self.sent.request.cseq.sequence)
        if self._leg.authoriser is not None:
            self._leg.authoriser.sign(request, again=True)
        other._send(request, now)
        return other

    def _send(self, request: Request, now: float) -> None:
        leg = self._leg
        request.headers.setlist("Contact", [leg.core.contact(self.flow, leg.user, leg.scheme)[1]])
        self.sent = leg.core.send(request, self.flow, leg, now)
        self._wake(now + SILENT if self._ways or leg.has_more_places else None)

    def heard(self) -> None:
        """Somebody is there."""
        self.provisional = True
        if self.unwanted is None:
            self._wake(None)

    def drop(self, reason: str, now: float) -> None:
        """CANCEL, as soon as that is allowed."""
        if self.is_over or self.unwanted is not None:
            return
        self.unwanted = reason
        self._wake(None)
        if self.provisional:
            self.send_cancel(now)

    def send_cancel(self, now: float) -> None:
        """The peer must answer the INVITE now; if it does not, we stop waiting after 64*T1."""
        cancel = cancel_of(self.sent.request)
        for name, value in reason_header(self.unwanted or ""):
            cancel.headers.add(name, value)
        self._leg.core.layer.send(cancel, self.sent.flow, self._leg, now)
        self._wake(now + self._leg.core.timers.patience)

    def end(self, status: int = 0, phrase: str = "") -> None:
        self.is_over = True
        self.status, self.phrase = status, phrase
        self._wake(None)

    def expire(self, now: float) -> None:
        """Nobody answered the INVITE, or its CANCEL."""
        self.deadline = None
        if self.unwanted is None and not self.provisional:
            self._leg.silent(self, now)
        elif not self.is_over:
            self.sent.abandon()
            self._leg.given_up(self, now)

    def _wake(self, when: float | None) -> None:
        self.deadline = when
        self._leg.core.queue.watch(self)


def best(branches: list[Branch]) -> tuple[int, str]:
    """Which failure tells most: what a person said, then what a server said, then that nobody was there.

    Roughly RFC 3261 section 16.7, step 6.
    """

    def rank(branch: Branch) -> tuple[bool, bool, int]:
        return branch.status not in BY_A_PERSON, branch.status in NEXT_WAY, branch.status

    first = min(branches, key=rank)
    return first.status, first.phrase


def fork_of(request: Request, place: Place) -> Request:
    """The same INVITE for another place. Forks of one call differ in Request-URI and branch alone."""
    fork = Request(request.method, place.uri, request.body)
    for name in request.headers.keys():  # noqa: SIM118
        fork.headers.setlist(name, request.headers.getlist(name))
    return fork
