"""The repository holds together: versions agree, the lock covers what is asked for, code keeps its shape."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "scripts").rglob("*.py"))]
LOCKS = {"run": ["build"], "dev": ["build", "test", "dev"], "lowest": ["build", "test"]}


def asked_for(groups: list[str]) -> Iterator[Requirement]:
    """What pyproject.toml asks for: the run-time dependencies and some groups."""
    yield from map(Requirement, PROJECT["project"]["dependencies"])
    items = [item for group in groups for item in PROJECT["dependency-groups"][group]]
    yield from (Requirement(item) for item in items if isinstance(item, str))


def locked(name: str) -> dict[str, set[Version]]:
    """The versions that a lock file pins, by package (one may have two, for different Pythons)."""
    pins: dict[str, set[Version]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines():
        if found := re.match(r"([a-z0-9-]+)==([^ ]+)", line):
            pins.setdefault(found[1], set()).add(Version(found[2]))
    return pins


class TestVersions:
    version = PROJECT["project"]["version"]

    def test_citation_has_the_version_of_the_package(self) -> None:
        citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
        assert citation["version"] == self.version
        assert citation["license"] == PROJECT["project"]["license"]

    def test_the_changelog_has_a_section_for_it(self) -> None:
        changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
        assert re.search(rf"^## \[{re.escape(self.version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.M)


class TestLock:
    @pytest.mark.parametrize("name", LOCKS)
    def test_pins_everything_that_is_asked_for_at_a_version_that_is_allowed(self, name: str) -> None:
        pins = locked(name)
        wrong = [
            str(wanted)
            for wanted in asked_for(LOCKS[name])
            if not all(wanted.specifier.contains(pin) for pin in pins.get(wanted.name, {Version("0")}))
        ]
        assert wrong == [], "run `make lock`"

    def test_lowest_pins_the_floors(self) -> None:
        pins = locked("lowest")
        floors = {
            wanted.name: Version(next(s.version for s in wanted.specifier if s.operator == ">="))
            for wanted in asked_for([])
        }
        assert {name: pins[name] for name in floors} == {name: {floor} for name, floor in floors.items()}

    def test_run_and_dev_pin_the_same(self) -> None:
        run, dev = locked("run"), locked("dev")
        assert run == {name: dev[name] for name in run}

    @pytest.mark.parametrize("name", LOCKS)
    def test_names_no_place_to_fetch_from_and_hashes_every_pin(self, name: str) -> None:
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert not re.search(r"https?:|file:|--index|--find-links|@ ", text)
        pinned = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.M | re.S)
        assert [pin.split()[0] for pin in pinned if "--hash=sha256:" not in pin] == []


class TestShape:
    @pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_no_source_file_is_longer_than_400_lines(self, path: Path) -> None:
        assert len(path.read_text("utf-8").splitlines()) <= 400

    def test_functions_are_short(self) -> None:
        """95 of 100 under 40 lines, and no more than that: a kernel may need to be one piece."""
        functions = [
            (node.end_lineno or node.lineno) - node.lineno + 1
            for path in SOURCES
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        assert sum(length < 40 for length in functions) >= 0.95 * len(functions)

    def test_the_first_line_of_each_file_says_what_lives_there(self) -> None:
        silent = [
            str(path.relative_to(ROOT))
            for path in PYTHON
            if (text := path.read_text("utf-8")) and not text.startswith(('"""', "#"))
        ]
        assert silent == []


class TestMakefile:
    def test_make_alone_lists_every_target_that_a_person_runs(self) -> None:
        printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        targets = re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text("utf-8"), re.M)
        assert {"demo", "test", "test-all", "bench", "docs", "lock", "clean", "format"} <= set(targets)
        assert [target for target in targets if f"make {target} " not in printed] == []


def test_the_wheel_holds_every_file_of_the_package() -> None:
    """hatchling leaves out what .gitignore names: a pattern too wide would drop knowledge silently."""
    package = ROOT / "src" / "tocsin"
    there = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    shipped = {Path(file.path) for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert there - shipped == set()
