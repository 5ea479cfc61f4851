"""Finding the menus, recordings and sample settings that come with the package."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """The shipped folder or file `name` (``menus``, ``audio``, ``ivr.toml``).

    In an installed package they lie under ``ivr/shipped``, in a source tree beside ``ivr``.
    """
    package = Path(__file__).resolve().parent.parent
    installed = package / "shipped" / name
    return installed if installed.exists() else package.parent / name
