"""The tables of the OMOP CDM that are read: which column plays which part, and of what type it must be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

Type = Literal["bigint", "float8", "varchar", "date", "timestamp"]

# The parts that a column can play, in the order in which they are fetched, and the type each is fetched as.
PARTS: Final[Mapping[str, Type]] = MappingProxyType(
    {
        "id": "bigint",
        "person": "bigint",
        "concept": "bigint",
        "source_concept": "bigint",
        "source_value": "varchar",
        "day": "date",
        "clock": "timestamp",
        "clock_text": "varchar",
        "end_day": "date",
        "end_clock": "timestamp",
        "type": "bigint",
        "value": "float8",
        "operator": "bigint",
        "value_concept": "bigint",
        "value_text": "varchar",
        "value_source": "varchar",
        "unit": "bigint",
        "unit_source": "varchar",
        "route": "bigint",
        "route_source": "varchar",
    }
)
# What tells one kind of row from another, in the order of the parts; nothing said is 0 or "".
CODE_PARTS: Final = ("concept", "source_concept", "source_value")
KIND_PARTS: Final = (*CODE_PARTS, "type", "operator", "unit", "unit_source", "route", "route_source")
WORD_PARTS: Final = ("value_concept", "value_text", "value_source")
# Of a person: what is fetched beside id and person.
PERSON_PARTS: Final[Mapping[str, Type]] = MappingProxyType(
    {
        "sex": "bigint",
        "sex_source": "varchar",
        "year": "bigint",
        "month": "bigint",
        "day_of_month": "bigint",
        "born": "timestamp",
    }
)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the column of each part. `needs` must be there; of day and clock one must."""

    name: str
    columns: Mapping[str, str]
    needs: tuple[str, ...] = ("id", "person", "concept")
    has_therapies: bool = False
    parts: Mapping[str, Type] = field(default_factory=lambda: PARTS)


def _clinical(
    name: str, prefix: str, start: str, more: Mapping[str, str] | None = None, *, therapies: bool = False
) -> Table:
    """A table whose columns carry its prefix, as nearly all do."""
    columns = {
        "id": f"{name}_id",
        "person": "person_id",
        "concept": f"{prefix}_concept_id",
        "source_concept": f"{prefix}_source_concept_id",
        "source_value": f"{prefix}_source_value",
        "type": f"{prefix}_type_concept_id",
        "day": f"{start}_date",
        "clock": f"{start}_datetime",
    }
    return Table(name, {**columns, **(more or {})}, has_therapies=therapies)


def _until(end: str) -> dict[str, str]:
    return {"end_day": f"{end}_date", "end_clock": f"{end}_datetime"}


_VALUE: Final = {
    "value": "value_as_number",
    "value_concept": "value_as_concept_id",
    "value_source": "value_source_value",
    "unit": "unit_concept_id",
    "unit_source": "unit_source_value",
}
PERSON: Final = Table(
    "person",
    {
        "id": "person_id",
        "person": "person_id",
        "sex": "gender_concept_id",
        "sex_source": "gender_source_value",
        "year": "year_of_birth",
        "month": "month_of_birth",
        "day_of_month": "day_of_birth",
        "born": "birth_datetime",
    },
    needs=("person",),
    parts=MappingProxyType({"id": "bigint", "person": "bigint", **PERSON_PARTS}),
)
CLINICAL: Final = (
    _clinical("measurement", "measurement", "measurement",
              {"operator": "operator_concept_id", "clock_text": "measurement_time", **_VALUE}),
    _clinical("drug_exposure", "drug", "drug_exposure_start",
              {"value": "quantity", "unit_source": "dose_unit_source_value", "route": "route_concept_id",
               "route_source": "route_source_value", **_until("drug_exposure_end")}, therapies=True),
    _clinical("device_exposure", "device", "device_exposure_start", _until("device_exposure_end"), therapies=True),
    _clinical("procedure_occurrence", "procedure", "procedure", _until("procedure_end"), therapies=True),
    _clinical("condition_occurrence", "condition", "condition_start"),
    _clinical("observation", "observation", "observation", {"value_text": "value_as_string", **_VALUE}, therapies=True),
    _clinical("visit_detail", "visit_detail", "visit_detail_start", _until("visit_detail_end")),
    Table(
        "death",
        {
            "id": "person_id",
            "person": "person_id",
            "concept": "cause_concept_id",
            "source_concept": "cause_source_concept_id",
            "source_value": "cause_source_value",
            "type": "death_type_concept_id",
            "day": "death_date",
            "clock": "death_datetime",
        },
        needs=("person",),
    ),
)  # fmt: skip
TABLES: Final = (PERSON, *CLINICAL)
NEEDED: Final = ("person", "measurement")
# The vocabulary, where the source has it; only these columns are read.
VOCABULARY: Final[Mapping[str, Mapping[str, Type]]] = MappingProxyType(
    {
        "concept": {
            "concept_id": "bigint",
            "concept_name": "varchar",
            "vocabulary_id": "varchar",
            "concept_class_id": "varchar",
            "concept_code": "varchar",
        },
        "concept_ancestor": {
            "ancestor_concept_id": "bigint",
            "descendant_concept_id": "bigint",
            "min_levels_of_separation": "bigint",
        },
        "drug_strength": {
            "drug_concept_id": "bigint",
            "amount_value": "float8",
            "amount_unit_concept_id": "bigint",
        },
    }
)
