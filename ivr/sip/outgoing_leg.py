"""A call we make. RFC 3261 sections 13.2 and 9.1.

It may ring several places at once, or one after the other, each by several ways (`branch.py`); who answers first
has the call. Each tag in an answer is a dialog of its own, early until its 2xx. The latest that spoke is `dialog`,
and the one that answers first stays it; requests of the peer find theirs by tag.
"""

from __future__ import annotations

from collections.abc import Sequence

from ivr.sip.authoriser import Authoriser
from ivr.sip.branch import NEXT_WAY, Branch, best, fork_of
from ivr.sip.core import Core
from ivr.sip.dialog import Dialog
from ivr.sip.events import (
    NO_ANSWER,
    NO_CONNECTION,
    CallAccepted,
    CallProgress,
    CallRefused,
    Flow,
    Place,
    WayFailed,
)
from ivr.sip.fields import scheme_of, user_part
from ivr.sip.inspection import sdp_of
from ivr.sip.leg import Leg, Phase
from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of
from ivr.sip.reliability import EarlyDialog, is_reliable
from ivr.sip.transaction.layer import Sent

MAX_EARLY = 32
"""Early dialogs of one call; a proxy forks to a handful."""
_STATUS_OF_FAILURE = {"timeout": (408, NO_ANSWER), "transport": (503, NO_CONNECTION)}


class OutgoingLeg(Leg):
    """The leg of our INVITE."""

    owns_call_id = True

    def __init__(self, core: Core, name: str, flow: Flow, caller_uri: str, authoriser: Authoriser | None) -> None:
        super().__init__(core, name, flow, user_part(caller_uri))
        self.authoriser = authoriser
        self._branches: list[Branch] = []
        """Every INVITE of the call, those that are over too."""
        self._waiting: list[tuple[Place, Request]] = []
        """Places that ring when those before have failed."""
        self._giving_up: str | None = None
        """Set, to the reason, when our side has hung up before the answer."""
        self._early: dict[str, EarlyDialog] = {}
        """What provisional answers made, by the peer's tag."""
        self._forks: dict[str, Dialog] = {}
        """Every dialog a 2xx made, by the peer's tag: our leg's own, and those we hang up at once."""

    def start(self, request: Request, now: float, places: Sequence[Place] = ()) -> None:
        """Ring `places`, or the one the request is for, by the flow of the leg."""
        self.local_sdp = request.body
        self.scheme = scheme_of(request.uri)
        for name, value in self.timer.headers_of_request():
            request.headers.add(name, value)
        if self.core.guard is not None:
            self.core.guard.entered(self.name, request)
        places = sorted(places or [Place(request.uri, (self.flow,))], key=lambda place: place.rank)
        self._waiting = [(place, fork_of(request, place)) for place in places]
        self._ring_next(now)

    def _ring_next(self, now: float) -> bool:
        """Ring every place of the next rank at once; whether there was one."""
        ranks = [place.rank for place, _ in self._waiting]
        turn = [waiting for waiting in self._waiting if waiting[0].rank == ranks[0]]
        self._waiting = self._waiting[len(turn) :]
        for place, request in turn:
            self._branches.append(branch := Branch(self, place))
            branch.start(request, now)
        return bool(turn)

    def dialog_of(self, peer_tag: str) -> Dialog:
        early = self._early.get(peer_tag)
        return early.dialog if self.is_early and early is not None else self.require_dialog()

    def is_agreed_early(self, peer_tag: str) -> bool:
        early = self._early.get(peer_tag)
        return early is not None and early.is_agreed

    # --- what the application wants

    def hang_up(self, now: float, reason: str) -> None:
        if not self.is_early:
            super().hang_up(now, reason)
        elif self._giving_up is None:
            self._giving_up = reason
            self._waiting = []
            self._drop_all(reason, now)

    def _drop_all(self, reason: str, now: float) -> None:
        for branch in self._branches:
            branch.drop(reason, now)

    # --- answers

    def _branch_of(self, sent: Sent) -> Branch | None:
        return next((branch for branch in self._branches if branch.sent is sent), None)

    def on_invite_response(self, sent: Sent, response: Response, now: float) -> None:
        branch = self._branch_of(sent)
        if branch is None:
            super().on_invite_response(sent, response, now)
        elif response.status < 200:
            self._progress(branch, response, now)
        elif response.status < 300:
            self._success(branch, response, now)
        elif branch.is_live and (again := self._again(sent, response, now)):
            branch.again(again)
            self._forget_early_of(branch)
        elif branch.is_live and response.status == 503 and branch.has_another_way:
            self._leave(branch, 503, now)
            branch.end()
        else:
            self._failed(branch, response.status, response.phrase, now)

    # --- a branch that fails

    def silent(self, branch: Branch, now: float) -> None:
        """Nobody has answered there at all. It may yet, but another way, or place, is tried meanwhile."""
        if branch.has_another_way:
            branch.is_left = True
            self._leave(branch, 408, now)
        elif self._waiting and self.is_early and self._giving_up is None:
            self._ring_next(now)

    @property
    def has_more_places(self) -> bool:
        """Whether places of a later rank wait for those before."""
        return bool(self._waiting)

    def _leave(self, branch: Branch, status: int, now: float) -> None:
        self._forget_early_of(branch)
        self.core.emit(WayFailed(self.name, branch.flow, status))
        self._branches.append(branch.take_another_way(now))

    def given_up(self, branch: Branch, now: float) -> None:
        """Its CANCEL was not obeyed."""
        self._failed(branch, 487, "", now)

    def _failed(self, branch: Branch, status: int, phrase: str, now: float) -> None:
        """That place will not have the call: another may, else it is refused."""
        was_live = branch.is_live
        branch.end(status, phrase)
        if was_live and branch.is_another_way and status in NEXT_WAY:
            self.core.emit(WayFailed(self.name, branch.flow, status))
        if not self.is_early:
            return
        if was_live and status >= 600:  # the callee is asked nowhere else; RFC 3261 section 16.7, step 5
            self._waiting = []
            self._drop_all("", now)
            self._refused(status, phrase)
        elif self._giving_up is not None:
            if all(other.is_over or other.is_left for other in self._branches):
                self._refused(487, phrase if status == 487 else "")
        elif not any(other.is_live for other in self._branches) and not (self._waiting and self._ring_next(now)):
            self._drop_all("", now)
            self._refused(*best([other for other in self._branches if other.status]))

    def _again(self, sent: Sent, response: Response, now: float) -> Sent | None:
        if self.timer.is_too_small(response):
            return self.resend(sent, now, *self.timer.headers_of_request())
        return self.resend_with_credentials(sent, response, now)

    def _progress(self, branch: Branch, response: Response, now: float) -> None:
        first = not branch.provisional
        branch.heard()
        if first and branch.is_left and self.is_early:
            branch.drop("Another way was taken", now)  # and so is nobody rung twice
        elif first and branch.unwanted is not None:
            branch.send_cancel(now)
        if response.status > 100 and self.is_early and self._takes_progress(branch, response, now):
            self.note_abilities(response)
            if branch.is_live:
                self.core.emit(CallProgress(self.name, response.status, sdp_of(response)))

    def _takes_progress(self, branch: Branch, response: Response, now: float) -> bool:
        """Note the early dialog, and send PRACK if asked for; False for a repetition. RFC 3262 section 4."""
        early = self._early_dialog(branch, response)
        if early is None:
            return not is_reliable(response)
        if not is_reliable(response):
            early.sdp = sdp_of(response) or early.sdp
            return True
        sequence = early.takes(response)
        if sequence is None:
            return False
        early.sdp = sdp_of(response) or early.sdp
        early.is_agreed = early.is_agreed or bool(early.sdp)
        rack = f"{sequence} {response.cseq.sequence} INVITE"
        self.send_in_dialog("PRACK", now, [("RAck", rack)], dialog=early.dialog)
        return True

    def _early_dialog(self, branch: Branch, response: Response) -> EarlyDialog | None:
        tag = response.to_tag
        if tag not in self._early:
            if not tag or len(self._early) >= MAX_EARLY:
                return None
            dialog = Dialog.of_response(branch.sent.request, response)
            self._early[tag] = EarlyDialog(dialog)
            branch.tags.add(tag)
            self.core.dialogs[dialog.id] = self
        early = self._early[tag]
        self.dialog = early.dialog
        self._follow(branch)
        return early

    def _follow(self, branch: Branch) -> None:
        """What is sent in the dialog goes the way its branch has gone."""
        if not branch.sent.is_switched:
            self.flow = branch.sent.flow
        else:
            self.flow = branch.flow
        self.use_flow = branch.place.use_flow

    def _forget_early_of(self, branch: Branch) -> None:
        for tag in branch.tags:
            if (early := self._early.pop(tag, None)) is not None:
                self.core.dialogs.pop(early.dialog.id, None)
        branch.tags.clear()
        self.dialog = next((early.dialog for early in self._early.values()), None)

    def _forget_early(self, kept: Dialog | None = None) -> None:
        for early in self._early.values():
            if kept is None or early.dialog.id != kept.id:
                self.core.dialogs.pop(early.dialog.id, None)
        self._early.clear()
        self.dialog = kept

    def forget_dialogs(self) -> None:
        super().forget_dialogs()
        self._forget_early()

    def on_bye(self, reason: str, now: float) -> None:
        """Before the answer a callee has no right to it (RFC 3261 section 15), but means that it is over."""
        if self.is_early:
            self.hang_up(now, "")
        else:
            super().on_bye(reason, now)

    def _success(self, branch: Branch, response: Response, now: float) -> None:
        """Every 2xx is acknowledged, each time it comes; the first is the call. RFC 3261 section 13.2.2.4."""
        known = self._forks.get(response.to_tag)
        invite = branch.sent.request
        dialog = known or self._confirmed(invite, response)
        self._forks[response.to_tag] = dialog
        branch.end()
        kept, kept_use = self.flow, self.use_flow
        self._follow(branch)
        self.send_ack(dialog, invite)
        if known is None and self.is_early and self._giving_up is None:
            self._accepted(dialog, response, now)
            return
        if known is None:
            self.send_bye(now, self._giving_up or "", dialog)
            if self.is_early:
                self._refused(487, "")
        self.flow, self.use_flow = kept, kept_use

    def _confirmed(self, invite: Request, response: Response) -> Dialog:
        """The route set is that of the 2xx, the counters go on. RFC 3261 sections 13.2.2.4 and 12.2.1.1."""
        dialog = Dialog.of_response(invite, response)
        if early := self._early.get(response.to_tag):
            dialog.local_sequence = early.dialog.local_sequence
            dialog.remote_sequence = early.dialog.remote_sequence
        return dialog

    def _accepted(self, dialog: Dialog, response: Response, now: float) -> None:
        early = self._early.get(dialog.remote_tag)
        self.phase = Phase.CONFIRMED
        self._forget_early(kept=dialog)
        self.core.dialogs[dialog.id] = self
        self._waiting = []
        self._drop_all('SIP;cause=200;text="Call completed elsewhere"', now)
        self.note_abilities(response)
        self.timer.answered(response, now)
        self.core.emit(CallAccepted(self.name, sdp_of(response) or (early.sdp if early else b"")))

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent.request.method == "PRACK":
            return
        branch = self._branch_of(sent)
        if branch is None:
            super().on_failure(sent, why, now)
        elif branch.is_live and branch.has_another_way:
            self._leave(branch, _STATUS_OF_FAILURE[why][0], now)
            branch.end()
        else:
            self._failed(branch, *_STATUS_OF_FAILURE[why], now)

    def _refused(self, status: int, phrase: str) -> None:
        if status == 487:
            phrase = phrase or phrase_of(487)
        self.finish(CallRefused(self.name, status, phrase or phrase_of(status)))
