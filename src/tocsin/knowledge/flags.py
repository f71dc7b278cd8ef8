"""The flags of grade rows and episodes: what each means and what to do about it."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `episode_only`: never on a grade row."""

    id: str
    meaning: str
    do: str
    episode_only: bool
    source: tuple[str, ...]
    confidence: str


@cache
def flags() -> MappingProxyType[str, Flag]:
    """All flags by id."""
    table = _files.toml_table("flags.toml")
    return MappingProxyType(
        {
            id: Flag(
                id, row["meaning"], row["do"], row["episode_only"], tuple(row["source"]), row["confidence"]
            )
            for id, row in table.items()
        }
    )
