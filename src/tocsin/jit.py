"""How hot loops are compiled: one decorator, and a cache folder for each room that no stale code can live in."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]
from numba.core import config as _config  # pyright: ignore[reportMissingTypeStubs]

Function = TypeVar("Function", bound=Callable[..., Any])
config: Any = _config  # its settings are made at import, so its stubs know none of them


def sources_hash(room: Path) -> str:
    """Return a hash of all sources of a room and of the numba and Python versions.

    numba's own cache looks only at the file of the function it caches, so an edit in a helper file would go unnoticed.
    """
    digest = hashlib.sha256(f"{version('numba')} {python_version()}".encode())
    for file in sorted(room.glob("*.py")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def cache_folder(room: Path) -> Path:
    """Return the folder that holds a room's compiled code, made if need be; a temporary one if home is read-only."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "tocsin" / f"{room.name}-{sources_hash(room)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="tocsin-"))


def is_compiled(room: Path) -> bool:
    """Return whether an earlier run left a room's compiled code in the cache (else the next call takes some seconds)."""
    return bool(config.DISABLE_JIT) or any(cache_folder(room).rglob("*.nbc"))


def compiled(function: Function) -> Function:
    """Compile `function` with numba, cached in its room's folder; plain Python under NUMBA_DISABLE_JIT=1."""
    before = config.CACHE_DIR
    jit: Any = numba.njit(cache=True)  # pyright: ignore[reportUnknownMemberType]
    config.CACHE_DIR = str(cache_folder(Path(function.__code__.co_filename).parent))
    try:
        return cast(Function, jit(function))
    finally:
        config.CACHE_DIR = before
