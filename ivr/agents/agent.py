"""One agent: the inner machine behind SAP's work modes.

::

    off --log on--> not_ready <--> available --> offered --> in_call <--> on_hold
                        ^              ^         |  |  |         |            |
                        |              |<-missed-+  |  |         +--wrap_up<--+
                        |              +--caller left--+              |
                        +---- rejected, phone or screen lost          +--> what `next_workmode` says

A wish uttered while busy waits in `next_workmode`; `_settle` is the only door back to the idle states, so no
wish is forgotten and no agent without a screen becomes available. One `until` serves every timed state: the lease
of an offer, wrap-up, the pause after a missed or rejected call.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.agents.events import (
    WORKMODE_LOGGED_OFF,
    WORKMODE_NOT_READY,
    WORKMODE_READY,
    AgentChanged,
    AgentState,
)
from ivr.agents.presence import presence_of
from ivr.errors import LocalProtocolError

MISSES_COUNT_FOR = 1800.0
"""Seconds within which a second missed call makes an agent not ready (AG8): he is not at his desk."""

ASKED_WRAP_UP = 30.0
"""Seconds of a wrap-up that was asked for where the settings have none by themselves."""

IDLE = {AgentState.NOT_READY, AgentState.AVAILABLE, AgentState.MISSED}
TALKING = {AgentState.IN_CALL, AgentState.ON_HOLD}


def check_workmode(workmode: int) -> None:
    """Raise LocalProtocolError unless `workmode` is 1, 2, 3 or a site's own reason above 999."""
    fixed = (WORKMODE_LOGGED_OFF, WORKMODE_READY, WORKMODE_NOT_READY)
    if workmode not in fixed and workmode <= 999:
        raise LocalProtocolError(
            f"work mode {workmode} does not exist; use 1 (log off), 2 (ready), 3 (not ready) or a reason above 999"
        )


class Agent:
    """The state of one person who takes calls. The floor moves it and tells what changed."""

    def __init__(
        self, agent_id: str, skills: Mapping[str, int] | None = None, *, strict_presence: bool = False
    ) -> None:
        self.id = agent_id
        self.skills = dict(skills or {})
        """Level by skill; 1 is first choice."""
        self.state = AgentState.OFF
        self.reason = ""
        self.screen = False
        """Whether the desktop is subscribed and answers."""
        self.phone = True
        """Whether the telephone can be reached, as far as is known."""
        self.next_workmode: int | None = None
        self.idle_since = 0.0
        """Since when available, monotonic seconds; kept when an offer ends by no fault of the agent."""
        self.ticket: str | None = None
        """The call offered, talked to, or being wrapped up."""
        self.accepted = False
        """The screen said yes; the telephone has not yet."""
        self.until: float | None = None
        self.calls = 0
        """Calls taken since log-on."""
        self.joined_at = 0.0
        """Since when the call goes on, or went on; monotonic seconds."""
        self.queue = ""
        """Queue of the caller talked to; empty for none."""
        self.left: frozenset[str] = frozenset()
        """Queues signed off from (`sign_on`)."""
        self._missed_at: float | None = None
        self._reason_before_loss = ""
        self._aside: tuple[str | None, float] | None = None
        """Of a wrap-up that a call for this agent alone interrupted: its ticket, and the seconds left of it."""
        self.wants_wrap_up = False
        """Of the call that goes on, though it came from no queue."""
        self._entered_with = WORKMODE_READY
        """Work mode that the call interrupts."""
        self._strict = strict_presence

    @property
    def workmode(self) -> int:
        """SAP's code. Busy states keep the mode they were entered with: ready, but for a call of his own."""
        if self.state is AgentState.OFF:
            return WORKMODE_LOGGED_OFF
        if self.state is AgentState.NOT_READY:
            return int(self.reason) if self.reason.isdecimal() else WORKMODE_NOT_READY
        return WORKMODE_NOT_READY if self.state is AgentState.MISSED else self._entered_with

    @property
    def is_free(self) -> bool:
        """Whether a caller from a queue may be offered: ready, and with a telephone that can ring."""
        return self.state is AgentState.AVAILABLE and self.phone

    @property
    def is_free_by_voice(self) -> bool:
        """Whether nothing but the desktop is missing: ready when it was lost, with a telephone that can ring."""
        waits = self.state is AgentState.NOT_READY and self.reason == "screen_lost"
        return waits and self._wish() == WORKMODE_READY and self.phone

    @property
    def works_by_voice(self) -> bool:
        """Whether a caller by voice alone may hope for this agent: free for one, or busy with what will end."""
        lost = self.state is AgentState.NOT_READY and self.reason in ("screen_lost", "rejected")
        busy = self.state in TALKING or self.state in (AgentState.OFFERED, AgentState.WRAP_UP, AgentState.MISSED)
        return not self.screen and (lost or busy) and self._wish() == WORKMODE_READY and self.phone

    def told(self) -> AgentChanged:
        """What the rest of the house may know."""
        return AgentChanged(
            agent=self.id,
            state=self.state,
            reason=self.reason,
            workmode=self.workmode,
            next_workmode=self.next_workmode,
            presence=presence_of(self.state, screen=self.screen, phone=self.phone, strict=self._strict),
            ticket=self.ticket,
            phone=self.phone,
            left=self.left,
        )

    # --- the agent's own wishes -------------------------------------------------------------------------

    def log_on(self, now: float) -> None:
        """The desktop is (again) there. From off: not ready, so that nothing is offered unasked (AG1)."""
        was_there, self.screen = self.screen, True
        if self.state is AgentState.OFF:
            self.calls, self.left = 0, frozenset()
            self._not_ready("logon")
        elif self.state is AgentState.NOT_READY and not was_there:
            self._return_from_loss(now)
        elif self.next_workmode == WORKMODE_LOGGED_OFF:
            self.next_workmode = WORKMODE_NOT_READY

    def find_screen(self, now: float) -> None:
        """The desktop answers again, and nobody has logged on: what he was stays, logged off, too."""
        if self.state is AgentState.OFF:
            return
        was_there, self.screen = self.screen, True
        if self.state is AgentState.NOT_READY and not was_there:
            self._return_from_loss(now)

    def choose(self, workmode: int, now: float) -> None:
        """A work mode was clicked: taken at once when idle or in wrap-up, kept when busy (AG10, AG14).

        Logging off ends an offer too; the floor has taken the caller back by then.
        Raises LocalProtocolError for a mode that does not exist, or when the agent is not logged on.
        """
        check_workmode(workmode)
        if self.state is AgentState.OFF:
            if workmode != WORKMODE_LOGGED_OFF:
                raise LocalProtocolError(f"agent {self.id} is not logged on; subscribe before setting a work mode")
        elif self.state in TALKING or (self.state is AgentState.OFFERED and workmode != WORKMODE_LOGGED_OFF):
            self.next_workmode = workmode
        elif self.state is not AgentState.AVAILABLE or workmode != WORKMODE_READY:
            self._settle(workmode, now)

    def wrap_up_more(self, now: float, wrap_up: float) -> None:
        """Wrap-up lasts `wrap_up` seconds (0: `ASKED_WRAP_UP`) from now on, or follows the call that goes on,
        whatever call that is.

        Raises LocalProtocolError in any other state.
        """
        if self.state is AgentState.WRAP_UP:
            self.until = now + (wrap_up or ASKED_WRAP_UP)
        elif self.state in TALKING:
            self.wants_wrap_up = True
        else:
            raise LocalProtocolError(f"agent {self.id} is {self.state}; wrap-up follows a call")

    def lose_screen(self) -> None:
        """The desktop does not answer: nothing new is offered; a call and its wrap-up go on (AG16)."""
        was_there, self.screen = self.screen, False
        if was_there and (self.state in IDLE or self.state is AgentState.OFFERED):
            self._without_screen(self._mode_to_return_to())

    def lose_phone(self) -> None:
        """The telephone could not be reached (AG17): not ready until the agent says otherwise."""
        self._not_ready("phone_lost")

    # --- an offer ---------------------------------------------------------------------------------------

    def offer(self, ticket: str, until: float) -> None:
        """Reserve the agent for `ticket`; the reservation ends by itself at `until`."""
        self.state, self.reason = AgentState.OFFERED, ""
        self.ticket, self.until, self.accepted = ticket, until, False

    def set_aside(self, now: float) -> None:
        """A call for this agent alone is about to be offered: what it interrupts goes on afterwards (AG15)."""
        if self.state is AgentState.NOT_READY:
            self.next_workmode = self._entered_with = self.workmode
        elif self.state is AgentState.WRAP_UP:
            self._aside = (self.ticket, 0.0 if self.until is None else max(0.0, self.until - now))

    def _resume_wrap_up(self, now: float, longest: float = 0.0) -> bool:
        """Back to the wrap-up that was interrupted; False if none was."""
        aside, self._aside = self._aside, None
        if aside is None:
            return False
        ticket, left = aside
        self.state, self.reason, self.accepted = AgentState.WRAP_UP, "", False
        self.ticket, self.until = ticket, now + max(left, longest)
        return True

    def release(self, now: float) -> None:
        """The offer is gone by no fault of the agent: idle time goes on (H7)."""
        if self._resume_wrap_up(now):
            return
        self._settle(self._wish(), now, idle_since=self.idle_since)

    def reject(self, now: float, pause: float) -> None:
        """The agent refused: left in peace for `pause` seconds (AG7)."""
        if self._resume_wrap_up(now):
            return
        if self._wish() != WORKMODE_READY or not pause:
            self._settle(self._wish(), now)
            return
        self._not_ready("rejected")
        self.until = now + pause

    def miss(self, now: float, pause: float, *, of_queue: bool = True) -> None:
        """The telephone rang in vain (AG8): the second time within half an hour the agent is not ready. Only a
        queue's callers count: a colleague who calls in vain takes nobody off it."""
        if self._resume_wrap_up(now):
            return
        again = of_queue and self._missed_at is not None and now - self._missed_at <= MISSES_COUNT_FOR
        if of_queue:
            self._missed_at = None if again else now
        if self._wish() != WORKMODE_READY or not (again or pause):
            self._settle(self._wish(), now)
        elif again:
            self._not_ready("missed")
        else:
            self._clear()
            self.state, self.until = AgentState.MISSED, now + pause

    # --- a call -----------------------------------------------------------------------------------------

    def join(self, now: float, queue: str) -> None:
        """Agent and caller talk."""
        self.calls, self.joined_at, self.queue = self.calls + 1, now, queue
        self.state, self.until, self.accepted = AgentState.IN_CALL, None, False
        self.wants_wrap_up = False

    def finish_call(self, now: float, wrap_up: float) -> None:
        """Agent and caller have parted: `wrap_up` seconds of wrap-up, then the wish (AG12)."""
        if self._resume_wrap_up(now, wrap_up):
            return
        if wrap_up:
            self.state, self.until = AgentState.WRAP_UP, now + wrap_up
        else:
            self._settle(self._wish(), now)

    def time_is_up(self, now: float) -> None:
        """Wrap-up or a pause is over (an offer's lease is the floor's business)."""
        self._settle(self._wish(), now)

    def restore(self, state: AgentState, reason: str, next_workmode: int | None, now: float) -> None:
        """Be as saved, except for what did not survive a restart: calls and offers (AG18)."""
        self.screen = state is not AgentState.OFF and reason != "screen_lost"
        self.state, self.reason, self.next_workmode = state, reason, next_workmode
        if state is AgentState.AVAILABLE:
            self.idle_since = now
        elif state is AgentState.OFFERED:
            self._settle(self._wish(), now)

    # --- inside -----------------------------------------------------------------------------------------

    def _wish(self) -> int:
        return WORKMODE_READY if self.next_workmode is None else self.next_workmode

    def _settle(self, workmode: int, now: float, *, idle_since: float | None = None) -> None:
        """Become idle in `workmode`. Who has no screen waits for one with the mode remembered."""
        self._clear()
        if workmode == WORKMODE_LOGGED_OFF:
            self.state, self.screen = AgentState.OFF, False
        elif not self.screen:
            self._without_screen(workmode)
        elif workmode == WORKMODE_READY:
            self.state = AgentState.AVAILABLE
            self.idle_since = now if idle_since is None else idle_since
        else:
            self._not_ready("" if workmode == WORKMODE_NOT_READY else str(workmode))

    def _clear(self) -> None:
        self.reason, self.next_workmode, self.ticket = "", None, None
        self._entered_with = WORKMODE_READY
        self.until, self.accepted, self._reason_before_loss = None, False, ""
        self._aside = None

    def _not_ready(self, reason: str) -> None:
        self._clear()
        self.state, self.reason = AgentState.NOT_READY, reason

    def _mode_to_return_to(self) -> int:
        """What a lost screen interrupts: a pause that would have ended by itself counts as ready."""
        if self.state is AgentState.NOT_READY and self.until is None:
            return self.workmode
        return self._wish()

    def _without_screen(self, workmode: int) -> None:
        before = self.reason if workmode == WORKMODE_NOT_READY else ""
        self._not_ready("screen_lost")
        self.next_workmode, self._reason_before_loss = workmode, before

    def _return_from_loss(self, now: float) -> None:
        reason = self._reason_before_loss
        self._settle(self._wish(), now)
        if self.state is AgentState.NOT_READY and not self.reason:
            self.reason = reason
