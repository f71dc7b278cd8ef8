"""What exported FHIR resources may carry as codes: system addresses, verified codes, extensions with their source."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tocsin.knowledge import _files
from tocsin.knowledge.codes import Code, codes


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of somebody's implementation guide."""

    id: str
    url: str
    meaning: str
    source: tuple[str, ...]
    confidence: str


@cache
def fhir_systems() -> Mapping[str, str]:
    """The address of each code system by our name of it."""
    return MappingProxyType(dict(_files.toml_table("fhir_export.toml")["system"]))


@cache
def fhir_extensions() -> Mapping[str, Extension]:
    """The extensions that we write, by our name of each."""
    table = _files.toml_table("fhir_export.toml")["extension"]
    rows = (
        Extension(id, row["url"], row["meaning"], tuple(row["source"]), row["confidence"])
        for id, row in table.items()
    )
    return MappingProxyType({row.id: row for row in rows})


@cache
def verified_codes() -> Mapping[tuple[str, str, str], Code]:
    """The codes that may leave the house, by signal, system and code: verified, in a system with an address."""
    found = (row for row in codes() if row.confidence == "verified" and row.system in fhir_systems())
    return MappingProxyType({(row.signal, row.system, row.code): row for row in found})


@cache
def diagnosis_codes(signal: str, system: str) -> Mapping[int | None, str]:
    """The diagnosis codes of a signal by the grade that each stands for; None is the one without a grade."""
    rows = [row for row in verified_codes().values() if (row.signal, row.system) == (signal, system)]
    return MappingProxyType(
        {
            int(row.notes.removeprefix("grade ")) if row.notes[-1:].isdigit() else None: row.code
            for row in rows
            if row.role == "diagnosis"
        }
    )
