"""The CTCAE criteria of laboratory values: which figure makes which grade, in which version of CTCAE."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tocsin.knowledge import _files

GROUPS: Final = ("liver_enzymes", "liver", "kidney", "coagulation")  # the organs that scales tell apart
_GRADES: Final = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Limits:
    """A laboratory's limits of normal, in the signal's canonical unit; None where it gives none."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a criterion: figures by grade, what they are multiplied by, and when the clause holds."""

    versions: tuple[int, ...]
    against: str  # limit, baseline, figure
    when: str  # always, baseline_normal, baseline_abnormal, baseline_low, value_abnormal, perhaps
    figures: tuple[tuple[int, float], ...]  # (grade, figure), the lowest grade first
    reached: frozenset[int]  # grades that the figure itself has


@dataclass(frozen=True, slots=True)
class Term:
    """One CTCAE term of a laboratory value. `falls` is true where low values are graded."""

    id: str
    term: str
    signal: str
    group: str
    falls: bool
    clauses: tuple[Clause, ...]
    source: tuple[str, ...]
    confidence: str

    def of_version(self, version: int) -> tuple[Clause, ...]:
        """The clauses of one version of CTCAE."""
        return tuple(clause for clause in self.clauses if version in clause.versions)


@cache
def terms() -> tuple[Term, ...]:
    """All laboratory terms."""
    return tuple(_term(row) for row in _files.toml_table("laboratory.toml")["term"])


@cache
def term_of(signal: str) -> Term | None:
    """The term that grades the values of a signal, if there is one."""
    return next((term for term in terms() if term.signal == signal), None)


def _term(row: dict[str, Any]) -> Term:
    return Term(
        row["id"],
        row["term"],
        row["signal"],
        row["group"],
        row["direction"] == "low",
        tuple(_clause(clause) for clause in row["clause"]),
        tuple(row["source"]),
        row["confidence"],
    )


def _clause(row: dict[str, Any]) -> Clause:
    figures = tuple((grade, float(row[f"g{grade}"])) for grade in _GRADES if f"g{grade}" in row)
    return Clause(
        tuple(row["versions"]), row["against"], row["when"], figures, frozenset(row.get("reached", ()))
    )
