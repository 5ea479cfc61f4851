"""Telephones that light a lamp for a user: SUBSCRIBE, and a NOTIFY at each change. RFC 6665, RFC 4235.

::

    SUBSCRIBE --> 200, NOTIFY active --> show: NOTIFY active --> SUBSCRIBE again: 200, NOTIFY
        |                                                    '-> Expires: 0, or the time is over: NOTIFY terminated
        '--> 489 another package, 403 a stranger, 404 no such user, 423 too brief

Only telephones at an address from which one is registered, and trusted addresses of the settings, may look. One
NOTIFY of a subscription is under way at a time; of what changes meanwhile the newest is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.bindings import Bindings
from ivr.sip.capabilities import ALLOW_EVENTS, PACKAGES
from ivr.sip.dialog import Dialog, contact_of
from ivr.sip.dialog_info import DIALOG_INFO_TYPE, Lamp, encode_dialog_info
from ivr.sip.events import Flow
from ivr.sip.fields import user_part
from ivr.sip.message import Request, Response
from ivr.sip.sources import source_of

if TYPE_CHECKING:
    from ivr.sip.core import Core
    from ivr.sip.dialog import DialogId
    from ivr.sip.transaction.layer import Sent, Served

LONGEST = 3600
"""Seconds of a subscription, when none are asked for; also the most that is granted."""
SHORTEST = 60
"""Seconds; less is refused with 423. RFC 6665 section 4.2.1.1."""
MOST = 2000
"""Subscriptions at once; the next one gets 503."""


class Lamps:
    """What is shown of whom, and to whom."""

    def __init__(self, core: Core, bindings: Bindings) -> None:
        self.core = core
        self.shown: dict[str, Lamp] = {}
        """By user; nobody else can be watched."""
        self.subscriptions: dict[DialogId, LampSubscription] = {}
        self._bindings = bindings

    def show(self, user: str, lamp: Lamp, now: float) -> None:
        """The user's lamp is like this from now on; a user becomes known by it."""
        if self.shown.get(user) == lamp:
            return
        self.shown[user] = lamp
        for subscription in list(self.subscriptions.values()):
            if subscription.user == user:
                subscription.tell(now)

    def receive(self, served: Served, flow: Flow, now: float) -> None:
        """A SUBSCRIBE, in a dialog or outside one."""
        request = served.request
        if (request.headers.get("Event") or "").split(";")[0].strip().lower() not in PACKAGES:
            self.core.reply(served, 489, now, headers=[ALLOW_EVENTS])
            return
        seconds = _expires(request)
        if 0 < seconds < SHORTEST:
            self.core.reply(served, 423, now, headers=[("Min-Expires", str(SHORTEST))])
        elif not request.to_tag:
            self._begin(served, flow, seconds, now)
        elif (known := self.subscriptions.get((request.call_id, request.to_tag, request.from_tag))) is None:
            self.core.reply(served, 481, now)
        elif not known.dialog.accepts_sequence(request):
            self.core.reply(served, 500, now, phrase="CSeq Out of Order")
        else:
            known.dialog.refresh_target(request)
            known.renew(served, flow, seconds, now)

    def _begin(self, served: Served, flow: Flow, seconds: int, now: float) -> None:
        request = served.request
        user = user_part(request.uri)
        if not self._may_look(flow, now):
            status = 403
        elif user not in self.shown:
            status = 404
        elif contact_of(request) is None:
            status = 400
        elif not _takes_documents(request):
            status = 406
        elif len(self.subscriptions) >= MOST:
            status = 503
        else:
            dialog = Dialog.of_request(request, served.tag)
            LampSubscription(self, user, request, dialog, flow).renew(served, flow, seconds, now)
            return
        self.core.reply(served, status, now)

    def _may_look(self, flow: Flow, now: float) -> bool:
        host = flow.remote[0]
        there = (binding for bindings in self._bindings.users(now).values() for binding in bindings)
        return host in self.core.settings.trunks or any(
            source_of(binding.flow.remote[0]) == source_of(host) for binding in there
        )


class LampSubscription:
    """One telephone that watches one user."""

    def __init__(self, lamps: Lamps, user: str, request: Request, dialog: Dialog, flow: Flow) -> None:
        self.user = user
        self.dialog = dialog
        self.deadline: float | None = None
        self._lamps = lamps
        self._core = lamps.core
        self._entity = request.uri
        self._event = request.headers.get("Event") or "dialog"
        self._flow = flow
        self._version = 0
        self._under_way: Sent | None = None
        self._changed = False
        """What is under way is not the newest."""
        self._over = False

    def renew(self, served: Served, flow: Flow, seconds: int, now: float) -> None:
        """Granted: how long, and how the lamp is now. 0 seconds take it back, or look once."""
        self._flow = flow
        headers = [("Expires", str(seconds)), self._core.contact(flow, self.user)]
        self._core.reply(served, 200, now, headers=headers)
        self._lamps.subscriptions[self.dialog.id] = self
        self._over = seconds == 0
        self.deadline = now + seconds if seconds else None
        self._core.queue.watch(self)
        self.tell(now)

    def tell(self, now: float) -> None:
        """A NOTIFY with the whole state, as soon as the one before is answered."""
        if self._under_way is not None:
            self._changed = True
            return
        self._changed = False
        left = max(0, round((self.deadline or now) - now))
        state = "terminated;reason=timeout" if self._over else f"active;expires={left}"
        body = encode_dialog_info(self._entity, self._lamps.shown[self.user], self._version)
        self._version += 1
        notify = self.dialog.request("NOTIFY", body=body)
        for name, value in (
            ("Event", self._event),
            ("Subscription-State", state),
            self._core.contact(self._flow, self.user),
            ("Content-Type", DIALOG_INFO_TYPE),
        ):
            notify.headers.add(name, value)
        flow = self._core.flow_towards(self.dialog, self._flow, use_flow=True)
        self._under_way = self._core.send(notify, flow, self, now)
        if self._over:
            self._forget()

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if sent is not self._under_way or not response.is_final:
            return
        self._under_way = None
        if response.status >= 300:  # the telephone does not want to hear of it any more
            self._forget()
        elif self._changed:
            self.tell(now)

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent is self._under_way:
            self._forget()

    def expire(self, now: float) -> None:
        """Nobody has renewed it."""
        self.deadline, self._over = None, True
        self.tell(now)

    def _forget(self) -> None:
        self.deadline = None
        self._core.queue.forget(self)
        self._lamps.subscriptions.pop(self.dialog.id, None)


def _takes_documents(request: Request) -> bool:
    """Whoever names nothing takes the document of the package. RFC 4235 section 3.5."""
    accepted = [kind.split(";")[0].strip().lower() for kind in request.tokens("Accept")]
    return not accepted or DIALOG_INFO_TYPE in accepted or "*/*" in accepted or "application/*" in accepted


def _expires(request: Request) -> int:
    text = request.text("Expires")
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() and len(text) <= 10 else LONGEST
