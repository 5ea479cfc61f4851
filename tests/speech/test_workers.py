"""The pipe between the engine and a worker: what goes wrong when a process does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from ivr.errors import WorkerDied
from ivr.speech.engines.frames import HEAD, BadFrame, encode_frame, read_frame
from ivr.speech.engines.pyttsx3_voice import MODULE, Pyttsx3Voice
from ivr.speech.engines.worker_process import WorkerProcess

NOISY = """
import ctypes, sys
from ivr.speech.engines.worker_pipe import WorkerPipe
pipe = WorkerPipe()
print("Audio saved to somewhere")
ctypes.CDLL(None).puts(b"and a C library speaks, too")
while frame := pipe.read():
    pipe.write({"heard": frame[0]}, frame[1][::-1])
"""


async def spawned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> WorkerProcess:
    (tmp_path / "sample_worker.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    return await WorkerProcess.spawn("sample_worker")


async def test_what_libraries_print_does_not_disturb_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await spawned(tmp_path, monkeypatch, NOISY)
    body = bytes(range(256)) * 4000
    worker.write({"text": "ü"}, body)
    assert await worker.read() == ({"heard": {"text": "ü"}}, body[::-1])
    await worker.stop()
    assert not worker.running


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_a_worker_outlives_a_ctrl_c_and_ends_with_its_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals
) -> None:
    worker = await spawned(tmp_path, monkeypatch, NOISY)
    worker.write({})
    await worker.read()
    os.kill(worker.pid, sign)
    worker.write({})
    assert await worker.read() == ({"heard": {}}, b"")
    await worker.stop()
    assert not worker.running


async def test_a_worker_that_dies_leaves_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await spawned(tmp_path, monkeypatch, "import sys; sys.exit('no phontab here')")
    with pytest.raises(WorkerDied, match="ended with code 1: no phontab here"):
        await worker.read()
    await worker.stop()


async def test_a_worker_that_writes_nonsense_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await spawned(tmp_path, monkeypatch, "print('x' * 100, flush=True); input()")
    with pytest.raises(WorkerDied, match="octets and was ended"):
        await worker.read()
    await worker.stop()


async def test_a_worker_that_will_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await spawned(tmp_path, monkeypatch, NOISY)
    worker.write({})
    await worker.read()
    os.kill(worker.pid, signal.SIGSTOP)
    await worker.stop(patience=0.05)
    assert not worker.running


@pytest.mark.parametrize("octets", [HEAD.pack(2, 0) + b"[]", HEAD.pack(1, 0) + b"{", HEAD.pack(2**31, 0)])
async def test_what_is_no_frame_is_refused(octets: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(octets)
    with pytest.raises(BadFrame):
        await read_frame(reader)


async def test_a_frame_comes_back_as_it_was_sent() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(encode_frame({"a": 1}, b"xy") + encode_frame({"b": 2}))
    assert await read_frame(reader) == ({"a": 1}, b"xy")
    assert await read_frame(reader) == ({"b": 2}, b"")


async def test_an_engine_that_is_killed_leaves_neither_worker_nor_folder(tmp_path: Path) -> None:
    """The worker sees the end of its pipe, and tidies up for the engine that cannot."""
    folder = tmp_path / "voice"
    folder.mkdir()
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", MODULE, str(folder))
    worker = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert (await read_frame(worker.stdout))[0]["hello"].startswith("pyttsx3 ")
    worker.stdin.close()
    assert await asyncio.wait_for(worker.wait(), 30) == 0
    assert not folder.exists()
    await worker.communicate()


async def test_the_voice_speaks_where_its_data_lies_too_deep_for_espeak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """espeak-ng cuts a long data path off and ends the process; a link makes it short."""
    import espeakng_loader

    package = Path(espeakng_loader.__file__).parent
    deep = tmp_path.joinpath(*["a_rather_long_folder_name_as_build_servers_have"] * 5)
    deep.mkdir(parents=True)
    (deep / "espeakng_loader").symlink_to(package)
    init = f"def get_data_path(): return {str(deep / 'espeakng_loader' / 'espeak-ng-data')!r}\n"
    init += f"def get_library_path(): return {espeakng_loader.get_library_path()!r}\n"
    shadow = tmp_path / "shadow" / "espeakng_loader"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text(init)
    monkeypatch.syspath_prepend(tmp_path / "shadow")
    voice = Pyttsx3Voice()
    await voice.start()
    for _ in range(2):
        assert len(await voice.render("Hello.", "gmw/en-us", 165)) > 4000
        assert voice._worker is not None
        os.kill(voice._worker.pid, signal.SIGKILL)
    await voice.stop()


async def test_a_worker_whose_library_never_comes_back_ends_with_the_engine() -> None:
    """espeak-ng's notice of a finished utterance is lost now and then; a killed engine cannot end the worker."""
    code = (
        "import threading; from ivr.speech.engines.worker_pipe import WorkerPipe;"
        "pipe = WorkerPipe(); pipe.write({'hello': 1});"
        "raise SystemExit(0 if pipe.wait_for(threading.Event()) else 7)"
    )
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=pipe, stdout=pipe)
    assert worker.stdin is not None and worker.stdout is not None
    async with asyncio.timeout(30):
        assert await worker.stdout.read(1)
        worker.stdin.close()
        assert await worker.wait() == 7
