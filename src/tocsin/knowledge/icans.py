"""Neurotoxicity as tables of grade sets: ICANS (ASTCT, CTCAE v6.0) and CRES, one row per finding."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class IcansRow:
    """The grades (bits) of a score from `low` to `high` or of a word, at some levels of consciousness."""

    scale: str
    domain: str
    low: float | None
    high: float | None
    value: str | None
    consciousness: tuple[str, ...]
    grades: int
    why: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class IcansScale:
    """One neurotoxicity scale; `scores` are the tests it may go by."""

    id: str
    name: str
    version: str
    scores: tuple[str, ...]
    source: tuple[str, ...]
    confidence: str
    rows: tuple[IcansRow, ...]

    def of(self, domain: str) -> tuple[IcansRow, ...]:
        """The rows of one domain."""
        return tuple(row for row in self.rows if row.domain == domain)


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A part of a test: what it asks for, by a short name, a point each."""

    name: str
    asks: MappingProxyType[str, str]
    source: tuple[str, ...]
    confidence: str


@cache
def score_parts(score: str) -> tuple[ScorePart, ...]:
    """The parts of a test in the order that it is done in; none where they are not ours to give."""
    return tuple(
        ScorePart(part["name"], MappingProxyType(part["asks"]), tuple(part["source"]), part["confidence"])
        for part in _files.toml_table("icans.toml")["part"]
        if part["score"] == score
    )


@cache
def icans_scales() -> tuple[IcansScale, ...]:
    """The scales in the order of the file."""
    table = _files.toml_table("icans.toml")
    rows = tuple(_row(row) for row in table["row"])
    return tuple(_scale(head, rows) for head in table["scale"])


@cache
def icans_number(name: str) -> float:
    """One limit: an age or a duration."""
    return float(_files.toml_table("icans.toml")["number"][name]["value"])


@cache
def words_of(domain: str) -> MappingProxyType[str, str]:
    """What people write in a domain, in lower case, to the value of its rows."""
    meanings = _files.toml_table("icans.toml")["words"][domain]
    return MappingProxyType({word: value for value, words in meanings.items() for word in words})


@cache
def score_bounds(score: str) -> tuple[float, float]:
    """The smallest and largest value of a test."""
    rows = [row for scale in icans_scales() for row in scale.of(score)]
    return min(row.low for row in rows if row.low is not None), max(
        row.high for row in rows if row.high is not None
    )


def _scale(head: dict[str, Any], rows: tuple[IcansRow, ...]) -> IcansScale:
    return IcansScale(
        head["id"],
        head["name"],
        head["version"],
        tuple(head["scores"]),
        tuple(head["source"]),
        head["confidence"],
        tuple(row for row in rows if row.scale == head["id"]),
    )


def _row(row: dict[str, Any]) -> IcansRow:
    return IcansRow(
        row["scale"],
        row["domain"],
        row.get("low"),
        row.get("high"),
        row.get("value"),
        tuple(row.get("consciousness", ())),
        sum(1 << grade for grade in row["grades"]),
        row["why"],
        tuple(row["source"]),
        row["confidence"],
    )
