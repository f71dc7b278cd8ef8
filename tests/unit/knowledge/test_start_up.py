"""The knowledge starts lightly: the command line's help waits for none of the big libraries."""

import subprocess
import sys

import pytest

MODULES = ("", ".causes", ".codes", ".drugs", ".explain", ".products", ".scales", ".signals", ".timeline")


@pytest.mark.parametrize("module", MODULES)
def test_no_big_library_is_imported(module: str) -> None:
    code = f"import sys, tocsin.knowledge{module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "numba", "duckdb", "pyarrow"} & set(loaded)
    assert "tocsin" in loaded
