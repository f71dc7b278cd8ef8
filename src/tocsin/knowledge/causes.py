"""The causes of CRS: the window each opens, its scale of record, and what is no cause here."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.errors import UserError
from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. `code` is its place in the file, which is its code in arrays and the tie-break."""

    code: int
    id: str
    name: str
    window_d: float
    scale: str
    aliases: tuple[str, ...]
    why: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What people name as a cause but is cytokine storm, not CRS."""

    id: str
    aliases: tuple[str, ...]
    what: str
    source: tuple[str, ...]
    confidence: str


@cache
def causes() -> tuple[Cause, ...]:
    """All causes in the order of the file."""
    return tuple(_cause(code, row) for code, row in enumerate(_files.toml_table("causes.toml")["cause"]))


@cache
def refused() -> tuple[Refused, ...]:
    """Infections and non-protein drugs."""
    return tuple(
        Refused(row["id"], tuple(row["aliases"]), row["what"], tuple(row["source"]), row["confidence"])
        for row in _files.toml_table("causes.toml")["refused"]
    )


@cache
def cause_words() -> MappingProxyType[str, Cause]:
    """Every accepted word, ids and aliases, to its cause."""
    return MappingProxyType({word: cause for cause in causes() for word in (cause.id, *cause.aliases)})


@cache
def refused_words() -> MappingProxyType[str, Refused]:
    """Every refused word, ids and aliases."""
    return MappingProxyType({word: row for row in refused() for word in (row.id, *row.aliases)})


def read_cause(text: str) -> Cause:
    """The cause that a word means; case, hyphens and spaces do not matter."""
    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    if word in refused_words():
        raise UserError(refusal(refused_words()[word], text.strip()))
    if word not in cause_words():
        _files.unknown("cause", text.strip(), cause_words())
    return cause_words()[word]


def refusal(row: Refused, text: str) -> str:
    """Why a word is refused, as the user reads it."""
    return f"cause {text!r}: {row.what} gives a cytokine storm, not CRS; leave this therapy out"


def _cause(code: int, row: dict[str, Any]) -> Cause:
    return Cause(
        code,
        row["id"],
        row["name"],
        float(row["window_d"]),
        row["scale"],
        tuple(row["aliases"]),
        row["why"],
        tuple(row["source"]),
        row["confidence"],
    )
