"""A folder of one's own: what `ivr init` copies, and that it never overwrites."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.cli.init import init
from ivr.config import load_settings
from ivr.errors import IvrError
from ivr.menu.load import check_menu


def test_what_is_copied_is_whole_and_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(tmp_path / "site")
    monkeypatch.chdir(tmp_path / "site")
    assert Path("menus/tests/northgas/emergency.yaml").is_file()
    settings = load_settings()
    assert settings.source == Path("ivr.toml")
    assert check_menu(settings.menu.default, settings.menu.folder) == []
    assert settings.menu.folder.resolve() == tmp_path / "site" / "menus"


def test_nothing_is_overwritten_and_then_nothing_is_copied(tmp_path: Path) -> None:
    (tmp_path / "menus").mkdir()
    with pytest.raises(IvrError, match="has menus already; name another folder"):
        init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["menus"]
