"""Telephones that watch a user: SUBSCRIBE, and a NOTIFY at each change. RFC 6665, with two packages of events:
``dialog``, which lights a lamp (RFC 4235), and ``presence``, which says whether somebody may be called (RFC 3856).

::

    SUBSCRIBE --> 200, NOTIFY active --> show: NOTIFY active --> SUBSCRIBE again: 200, NOTIFY
        |                                                    '-> Expires: 0, or the time is over: NOTIFY terminated
        '--> 401 who are you?, 489 another package, 403 a stranger, 404 no such user, 423 too brief

Whoever has an account here may look, and proves it as for REGISTER, and so may trusted addresses of the settings.
One NOTIFY of a subscription is under way at a time; of what changes meanwhile the newest is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ivr.sip.capabilities import ALLOW_EVENTS, PACKAGES
from ivr.sip.dialog import Dialog, contact_of
from ivr.sip.dialog_info import DIALOG_INFO_TYPE, Lamp, encode_dialog_info
from ivr.sip.events import Flow, WatchesChanged
from ivr.sip.fields import user_part
from ivr.sip.identities import Identities
from ivr.sip.message import Request, Response
from ivr.sip.presence_status import PIDF_TYPE, PresenceStatus, encode_pidf
from ivr.sip.watch import LEAP, Watch

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
TYPES = {"dialog": DIALOG_INFO_TYPE, "presence": PIDF_TYPE}
"""The one type of document of each package, which whoever names none takes."""


class Lamps:
    """What is shown of whom, and to whom."""

    def __init__(self, core: Core, identities: Identities) -> None:
        self.core = core
        self.shown: dict[str, Lamp] = {}
        """By user; nobody else can be watched."""
        self.status: dict[str, PresenceStatus] = {}
        self.subscriptions: dict[DialogId, LampSubscription] = {}
        self._identities = identities

    def show(self, user: str, lamp: Lamp, now: float) -> None:
        """The user's lamp is like this from now on; a user becomes known by it."""
        if self.shown.get(user) != lamp:
            self.shown[user] = lamp
            self._tell(user, "dialog", now)

    def show_status(self, user: str, status: PresenceStatus, now: float) -> None:
        """The same for `presence`."""
        if self.status.get(user) != status:
            self.status[user] = status
            self._tell(user, "presence", now)

    def _tell(self, user: str, package: str, now: float) -> None:
        for subscription in list(self.subscriptions.values()):
            if (subscription.user, subscription.package) == (user, package):
                subscription.tell(now)

    def watches(self, user: str) -> list[Watch]:
        """What to keep of those who watch a user."""
        return [one.kept() for one in self.subscriptions.values() if one.user == user and one.deadline is not None]

    def restore(self, watches: Iterable[Watch], now: float) -> None:
        """Go on with subscriptions from before a restart: each is told how things are now."""
        for watch in watches:
            known = watch.package in PACKAGES and watch.user in self.shown
            if known and watch.expires_at > now and len(self.subscriptions) < MOST:
                subscription = LampSubscription(
                    self, watch.user, watch.package, watch.entity, watch.event, watch.dialog(), watch.flow
                )
                subscription.go_on(watch, now)

    def receive(self, served: Served, flow: Flow, now: float) -> None:
        """A SUBSCRIBE, in a dialog or outside one."""
        request = served.request
        package = (request.headers.get("Event") or "").split(";")[0].strip().lower()
        if package not in PACKAGES:
            self.core.reply(served, 489, now, headers=[ALLOW_EVENTS])
            return
        seconds = _expires(request)
        if 0 < seconds < SHORTEST:
            self.core.reply(served, 423, now, headers=[("Min-Expires", str(SHORTEST))])
        elif not request.to_tag:
            self._begin(served, package, flow, seconds, now)
        elif (known := self.subscriptions.get((request.call_id, request.to_tag, request.from_tag))) is None:
            self.core.reply(served, 481, now)
        elif not known.dialog.accepts_sequence(request):
            self.core.reply(served, 500, now, phrase="CSeq Out of Order")
        else:
            known.dialog.refresh_target(request)
            known.renew(served, flow, seconds, now)

    def _begin(self, served: Served, package: str, flow: Flow, seconds: int, now: float) -> None:
        request = served.request
        user = user_part(request.uri)
        if flow.remote[0] not in self.core.settings.trunks:
            if not self.core.settings.accounts:
                self.core.reply(served, 403, now)
                return
            if self._identities.user_of(served, flow, now) is None:
                return
        if user not in self.shown:
            status = 404
        elif contact_of(request) is None:
            status = 400
        elif not _takes(request, TYPES[package]):
            status = 406
        elif len(self.subscriptions) >= MOST:
            status = 503
        else:
            event = request.headers.get("Event") or package
            dialog = Dialog.of_request(request, served.tag)
            subscription = LampSubscription(self, user, package, request.uri, event, dialog, flow)
            subscription.renew(served, flow, seconds, now)
            return
        self.core.reply(served, status, now)


class LampSubscription:
    """One telephone that watches one user."""

    def __init__(
        self, lamps: Lamps, user: str, package: str, entity: str, event: str, dialog: Dialog, flow: Flow
    ) -> None:
        self.user = user
        self.package = package
        self.dialog = dialog
        self.deadline: float | None = None
        self._lamps = lamps
        self._core = lamps.core
        self._entity = entity
        self._event = event
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
        self._over = seconds == 0
        self._watch(now + seconds if seconds else None)
        self.tell(now)
        self._core.emit(WatchesChanged(self.user))

    def go_on(self, watch: Watch, now: float) -> None:
        """As it was before a restart."""
        self._version = watch.version + LEAP
        self._watch(watch.expires_at)
        self.tell(now)

    def kept(self) -> Watch:
        assert self.deadline is not None, "one that is over is not kept"
        return Watch.of(
            self.user,
            self.package,
            self._event,
            self._entity,
            self._flow,
            self.deadline,
            self._version,
            self.dialog,
        )

    def _watch(self, deadline: float | None) -> None:
        self._lamps.subscriptions[self.dialog.id] = self
        self.deadline = deadline
        self._core.queue.watch(self)

    def tell(self, now: float) -> None:
        """A NOTIFY with the whole state, as soon as the one before is answered."""
        if self._under_way is not None:
            self._changed = True
            return
        self._changed = False
        left = max(0, round((self.deadline or now) - now))
        state = "terminated;reason=timeout" if self._over else f"active;expires={left}"
        notify = self.dialog.request("NOTIFY", body=self._document())
        for name, value in (
            ("Event", self._event),
            ("Subscription-State", state),
            self._core.contact(self._flow, self.user),
            ("Content-Type", TYPES[self.package]),
        ):
            notify.headers.add(name, value)
        flow = self._core.flow_towards(self.dialog, self._flow, use_flow=True)
        self._under_way = self._core.send(notify, flow, self, now)
        if self._over:
            self._forget()

    def _document(self) -> bytes:
        if self.package == "presence":
            return encode_pidf(self._entity, self._lamps.status.get(self.user, PresenceStatus()))
        self._version += 1
        return encode_dialog_info(self._entity, self._lamps.shown[self.user], self._version - 1)

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
        if self._lamps.subscriptions.pop(self.dialog.id, None) is not None:
            self._core.emit(WatchesChanged(self.user))


def _takes(request: Request, kind: str) -> bool:
    """Whoever names nothing takes the document of the package. RFC 4235 section 3.5, RFC 3856 section 6.5."""
    accepted = [one.split(";")[0].strip().lower() for one in request.tokens("Accept")]
    return not accepted or kind in accepted or "*/*" in accepted or "application/*" in accepted


def _expires(request: Request) -> int:
    text = request.text("Expires")
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() and len(text) <= 10 else LONGEST
