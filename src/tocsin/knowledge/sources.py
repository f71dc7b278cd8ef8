"""Where the facts come from, and the words for how sure each one is."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from tocsin.knowledge import _files

# What each confidence is called where people read it.
CONFIDENCE: Final = MappingProxyType(
    {
        "seed": "source text",
        "verified": "verified",
        "recalled": "recalled",
        "interpretation": "interpretation",
        "n/a": "n/a",
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """One source: its kind, what it is, and where it is, if it has an address."""

    key: str
    kind: str
    what: str
    url: str


@cache
def sources() -> MappingProxyType[str, Source]:
    """All sources by key."""
    table = _files.toml_table("sources.toml")
    rows = (Source(key, row["kind"], row["what"], row.get("url", "")) for key, row in table.items())
    return MappingProxyType({row.key: row for row in rows})


def source(key: str) -> Source:
    """The source that a key names; a colon and a place in the source may follow the key."""
    name = key.split(":", 1)[0]
    if name not in sources():
        _files.unknown("source", name, sources())
    return sources()[name]


def cite(keys: tuple[str, ...]) -> str:
    """Keys with what they are, as a reader sees them."""
    return "; ".join(key if (what := source(key).what) == key else f"{key} ({what})" for key in keys)
