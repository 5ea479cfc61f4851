"""What the application may want of a transfer: the part of `UserAgent` that is about REFER. RFC 3515, RFC 5589."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.errors import LocalProtocolError
from ivr.sip.core import Core
from ivr.sip.events import Flow, Output
from ivr.sip.fields import plain
from ivr.sip.leg import Leg, Phase
from ivr.sip.refer_to import refer_to
from ivr.sip.referee import Referee
from ivr.sip.replaces import Replaces
from ivr.sip.user_to_user import UserToUser


class Transfers:
    """Transfers of calls, ours and theirs."""

    _core: Core

    def refer(
        self,
        leg: str,
        target: str,
        now: float,
        *,
        replaces_leg: str = "",
        user_to_user: Sequence[UserToUser] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> list[Output]:
        """Ask the peer to call `target` itself: one `ReferEnded` follows, whatever happens.

        :param replaces_leg: our call with `target`, whose place the peer's call is to take: an attended transfer.
        :raises LocalProtocolError: the call is not confirmed, another REFER is under way, or the address is none.
        """
        to = refer_to(target, self._live(replaces_leg) if replaces_leg else None, user_to_user)
        live = self._live(leg)
        if live.phase is not Phase.CONFIRMED:
            raise LocalProtocolError(f"leg {leg} is not confirmed: wait for CallConfirmed or CallAccepted")
        live.referrer.refer(to, headers, now)
        return self._core.take_outbox()

    def call_named(self, leg: str) -> str:
        """Our call with the peer as the peer knows it: the value of a Replaces header that asks for its place.

        :raises LocalProtocolError: there is no such leg, or it has no dialog yet.
        """
        return Replaces.of_peer(self._live(leg).require_dialog()).encode()

    def flow_of(self, leg: str) -> Flow:
        """The way between us and the peer of a call. Raises LocalProtocolError for a leg that is not live."""
        return self._live(leg).flow

    def accept_refer(self, leg: str, now: float, *, status: int = 100) -> list[Output]:
        """Answer `ReferRequested` with 202, and tell that we try, or with `status` 200 that it is done already.

        The leg itself may be over meanwhile.
        """
        self._referee(leg).accept(now, status)
        return self._core.take_outbox()

    def refuse_refer(self, leg: str, status: int, now: float, *, phrase: str = "") -> list[Output]:
        """Answer `ReferRequested` with 403 or another status from 300 to 699: nobody is called."""
        if not 300 <= status <= 699:
            raise LocalProtocolError(f"a REFER is refused with a status from 300 to 699, not {status}")
        self._referee(leg).refuse(status, now, phrase)
        return self._core.take_outbox()

    def tell_refer(self, leg: str, status: int, now: float, *, phrase: str = "") -> list[Output]:
        """How far the call for the peer is; 200 to 699 is the last word. Nothing happens when the peer has asked
        not to be told, or listens no longer."""
        if leg in self._core.referees:
            self._core.referees[leg].tell(status, now, phrase)
        return self._core.take_outbox()

    def _live(self, leg: str) -> Leg:
        try:
            return self._core.legs[leg]
        except KeyError:
            raise LocalProtocolError(f"no live leg is named {plain(leg)}: it has ended, or never was") from None

    def _referee(self, leg: str) -> Referee:
        try:
            return self._core.referees[leg]
        except KeyError:
            raise LocalProtocolError(f"leg {plain(leg)} has no REFER waiting for an answer") from None
