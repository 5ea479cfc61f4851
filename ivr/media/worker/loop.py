"""The clock and the sockets: a raw epoll loop.

Every leg is due once in 20 ms. So that the legs of a worker do not all send at the same instant, the
20 ms are five slots of 4 ms and each leg belongs to one of them::

    round n                                    round n+1
    |slot 0 |slot 1 |slot 2 |slot 3 |slot 4 |slot 0 |slot 1 ...
    0       4       8      12      16      20      24   ms after n * 20 ms

Slots are counted from the beginning on an absolute clock: a late one does not delay the next, and
nothing drifts. After a stall of more than `CATCH_UP` the missed slots are left out, so that nobody gets
a burst; timestamps follow the clock and show the gap. Between the slots datagrams are read, one from
each ready socket at a time and a bounded number before the clock is looked at again.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

ROUND = 0.020
SLOTS = 5
SLOT = ROUND / SLOTS
CATCH_UP = 0.060
"""Seconds: what was missed in a shorter stall is sent, three packets a leg at most."""
BATCH = 64
"""Datagrams read before the clock is looked at again."""
GATHER = 0.001
"""Seconds between the first datagram that wakes us and reading: waking costs more than a packet does, and a
thousandth of a second is nothing to an ear. With 300 calls it halves the load."""
IDLE = 0.5
"""Seconds between looks at the clock while there are no legs."""
FAULTS_TOLD = 20
"""Faults that are logged with their traceback; further ones are only counted."""

Handler = Callable[[float], None]


class Ticking(Protocol):
    """What a slot has to serve."""

    def tick(self, round_number: int, now: float) -> None: ...


class Loop:
    """Ticks and datagrams. A fault in one handler is logged and counted and hurts nobody else."""

    def __init__(self) -> None:
        self.epoch = time.monotonic()
        self.running = True
        self.faults = 0
        self.stalls = 0
        """How often slots were left out."""
        self.latest = 0.0
        """Greatest lateness of a slot since it was set to zero, in seconds."""
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._slots: tuple[list[Ticking], ...] = tuple([] for _ in range(SLOTS))
        self._slot_of: dict[int, int] = {}
        self._number = 0

    def watch(self, fd: int, handler: Handler, interest: int = select.EPOLLIN) -> None:
        """Call `handler` whenever `fd` is ready."""
        self._handlers[fd] = handler
        self._epoll.register(fd, interest)

    def change(self, fd: int, interest: int) -> None:
        self._epoll.modify(fd, interest)

    def forget(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def add(self, leg: Ticking) -> None:
        """Into the emptiest slot."""
        slot = min(range(SLOTS), key=lambda number: len(self._slots[number]))
        self._slots[slot].append(leg)
        self._slot_of[id(leg)] = slot

    def remove(self, leg: Ticking) -> None:
        self._slots[self._slot_of.pop(id(leg))].remove(leg)

    def run(self) -> None:
        """Until `running` is false."""
        while self.running:
            now = time.monotonic()
            if not self._slot_of:
                self._read(IDLE)
                self._number = int((time.monotonic() - self.epoch) / SLOT) + 1
                continue
            due = self.epoch + self._number * SLOT
            if now < due:
                self._read(due - now)
            elif now - due > CATCH_UP:
                missed = int((now - due) / SLOT)
                self.stalls += 1
                self._number += missed
                log.warning("media_stall seconds=%.3f", now - due)
            else:
                self.latest = max(self.latest, now - due)
                self._run_slot(now)
                self._number += 1
                self._read(0)

    def _run_slot(self, now: float) -> None:
        round_number, slot = divmod(self._number, SLOTS)
        for leg in tuple(self._slots[slot]):
            try:
                leg.tick(round_number, now)
            except Exception as error:  # the last line of defence: one call must not silence the others
                self._fault("tick", error)

    def _read(self, timeout: float) -> None:
        if timeout:
            until = time.monotonic() + timeout
            if select.select((self._epoll,), (), (), timeout)[0]:  # epoll itself counts in whole milliseconds
                select.select((), (), (), max(min(GATHER, until - time.monotonic()), 0))
        for fd, _ in self._epoll.poll(0, BATCH):
            handler = self._handlers.get(fd)
            if handler is None:
                continue
            try:
                handler(time.monotonic())
            except Exception as error:  # likewise: strangers' bytes never end the process
                self._fault("datagram", error)

    def _fault(self, where: str, error: Exception) -> None:
        self.faults += 1
        if self.faults <= FAULTS_TOLD:
            log.error("media_fault where=%s count=%d", where, self.faults, exc_info=error)
