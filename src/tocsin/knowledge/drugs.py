"""The drugs that the logic reads, and the sets it reads them in."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of a drug or product in one system."""

    code: tuple[str, ...]
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Dosing:
    """One line of dosing: an amount with its conditions, or a limit, by name."""

    figures: MappingProxyType[str, float | str]
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug. `route` is the route by which it counts: systemic, infusion, or "" for any."""

    id: str
    role: str
    target: str
    brands: tuple[str, ...]
    also: tuple[str, ...]
    route: str
    counts: bool
    equivalent_mg: float | None
    rxnorm: Codes | None
    atc: Codes | None
    dosing: tuple[Dosing, ...]
    source: tuple[str, ...]
    confidence: str


@cache
def drugs() -> MappingProxyType[str, Drug]:
    """All drugs by id, which is the signal of those that are signals."""
    return MappingProxyType({row["id"]: _drug(row) for row in _files.toml_table("drugs.toml")["drug"]})


def drug(id: str) -> Drug:
    """One drug by its id."""
    if id not in drugs():
        _files.unknown("drug", id, drugs())
    return drugs()[id]


def drug_set(name: str) -> tuple[str, ...]:
    """The drugs of a named set: fever_mask, crp_invalid, counted_vasopressors."""
    return tuple(_files.toml_table("drugs.toml")["sets"][name]["drugs"])


def fever_mask() -> tuple[str, ...]:
    """The drugs that waive fever; aspirin only from the dose in `timeline.toml`."""
    return drug_set("fever_mask")


def glucocorticoids() -> tuple[str, ...]:
    """The systemic glucocorticoids."""
    return tuple(row.id for row in drugs().values() if row.role == "glucocorticoid")


def read_codes(row: dict[str, Any] | None) -> Codes | None:
    """A group of codes with its own source and confidence."""
    return Codes(tuple(row["code"]), tuple(row["source"]), row["confidence"]) if row else None


def _drug(row: dict[str, Any]) -> Drug:
    return Drug(
        row["id"],
        row["role"],
        row.get("target", ""),
        tuple(row.get("brands", ())),
        tuple(row.get("also", ())),
        row.get("route", ""),
        row.get("counts", False),
        row.get("equivalent_mg"),
        read_codes(row.get("rxnorm")),
        read_codes(row.get("atc")),
        tuple(_dosing(line) for line in row.get("dosing", ())),
        tuple(row["source"]),
        row["confidence"],
    )


def _dosing(line: dict[str, Any]) -> Dosing:
    figures = {key: value for key, value in line.items() if key not in ("source", "confidence")}
    return Dosing(MappingProxyType(figures), tuple(line["source"]), line["confidence"])
