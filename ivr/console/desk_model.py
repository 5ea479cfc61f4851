"""The agent's desk without its terminal: ICI events and typed commands in; news, screen pops and requests out.

It holds what the engine last said and nothing else: an accepted request changes nothing here until its event
arrives (ICI.md section 2.2, an operation answers "accepted for processing").
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ivr.console.desk_commands import COMMANDS, Command, parse_command
from ivr.console.desk_events import (
    AttachedData,
    Do,
    Happened,
    Leave,
    LogOnAgain,
    LookUp,
    Operation,
    Output,
    PopUp,
    Say,
    account_of,
)
from ivr.console.desk_facts import about, about_user, changed_about
from ivr.console.desk_words import (
    WHAT,
    another_customer,
    call_words,
    from_colleague,
    hint,
    mode_words,
    over_words,
    tells_wrap_up,
    whom,
)
from ivr.console.desk_writing import WRITES, Wishes, wish_of
from ivr.ici import attached_data
from ivr.ici.switchboard import (
    IciEvent,
    IciRefusal,
    ItemAttachedDataChanged,
    MonitorDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    SubscriptionEnded,
    UserChanged,
    UserView,
)

READY, NOT_READY, WRAP_UP = 2, 3, 4
OVER = ("wrapup", "ended")
TALKING = ("connected", "held", "conferenced")
NEEDS = {
    "drop": {"drop", "end"},
    "blind_transfer": {"blindTransfer"},
    "warm_transfer": {"warmTransfer"},
    "mute": {"mute", "unmute"},
    "note": {"setAttachedData"},
    "reason": {"setAttachedData"},
    "field": {"setAttachedData"},
}
"""Capabilities that allow an operation, where its own name is not the only one."""
PAIRED = ("toggle", "warm_transfer", "conference")
"""Operations on the two calls of a consultation."""


@dataclass(slots=True)
class _Call:
    """One call on the screen."""

    item: PhoneCallItem
    since: float
    """Monotonic seconds: since when it has its status."""
    data: AttachedData = field(repr=False)


class DeskModel:
    """One agent's desk. `handle`, `command` and the rest return outputs in the order of doing."""

    def __init__(self, user: str, *, auto: bool = False, wrap_up: float = 0.0) -> None:
        """`auto` goes ready by itself and accepts. `wrap_up` is the length the settings name, in seconds, for
        an engine whose work modes do not tell of wrap-up; 0 when it is not known."""
        self.user = user
        self.auto = auto
        self._wrap_up = wrap_up
        self._calls: dict[str, _Call] = {}
        self._over: set[str] = set()
        self._view: UserView | None = None
        self._wrap_up_until: float | None = None
        self._engine_tells_wrap_up = False
        self._go_ready = False
        """Auto mode owes a ready: after log-on and after wrap-up, unless the person chose otherwise."""
        self._chose_not_ready = False
        self._lost = False
        """The engine does not answer, or has ended; what is known is from before."""
        self._wants_longer = False
        """Wrap-up is counted from the next look at the clock on."""
        self._last: _Call | None = None
        """The caller's call that wrap-up is about: it can be written on until the next one."""
        self._wishes = Wishes()
        self.asks_to_quit = True
        """Whether somebody is there who can press q twice; a pipe is not."""
        self._asked_to_quit = False
        """q was pressed in a call, and the person knows what it would mean."""

    # --- the connection ---------------------------------------------------------------------------------

    def logged_on(self, workcenter: str) -> list[Output]:
        """The engine took the log-on; it tells of live calls anew."""
        self._calls.clear()
        self._over.clear()
        self._wishes.forget()
        self._lost = False
        self._view, self._wrap_up_until = None, None
        data = {"user": self.user, "workcenter": workcenter}
        outputs: list[Output] = [Happened("logged_on", None, data), Say(f"Logged on as {self.user}.")]
        if not self.auto:
            outputs.append(Say("Press r to be ready for calls, ? for help."))
        elif not self._chose_not_ready:
            outputs.append(Do("set_workmode", workmode=READY))
        return outputs

    def lost(self, why: str) -> list[Output]:
        """The engine does not answer, or does not know us any more; who called this logs on again."""
        self._lost = True
        cause = why.removeprefix("ping: ").partition("; ")[0]
        return self._trouble(f"The engine is lost: {cause}. Trying to log on again until it is back.")

    def failed(self, operation: str, item: str, error: Exception) -> list[Output]:
        """A request was refused, or nobody heard it; the state is what it was."""
        code = error.code if isinstance(error, IciRefusal) else ""
        if operation in WRITES:
            self._wishes.refused()
        if isinstance(error, IciRefusal) and code == "ICI-CONFLICT":
            who, block = error.facts.get("changedBy", "somebody"), error.facts.get("applicationId", "it")
            words = f"Nothing was written: {who} has changed {block} meanwhile. Look at it (s), then write again."
            return self._trouble(words, item, operation, code)
        what = WHAT.get(operation, operation.replace("_", " "))
        return self._trouble(f"Could not {what}: {error}", item, operation, code)

    # --- events of the engine ---------------------------------------------------------------------------

    def handle(self, event: IciEvent, now: float) -> list[Output]:
        match event:
            case PhoneCallChanged(item):
                return self._call_changed(item, now)
            case UserChanged(view):
                return self._user_changed(view, now)
            case ItemAttachedDataChanged(item_id, document, version):
                return self._data_changed(item_id, document, version)
            case MonitorDataChanged():
                return []  # a supervisor's, and this desk is an agent's
            case SubscriptionEnded():
                return self._subscription_ended(event)

    def _call_changed(self, item: PhoneCallItem, now: float) -> list[Output]:
        data, outputs = self._read(item.id, item.attached_data)
        known = self._calls.get(item.id)
        if item.id in self._over and item.status in OVER:
            self._calls.pop(item.id, None)
            return outputs
        if known is not None and known.item.status == item.status:
            changed, mine = known.data != data, known.item.remote_numbers != item.remote_numbers
            told = known.item.description
            known.item, known.data = item, data
            if mine and (item.direction == "outbound" or from_colleague(item)):  # one of us has sent the other on
                words = Say(call_words(item, again=False))
                return [*outputs, Happened("connected", item.id, about(item, data)), words]
            if mine:  # a consultation has become the customer's call
                words = Say("The caller is with you now.")
                return [*outputs, Happened("connected", item.id, about(item, data)), *_pop_up(item, data), words]
            if item.description != told:
                outputs += changed_about(item, data)
            return outputs + (self._tell_data(item.id, data) if changed else [])
        if item.status in OVER:
            self._calls.pop(item.id, None)
            return outputs + self._call_over(item, data, known, now)
        self._calls[item.id] = _Call(item, now, data)
        return outputs + self._status_changed(item, data, known)

    def _status_changed(self, item: PhoneCallItem, data: AttachedData, known: _Call | None) -> list[Output]:
        match item.status:
            case "alerting":
                outputs: list[Output] = [Happened("alerting", item.id, about(item, data)), *_pop_up(item, data)]
                if self.auto:
                    outputs.append(Do("accept", item.id))
                return outputs
            case "connected":
                pop = _pop_up(item, data) if another_customer(item, known.item if known else None) else []
                words = call_words(item, again=known is not None and known.item.status == "held")
                if pop and known is not None:
                    words = "The caller is with you now."
                elif known is not None and known.item.status == "conferenced":
                    words = f"You have {whom(item)} alone now."
                return [Happened("connected", item.id, about(item, data)), *pop, Say(words)]
            case "held" | "conferenced" | "dialing":
                joined = item.status == "conferenced" and another_customer(item, known.item if known else None)
                pop = _pop_up(item, data) if joined else []
                return [
                    Happened(item.status, item.id, about(item, data)),
                    *pop,
                    Say(call_words(item, again=False)),
                ]
            case _:
                return []  # over, which is told elsewhere

    def _call_over(self, item: PhoneCallItem, data: AttachedData, known: _Call | None, now: float) -> list[Output]:
        self._over.add(item.id)
        words = over_words(item, known.item.status if known else "", [call.item for call in self._calls.values()])
        outputs: list[Output] = [Happened("ended", item.id, about(item, data)), Say(words)]
        if known is None or known.item.status not in TALKING or item.direction == "outbound":
            return outputs
        self._last = replace(known, item=item, data=data)
        self._go_ready = self.auto and not self._chose_not_ready
        if self._wrap_up and not self._engine_tells_wrap_up and not from_colleague(item):
            self._wrap_up_until = now + self._wrap_up
            outputs.append(Say(f"Wrap-up for {self._wrap_up:.0f} s; w finishes it."))
        return outputs

    def _user_changed(self, view: UserView, now: float) -> list[Output]:
        if view == self._view:
            return self._after_wrap_up(now)
        told, self._view = self._view, view
        if tells_wrap_up(view):
            self._engine_tells_wrap_up = True
            self._wrap_up_until = now + self._wrap_up if self._wrap_up else None
        elif self._engine_tells_wrap_up:
            self._wrap_up_until = None
        outputs: list[Output] = [Happened("workmode", None, about_user(view))]
        if told is None or mode_words(told) != mode_words(view):  # presence alone is nothing a person needs told
            outputs.append(Say(f"{mode_words(view)}.{hint(view)}"))
        return outputs + self._after_wrap_up(now)

    def read_again(self, item: PhoneCallItem, *, taken: bool = False) -> list[Output]:
        """The document of an item as the engine has it, after we wrote it (`taken`) or were refused."""
        outputs = self._data_changed(item.id, item.attached_data, item.attached_data_version)
        if not taken:
            return outputs
        words, trouble = self._wishes.taken(self._read(item.id, item.attached_data)[0])
        told = [output for output in outputs if isinstance(output, Happened)]
        if trouble:
            return [*told, *self._trouble(trouble, item.id, "field")]
        return [*told, Say(words)] if words else outputs

    def _data_changed(self, item_id: str, document: str, version: int) -> list[Output]:
        data, outputs = self._read(item_id, document)
        known = self._calls.get(item_id)
        if known is None and self._last is not None and self._last.item.id == item_id:
            known = self._last
        if known is not None:
            known.item = replace(known.item, attached_data=document, attached_data_version=version)
            if known.data == data:
                return outputs
            known.data = data
        return outputs + self._tell_data(item_id, data)

    def _subscription_ended(self, event: SubscriptionEnded) -> list[Output]:
        data = {"reason": event.reason, "description": event.description}
        outputs: list[Output] = [Happened("subscription_ended", None, data)]
        self._lost = event.reason in ("shutdown", "unreachable")
        if event.reason == "shutdown":
            return [*outputs, Say(f"The engine ends: {event.description}.", "trouble"), LogOnAgain()]
        if event.reason == "unreachable":
            words = f"The engine lost this desk: {event.description}. Logging on again."
            return [*outputs, Say(words, "trouble"), LogOnAgain()]
        return [*outputs, Say(f"Logged off by the engine: {event.description}.", "trouble"), Leave()]

    # --- the person -------------------------------------------------------------------------------------

    def command(self, line: str) -> list[Output]:
        """One typed line, or one key."""
        if not line.strip():
            return []
        command = parse_command(line)
        asked, self._asked_to_quit = self._asked_to_quit, False
        if isinstance(command, str):
            return self._trouble(command)
        match command.verb:
            case "help":
                return [Say(f"{entry.key}  {entry.meaning}") for entry in COMMANDS]
            case "status":
                return self._status()
            case "quit":
                free = asked or not self._calls or self._lost or not self.asks_to_quit
                return [Leave()] if free else self._ask_to_quit()
            case "longer":
                return self._longer()
            case "ready" | "not_ready" | "finish":
                return self._choose(command)
            case "dial":
                return self._dial(command.argument)
            case operation:
                return self._control(operation, command.argument)

    def _ask_to_quit(self) -> list[Output]:
        self._asked_to_quit = True
        words = "You have a call. It goes on by telephone, but no desk shows it; q again logs off all the same."
        return [Say(words, "trouble")]

    def _dial(self, to: str) -> list[Output]:
        talking = [call.item for call in self._calls.values() if call.item.status not in OVER]
        if any(item.status != "held" for item in talking):
            return self._trouble("You have a call: h puts the caller on hold first, c asks a colleague about him.")
        return [Do("dial", argument=to)]

    def _longer(self) -> list[Output]:
        if not self.in_wrap_up and not any(call.item.status in TALKING for call in self._calls.values()):
            return self._trouble("There is no wrap-up to make longer, and no call to be followed by one.")
        self._wants_longer = self.in_wrap_up
        return [Do("set_workmode", workmode=WRAP_UP)]

    def _choose(self, command: Command) -> list[Output]:
        if command.verb == "finish" and not self.in_wrap_up:
            return self._trouble("There is no wrap-up to finish.")
        self._chose_not_ready = command.verb == "not_ready"
        self._go_ready, self._wrap_up_until = False, None
        if command.verb == "not_ready":
            return [Do("set_workmode", workmode=command.reason or NOT_READY)]
        wish = self._view.next_workmode if self._view and command.verb == "finish" else None
        return [Do("set_workmode", workmode=wish or READY)]

    def _control(self, operation: Operation, argument: str = "") -> list[Output]:
        needed = NEEDS.get(operation, {operation})
        for call in reversed(self._calls.values()):
            if needed & set(call.item.capabilities):
                return self._ask_for(operation, call, argument)
        if operation in WRITES and self._last is not None:
            return self._ask_for(operation, self._last, argument)
        if self._calls:
            statuses = ", ".join(call.item.status for call in self._calls.values())
            return self._trouble(f"There is nothing to {WHAT.get(operation, operation)}: the call is {statuses}.")
        return self._trouble(f"There is no call to {WHAT.get(operation, operation)}.")

    def _ask_for(self, operation: Operation, call: _Call, argument: str) -> list[Output]:
        item = call.item
        if operation == "accept":
            return [Say("Accepting; pick up the telephone."), Do(operation, item.id)]
        if operation == "mute" and "unmute" in item.capabilities:
            return [Say("You are heard again."), Do("unmute", item.id)]
        if operation == "mute":
            return [Say("The others do not hear you; m ends that."), Do(operation, item.id)]
        if operation in PAIRED:
            return [Do(operation, *self._customer_first(item))]
        if operation in WRITES:
            return self._write(operation, call, argument)
        return [Do(operation, item.id, argument=argument)]

    def _write(self, operation: Operation, call: _Call, argument: str) -> list[Output]:
        """The block in the version it was read in. What is typed next finds what is new in it."""
        wish = wish_of(operation, argument, call.data)
        if wish is None:
            return self._trouble(f"{argument[:40]!r} is no field; write NAME=text, such as WISH=a new bill.")
        if call.item.id not in self._calls:
            wish = replace(wish, words=f"{wish.words} It is of the call with {whom(call.item)}, which is over.")
        fields, version = wish.block_of(call.data), call.item.attached_data_version
        do = Do(operation, call.item.id, argument=attached_data.build(wish.block, fields), version=version)
        if not version:  # an engine without versions says nothing of what it kept
            return [Say(wish.words), do]
        call.data = {**call.data, wish.block: fields}  # read again afterwards, whatever becomes of this
        self._wishes.add(wish)
        return [do]

    def _customer_first(self, item: PhoneCallItem) -> tuple[str, int, str]:
        """Item, no work mode, other item: the customer's before that of the consultation."""
        other = item.linked_item_id
        return (other, 0, item.id) if item.direction == "outbound" else (item.id, 0, other)

    def _status(self) -> list[Output]:
        outputs: list[Output] = [Say(mode_words(self._view) + "." if self._view else "Not told of any state yet.")]
        outputs += [PopUp(call.item, call.data) for call in self._calls.values()]
        return outputs

    @property
    def queues(self) -> list[str]:
        """Those the agent serves, as far as the engine has told."""
        return list(self._view.queues) if self._view else []

    # --- time -------------------------------------------------------------------------------------------

    @property
    def in_wrap_up(self) -> bool:
        return self._wrap_up_until is not None or (self._view is not None and tells_wrap_up(self._view))

    @property
    def deadline(self) -> float | None:
        """When wrap-up will be over, as far as the desk can know."""
        return self._wrap_up_until

    def expire(self, now: float) -> list[Output]:
        """Count wrap-up down; the engine has the last word on when it is over."""
        return self._after_wrap_up(now)

    def _after_wrap_up(self, now: float) -> list[Output]:
        outputs: list[Output] = []
        if self._wants_longer:
            self._wants_longer, self._wrap_up_until = False, now + self._wrap_up if self._wrap_up else None
        if self._wrap_up_until is not None and now >= self._wrap_up_until:
            self._wrap_up_until = None
            outputs.append(Say("Wrap-up is over."))
        if self._go_ready and not self.in_wrap_up and self._view is not None:
            self._go_ready = False
            if self._view.workmode != READY:
                outputs.append(Do("set_workmode", workmode=READY))
        return outputs

    def line(self, now: float) -> str:
        """State and calls in one line, for the prompt."""
        if self._lost:
            return f"{self.user} | engine lost"
        parts = [self.user, mode_words(self._view) if self._view else "logged off"]
        if self._wrap_up_until is not None:
            parts.append(f"wrap-up {max(0.0, self._wrap_up_until - now):.0f} s")
        several = len(self._calls) > 1
        for call in self._calls.values():
            other = f"{whom(call.item)} " if several else ""
            parts.append(f"{other}{call.item.status} {now - call.since:.0f} s")
        return " | ".join(parts)

    # --- inside -----------------------------------------------------------------------------------------

    def _read(self, item: str, document: str) -> tuple[AttachedData, list[Output]]:
        try:
            return attached_data.read(document), []
        except IciRefusal as refusal:
            return {}, self._trouble(f"The attached data cannot be read: {refusal}", item, code=refusal.code)

    def _tell_data(self, item: str, data: AttachedData) -> list[Output]:
        return [
            Happened("attached_data", item, {"attached_data": data}),
            Say("The attached data has changed; s shows it."),
        ]

    def _trouble(self, message: str, item: str = "", operation: str = "", code: str = "") -> list[Output]:
        data = {"message": message, "operation": operation or None, "code": code or None}
        return [Happened("error", item or None, data), Say(message, "trouble")]


def _pop_up(item: PhoneCallItem, data: AttachedData) -> list[Output]:
    account, proved = account_of(data)
    return [PopUp(item, data), *([LookUp(item.id, account, proved)] if account else [])]
