"""The code lists: which code says which signal, and the words of devices, routes and statuses."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, cast

from tocsin.knowledge import _files

# value: carries the signal's value. given: says that it was given or done. substance: names a drug, and the
# record around it says whether it was given. diagnosis: a coded condition. part: a component or proxy, not
# the signal. support: bears on the signal (a history, a finding without a reading) but never stands for it.
Role = Literal["value", "given", "substance", "diagnosis", "part", "support"]


@dataclass(frozen=True, slots=True)
class Code:
    """One code of one system. `value` is the word it stands for, where the code itself is the value."""

    signal: str
    system: str
    code: str
    display: str
    unit_hint: str
    value: str
    role: Role
    notes: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class ExcludedCode:
    """A code that looks like the signal and is not."""

    signal: str
    system: str
    code: str
    why: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A word met in records, in lower case, and what it means here; "" is known but not mapped."""

    word: str
    value: str
    notes: str
    source: tuple[str, ...]
    confidence: str


@cache
def codes() -> tuple[Code, ...]:
    """All codes, in the order of their signals."""
    return tuple(
        Code(
            row["signal"],
            row["system"],
            row["code"],
            row["display"],
            row["unit_hint"],
            row["value"],
            cast(Role, row["role"]),
            row["notes"],
            _files.keys(row["source"]),
            row["confidence"],
        )
        for row in _files.csv_rows("codes.csv")
    )


@cache
def excluded_codes() -> tuple[ExcludedCode, ...]:
    """The codes that must not be read as a signal."""
    return tuple(
        ExcludedCode(row["signal"], row["system"], row["code"], row["why"], _files.keys(row["source"]))
        for row in _files.csv_rows("excluded_codes.csv")
    )


@cache
def device_words() -> MappingProxyType[str, Word]:
    """Free-text oxygen devices, trimmed and in lower case, to one of OXYGEN_DEVICE."""
    return MappingProxyType({row["word"]: _word(row) for row in _files.csv_rows("device_words.csv")})


@cache
def routes() -> MappingProxyType[str, Word]:
    """Routes, as words in lower case and as SNOMED CT codes, to systemic or not_systemic."""
    return MappingProxyType({row["word"]: _word(row) for row in _route_rows("route")})


@cache
def route_words_of_names() -> tuple[Word, ...]:
    """Words in a drug's name that tell its route where none is given."""
    return tuple(_word(row) for row in _route_rows("name"))


@cache
def statuses() -> MappingProxyType[tuple[str, str], str]:
    """(kind of record, status) to happened or not_given; the status "*" is every other one."""
    rows = _files.csv_rows("statuses.csv")
    return MappingProxyType({(row["record"], row["status"]): row["value"] for row in rows})


def _route_rows(where: str) -> list[dict[str, str]]:
    return [row for row in _files.csv_rows("routes.csv") if row["where"] == where]


def _word(row: dict[str, str]) -> Word:
    return Word(row["word"], row["value"], row["notes"], _files.keys(row["source"]), row["confidence"])
