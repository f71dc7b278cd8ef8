"""The documentation says what the program does: no page has drifted, links lead somewhere, commands exist."""

import doctest
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

import tocsin
from scripts import build_reference
from tocsin.cli import app

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WRITTEN = [path for path in PAGES if not path.read_text("utf-8").startswith(build_reference.MARK)]
GROUP: Any = typer.main.get_command(app)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_in(text: str) -> list[str]:
    """The `tocsin ...` lines of the code blocks, continued lines joined."""
    blocks = re.findall(r"^```(?:bash|console)\n(.*?)^```", text, re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("tocsin ")]


def would_be_understood(line: str) -> bool:
    """Whether the command of a line exists and has the options that the line gives it."""
    name, *words = shlex.split(line, comments=True)[1:]
    if name not in GROUP.commands:
        return name == "--help"
    options = {"--help"} | {option for parameter in GROUP.commands[name].params for option in parameter.opts}
    return all(word.split("=")[0] in options for word in words if word.startswith("--"))


def test_generated_pages_say_what_the_program_says() -> None:
    assert [relative(path) for path in build_reference.drifted()] == [], "run `make docs-pages`"


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    def paths(item: Any) -> list[str]:
        if isinstance(item, str):
            return [item]
        return [path for each in (item.values() if isinstance(item, dict) else item) for path in paths(each)]

    config = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    listed = set(paths(config["project"]["nav"]))
    there = {str(path.relative_to(DOCS)) for path in PAGES if not re.match(r"\d{4}-", path.name)}
    assert listed == there


@pytest.mark.parametrize("path", [ROOT / "README.md", *WRITTEN], ids=relative)
def test_every_command_that_a_page_shows_exists_with_its_options(path: Path) -> None:
    assert [line for line in commands_in(path.read_text("utf-8")) if not would_be_understood(line)] == []


def test_every_command_is_shown_by_some_page() -> None:
    lines = [line for path in WRITTEN for line in commands_in(path.read_text("utf-8"))]
    assert set(GROUP.commands) <= {shlex.split(line, comments=True)[1] for line in lines}


@pytest.mark.parametrize("name", tocsin.__all__)
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    thing = getattr(tocsin, name)
    if isinstance(thing, type) and issubclass(thing, BaseException):
        pytest.skip("an exception is shown where it is raised")
    tests = doctest.DocTestFinder(recurse=False).find(thing, name, globs={"tocsin": tocsin, name: thing})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    results = [runner.run(test) for test in tests]
    assert sum(result.attempted for result in results) > 0
    assert sum(result.failed for result in results) == 0
