"""Who is served when more is asked than we can give, or than is decent. RFC 3261 section 21.5.4, RFC 6357's aims.

::

    bytes --> glance --> decode --> transaction --> judge --> served
                |                      |              +-----> 503 with Retry-After, no state kept
                v                      v              +-----> dropped without a word
        dropped unread        retransmissions, and
        (a source far         requests of live calls,
        beyond its share)     never come this far

A request outside any call costs its source a token; without one it gets 503, and when it has had enough of
those, silence. Calls are counted at once and a second, of one source and of all together. Trunks are under the
limits of all together only, and where there are any, strangers have half of the lines at most and a rate of their
own: a flood from everywhere leaves the trunks theirs. Emergency calls are under none but the room that is kept for
them, and in that room no stranger can have more than half.

The table of sources is bounded, so is everything else here: a flood from invented addresses finds the rate
and the number of calls of all together, which no number of addresses gets round.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import Enum, auto

from ivr.sip.events import Flow, SourceLimited
from ivr.sip.fields import parse_uri
from ivr.sip.limits import Limits, TokenBucket
from ivr.sip.message import Request
from ivr.sip.scanners import is_scanner
from ivr.sip.sources import Source, Sources, source_of

COUNTERS = (
    "scanner",
    "rate",
    "source_rate",
    "requests",
    "full",
    "source_calls",
    "unanswered",
    "unread",
    "emergency",
)
"""What is counted from the start: dropped as ``scanner``; refused for the ``rate`` of all together, the
``source_rate`` of one, its other ``requests``, all lines ``full``, its own ``source_calls``; dropped
``unanswered`` after too many refusals, or ``unread``; and ``emergency`` calls let in where others were not."""
MAX_LINGERING = 5000
"""Calls that are over and of which what is repeated is still read."""
MAX_REFUSED = 2000
"""Refused requests remembered, so that their repetition is refused again and not counted again."""
REPORTS_PER_SECOND, REPORTS_AT_ONCE = 0.2, 20.0
"""Reports about sources, all together: a flood from many addresses is no flood of log lines."""
_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CALLED = re.compile(rb"INVITE +sips?:([^@;:> ]*)@", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", "-.() ")


class Verdict(Enum):
    """What becomes of a request."""

    SERVE = auto()
    REFUSE = auto()
    """503 with Retry-After."""
    DROP = auto()


@dataclass(frozen=True, slots=True)
class _Live:
    """A call that is live."""

    call_id: str
    source: str
    """Empty for a call of ours."""
    stranger: bool
    """Whether a caller who is no trunk has it."""
    reserved: bool
    """Whether it is an emergency call that found no other room."""


class Guard:
    """All shares, and who has used them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sources = Sources(limits)
        self.counters: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        rate = limits.calls_per_second
        self._rates = {trunk: TokenBucket(rate, max(1.0, 2 * rate), 0.0) for trunk in (True, False)}
        """Of all trunks together, and of all strangers: a flood from everywhere keeps no trunk out."""
        self._reports = TokenBucket(REPORTS_PER_SECOND, REPORTS_AT_ONCE, 0.0)
        self._untold = 0
        self._live: dict[str, _Live] = {}
        self._calls: Counter[str] = Counter()
        """Callers' live calls by source."""
        self._strangers = 0
        self._reserved: Counter[str] = Counter()
        self._call_ids: Counter[str] = Counter()
        self._lingering: OrderedDict[str, None] = OrderedDict()
        self._refused: OrderedDict[tuple[str, str, str], Verdict] = OrderedDict()

    # --- calls come and go

    def entered(self, leg: str, request: Request, flow: Flow | None = None) -> None:
        """A call is live: ours by this INVITE, or that of a caller at the other end of `flow`."""
        source, stranger, reserved = "", False, False
        if flow is not None:
            stranger = not self._is_trunk(flow)
            source = source_of(flow.remote[0])
            reserved = self._is_emergency(request) and bool(self._no_room(source, flow.remote[0]))
            self._calls[source] += 1
            self._strangers += stranger
            if reserved:
                self._reserved[source] += 1
        self._live[leg] = _Live(request.call_id, source, stranger, reserved)
        self._call_ids[request.call_id] += 1

    def left(self, leg: str) -> None:
        """It is over, or our BYE is under way: its line is free. Safe to say twice."""
        live = self._live.pop(leg, None)
        if live is None:
            return
        _take_one(self._calls, live.source)
        self._strangers -= live.stranger
        if live.reserved:
            _take_one(self._reserved, live.source)
        _take_one(self._call_ids, live.call_id)
        self._lingering[live.call_id] = None
        if len(self._lingering) > MAX_LINGERING:
            self._lingering.popitem(last=False)

    @property
    def calls(self) -> int:
        """Callers' calls that are live."""
        return self._calls.total()

    @property
    def refused(self) -> int:
        """New calls that a limit kept out."""
        return sum(self.counters[name] for name in ("rate", "source_rate", "full", "source_calls"))

    # --- messages

    def glance(self, data: bytes, flow: Flow, now: float) -> bool:
        """Whether a datagram may be dropped unread: its source is far beyond its share, and it is not about a call
        that is live or was lately, no emergency call and no answer."""
        source = self.sources.known(flow.remote[0])
        if source is None or source.answers.has(now) or self._is_trunk(flow) or data.startswith(b"SIP/2.0 "):
            return False
        call_id = match[1].decode("utf-8", "surrogateescape") if (match := _CALL_ID.search(data)) else ""
        if call_id in self._call_ids or call_id in self._lingering:
            return False
        if (match := _CALLED.match(data)) and callee(match[1].decode("latin-1")) in self.limits.emergency:
            return False
        self.counters["unread"] += 1
        source.limited += 1
        return True

    def judge(self, request: Request, flow: Flow, now: float) -> Verdict:
        """What becomes of a request that belongs to no call, and repeats none that was served."""
        source = self.sources.heard(flow.remote[0], now)
        key = (source.name, request.top_via.branch, request.method)
        if (before := self._refused.get(key)) is not None:
            return before if before is Verdict.DROP or source.answers.take(now) else Verdict.DROP
        why = self._why_not(request, flow, source, now)
        if not why:
            return Verdict.SERVE
        self.counters[why] += 1
        source.limited += 1
        verdict = self._refusal(why, flow, source, now)
        self._refused[key] = verdict
        if len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)
        return verdict

    def may_answer_malformed(self, flow: Flow, now: float) -> bool:
        """A broken request uses up the share of its source as a sound one does."""
        source = self.sources.heard(flow.remote[0], now)
        if self._is_trunk(flow) or source.requests.take(now):
            return True
        self.counters["requests"] += 1
        source.limited += 1
        source.answers.take(now)
        return False

    def report(self, flow: Flow, now: float) -> SourceLimited | None:
        """To be told after a message was refused or dropped; None while the last report is not long ago."""
        source = self.sources.known(flow.remote[0])
        if source is None or now < source.report_at:
            return None
        if not self._reports.take(now):
            self._untold += 1
            return None
        untold, self._untold = self._untold, 0
        return SourceLimited(source.name, source.why, source.report(now), untold)

    # --- reasons

    def _refusal(self, why: str, flow: Flow, source: Source, now: float) -> Verdict:
        source.why = why
        if why == "scanner":
            return Verdict.DROP
        if self._is_trunk(flow) or source.answers.take(now):
            return Verdict.REFUSE
        self.counters["unanswered"] += 1
        return Verdict.DROP

    def _why_not(self, request: Request, flow: Flow, source: Source, now: float) -> str:
        """The limit that keeps it out; empty when none does."""
        trunk = self._is_trunk(flow)
        if not trunk and self.limits.drop_scanners and is_scanner(request, self.limits.scanners):
            return "scanner"
        if request.method != "INVITE" or request.to_tag:
            return "" if trunk or source.requests.take(now) else "requests"
        if self._replaces_live(request):
            return ""
        why = self._no_room(source.name, flow.remote[0])
        if not why and not trunk and not source.calls.take(now):
            why = "source_rate"
        if not why and not self._rates[trunk].take(now):
            why = "rate"
        if why and self._is_emergency(request) and self._has_reserve(source, trunk, now):
            self.counters["emergency"] += 1
            return ""
        return why

    def _no_room(self, source: str, host: str) -> str:
        """For a caller who is no emergency."""
        kept = self.limits.emergency_reserve if self.limits.emergency else 0
        lines = self.limits.max_calls - kept
        if self.calls >= lines:
            return "full"
        if host in self.limits.trunks:
            return ""
        if self.limits.trunks and self._strangers >= max(1, lines // 2):
            return "full"
        return "source_calls" if self._calls[source] >= self.limits.source_calls else ""

    def _has_reserve(self, source: Source, trunk: bool, now: float) -> bool:
        """For an emergency that finds no other room."""
        if self.calls >= self.limits.max_calls:
            return False
        share = max(1, self.limits.emergency_reserve // 2)
        return trunk or (self._reserved[source.name] < share and source.emergencies.take(now))

    def _is_emergency(self, request: Request) -> bool:
        if not self.limits.emergency:
            return False
        try:
            return callee(parse_uri(request.uri).user or "") in self.limits.emergency
        except ValueError:
            return False

    def _replaces_live(self, request: Request) -> bool:
        """It takes over a live call, and so takes no line more. RFC 3891 section 3."""
        replaced = (request.headers.get("Replaces") or "").partition(";")[0].strip()
        return bool(replaced) and replaced in self._call_ids

    def _is_trunk(self, flow: Flow) -> bool:
        return flow.remote[0] in self.limits.trunks


def callee(user: str) -> str:
    """A called user or number as it is compared: without parameters, separators and capitals.

    >>> callee("Gas-Emergency"), callee("+1 (555) 01-12;phone-context=x")
    ('gasemergency', '+15550112')
    """
    return user.partition(";")[0].translate(_SEPARATORS).lower()


def _take_one(counter: Counter[str], name: str) -> None:
    """Names with nothing left are forgotten: the counter never has more of them than there are calls."""
    if counter[name] > 1:
        counter[name] -= 1
    else:
        del counter[name]
