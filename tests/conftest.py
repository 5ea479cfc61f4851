"""What every test may ask for: real peers, the speech recordings, free ports."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"
PROGRAMS = {"baresip": "baresip", "sipp": "sip-tester"}
"""Peer programs and the Debian packages that have them."""


def need(what: str, why: str) -> None:
    """A test that cannot run here: skipped with its reason on a laptop, a failure in CI."""
    if IN_CI:
        pytest.fail(f"{what} is needed in CI: {why}")
    pytest.skip(f"{what}: {why}")


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
    """One folder of rendered prompts for all engines of a test run."""
    return tmp_path_factory.mktemp("prompts")
