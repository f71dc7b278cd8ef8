"""The compile cache: an edit in any file of a room is seen, and without the compiler the rows are the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tocsin.timeline
from tocsin.jit import cache_folder, sources_hash

ROOM = Path(tocsin.timeline.__file__).parent

# A room of two files, as small as one that shows the trouble: the compiled function calls a helper in the other file.
HELPER = '''"""A threshold."""

from tocsin.jit import compiled


@compiled
def threshold() -> float:
    """Return from when a temperature is fever."""
    return {value}
'''
MAIN = '''"""Counts fevers."""

from room.helper import threshold
from tocsin.jit import compiled


@compiled
def is_fever(value: float) -> bool:
    """Return whether a temperature is fever."""
    return value >= threshold()
'''


def run_python(code: str, cache: Path, *paths: Path, **environment: str) -> str:
    """Run code in a fresh process; return what it prints."""
    path = os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": path, **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_an_edit_in_any_file_changes_the_hash(tmp_path: Path) -> None:
    copy = tmp_path / "timeline"
    shutil.copytree(ROOM, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = sources_hash(copy)
    assert before == sources_hash(ROOM)
    for file in sorted(copy.glob("*.py")):
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "# edited\n", encoding="utf-8")
        assert sources_hash(copy) != before, file.name
        file.write_text(text, encoding="utf-8")
    assert sources_hash(copy) == before


def test_a_new_and_a_renamed_file_change_the_hash(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n", encoding="utf-8")
    before = sources_hash(tmp_path)
    (tmp_path / "one.py").rename(tmp_path / "other.py")
    assert sources_hash(tmp_path) != before


def test_a_changed_threshold_in_a_helper_is_seen_by_a_fresh_process(tmp_path: Path) -> None:
    room, cache = tmp_path / "room", tmp_path / "cache"
    room.mkdir()
    (room / "__init__.py").write_text('"""A room."""\n', encoding="utf-8")
    (room / "main.py").write_text(MAIN, encoding="utf-8")
    code = "from room.main import is_fever; print(is_fever(38.2))"
    seen = []
    for value in ("38.0", "38.0", "38.3", "38.0"):
        (room / "helper.py").write_text(HELPER.format(value=value), encoding="utf-8")
        seen.append((run_python(code, cache, tmp_path), len(list(cache.rglob("*.nbc")))))
    # the second process compiles nothing, the third finds a folder of its own, the fourth the first one's again
    assert seen == [("True", 2), ("True", 2), ("False", 4), ("True", 4)]


COMPARED = """
import hashlib, json, random, sys
from tests.generative.strategies import random_subject
from tests.support.timeline_runs import run_product
rng = random.Random(3)
crowd = [random_subject(rng, place) for place in range(1, 13)]
answer = json.dumps(run_product(crowd), default=str, sort_keys=True)
import numba
print(numba.config.DISABLE_JIT, len(answer), hashlib.sha256(answer.encode()).hexdigest())
"""


def test_without_the_compiler_the_rows_are_the_same() -> None:
    cache = cache_folder(ROOM).parent.parent
    root = Path(__file__).parents[2]
    compiled, plain = (run_python(COMPARED, cache, root, NUMBA_DISABLE_JIT=off).split() for off in ("0", "1"))
    assert (compiled[0], plain[0]) == ("0", "1")
    assert compiled[1:] == plain[1:]
    assert int(compiled[1]) > 1000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code = "from pathlib import Path; from tocsin.jit import cache_folder; print(cache_folder(Path('.')))"
    assert not run_python(code, tmp_path).startswith(str(tmp_path))


def test_a_cache_that_is_a_file_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", encoding="utf-8")
    code = "from pathlib import Path; from tocsin.jit import cache_folder; print(cache_folder(Path('.')).is_dir())"
    assert run_python(code, tmp_path / "cache") == "True"
