"""What every test may ask for: real peers, the speech recordings, free ports."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from house import House

IN_CI = os.environ.get("CI") == "true"
PROGRAMS = {"baresip": "baresip", "kamailio": "kamailio", "sipp": "sip-tester"}
"""Peer programs and the Debian packages that have them."""


LIVE = frozenset({"call", "cli", "console", "engine", "media", "net", "peers", "testing"})
"""Folders whose tests run on the real clock, in real time, between real processes."""


def need(what: str, why: str) -> None:
    """A test that cannot run here: skipped with its reason on a laptop, a failure in CI."""
    if IN_CI:
        pytest.fail(f"{what} is needed in CI: {why}")
    pytest.skip(f"{what}: {why}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Live tests spend their time waiting: beside each other they run as two lanes, each in its order.

    In CI, where other machines' work may stop this one for as long as a word lasts, a live test that failed is
    tried once more, and the report says so. A test on the virtual clock never is.
    """
    for item in items:
        room = item.path.parent.name
        if room not in LIVE:
            continue
        item.add_marker(pytest.mark.xdist_group("calls" if room == "call" else "live"))
        if IN_CI:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        (name,) = mark.args
        if shutil.which(name) is None:
            need(name, f"not installed; Debian package {PROGRAMS.get(name, name)}")
    if item.get_closest_marker("speech") and not os.environ.get("IVR_TEST_SPEECH"):
        need("recordings", "IVR_TEST_SPEECH does not name the folder of speech recordings")


@pytest.fixture
def speech_folder() -> Path:
    """The recordings and the vosk test model."""
    return Path(os.environ["IVR_TEST_SPEECH"])


@pytest.fixture
def free_port() -> int:
    """A port that UDP and TCP are free on."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise AssertionError("no port is free")


@pytest.fixture(scope="session")
def prompts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of rendered prompts for all engines of a test run; TEST_PROMPTS keeps it for the next run."""
    kept = os.environ.get("TEST_PROMPTS")
    if not kept:
        run = tmp_path_factory.getbasetemp()
        folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "prompts"
        folder.mkdir(exist_ok=True)
        return folder
    folder = Path(kept).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest_asyncio.fixture
async def build_house(tmp_path: Path, prompts_folder: Path) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """Starts engines whose settings differ from the usual ones: `await build_house(sip=SipSettings(…))`."""
    from house import House  # not at the top: tests of pure rooms do not import the engine

    houses: list[House] = []

    async def build(**changes: Any) -> House:
        house = House(tmp_path / f"var{len(houses) or ''}", prompts_folder, **changes)
        await house.start()
        houses.append(house)
        return house

    yield build
    for house in houses:
        await house.stop()


@pytest_asyncio.fixture
async def house(build_house: Callable[..., Awaitable[House]]) -> House:
    """A running engine with the sample menu and customers."""
    return await build_house()
