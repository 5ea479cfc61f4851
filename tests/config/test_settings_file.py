"""Which settings file is used, and what its relative paths count from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ivr.config import load_settings, settings_file, shipped


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders below one with settings."""
    folder = tmp_path / "menus" / "prompts"
    folder.mkdir(parents=True)
    (tmp_path / "audio").mkdir()
    (tmp_path / "ivr.toml").write_text(
        '[menu]\ndefault = "mine"\n[speech]\nmodels = {en = "models/en"}\n[ici]\ndialect = "our.yaml"\n'
        '[log]\nlevel = "debug"\n'
    )
    monkeypatch.chdir(folder)
    return folder


def test_settings_are_looked_for_in_the_folders_above(deep: Path) -> None:
    settings = load_settings(None, {})
    assert settings.source == Path("../../ivr.toml")
    assert settings.menu.default == "mine"


def test_paths_of_a_file_found_above_count_from_its_folder(deep: Path) -> None:
    settings = load_settings(None, {"IVR_MENU_AUDIO": "."})
    assert settings.menu.folder == Path("../../menus")
    assert settings.var == Path("../../var")
    assert settings.store.path == Path("../../var/ivr.db")
    assert settings.speech.models == {"en": Path("../../models/en")}
    assert settings.ici.dialect == "../../our.yaml"
    assert settings.menu.audio == Path(), "a variable's path counts from here"
    assert load_settings(None, {"IVR_VAR": "run"}).store.path == Path("run/ivr.db")


def test_the_file_here_beats_the_one_above(deep: Path) -> None:
    (deep / "ivr.toml").write_text("")
    assert load_settings(None, {}).source == Path("ivr.toml")
    assert load_settings(None, {"IVR_CONFIG": str(deep.parents[1] / "ivr.toml")}).menu.default == "mine"


def test_a_strangers_file_above_is_passed_over(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid() == 0:
        os.chown(deep.parents[1] / "ivr.toml", 4711, -1)
    else:
        monkeypatch.setattr("os.getuid", lambda: 4711)
    found = settings_file(None, {})
    assert (found.path, found.is_sample) == (shipped("ivr.toml"), True)
