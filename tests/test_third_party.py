"""THIRD_PARTY.md against the metadata of what is installed."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).parents[1]
COLUMNS = ["name", "version", "licence", "used for", "source"]
Rows = dict[str, dict[str, str]]


def listed(document: str) -> Rows:
    """Rows of all tables by canonical name."""
    rows: Rows = {}
    for line in document.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == len(COLUMNS) and cells != COLUMNS and set(line) - set("|-: "):
            rows[canonicalize_name(cells[0])] = dict(zip(COLUMNS, cells, strict=True))
    return rows


def needed(requirements: list[str], extra: str = "") -> set[str]:
    """Names of everything these requirements bring along here; what is not installed counts, its needs cannot."""
    seen: set[tuple[str, str]] = set()
    waiting = [(text, extra) for text in requirements]
    while waiting:
        text, wanted = waiting.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": wanted}):
            continue
        name = canonicalize_name(requirement.name)
        for inner in ("", *requirement.extras):
            if (name, inner) not in seen:
                seen.add((name, inner))
                waiting += [(other, inner) for other in needs_of(name)]
    return {name for name, _ in seen}


def needs_of(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def faults(rows: Rows, names: set[str]) -> list[str]:
    """What is not listed, or listed with a column empty."""
    found = [f"{name} is not listed" for name in sorted(names - rows.keys())]
    for name in sorted(names & rows.keys()):
        found += [f"{name} has no {column}" for column in COLUMNS if not rows[name][column]]
    return found


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text("utf-8"))["project"]
    assert isinstance(project, dict)
    return project


@pytest.fixture(scope="module")
def asked(project: dict[str, object]) -> dict[str, list[str]]:
    """Requirements by extra, the empty one for run time; from the source, so no stale install hides one."""
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)
    return {"": project["dependencies"], **extras}  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return listed((HOUSE / "THIRD_PARTY.md").read_text("utf-8"))


@pytest.mark.parametrize("extra", ["", "test", "sql", "srtp", "soap", "pyvoip", "peers", "lint"])
def test_everything_needed_is_listed_with_its_licence(rows: Rows, asked: dict[str, list[str]], extra: str) -> None:
    assert faults(rows, needed(asked[extra])) == []


def test_the_whole_way_down_was_walked(asked: dict[str, list[str]]) -> None:
    assert {"aiohttp", "yarl", "idna", "pydantic-core", "pycparser"} <= needed(asked[""])
    assert "zeep" in needed(asked["test"])


def test_versions_are_those_of_the_project_file(rows: Rows, asked: dict[str, list[str]]) -> None:
    for text in (text for requirements in asked.values() for text in requirements):
        requirement = Requirement(text)
        written = rows[canonicalize_name(requirement.name)]["version"]
        found = SpecifierSet("" if written == "any" else written)
        assert found == requirement.specifier, f"{requirement.name}: {written}"


def test_strict_copyleft_stays_out_of_the_run_time_but_for_the_voice(
    rows: Rows, asked: dict[str, list[str]]
) -> None:
    copyleft = {name for name, row in rows.items() if row["licence"].startswith(("GPL", "AGPL"))}
    assert copyleft & needed(asked[""]) == {"espeakng-loader"}
    assert copyleft & needed(asked["test"]) == {"pyvoip"}


def test_every_extra_of_the_project_is_covered(asked: dict[str, list[str]]) -> None:
    assert asked.keys() == {"", "test", "sql", "srtp", "soap", "pyvoip", "peers", "lint"}


def test_a_missing_package_and_an_empty_licence_are_found() -> None:
    document = (
        "| name | version | licence | used for | source |\n|---|---|---|---|---|\n| PyYAML | >=6 |  | x | y |\n"
    )
    assert faults(listed(document), {"pyyaml", "lxml"}) == ["lxml is not listed", "pyyaml has no licence"]


def test_the_licence_of_the_project_is_there_in_full(project: dict[str, object]) -> None:
    assert project["license"] == "Apache-2.0"
    text = (HOUSE / "LICENSE").read_text("utf-8")
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability" in text
