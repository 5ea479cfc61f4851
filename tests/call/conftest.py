"""A house for every test of whole calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from house import House


@pytest_asyncio.fixture
async def house(tmp_path: Path, prompts_folder: Path) -> AsyncIterator[House]:
    """A running engine with the sample menu and customers."""
    house = House(tmp_path / "var", prompts_folder)
    await house.start()
    yield house
    await house.stop()
