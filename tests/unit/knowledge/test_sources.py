"""Every fact names a source that resolves and a confidence that is a word of ours."""

import csv
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tocsin.errors import UserError
from tocsin.knowledge._files import FOLDER, keys
from tocsin.knowledge.sources import CONFIDENCE, cite, source, sources
from tocsin.knowledge.version import knowledge_hash, short_hash

DATA = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".toml", ".csv"))


def facts(path: Path) -> Iterator[dict[str, Any]]:
    """Every row or table that states a source or a confidence."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            yield from (
                {**row, "source": keys(row["source"])} for row in csv.DictReader(file) if "source" in row
            )
    else:
        yield from _tables(tomllib.loads(path.read_text(encoding="utf-8")))


def _tables(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "source" in node:
        yield node
    for child in node.values():
        for table in cast(list[Any], child) if isinstance(child, list) else [child]:
            if isinstance(table, dict):
                yield from _tables(cast(dict[str, Any], table))


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_sources_resolve_and_confidences_are_known(path: Path) -> None:
    for fact in facts(path):
        assert fact["source"], fact
        assert all(source(key) for key in fact["source"]), fact
        assert fact.get("confidence", "n/a") in CONFIDENCE, fact


@pytest.mark.parametrize(
    "path", [path for path in DATA if path.suffix == ".toml"], ids=lambda path: path.name
)
def test_a_source_never_stands_without_a_confidence(path: Path) -> None:
    assert all("confidence" in fact for fact in facts(path))


def test_every_source_is_used() -> None:
    used = {key.split(":")[0] for path in DATA for fact in facts(path) for key in fact["source"]}
    # The source texts are named whether or not a fact of this room rests on them.
    assert set(sources()) - used <= {"S000", "S001", "S002", "S003", "S004"}


def test_seed_is_shown_as_source_text() -> None:
    assert CONFIDENCE["seed"] == "source text"
    assert "118012" in source("S004").what


def test_a_place_may_follow_the_key() -> None:
    assert source("RICU:inst/extdata/config/concept-dict.json").key == "RICU"
    assert cite(("W3",)).startswith("W3 (")


def test_unknown_source() -> None:
    with pytest.raises(UserError, match="unknown source 'W999'"):
        source("W999")


def test_the_hash_names_the_version() -> None:
    assert len(knowledge_hash()) == 64
    assert short_hash() == knowledge_hash()[:12]


def test_the_hash_sees_an_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from tocsin.knowledge import version

    copy = Path(shutil.copytree(FOLDER, tmp_path / "knowledge"))
    monkeypatch.setattr(version, "FOLDER", copy)
    assert version.knowledge_hash.__wrapped__() == knowledge_hash()
    (copy / "causes.toml").write_text(
        (copy / "causes.toml").read_text().replace("window_d = 7", "window_d = 8")
    )
    assert version.knowledge_hash.__wrapped__() != knowledge_hash()
