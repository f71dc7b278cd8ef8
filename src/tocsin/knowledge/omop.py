"""OMOP concepts that are read by their number: the kind of a drug record, routes, units, sexes, the signs < and >."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal, cast

from tocsin.knowledge import _files

# type: order, dispensed, not_given or given. operator: the sign. sex: a word. route: a word of routes.csv.
# unit: a UCUM code that units.csv or unreadable_units.csv knows.
Kind = Literal["type", "operator", "sex", "route", "unit"]
ORDER: Final = "order"
GIVEN: Final = "given"


@dataclass(frozen=True, slots=True)
class OmopConcept:
    """One concept of the OMOP vocabularies and what its number stands for here."""

    kind: Kind
    concept_id: int
    value: str
    display: str
    source: tuple[str, ...]
    confidence: str


@cache
def omop_concepts() -> tuple[OmopConcept, ...]:
    """All of them, in the order of the file."""
    return tuple(
        OmopConcept(
            cast(Kind, row["kind"]),
            int(row["concept_id"]),
            row["value"],
            row["display"],
            _files.keys(row["source"]),
            row["confidence"],
        )
        for row in _files.csv_rows("omop_concepts.csv")
    )


@cache
def omop_values(kind: Kind) -> MappingProxyType[int, str]:
    """Concept id to what it stands for, of one kind."""
    return MappingProxyType({row.concept_id: row.value for row in omop_concepts() if row.kind == kind})
