"""The metadata of the SDTM and ADaM export: datasets, variables, qualifiers and terms, from which every file is described."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Literal, cast

from tocsin.knowledge import _files

# datetime: an ISO 8601 text. date_number, datetime_number: days and seconds since 1960, as SAS counts.
Type = Literal["text", "integer", "datetime", "date_number", "datetime_number"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a dataset; `key` is its place among the keys, `method` how it is derived or where it comes from."""

    name: str
    label: str
    type: Type
    role: str
    mandatory: bool
    key: int | None
    origin: str
    codelist: str
    method: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset with its variables in order."""

    name: str
    standard: str
    structure: str
    label: str
    data_class: str
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class Qualifier:
    """One supplemental qualifier of CE."""

    name: str
    label: str
    method: str


@dataclass(frozen=True, slots=True)
class Term:
    """One value of a codelist, with its code in the NCI thesaurus where it has one."""

    value: str
    decode: str
    nci_code: str


@dataclass(frozen=True, slots=True)
class Codelist:
    """One codelist; without `nci_list` it is ours."""

    id: str
    name: str
    nci_list: str
    terms: tuple[Term, ...]


@cache
def sdtm_datasets() -> MappingProxyType[str, Dataset]:
    """The datasets of the export by name."""
    rows = _files.csv_rows("sdtm_export_datasets.csv")
    return MappingProxyType(
        {
            row["dataset"]: Dataset(
                row["dataset"], row["standard"], row["structure"], row["label"], row["class"],
                tuple(_variables(row["dataset"])),
            )
            for row in rows
        }
    )  # fmt: skip


def _variables(dataset: str) -> Iterator[Variable]:
    for row in _files.csv_rows("sdtm_export_variables.csv"):
        if row["dataset"] == dataset:
            yield Variable(
                row["variable"], row["label"], cast(Type, row["type"]), row["role"], row["mandatory"] == "yes",
                int(row["key"]) if row["key"] else None, row["origin"], row["codelist"], row["method"],
            )  # fmt: skip


@cache
def sdtm_qualifiers() -> tuple[Qualifier, ...]:
    """The supplemental qualifiers of CE, in order."""
    rows = _files.csv_rows("sdtm_export_qualifiers.csv")
    return tuple(Qualifier(row["qnam"], row["qlabel"], row["method"]) for row in rows)


@cache
def sdtm_codelists() -> tuple[Codelist, ...]:
    """The codelists of controlled terms."""
    rows = _files.csv_rows("sdtm_export_terms.csv")
    lists = groupby(rows, key=lambda row: (row["codelist"], row["name"], row["nci_list"]))
    return tuple(
        Codelist(*head, tuple(Term(row["value"], row["decode"], row["nci_code"]) for row in group))
        for head, group in lists
    )
