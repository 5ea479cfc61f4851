"""`ivr talk`: the keyboard is the telephone."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ivr.cli.call_story import tell
from ivr.cli.customers import Config
from ivr.cli.tables import PIPED_WIDTH, plain, print_json
from ivr.cli.which_menu import not_another_here
from ivr.config import Settings, load_settings
from ivr.errors import IvrError
from ivr.menu import events
from ivr.menu.load import load_menu
from ivr.menu.model import Menu
from ivr.store.numbers import plain_phone
from ivr.testing.clock import FakeClock
from ivr.testing.connected import Connected
from ivr.testing.sample_store import SampleStore
from ivr.testing.simulation import Surroundings
from ivr.testing.speaking import Speaking, player
from ivr.testing.talk import KEYS, Talk

STYLES = {"step": "bold cyan", "say": "", "look": "magenta", "key": "green", "note": "dim", "wrong": "red"}
INDENT = 8
TICK = 0.1
"""Seconds between two looks at the clock while the keyboard is the telephone."""
ERASE = "\r\x1b[K"


def talk(
    menu: Annotated[
        str | None, typer.Argument(help="A menu's name or file; else the default menu.", show_default=False)
    ] = None,
    caller: Annotated[
        str, typer.Option("--as", metavar="NUMBER", help="The caller's number; else withheld.")
    ] = "",
    at: Annotated[
        str, typer.Option(metavar="TIME", help='When the call comes, as "2026-03-02 10:15", where the office is.')
    ] = "",
    speak: Annotated[bool, typer.Option("--speak", help="Play the prompts through the loudspeaker.")] = False,
    wav: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what the caller heard.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with the record as JSON.")] = False,
    connect: Annotated[
        bool, typer.Option("--connect", help="Ask the connectors of connectors.yaml, too; what they do is real.")
    ] = False,
    config: Config = None,
) -> None:
    """Call a menu without a telephone: see what is said, looked up and waited for, and where that is written.

    The customers are the samples, in a store of their own, and nobody real is reached without --connect. At a
    terminal keys act at once and time is real; from a pipe each line is one thing the caller does, and no time is
    lost.
    """
    settings = load_settings(config)
    not_another_here(menu or settings.menu.default, settings)
    loaded = load_menu(menu or settings.menu.default, settings.menu.folder)
    if caller and not plain_phone(caller):
        raise IvrError(f"--as is {caller!r}, which is no telephone number; write it like +15550100")
    clock = FakeClock(_moment(at, loaded))
    if speak and not player():
        wav = wav or Path("talk.wav")
        print(f"ivr: there is no program that plays sound here; what is said goes to {wav}", file=sys.stderr)
        speak = False
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(SampleStore(clock, currency=settings.store.currency))
        around = stack.enter_context(Connected(store)) if connect else Surroundings(store)
        if isinstance(around, Connected):
            around.prepare(loaded)
        if settings.agents:
            around.agent = settings.agents[0].id
        sound = stack.enter_context(_speaking(settings, loaded)) if speak or wav else None
        if sound is not None:
            around.length = sound.length
        watch = _Sound(sound, stack, speak) if sound is not None else None
        phone = Talk(
            loaded,
            around,
            clock,
            lambda kind, text: _print(console, kind, text),
            caller=plain_phone(caller),
            currency=settings.store.currency,
            watch=watch,
            connected=connect,
        )
        if watch is not None:
            watch.talk = phone
        _run(phone, console)
        if sound is not None and speak:
            sound.finish()
            sound.silence()
            if sound.failed and wav is None:
                wav = Path("talk.wav")
                print(f"ivr: {sound.failed} cannot play sound here; what was said goes to {wav}", file=sys.stderr)
        if sound is not None and wav is not None:
            sound.cut(phone.call.seconds)
            print(f"{wav}: {sound.write(wav):.1f} s of sound")
        if as_json:
            print_json(phone.call.record.document())
        else:
            console.print()
            tell(phone.call.record.document(), console)


class _Sound:
    """Follows the prompts of a call with sound."""

    def __init__(self, sound: Speaking, stack: contextlib.ExitStack, aloud: bool) -> None:
        self.talk: Talk | None = None
        self._sound = sound
        self._aloud = aloud
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ivr-")))

    def __call__(self, command: events.Command) -> None:
        if self.talk is None:
            return
        if isinstance(command, events.PlayPrompt):
            self._sound.lay(self.talk.call.seconds, command)
            if self._aloud:
                self._sound.play(command, self._folder, hear_out=not sys.stdin.isatty())
        elif isinstance(command, (events.StopPrompt, events.HangUp)):
            self._sound.cut(self.talk.call.seconds)
            if isinstance(command, events.HangUp):
                self._sound.finish()
            self._sound.silence()


def _run(phone: Talk, console: Console) -> None:
    if sys.stdin.isatty():
        console.print("Digits, * and # are keys; a letter or ! begins a command, ? tells them all; q hangs up.\n")
        phone.begin()
        try:
            _keyboard(phone)
        except KeyboardInterrupt:
            phone.line("hangup")
        sys.stdout.write(ERASE)
        return
    phone.begin()
    for line in sys.stdin:
        if phone.call.over:
            break
        phone.line(line)
    if not phone.call.over:
        phone.settle()
        phone.call.hang_up()


def _keyboard(phone: Talk) -> None:
    """Real time: a key acts in the moment it is pressed."""
    typed, before = "", time.monotonic()
    with _one_key_at_a_time():
        while not phone.call.over:
            sys.stdout.write(ERASE + (f": {typed}" if typed else _status(phone)))
            sys.stdout.flush()
            ready, _, _ = select.select([sys.stdin], [], [], TICK)
            now = time.monotonic()
            phone.call.wait(now - before)
            before = now
            if not ready:
                continue
            for sign in os.read(sys.stdin.fileno(), 256).decode("utf-8", "ignore") or "\x04":
                typed = _pressed(phone, typed, sign)


def _pressed(phone: Talk, typed: str, sign: str) -> str:
    """Takes one sign of the keyboard; returns what stands in the command line then."""
    if sign == "\x04":
        phone.line("hangup")
    elif not typed and sign in KEYS:
        phone.key(sign)
    elif sign in "\r\n":
        if typed and not phone.command(typed):
            phone.press(typed)
        return ""
    elif sign in "\x7f\b":
        return typed[:-1]
    elif not typed and sign in "q?":
        phone.command(sign)
    elif sign.isprintable():
        return typed + sign
    return typed


@contextlib.contextmanager
def _one_key_at_a_time() -> Iterator[None]:
    """The terminal hands over each key as it is pressed and does not show it."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _status(phone: Talk) -> str:
    """The line at the bottom: what goes on, and where it is written."""
    call = phone.call
    if call.with_agent:
        doing = f"{call.with_agent} talks with you; q hangs up"
    elif call.handoff is not None:
        doing = f"waits for a person ({call.handoff.queue}); !answer !busy !closed !failed"
    elif call.playing is not None:
        doing = f"speaking {call.playing_until - call.clock.monotonic():.0f} s"
    else:
        doing = "  ".join(f"{name.replace('_', ' ')} in {left:.0f} s" for name, left in call.timers.items())
    width = Console().width - 1
    return plain(f"{doing or 'silence'}  |  {phone.where()}")[:width]


def _print(console: Console, kind: str, text: str) -> None:
    if sys.stdin.isatty():
        sys.stdout.write(ERASE)
    line = Text(plain(text), style=STYLES.get(kind, ""))
    console.print(Padding(line, (0, 0, 0, 0 if kind == "step" else INDENT), expand=False))


def _speaking(settings: Settings, menu: Menu) -> Speaking:
    return Speaking(menu, settings.var / "prompts", settings.menu.audio, settings.speech.rate)


def _moment(at: str, menu: Menu) -> datetime:
    """UTC; a time without a zone is meant where the first opening hours are. Raises IvrError."""
    if not at:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise IvrError(f'{at!r} is no time; write "2026-03-02 10:15"') from None
    zones: list[Any] = [hours.zone for hours in menu.hours.values()] or [ZoneInfo("UTC")]
    return (moment if moment.tzinfo else moment.replace(tzinfo=zones[0])).astimezone(UTC)
