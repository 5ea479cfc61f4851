"""All the telephones, callers' and agents', in one process. `python -m benchmarks.ici.telephones PORT THINKS`

One loop in slots of 2 ms: each telephone has its turn once in 20 ms, SIP is read between. Some callers listen to
the menu, some to music in a queue, and so many a second ask for a person, talk, and end the call, every second one
at the agent's side. What is not answered is repeated as RFC 3261 section 17.1 says.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import secrets
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.ici.child import answer
from benchmarks.ici.shares import shares
from benchmarks.ici.sound import Pacing, Voice
from benchmarks.ici.wire import Message, message, reply

PERSON, QUEUE = "1", "2"
"""Keys of the menu: an agent; a queue that nobody serves, so that its callers hear music as long as they like."""
SLOTS = 10
SLOT = 0.02 / SLOTS
LOOKS = 250
"""Slots between two counts of the calls that are live."""
T1 = 0.5
TRIES = 7
PICKS_UP = 0.4
"""Seconds an agent needs to pick the receiver up."""
FORGOTTEN = 5.0
"""Seconds for which what comes late to a call that is over is still answered."""
WAITS = 30.0
"""Seconds without an agent after which a caller gives up."""


@dataclass(eq=False)
class Leg:
    """One telephone in one call."""

    name: str
    """The caller's number, on both sides."""
    call_id: str
    voice: Voice
    key: str = ""
    """That a caller presses; empty for one who only listens."""
    agent: bool = False
    began: float = 0.0
    answered: float = 0.0
    pressed: float = 0.0
    met: float = 0.0
    """When the agent's receiver was up."""
    remote: str = ""
    """The other side's contact."""
    ours: str = ""
    theirs: str = ""
    """From and To of our requests."""
    ok: bytes = b""
    """What we answered to the INVITE last, for when it is repeated."""
    terminated: bytes = b""
    """What we answer to it when it is cancelled."""
    slot: int = 0
    over: bool = False
    ended: bool = False
    acknowledged: bool = False
    waiting: set[str] = field(default_factory=set)
    """Requests of ours without an answer."""


class Telephones:
    def __init__(self, port: int, thinks: float) -> None:
        """`thinks`: seconds a caller listens before pressing a key."""
        self._thinks = thinks
        self._engine = ("127.0.0.1", port)
        self.callers, self.agents = _socket(), _socket()
        self._at = {one: f"127.0.0.1:{one.getsockname()[1]}" for one in (self.callers, self.agents)}
        self._legs: dict[str, Leg] = {}
        self._talks: dict[str, Leg] = {}
        """Callers who want a person, by number."""
        self._slots: list[list[Leg]] = [[] for _ in range(SLOTS)]
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)
        self._ties = itertools.count()
        self._run = secrets.token_hex(3)
        self._talk = 10.0
        self.rate = 0.0
        self._asked_so_far = b""
        self._next_caller = 0.0
        self.begin()

    def begin(self) -> None:
        """Count anew. Whoever talks goes on."""
        self.pacing = Pacing()
        for slot in self._slots:
            for leg in slot:
                leg.voice.count_in(self.pacing)
        self.counts: Counter[str] = Counter()
        self.setup: list[float] = []
        self.reached: list[float] = []
        self.late: list[float] = []
        self.live: list[int] = []
        self.began = time.monotonic()

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self) -> None:
        begin, number = time.monotonic(), 0
        while True:
            now = time.monotonic()
            due = begin + number * SLOT
            if now < due:
                select.select((self.callers, self.agents), (), (), due - now)
            else:
                self.late.append(now - due)
                for leg in tuple(self._slots[number % SLOTS]):
                    leg.voice.turn()
                number += 1
                if number % LOOKS == 0:
                    self.live.append(self._live())
            if number % 5 == 0 and not self._serve():
                return
            for one in (self.callers, self.agents):
                self._receive(one)
            self._keep_time(time.monotonic())

    def _keep_time(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        if self.rate and now >= self._next_caller:
            self._next_caller = max(self._next_caller + 1 / self.rate, now - 1)
            self.dial(PERSON)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._ties), do))

    def _serve(self) -> bool:
        """What is asked of the process; False for its end."""
        if select.select((0,), (), (), 0)[0]:
            if not (data := os.read(0, 65_536)):
                return False
            *lines, self._asked_so_far = (self._asked_so_far + data).split(b"\n")
            for line in lines:
                self._do(json.loads(line))
        return True

    def _do(self, question: dict[str, Any]) -> None:
        match question["ask"]:
            case "listen":
                for number in range(question["menu"] + question["queue"]):
                    key = "" if number < question["menu"] else QUEUE
                    self._after(number / question["rate"], lambda key=key: self.dial(key))  # type: ignore[misc]
            case "talk":
                self.rate, self._talk = question["rate"], question["talk"]
                self._next_caller = time.monotonic()
            case "begin":
                self.begin()
            case "figures":
                answer(self.figures())

    def figures(self) -> dict[str, Any]:
        for slot in self._slots:
            for leg in slot:
                leg.voice.end_stretch()
        pacing, seconds = self.pacing, time.monotonic() - self.began
        return {
            "seconds": seconds,
            "legs": sum(map(len, self._slots)),
            "talking": sum(1 for leg in self._legs.values() if leg.agent and leg.answered and not leg.over),
            "live": shares([*self.live, self._live()]),
            "counts": dict(self.counts),
            "setup": shares(self.setup, 1000),
            "reached": shares(self.reached, 1000),
            "generator_late": shares(self.late, 1000),
            "late": shares(pacing.late),
            "transit": shares(pacing.transit),
            "gaps": {str(limit): count for limit, count in pacing.gaps.items()},
            "relay_gaps": {str(limit): count for limit, count in pacing.relay_gaps.items()},
            "most": pacing.most,
            "heard": pacing.heard,
            "said": pacing.said,
            "lost": pacing.lost,
        }

    def _live(self) -> int:
        """Callers whose call goes on."""
        return sum(1 for leg in self._legs.values() if not leg.agent and leg.answered and not leg.over)

    # --- callers -------------------------------------------------------------------------------------------

    def dial(self, key: str) -> None:
        number = next(self._numbers)
        name, call_id = f"+1555{number:07d}", f"c{number}-{self._run}"
        leg = Leg(name, call_id, Voice(number, self.pacing), key, began=time.monotonic())
        leg.ours = f"<sip:{name}@{self._at[self.callers]}>;tag=t{number}"
        leg.theirs = f"<sip:100@127.0.0.1:{self._engine[1]}>"
        leg.remote = f"sip:100@127.0.0.1:{self._engine[1]}"
        self._legs[call_id] = leg
        if key == PERSON:
            self._talks[name] = leg
        self.counts["dialled"] += 1
        self._request(self.callers, leg, "INVITE", 1, leg.voice.port)

    def _request(self, by: socket.socket, leg: Leg, method: str, cseq: int, sound_port: int = 0) -> None:
        leg.waiting.add(method)
        data = self._written(by, leg, method, cseq, sound_port)

        def send(attempt: int = 0) -> None:
            if method not in leg.waiting:
                return
            if attempt == TRIES:
                leg.waiting.discard(method)
                self.counts[f"{method} not answered"] += 1
                self._over(leg)
                return
            self.counts["repeated"] += attempt > 0
            self._send(by, data)
            self._after(T1 * 2**attempt, lambda: send(attempt + 1))

        send()

    def _written(self, by: socket.socket, leg: Leg, method: str, cseq: int, sound_port: int = 0) -> bytes:
        again = "INVITE" if method == "ACK" and not leg.answered else method  # RFC 3261 section 17.1.1.3
        me, branch = self._at[by], f"z9hG4bK{self._run}{leg.voice.port}{again}{cseq}"
        return message(
            f"{method} {leg.remote} SIP/2.0",
            [
                f"Via: SIP/2.0/UDP {me};branch={branch};rport",
                "Max-Forwards: 70",
                f"From: {leg.ours}",
                f"To: {leg.theirs}",
                f"Call-ID: {leg.call_id}",
                f"CSeq: {cseq} {method}",
                f"Contact: <sip:bench@{me}>",
                "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS",
            ],
            sound_port,
        )

    def _send(self, by: socket.socket, data: bytes) -> None:
        try:
            by.sendto(data, self._engine)
        except OSError:
            self.counts["not sent"] += 1

    # --- what comes in -------------------------------------------------------------------------------------

    def _receive(self, at: socket.socket) -> None:
        for _ in range(50):
            try:
                data = at.recv(65_536)
            except OSError:
                return
            incoming = Message(data)
            if incoming.status:
                self._answered(at, incoming)
            else:
                self._asked(at, incoming)

    def _answered(self, at: socket.socket, incoming: Message) -> None:
        leg, status = self._legs.get(incoming.call_id), incoming.status
        if leg is None:
            return
        if incoming.method == "BYE" and status >= 200:
            leg.waiting.discard("BYE")
            self._over(leg)
        elif incoming.method == "INVITE":
            leg.waiting.discard("INVITE")
            if status >= 200:
                leg.theirs = incoming.headers["to"]
                self._decided(at, leg, incoming)

    def _decided(self, at: socket.socket, leg: Leg, incoming: Message) -> None:
        if incoming.status >= 300:
            self._send(at, self._written(at, leg, "ACK", 1))
            self.counts[f"refused {incoming.status}"] += 1
            self._over(leg)
            return
        leg.remote = incoming.contact
        again, leg.answered = bool(leg.answered), leg.answered or time.monotonic()
        self._send(at, self._written(at, leg, "ACK", 1))
        if leg.over:  # an answer to a caller who has given up
            self._bye(at, leg)
        if again or leg.over:
            return
        self.setup.append(leg.answered - leg.began)
        self.counts["answered"] += 1
        self._sounds(leg, incoming.sound_port)
        if leg.key:
            self._after(self._thinks, lambda: self._press(leg))

    def _press(self, leg: Leg) -> None:
        if leg.over:
            return
        leg.pressed = time.monotonic()
        leg.voice.press(leg.key)
        if leg.key == PERSON:
            self._after(WAITS, lambda: self._give_up(leg))

    def _give_up(self, leg: Leg) -> None:
        if not leg.over and leg.name in self._talks:
            self.counts["gave up waiting"] += 1
            self._hang_up(self.callers, leg)

    def _sounds(self, leg: Leg, port: int) -> None:
        leg.voice.talk_to(port)
        leg.slot = min(range(SLOTS), key=lambda number: len(self._slots[number]))
        self._slots[leg.slot].append(leg)

    def _asked(self, at: socket.socket, incoming: Message) -> None:
        leg = self._legs.get(incoming.call_id)
        match incoming.method:
            case "INVITE" if leg is None and at is self.agents:
                self._ring(incoming)
            case "INVITE" if leg is not None and leg.ok:
                self._send(at, leg.ok)
            case "ACK":
                if leg is not None and leg.agent and not leg.acknowledged:
                    leg.acknowledged = True
                    self._meet(leg)
            case "BYE" | "CANCEL" | "OPTIONS":
                self._send(at, reply(incoming, "200 OK", "bench", f"sip:bench@{self._at[at]}"))
                if leg is not None and incoming.method == "BYE":
                    self._over(leg)
                if leg is not None and incoming.method == "CANCEL":
                    self._cancelled(at, leg)

    # --- agents --------------------------------------------------------------------------------------------

    def _ring(self, invite: Message) -> None:
        leg = Leg(invite.caller, invite.call_id, Voice(next(self._numbers), self.pacing), agent=True)
        leg.remote, leg.theirs = invite.contact, invite.headers["from"]
        leg.ours = f"{invite.headers['to']};tag=a{leg.voice.port}"
        self._legs[leg.call_id] = leg
        tag, me = f"a{leg.voice.port}", f"sip:bench@{self._at[self.agents]}"
        leg.ok = reply(invite, "180 Ringing", tag, me)
        self._send(self.agents, leg.ok)
        leg.terminated = reply(invite, "487 Request Terminated", tag, me)

        def pick_up() -> None:
            if leg.over:
                return
            leg.ok = reply(invite, "200 OK", tag, me, leg.voice.port)
            leg.answered = time.monotonic()
            self._sounds(leg, invite.sound_port)
            self._pick_up(leg)

        self._after(PICKS_UP, pick_up)

    def _pick_up(self, leg: Leg, attempt: int = 0) -> None:
        """Until it is acknowledged."""
        if leg.acknowledged or leg.over or attempt == TRIES:
            return
        self._send(self.agents, leg.ok)
        self.counts["repeated"] += attempt > 0
        self._after(T1 * 2**attempt, lambda: self._pick_up(leg, attempt + 1))

    def _cancelled(self, at: socket.socket, leg: Leg) -> None:
        if leg.agent and not leg.answered:
            self._send(at, leg.terminated)
            self._over(leg)

    def _meet(self, leg: Leg) -> None:
        """Caller and agent: the call ends after a while, at one side or the other."""
        caller = self._talks.pop(leg.name, None)
        if caller is None or caller.over:
            return
        self.counts["met"] += 1
        self.reached.append(time.monotonic() - caller.pressed)
        who = (self.callers, caller) if self.counts["met"] % 2 else (self.agents, leg)
        self._after(self._talk, lambda: self._hang_up(*who))

    # --- ends ----------------------------------------------------------------------------------------------

    def _hang_up(self, by: socket.socket, leg: Leg) -> None:
        if not leg.over:
            self._bye(by, leg)

    def _bye(self, by: socket.socket, leg: Leg) -> None:
        if not leg.ended:
            leg.ended = True
            self._request(by, leg, "BYE", 2)

    def _over(self, leg: Leg) -> None:
        """Answers to what comes late are still given for a while."""
        if leg.over:
            return
        leg.over = True
        leg.waiting.clear()
        if not leg.agent:
            self._talks.pop(leg.name, None)
        if leg in self._slots[leg.slot]:
            self._slots[leg.slot].remove(leg)
        leg.voice.close()
        self._after(FORGOTTEN, lambda: self._forget(leg))
        self.counts["ended"] += 1

    def _forget(self, leg: Leg) -> None:
        if leg.waiting:  # for the answer to a BYE
            self._after(FORGOTTEN, lambda: self._forget(leg))
            return
        self._legs.pop(leg.call_id, None)


def _socket() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    found.bind(("127.0.0.1", 0))
    found.setblocking(False)
    return found


def main() -> None:
    telephones = Telephones(int(sys.argv[1]), float(sys.argv[2]))
    answer({"phones": telephones.agents.getsockname()[1]})
    telephones.run()


if __name__ == "__main__":
    main()
