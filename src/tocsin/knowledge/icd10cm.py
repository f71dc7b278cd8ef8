"""ICD-10-CM by fiscal year: the codes, the order of a claim by cause, the notes under a code, and what a note may lack."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Literal

from tocsin.knowledge import _files

Of = Literal["crs", "icans", "cause", "drug", "history"]
GapKind = Literal["query", "check"]
_FILE = "icd10cm.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Icd10Code:
    """One code. `first_year` is the first fiscal year that has it; `recalled` names the cells that are from memory."""

    id: str
    title: str
    of: Of
    grade: int | None = None
    billable: bool = True
    first_year: int
    recalled: tuple[str, ...] = ()
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The order of a claim for a cause, or one product of it: of `first` and of `drug` the first that a year has."""

    cause: str
    product: str = ""
    first: tuple[str, ...]
    drug: tuple[str, ...] = ()
    ask: str = ""
    why: str
    drug_why: str = ""
    drug_confidence: str = ""
    rule: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the tabular list says under every code that begins with `code`, from a fiscal year on."""

    code: str
    kind: str
    text: str
    from_year: int
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapText:
    """What a note may lack, as it is said; names in {} are filled in by the check of that id. `causes`: only after these."""

    id: str
    what: str
    why: str
    kind: GapKind
    rule: str
    causes: tuple[str, ...] = ()


@cache
def icd10_codes() -> MappingProxyType[str, Icd10Code]:
    """Every code by its id."""
    rows = (Icd10Code(**_files.tuples(row)) for row in _files.toml_table(_FILE)["code"])
    return MappingProxyType({row.id: row for row in rows})


@cache
def sequences() -> tuple[Sequence, ...]:
    """The orders of a claim."""
    return tuple(Sequence(**_files.tuples(row)) for row in _files.toml_table(_FILE)["sequence"])


@cache
def notes() -> tuple[Note, ...]:
    """The notes of the tabular list."""
    return tuple(Note(**_files.tuples(row)) for row in _files.toml_table(_FILE)["note"])


@cache
def gap_texts() -> MappingProxyType[str, GapText]:
    """What a note may lack, by id."""
    return MappingProxyType(
        {row["id"]: GapText(**_files.tuples(row)) for row in _files.toml_table(_FILE)["gap"]}
    )


def sequence_of(cause: str, product: str | None) -> Sequence:
    """The order of a claim for a cause: that of the product where it has its own."""
    mine = [row for row in sequences() if row.cause == cause]
    return next((row for row in mine if row.product and row.product == product), mine[0])


def fiscal_year(day: date) -> int:
    """The fiscal year that a day lies in, named by the calendar year it ends in.

    >>> fiscal_year(date(2025, 9, 30)), fiscal_year(date(2025, 10, 1))
    (2025, 2026)
    """
    starts = _files.toml_table(_FILE)["code_set"]["starts_on"]
    return day.year + ((day.month, day.day) >= (starts["month"], starts["day"]))


def starts_on(year: int) -> date:
    """The first day of a fiscal year."""
    starts = _files.toml_table(_FILE)["code_set"]["starts_on"]
    return date(year - 1, starts["month"], starts["day"])


def years_read() -> tuple[int, ...]:
    """The fiscal years whose list was read."""
    return tuple(_files.toml_table(_FILE)["code_set"]["read"])


def leaf(of: Of, grade: int | None, year: int) -> Icd10Code | None:
    """The code of a grade, of no grade for None; None where the year has no such code."""
    found = (code for code in icd10_codes().values() if code.of == of and code.billable)
    return next((code for code in found if code.grade == grade and code.first_year <= year), None)


def first_valid(ids: Iterable[str], year: int) -> Icd10Code | None:
    """The first of some codes that a year has."""
    return next((icd10_codes()[id] for id in ids if icd10_codes()[id].first_year <= year), None)


def notes_of(code: str, year: int) -> tuple[Note, ...]:
    """The notes that stand over a code in the list of a year."""
    return tuple(note for note in notes() if code.startswith(note.code) and note.from_year <= year)
