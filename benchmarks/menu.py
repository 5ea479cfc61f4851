"""How fast is the menu room? ``python -m benchmarks.menu [--steps 1000] [--events 20000]``

A menu of that many steps in two languages is written, then loaded with all its proofs, five times, each as
a first load: nothing is kept from one to the next but what Python itself has compiled. Then callers without
patience walk through it, and each event is timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import yaml

from ivr.menu.events import (
    CallAnswered,
    Command,
    Event,
    HangUp,
    KeyPressed,
    LookUp,
    LookupEnded,
    PlayPrompt,
    PromptEnded,
    StartHandoff,
)
from ivr.menu.load import load_menu
from ivr.menu.machine import MenuMachine
from ivr.menu.model import Menu

HEAD = """\
ivr: 1
name: large
start: menu_0
languages: [{code: en, prompts: en.yaml}, {code: es, prompts: es.yaml}]
defaults:
  no_input: [{say: err.quiet}, {go: person}]
  no_match: [{say: err.unclear}, {go: person}]
  on_fault: person
everywhere:
  - {press: 9, speak: [emergency], go: danger}
  - {press: 0, speak: [agent], go: person}
levels:
  verified: {start: ask_account, tries: 3, failed: person}
data:
  owner: {needs: [account, pin], gives: [locked], secret: [pin], limit: 1s}
  bill: {needs: [account], gives: [amount], limit: 1s}
queues:
  emergency: {skills: [emergency], priority: 100, open: always, ring: 12s, longest: 2m}
  general: {skills: [general], priority: 10, open: always, ring: 20s}
steps:
  danger: {type: handoff, queue: emergency, reason: EMERGENCY, busy: line, closed: line, failed: line}
  line: {type: transfer, to: "tel:+15550000911", failed: bye}
  person: {type: handoff, queue: general, reason: ASKED, busy: bye, closed: bye, failed: bye}
  bye: {type: say, say: p.bye, go: END}
  ask_account: {type: ask, say: p.account, take: {kind: digits, length: 4}, as: account, go: ask_pin}
  ask_pin: {type: ask, say: p.pin, take: {kind: digits, length: 4}, as: pin, secret: true, go: prove}
  prove: {type: lookup, use: owner, ok: RETURN, refused: wrong, not_found: wrong, down: person, grants: verified}
  wrong: {type: say, say: p.wrong, miss: verified, go: ask_pin}
"""
GROUP = """\
  menu_{0}:
    type: menu
    say: m{0}.head
    choices:
      - {{press: 1, speak: [bill {0}], offer: m{0}.bill, go: get_{0}}}
      - {{press: 2, speak: [number {0}], offer: m{0}.number, go: ask_{0}}}
      - {{press: 3, speak: [more {0}], offer: m{0}.more, go: menu_{1}}}
  get_{0}: {{type: lookup, requires: verified, use: bill, ok: told_{0}, not_found: menu_{0}, down: person}}
  told_{0}: {{type: say, requires: verified, say: m{0}.told, go: menu_{1}}}
  ask_{0}: {{type: ask, say: m{0}.ask, take: {{kind: number}}, as: n{0}, confirm: m{0}.back, go: which_{0}}}
  which_{0}: {{type: check, when: [{{if: n{0} > 5 and account is set, go: get_{0}}}], else: menu_{1}}}
"""
PROMPTS = """\
m{0}.head: Menu {0}.
m{0}.bill: "For your bill, press {{key}}."
m{0}.number: "For a number, press {{key}}."
m{0}.more: "For more, press {{key}}."
m{0}.told: "You owe {{amount:money}}."
m{0}.ask: Which number?
m{0}.back: "I have {{n{0}:number}}. Press 1 if that is right."
"""


def write_menu(folder: Path, steps: int) -> Path:
    """A menu with about `steps` steps in groups of five, and its prompts in English and Spanish."""
    groups = max(steps // 5, 1)
    path = folder / "large.yaml"
    path.write_text(HEAD + "".join(GROUP.format(one, (one + 1) % groups) for one in range(groups)))
    common = "".join(
        f"{one}: Words.\n" for one in ("p.bye", "p.account", "p.pin", "p.wrong", "err.quiet", "err.unclear")
    )
    texts = "".join(PROMPTS.format(one) for one in range(groups))
    for language in ("en", "es"):
        (folder / f"{language}.yaml").write_text(f"prompts: {language}\n{common}{texts}")
    return path


def events_of(menu: Menu, count: int) -> list[float]:
    """Seconds of processor time of each of `count` events, whatever the callers do."""
    dice = random.Random(7)
    spent: list[float] = []
    while len(spent) < count:
        call = _Caller(menu, dice)
        for _ in range(200):
            if call.over or len(spent) >= count:
                break
            spent.append(call.step())
    return spent


class _Caller:
    """Presses keys, listens, gets its look-ups answered."""

    def __init__(self, menu: Menu, dice: random.Random) -> None:
        self.machine = MenuMachine(menu, call_id="c", recogniser_languages=frozenset({"en"}))
        self.dice, self.now, self.play, self.lookup = dice, 0.0, 0, 0
        self.over = False
        self.next: Event = CallAnswered("+15550100", "ivr", datetime(2026, 3, 2, 15, tzinfo=UTC))

    def step(self) -> float:
        event, self.now = self.next, self.now + 0.3
        begun = time.thread_time()
        commands = self.machine.handle(event, self.now)
        spent = time.thread_time() - begun
        self.next = self.answer(commands)
        return spent

    def answer(self, commands: list[Command]) -> Event:
        for command in commands:
            if isinstance(command, LookUp):
                return LookupEnded(command.lookup, "ok", {"amount": Decimal("84.20"), "locked": False})
            if isinstance(command, PlayPrompt):
                self.play = command.play
            self.over = self.over or isinstance(command, (HangUp, StartHandoff))
        return (
            PromptEnded(self.play, True) if self.dice.random() < 0.3 else KeyPressed(self.dice.choice("1123456#"))
        )


def best_of(times: int, work: Callable[[], object]) -> tuple[float, float]:
    """Shortest and middle time in seconds of processor time: what a neighbour takes of the machine is not ours."""
    spent = []
    for _ in range(times):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent), statistics.median(spent)


def machine() -> str:
    """What these figures were measured on."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    libyaml = "libyaml" if yaml.__with_libyaml__ else "PyYAML in Python"
    python, load = platform.python_version(), os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, load {load:.1f}, Python {python}, {libyaml}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--events", type=int, default=20000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = write_menu(Path(folder), options.steps)
        menu = load_menu(str(path), path.parent)
        least, middle = best_of(5, lambda: load_menu(str(path), path.parent))
        octets = sum(Path(file).stat().st_size for file in menu.files)
    spent = sorted(events_of(menu, options.events))
    mean, half, p99 = statistics.fmean(spent), statistics.median(spent), spent[-len(spent) // 100]
    print(machine())
    print(
        f"load and prove: {len(menu.steps)} steps, {octets // 1024} KiB: best {least:.2f} s, middle {middle:.2f} s"
        " of processor time"
    )
    print(
        f"an event: mean {mean * 1e6:.0f} µs of processor time, middle {half * 1e6:.0f} µs, p99 {p99 * 1e6:.0f} µs"
    )
    if middle >= 1.0 or mean >= 50e-6:
        sys.exit("slower than promised: a second for 1,000 steps, 50 µs an event")


if __name__ == "__main__":
    main()
