"""The version of the knowledge: a hash of every file in the room."""

import hashlib
from functools import cache

from tocsin.knowledge._files import FOLDER


@cache
def knowledge_hash() -> str:
    """SHA-256 over the names and the bytes of all data files and loaders, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*"), key=lambda path: path.relative_to(FOLDER).as_posix()):
        if path.is_file() and path.suffix in (".toml", ".csv", ".md", ".py"):
            digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def short_hash() -> str:
    """The first twelve digits, as they are shown."""
    return knowledge_hash()[:12]
