"""The peer asks us to call somebody: its REFER, and how we tell it what came of it. RFC 3515 section 2.4.

::

    REFER --> refuse: 403, 603 ...
          '-> accept: 202, NOTIFY 100 --> tell 180: NOTIFY 180 --> tell 200: NOTIFY 200, terminated

One NOTIFY is under way at a time, so that none overtakes another; of what is told meanwhile the latest is sent.
All this may outlive the call: a telephone may hang up as soon as it has our 202, and is told nevertheless
(RFC 5057 section 4: the BYE ends the call, not the subscription).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.errors import LocalProtocolError
from ivr.sip.again import again_with
from ivr.sip.capabilities import ALLOW, SUPPORTED
from ivr.sip.events import ReferRequested
from ivr.sip.fields import plain, user_part
from ivr.sip.fragment import FRAGMENT_TYPE, encode_fragment
from ivr.sip.message import Request, Response
from ivr.sip.refer_to import ReferTo, read_refer_to
from ivr.sip.replaces import Replaces, leg_named
from ivr.sip.reply import Header, Refusal

if TYPE_CHECKING:
    from ivr.sip.leg import Leg
    from ivr.sip.transaction.layer import Sent, Served

DECIDE_WITHIN = 20.0
"""Seconds the application may think about a REFER; the peer gives up after 32 (64*T1)."""
TOLD_FOR = 180
"""Seconds our subscription lives from each NOTIFY on."""
NO_LONGER = 600.0
"""Seconds after which the peer is told that there is no outcome."""


class Referee:
    """One REFER of the peer, from its arrival to the last NOTIFY."""

    def __init__(self, leg: Leg, served: Served, now: float) -> None:
        self._leg = leg
        self._core = leg.core
        self._served: Served | None = served
        """Waits for accept() or refuse()."""
        self._request = served.request
        self._under_way: Sent | None = None
        self._next: tuple[int, str] | None = None
        self._ended = False
        """The last NOTIFY is sent, or waits."""
        self.deadline: float | None = now + DECIDE_WITHIN
        self._core.referees[leg.name] = self
        self._core.queue.watch(self)

    # --- the decision

    def accept(self, now: float, status: int = 100) -> None:
        """202, and a NOTIFY that we try, or that it is done already (`status`). With ``Refer-Sub: false`` the 202
        is all the peer wants to hear (RFC 4488)."""
        headers: list[Header] = [self._leg.contact, ALLOW, SUPPORTED]
        silent = (self._request.headers.get("Refer-Sub") or "").split(";")[0].strip().lower() == "false"
        if silent:
            headers.append(("Refer-Sub", "false"))
        self._core.reply(self._take(), 202, now, headers=headers)
        if silent:
            self._forget()
            return
        self.deadline = now + NO_LONGER
        self._core.queue.watch(self)
        self._ended = status >= 200
        self._send(status, "", now)

    def refuse(self, status: int, now: float, phrase: str = "") -> None:
        self._core.reply(self._take(), status, now, phrase=plain(phrase))
        self._forget()

    def _take(self) -> Served:
        served, self._served = self._served, None
        if served is None:
            raise LocalProtocolError(f"leg {self._leg.name} has no REFER waiting for an answer")
        return served

    # --- telling

    def tell(self, status: int, now: float, phrase: str = "") -> None:
        """How far the call made for the peer is; from 200 on it is the last word."""
        if self._served is not None:
            raise LocalProtocolError(f"the REFER of leg {self._leg.name} is not accepted yet")
        if self._ended:
            return
        self._ended = status >= 200
        if self._under_way is not None:
            self._next = status, phrase
        else:
            self._send(status, phrase, now)

    def _send(self, status: int, phrase: str, now: float) -> None:
        state = "terminated;reason=noresource" if status >= 200 else f"active;expires={TOLD_FOR}"
        dialog = self._leg.require_dialog()
        notify = dialog.request("NOTIFY", body=encode_fragment(status, phrase))
        for name, value in (
            ("Event", f"refer;id={self._request.cseq.sequence}"),
            ("Subscription-State", state),
            self._leg.contact,
            ALLOW,
            SUPPORTED,
            ("Content-Type", FRAGMENT_TYPE),
        ):
            notify.headers.add(name, value)
        if self._leg.authoriser is not None:
            self._leg.authoriser.sign(notify)
        flow = self._core.flow_towards(dialog, self._leg.flow, self._leg.use_flow)
        self._under_way = self._core.send(notify, flow, self, now)

    def _prove(self, sent: Sent, response: Response, now: float) -> bool:
        """Send a NOTIFY that was challenged once more; whether it was, and could be."""
        authoriser = self._leg.authoriser
        if authoriser is None or not authoriser.takes(sent.request, response):
            return False
        dialog = self._leg.require_dialog()
        dialog.local_sequence += 1
        again = again_with(sent.request, dialog.local_sequence)
        authoriser.sign(again, again=True)
        self._under_way = self._core.send(again, sent.flow, self, now)
        return True

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if sent is not self._under_way or not response.is_final or self._prove(sent, response, now):
            return
        self._under_way = None
        if response.status >= 300:  # the peer does not want to hear of it any more
            self._forget()
        elif self._next is not None:
            (status, phrase), self._next = self._next, None
            self._send(status, phrase, now)
        elif self._ended:
            self._forget()

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent is self._under_way:
            self._forget()

    # --- time

    def expire(self, now: float) -> None:
        """Nobody decided, or nobody told the outcome."""
        self.deadline = None
        if self._served is not None:
            self.refuse(603, now)
        else:
            self.tell(408, now)

    def _forget(self) -> None:
        self.deadline = None
        self._core.queue.forget(self)
        if self._core.referees.get(self._leg.name) is self:
            del self._core.referees[self._leg.name]


def receive_refer(leg: Leg, served: Served, now: float) -> None:
    """Put a REFER before the application, or answer it where there is nothing to decide."""
    core, request = leg.core, served.request
    refer_to = Refusal(403, "Not Before The Answer") if leg.is_early else read_refer_to(request)
    if isinstance(refer_to, Refusal):
        core.reply(served, refer_to.status, now, phrase=refer_to.phrase)
    elif leg.name in core.referees:
        core.reply(served, 491, now)
    else:
        leg.require_dialog().refresh_target(request)
        Referee(leg, served, now)
        core.emit(_event(leg, request, refer_to))


def _leg_meant(leg: Leg, replaces: Replaces) -> Leg | None:
    """The tags are those of whoever is to be called (RFC 3891 section 6.1). Some telephones copy the To and From
    of the call as it began, which for one that was made to them is the other way round; both tags are still known
    to none but its two sides."""
    turned = Replaces(replaces.call_id, replaces.from_tag, replaces.to_tag)
    return leg_named(leg.core, replaces) or leg_named(leg.core, turned)


def _event(leg: Leg, request: Request, to: ReferTo) -> ReferRequested:
    named = _leg_meant(leg, to.replaces) if to.replaces else None
    return ReferRequested(
        leg=leg.name,
        target=plain(to.target),
        number=user_part(to.target),
        replaces=to.replaces.encode() if to.replaces else "",
        replaces_leg=named.name if named is not None else "",
        user_to_user=to.user_to_user,
        referred_by=request.text("Referred-By")[:200],
    )
