"""The user agent: bytes and wishes in, bytes and events out. RFC 3261.

::

    bytes --> decode --> transaction --> inspection --> leg | registrar | OPTIONS
                                                          |
    SendBytes, IncomingCall, CallEnded, ... <-- outbox <--+

It reads no clock and opens no socket: `now` is an argument in monotonic seconds, `deadline` says when to
call `expire`. Whoever owns the sockets does with the outputs what they say, in their order.
"""

from __future__ import annotations

import hmac
import logging
import random
from collections.abc import Iterable, Sequence

from ivr.errors import LocalProtocolError
from ivr.sip.authoriser import Authoriser
from ivr.sip.bindings import Binding
from ivr.sip.capabilities import described
from ivr.sip.core import Core
from ivr.sip.credentials import Credentials
from ivr.sip.events import Flow, Output, Place, UserAgentSettings
from ivr.sip.farewell import Farewell, KeptDialog
from ivr.sip.fields import parse_uri, scheme_of
from ivr.sip.guard import Guard, Verdict
from ivr.sip.incoming_leg import IncomingLeg
from ivr.sip.inspection import inspect
from ivr.sip.invitation import invitation
from ivr.sip.lamps import Lamps
from ivr.sip.leg import Leg, Phase
from ivr.sip.message import MalformedMessage, Request, decode
from ivr.sip.outgoing_leg import OutgoingLeg
from ivr.sip.probe import Probe
from ivr.sip.registrar import Registrar
from ivr.sip.registration import Line, Registrations
from ivr.sip.replaces import replaced_leg
from ivr.sip.reply import Header, Refusal, reply_to
from ivr.sip.session_timer import inspect_timer
from ivr.sip.timers import Timers
from ivr.sip.transaction.layer import Served, return_flow
from ivr.sip.transfers import Transfers
from ivr.sip.watched import Watched

logger = logging.getLogger(__name__)

OVERLOAD_RETRY = "5"
"""Seconds of Retry-After when there are too many transactions."""


class UserAgent(Transfers, Watched):
    """Many calls at once over UDP and TCP, as client and as server."""

    def __init__(
        self, settings: UserAgentSettings, *, timers: Timers | None = None, rng: random.Random | None = None
    ) -> None:
        """`rng` makes tags, branches and nonces; leave it out except in tests, where repetition is wanted."""
        self._core = Core(settings, timers or Timers(), rng or random.SystemRandom())
        self._registrar = Registrar(self._core)
        self._lamps = Lamps(self._core, self._registrar.identities)
        self._core.registrations = Registrations(self._core)
        self._stateless_key = self._core.rng.getrandbits(256).to_bytes(32, "big")
        self._calls = 0

    # --- time and state

    @property
    def deadline(self) -> float | None:
        """When `expire` wants to be called, in monotonic seconds; None for never."""
        return self._core.queue.deadline

    def expire(self, now: float) -> list[Output]:
        """Do what is due."""
        while (waiting := self._core.queue.pop_due(now)) is not None:
            waiting.expire(now)
        return self._core.take_outbox()

    @property
    def legs(self) -> list[str]:
        """Names of the live legs."""
        return list(self._core.legs)

    def has_leg(self, name: str) -> bool:
        """Whether a call of that name is live."""
        return name in self._core.legs

    def kept_dialog(self, name: str) -> KeptDialog | None:
        """What has to be known of a live leg to hang it up after a restart; None while it has no dialog."""
        return KeptDialog.of(self._core.legs.get(name))

    def end_kept(self, kept: KeptDialog, now: float, reason: str) -> list[Output]:
        """BYE in a dialog of before a restart. :raises ValueError: it is none."""
        Farewell(self._core).send(kept, now, reason)
        return self._core.take_outbox()

    @property
    def counters(self) -> dict[str, int]:
        """Messages ``received``, ``dropped``, ``malformed``, ``repeated``, ``overloaded`` (too many transactions),
        ``authentication_failed``, ``authentication_dropped`` (of who guesses too much); each is there from the
        start."""
        return dict(self._core.counters)

    @property
    def guard(self) -> Guard | None:
        """Who is kept out, and why; None without limits."""
        return self._core.guard

    @property
    def transactions(self) -> int:
        """Transactions that still hold memory, either way."""
        return self._core.layer.served_count + self._core.layer.sent_count

    def bindings(self, user: str, now: float) -> list[Binding]:
        """Where a registered user can be reached, the preferred first; empty when nowhere."""
        return self._registrar.bindings.of(user, now)

    def registered(self, now: float) -> dict[str, list[Binding]]:
        """Every user who can be reached, and where."""
        return self._registrar.bindings.users(now)

    def restore_bindings(self, bindings: Iterable[Binding], now: float) -> None:
        """Take what was registered before a restart."""
        self._registrar.restore(bindings, now)

    def registration_kept(self, number: int, now: float) -> list[Output]:
        """What `RegistrationToKeep` asked for is done: its telephone gets the answer."""
        self._registrar.kept(number, now)
        return self._core.take_outbox()

    # --- what the network brings

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Output]:
        """One datagram, or one message out of the framer. Whatever the bytes are, nothing is raised."""
        if data.strip(b"\r\n\x00 "):
            self._core.counters["received"] += 1
            guard = self._core.guard
            if guard is not None and not flow.is_stream and guard.glance(data, flow, now):
                self._keep_out(guard, "its source is beyond its share", flow, now)
            else:
                self._receive(data, flow, now)
        return self._core.take_outbox()

    def connection_lost(self, flow: Flow, now: float) -> list[Output]:
        """A TCP connection is gone, or the one asked for with a flow of connection 0 could not be opened.

        Our requests on it have failed; answers still owed are sent over a new connection; calls go on.
        """
        self._core.registrations.connection_lost(flow)
        self._core.layer.connection_lost(flow, now)
        for leg in [leg for leg in self._core.legs.values() if leg.uses(flow)]:
            leg.connection_lost(flow)
        return self._core.take_outbox()

    def _receive(self, data: bytes, flow: Flow, now: float) -> None:
        try:
            message = decode(data)
        except MalformedMessage as problem:
            self._receive_malformed(problem, flow, now)
            return
        if isinstance(message, Request):
            self._receive_request(message, flow, now)
        elif len(message.tokens("Via")) > 1:
            self._core.drop(f"response {message.status} has more than one Via", flow)
        elif not self._core.layer.receive_response(message, flow, now):
            self._core.drop(f"response {message.status} to nothing we asked", flow)

    def _receive_malformed(self, problem: MalformedMessage, flow: Flow, now: float) -> None:
        self._core.counters["malformed"] += 1
        logger.debug("sip_malformed source=%s why=%s", flow.remote[0], problem)
        if problem.request is None:
            self._core.drop(str(problem), flow)
            return
        guard = self._core.guard
        if guard is not None and not guard.may_answer_malformed(flow, now):
            self._keep_out(guard, str(problem), flow, now)
            return
        stamp(problem.request, flow)
        phrase = "" if problem.status != 400 else f"Bad Request: {str(problem)[:120]}"
        self._answer_without_state(problem.request, flow, problem.status, phrase)

    def _answer_without_state(
        self, request: Request, flow: Flow, status: int, phrase: str = "", headers: Sequence[Header] = ()
    ) -> None:
        """The To tag is the same each time the request is repeated. RFC 3261 section 8.2.7."""
        seed = request.top_via.text.encode("utf-8", "surrogateescape")
        tag = hmac.new(self._stateless_key, seed, "sha256").hexdigest()[:16]
        named = [("Server", self._core.settings.product), *headers]
        response = reply_to(request, status, phrase, to_tag=tag, headers=named)
        self._core.transmit(return_flow(request, flow), response.encode())

    # --- requests

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        layer = self._core.layer
        stamp(request, flow)
        if request.method == "ACK":
            self._receive_ack(request, flow, now)
        elif (served := layer.served_for(request, request.method)) is not None:
            self._core.counters["repeated"] += 1
            layer.run(served, served.machine.repeated(now), now)
        elif self._is_overload(request):
            self._core.counters["overloaded"] += 1
            self._answer_without_state(request, flow, 503, headers=[("Retry-After", OVERLOAD_RETRY)])
        elif not self._is_kept_out(request, flow, now):
            self._process(layer.serve(request, return_flow(request, flow), self._core.token()), flow, now)

    def _is_overload(self, request: Request) -> bool:
        too_many = self._core.layer.served_count >= self._core.settings.max_transactions
        return too_many and not self._is_of_live_call(request)

    def _is_of_live_call(self, request: Request) -> bool:
        """These are served in any weather: requests in a dialog, and the CANCEL of a call that rings."""
        if request.method == "CANCEL":
            return self._core.layer.served_for(request, "INVITE") is not None
        return self._leg_of(request) is not None

    def _is_kept_out(self, request: Request, flow: Flow, now: float) -> bool:
        """Whether the guard does not let it in: it was refused without state, or dropped."""
        guard = self._core.guard
        if guard is None or self._is_of_live_call(request):
            return False
        verdict = guard.judge(request, flow, now)
        if verdict is Verdict.SERVE:
            return False
        if verdict is Verdict.REFUSE:
            retry_after = ("Retry-After", str(guard.limits.retry_after))
            self._answer_without_state(request, flow, 503, headers=[retry_after])
            self._tell_limited(guard, flow, now)
        else:
            self._keep_out(guard, f"{request.method} beyond the limits of its source", flow, now)
        return True

    def _keep_out(self, guard: Guard, why: str, flow: Flow, now: float) -> None:
        self._core.drop(why, flow, unwanted=True)
        self._tell_limited(guard, flow, now)

    def _tell_limited(self, guard: Guard, flow: Flow, now: float) -> None:
        if (report := guard.report(flow, now)) is not None:
            self._core.emit(report)

    def _receive_ack(self, ack: Request, flow: Flow, now: float) -> None:
        """It belongs to a transaction that failed, or to the dialog of one that succeeded."""
        served = self._core.layer.served_for(ack, "INVITE")
        if served is not None and served.acknowledged(now):
            return
        leg = self._leg_of(ack) or _leg_answering(served, ack)
        if leg is not None:
            leg.receive_ack(ack, flow, now)
        elif served is None:
            self._core.drop("ACK for no call of ours", flow)

    def _process(self, served: Served, flow: Flow, now: float) -> None:
        """RFC 3261 section 8.2, then the dialog or the method."""
        request = served.request
        if request.method == "CANCEL":
            self._receive_cancel(served, now)
        elif refusal := inspect(request, secure=flow.transport == "tls") or inspect_timer(
            request, self._core.settings.min_session_expires
        ):
            self._core.reply(served, refusal.status, now, phrase=refusal.phrase, headers=refusal.headers)
        elif request.to_tag:
            self._process_in_dialog(served, flow, now)
        elif self._core.layer.is_merged(served):
            self._core.reply(served, 482, now)
        elif request.method == "INVITE":
            self._receive_call(served, flow, now)
        elif request.method == "OPTIONS":
            user = parse_uri(request.uri).user or ""
            contact = self._core.contact(flow, user, scheme_of(request.uri))
            self._core.reply(served, 200, now, headers=[contact, *described()])
        elif request.method == "REGISTER":
            self._registrar.receive(served, flow, now)
        elif request.method == "SUBSCRIBE":
            self._lamps.receive(served, flow, now)
        elif request.method == "REFER":  # strangers do not make us call others
            self._core.reply(served, 403, now)
        else:
            self._core.reply(served, 481, now)

    def _process_in_dialog(self, served: Served, flow: Flow, now: float) -> None:
        leg = self._leg_of(served.request)
        if served.request.method == "SUBSCRIBE":
            self._lamps.receive(served, flow, now)
        elif leg is not None:
            leg.receive(served, flow, now)
        else:
            self._core.reply(served, 481, now)

    def _receive_cancel(self, served: Served, now: float) -> None:
        """200 to the CANCEL, 487 to what it cancels. RFC 3261 section 9.2."""
        target = self._core.layer.served_for(served.request, "INVITE")
        if target is None:
            self._core.reply(served, 481, now)
            return
        served.tag = target.tag
        self._core.reply(served, 200, now)
        if isinstance(target.answerer, Leg):
            target.answerer.receive_cancel(target, served.request, now)

    def _receive_call(self, served: Served, flow: Flow, now: float) -> None:
        replaced = replaced_leg(self._core, served.request)
        if isinstance(replaced, Refusal):
            self._core.reply(served, replaced.status, now, phrase=replaced.phrase)
            return
        self._calls += 1
        while (name := f"in-{self._calls}") in self._core.legs:
            self._calls += 1
        IncomingLeg(self._core, name, served, flow, now, replaced.name if replaced is not None else "")

    def _leg_of(self, request: Request) -> Leg | None:
        return self._core.dialogs.get((request.call_id, request.to_tag, request.from_tag))

    # --- what the application wants of a call that came

    def ring(self, leg: str, now: float) -> list[Output]:
        """180 Ringing."""
        self._incoming(leg).ring(now)
        return self._core.take_outbox()

    def answer(self, leg: str, sdp: bytes, now: float) -> list[Output]:
        """200 OK with the answer, or with our offer when the INVITE had none; repeated until `CallConfirmed`."""
        self._incoming(leg).answer(sdp, now)
        return self._core.take_outbox()

    def refuse(
        self, leg: str, status: int, now: float, *, phrase: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> list[Output]:
        """A final answer from 300 to 699. `CallEnded` by `local` follows at once."""
        self._incoming(leg).refuse(status, now, phrase, list(headers))
        return self._core.take_outbox()

    # --- of any call

    def hang_up(self, leg: str, now: float, *, reason: str = "") -> list[Output]:
        """BYE, CANCEL or a refusal, whatever the state asks for, as soon as it is allowed. Safe to call twice.

        :param reason: words for the Reason header, or a whole value such as ``Q.850;cause=16``.
        """
        if leg in self._core.legs:
            self._core.legs[leg].hang_up(now, reason)
        return self._core.take_outbox()

    def offer(self, leg: str, sdp: bytes, now: float) -> list[Output]:
        """Change the session: `SessionAnswered` or `SessionRefused` follows, or the end of the call.

        By re-INVITE; by UPDATE in a call of ours that is not answered yet, once its first offer was answered
        reliably (`CallProgress` with SDP from a peer that takes UPDATE).

        :raises LocalProtocolError: the call is not that far, or another offer is under way.
        """
        live = self._live(leg)
        if live.phase is not Phase.CONFIRMED and not live.may_update_early:
            raise LocalProtocolError(f"leg {leg} is not confirmed: wait for CallConfirmed or CallAccepted")
        live.renegotiation.offer(sdp, now)
        return self._core.take_outbox()

    def accept_offer(self, leg: str, sdp: bytes, now: float) -> list[Output]:
        """Answer `SessionOffered`; with our own offer when theirs was empty, then `SessionAnswered` follows."""
        self._live(leg).renegotiation.accept(sdp, now)
        return self._core.take_outbox()

    def refuse_offer(self, leg: str, status: int, now: float, *, headers: Sequence[Header] = ()) -> list[Output]:
        """Refuse `SessionOffered`, usually with 488 and a Warning; the session goes on as it was."""
        if not 300 <= status <= 699:
            raise LocalProtocolError(f"an offer is refused with a status from 300 to 699, not {status}")
        self._live(leg).renegotiation.refuse(status, now, headers)
        return self._core.take_outbox()

    # --- of a call or registration of ours

    def invite(
        self,
        leg: str,
        target: str,
        sdp: bytes,
        flow: Flow,
        now: float,
        *,
        caller_uri: str,
        display_name: str = "",
        headers: Sequence[tuple[str, str]] = (),
        credentials: tuple[str, str] | None = None,
        replaces: str = "",
        places: Sequence[Place] = (),
    ) -> list[Output]:
        """Call `target` over `flow`: `CallProgress`, then `CallAccepted` or `CallRefused` follow.

        :param places: where to ring for `target`, when that is not the target itself over `flow`.
        :param replaces: the call of `target` whose place ours is to take, as `ReferRequested` names it.
        :param credentials: user and password, for a 401 or 407 on the way.
        :raises LocalProtocolError: the name is taken, or an address is none.
        """
        if leg in self._core.legs:
            raise LocalProtocolError(f"a leg named {leg} is live already")
        request = invitation(self._core, target, sdp, flow, caller_uri, display_name, headers, replaces)
        proof = Authoriser(Credentials(*credentials), self._core.rng) if credentials else None
        OutgoingLeg(self._core, leg, flow, caller_uri, proof).start(request, now, places)
        return self._core.take_outbox()

    def register(self, line: Line, flow: Flow, now: float, *, expires: int = 3600) -> list[Output]:
        """Tell a registrar that we are reached here; 0 seconds takes it back. `RegistrationAnswered` follows.

        To refresh, call it again in time: `ivr.sip.upkeep` says when.
        """
        self._core.registrations.register(line, flow, expires, now)
        return self._core.take_outbox()

    def probe(self, name: str, uri: str, flow: Flow, now: float, *, route: str = "") -> list[Output]:
        """Ask by OPTIONS whether anybody is there: `ProbeAnswered` follows. `route` is an outbound proxy's URI.

        :raises LocalProtocolError: an address is none.
        """
        Probe(self._core, name).send(uri, route, flow, now)
        return self._core.take_outbox()

    # --- names

    def _incoming(self, leg: str) -> IncomingLeg:
        live = self._live(leg)
        if not isinstance(live, IncomingLeg):
            raise LocalProtocolError(f"leg {leg} is a call of ours: only the peer can ring, answer or refuse it")
        return live


def stamp(request: Request, flow: Flow) -> None:
    """Note in the top Via where the request really came from. RFC 3261 section 18.2.1, RFC 3581 section 4."""
    stamped = request.top_via.stamped(*flow.remote)
    if stamped is not request.top_via:
        request.replace_top_via(stamped)


def _leg_answering(served: Served | None, ack: Request) -> Leg | None:
    """The leg whose 2xx is meant by an ACK outside its dialog, but with the branch of the INVITE.

    RFC 6026 section 7.1 has the transaction pass it on. Telephones that make up a new To tag for the ACK
    (pyVoIP 1.6) would otherwise never be heard, and be hung up on for want of an ACK.
    """
    if served is None or not isinstance(served.answerer, Leg):
        return None
    invite = served.request
    same_call = (invite.call_id, invite.from_tag) == (ack.call_id, ack.from_tag)
    return served.answerer if same_call else None
