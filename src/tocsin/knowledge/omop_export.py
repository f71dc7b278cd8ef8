"""The concepts that the OMOP export writes: one per use, 0 where none could be verified."""

from functools import cache
from types import MappingProxyType

from tocsin.knowledge import _files


@cache
def export_concepts() -> MappingProxyType[str, int]:
    """The concept of each use, by its name in `omop_export.csv`."""
    rows = _files.csv_rows("omop_export.csv")
    return MappingProxyType({row["use"]: int(row["concept_id"]) for row in rows})
