"""Keys in a terminal, lines from a pipe."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import termios

import pytest

from ivr.console.desk_keys import Keyboard
from ivr.console.desk_line import Line


class Typist:
    """Collects what the keyboard hands on."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended = asyncio.Event()
        self._news = asyncio.Condition()

    def line(self, text: str) -> None:
        self.lines.append(text)
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, *lines: str) -> None:
        async with asyncio.timeout(5), self._news:
            while self.lines != list(lines):
                await self._news.wait()

    async def end(self) -> None:
        await asyncio.wait_for(self.ended.wait(), 5)


@pytest.fixture
def typist():
    async def make():
        return Typist()

    return make


async def test_a_pipe_is_read_line_by_line_and_its_end_is_told(typist):
    hands = await typist()
    reading, writing = os.pipe()
    with os.fdopen(reading) as source:
        Keyboard(hands.line, hands.ended.set, source).open()
        os.write(writing, b"ready\r\nnot re")
        await hands.until("ready")
        os.write(writing, "ady 1001\nä".encode()[:-1])
        os.write(writing, "ä".encode()[-1:])
        os.close(writing)
        await hands.end()
    assert hands.lines == ["ready", "not ready 1001", "ä"]


async def test_a_file_as_standard_input_works_too(typist, tmp_path):
    hands = await typist()
    (tmp_path / "commands").write_text("r\nq\n")
    with (tmp_path / "commands").open() as source:
        Keyboard(hands.line, hands.ended.set, source).open()
        await hands.end()
    assert hands.lines == ["r", "q"]


async def test_no_standard_input_has_ended_at_once(typist):
    hands = await typist()
    Keyboard(hands.line, hands.ended.set, io.StringIO("r\n")).open()
    await hands.end()
    assert hands.lines == []


async def test_a_terminal_gives_single_keys_and_gets_its_settings_back(typist):
    hands = await typist()
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with os.fdopen(slave) as source:
        keyboard = Keyboard(hands.line, hands.ended.set, source)
        keyboard.open()
        assert keyboard.single_keys
        assert not termios.tcgetattr(slave)[3] & termios.ICANON
        os.write(master, b"a1001n")
        await hands.until("a", "n 1001")
        os.write(master, b"12\x1b?")  # Escape forgets the digits
        await hands.until("a", "n 1001", "?")
        os.write(master, b"\x04")
        await hands.end()
        keyboard.close()
        assert termios.tcgetattr(slave) == before
        assert not keyboard.single_keys
        os.close(master)


async def test_tab_completes_what_is_there_as_far_as_it_is_sure(typist):
    hands, asked = await typist(), []
    leading, following = pty.openpty()
    with os.fdopen(following) as source:
        keyboard = Keyboard(hands.line, hands.ended.set, source, with_words={"p": "whom"}, on_words=asked.append)
        keyboard.open()
        os.write(leading, b"pd")
        await hands.until("", "")
        assert asked == ["p"]
        keyboard.candidates = ["desk2", "desk31", "desk32"]
        os.write(leading, b"\t3\t")
        await hands.until(*[""] * 5)
        assert keyboard.asked == ("whom", Line("desk3", 5))
        os.write(leading, b"1\txx\t\n")
        await hands.until(*[""] * 10, "p desk31xx")
        os.write(leading, b"pd\t")
        await hands.until(*[""] * 10, "p desk31xx", *[""] * 3)
        assert keyboard.asked == ("whom", Line("d", 1)), "completed to what was there the last time"
        keyboard.close()
    os.close(leading)


async def test_after_some_keys_a_line_is_typed_until_enter(typist):
    hands = await typist()
    leading, following = pty.openpty()
    with os.fdopen(following) as source:
        keyboard = Keyboard(hands.line, hands.ended.set, source, with_words={"c": "consult: whom"})
        keyboard.open()
        os.write(leading, b"12cdesk3")
        await hands.until(*[""] * 6)
        assert keyboard.asked == ("consult: whom", Line("desk3", 5))
        os.write(leading, b"\x7f2\n")
        await hands.until(*[""] * 8, "c desk2")
        os.write(leading, b"cx\x1bh")
        await hands.until(*[""] * 8, "c desk2", *[""] * 3, "h")
        keyboard.close()
    os.close(leading)


async def test_an_arrow_key_neither_accepts_nor_hangs_up(typist):
    hands = await typist()
    leading, following = pty.openpty()
    with os.fdopen(following) as source:
        keyboard = Keyboard(hands.line, hands.ended.set, source, with_words={"o": "note: the text"})
        keyboard.open()
        os.write(leading, b"\x1b[A\x1b[D\x1bOD\x1b[3~h")
        await hands.until("h")
        os.write(leading, b"ob\x1b[Da\x1b[C!\n")
        await hands.until("h", *[""] * 6, "o ab!")
        keyboard.close()
    os.close(leading)
