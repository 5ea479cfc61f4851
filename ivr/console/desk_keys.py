"""Standard input of the desk: single keys in a terminal, lines from anywhere else."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
import termios
import threading
import tty
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from ivr.console.desk_line import MOST, Keys, Line


class Keyboard:
    """Reads in a thread of its own and calls back on the loop: `on_line` per command, `on_end` at the end.

    In a terminal every key is a command at once, but digits gather in front of the next key: ``1001n`` is not
    ready for reason 1001. The thread reads the descriptor itself, so that it can be left behind in its read
    when the desk ends.
    """

    def __init__(
        self,
        on_line: Callable[[str], None],
        on_end: Callable[[], None],
        source: TextIO | None = None,
        *,
        with_words: Mapping[str, str] | None = None,
        on_words: Callable[[str], None] = lambda key: None,
    ) -> None:
        """`with_words`: keys after which a line is typed, up to Enter, and what is asked for then. `on_words` is
        told of such a key at once, so that `candidates` can be found while the person types."""
        self._on_line = on_line
        self._on_end = on_end
        self._source = source if source is not None else sys.stdin
        self._before: list[Any] | None = None
        self._descriptor = -1
        self.digits = ""
        """What has been gathered, for the status line."""
        self._with_words = dict(with_words or {})
        self._on_words = on_words
        self.candidates: Sequence[str] = ()
        """What Tab completes to."""
        self._words: tuple[str, Line] | None = None
        """A key after which something is being typed, and that."""
        self._keys = Keys()

    @property
    def single_keys(self) -> bool:
        return self._before is not None

    def open(self) -> None:
        """Begin; a standard input that is closed has ended at once."""
        loop = asyncio.get_running_loop()
        try:
            self._descriptor = self._source.fileno()
        except (AttributeError, OSError, ValueError):
            loop.call_soon(self._on_end)
            return
        if os.isatty(self._descriptor):
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        threading.Thread(target=self._read, args=(loop,), name="desk-keys", daemon=True).start()

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._before = None

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            try:
                octets = os.read(self._descriptor, 4096)
            except OSError:
                octets = b""
            try:
                loop.call_soon_threadsafe(self._take, decoder.decode(octets, not octets), not octets)
            except RuntimeError:  # the loop is closed: the desk has ended
                return
            if not octets:
                return

    _rest = ""

    def _take(self, text: str, ended: bool) -> None:
        if self.single_keys:
            for key in self._keys.split(text):
                self._key(key)
        else:
            *lines, self._rest = (self._rest + text).replace("\r", "").split("\n")
            self._rest = self._rest[:MOST]
            if ended and self._rest:
                lines.append(self._rest)
            for line in lines:
                self._on_line(line[:MOST])
        if ended:
            self._on_end()

    @property
    def asked(self) -> tuple[str, Line]:
        """The question that is being answered, empty where there is none, and the answer so far."""
        if self._words is None:
            return "", Line(self.digits)
        key, line = self._words
        return self._with_words[key], line

    def _word(self, pressed: str, key: str, line: Line) -> None:
        """One more key of what follows a key: Enter hands it on, Escape or Ctrl-D forgets it."""
        if pressed in "\r\n":
            self._words = None
            self._on_line(f"{key} {line.text}")
            return
        if pressed in ("\x1b", "\x04"):
            self._words = None
        elif pressed == "\t":
            line.complete(self.candidates)
        else:
            line.take(pressed)
        self._on_line("")  # shows it

    def _key(self, key: str) -> None:
        if self._words is not None:
            self._word(key, *self._words)
            return
        if key in self._with_words:
            self.digits, self._words, self.candidates = "", (key, Line()), ()
            self._on_words(key)
            self._on_line("")
            return
        if key.isascii() and key.isdigit():
            self.digits = (self.digits + key)[-9:]
        elif key == "\x04":  # Ctrl-D, as a line would end with it
            self._on_end()
        elif key.isprintable() and not key.isspace():  # an arrow is no command, and none of its letters is one
            digits, self.digits = self.digits, ""
            self._on_line(f"{key} {digits}".strip())
        else:
            self.digits = ""
