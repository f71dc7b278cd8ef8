"""The subjects table, and ids that two people share."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text
from tocsin.sources.fhir.references import own_id
from tocsin.sources.flat import FLAT_SCHEMA
from tocsin.sources.source import SUBJECTS
from tocsin.sources.times import read_birth_date

TWO_SUBJECTS = "two_subjects"


@dataclass(frozen=True, slots=True)
class Person:
    """One Patient resource, as far as it tells people apart."""

    id: str
    born: str | None
    sex: str | None
    identifiers: frozenset[str]

    @property
    def birth_date(self) -> date | None:
        """The birth date, if it is known to the day."""
        return read_birth_date(self.born)


def person(patient: Json, full_url: str | None) -> Person | None:
    """Return the person of a Patient resource, unless it has no id at all."""
    id = own_id(patient, full_url)
    if id is None:
        return None
    identifiers = (as_object(one) for one in as_list(patient.get("identifier")))
    named = frozenset(f"{one.get('system') or ''}|{one['value']}" for one in identifiers if one.get("value"))
    return Person(id, as_text(patient.get("birthDate")), as_text(patient.get("gender")), named)


def shared_ids(people: Iterable[Person]) -> list[str]:
    """Return the ids under which the Patient resources cannot be one person."""
    by_id: defaultdict[str, list[Person]] = defaultdict(list)
    for one in people:
        by_id[one.id].append(one)
    return [id for id, same in by_id.items() if any(_differ(same[0], other) for other in same[1:])]


def _differ(one: Person, other: Person) -> bool:
    """Another birth date (1980 and 1980-05-01 are none), or identifiers without a common one."""
    born, too = one.born or "", other.born or ""
    if not (born.startswith(too) or too.startswith(born)):
        return True
    return bool(one.identifiers and other.identifiers) and not one.identifiers & other.identifiers


def subjects_table(people: Iterable[Person], shared: Iterable[str]) -> pa.Table:
    """Return a line per person, from the first Patient resource of each; an id that two share has none."""
    first: dict[str, Person] = {}
    for one in people:
        first.setdefault(one.id, one)
    for id in shared:
        del first[id]
    rows = [(one.id, one.birth_date, one.sex) for one in first.values()]
    columns: Iterable[Any] = zip(*rows, strict=True) if rows else ([], [], [])
    arrays: list[Any] = [pa.array(column, type) for column, type in zip(columns, SUBJECTS.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SUBJECTS)


def refuse_shared(rows: pa.Table, shared: list[str]) -> pa.Table:
    """Send the rows of ids that two people share to quarantine, except those that do not count anyway."""
    if not shared:
        return rows
    theirs = pc.and_(
        pc.is_in(rows["subject"], value_set=pa.array(shared, pa.string())), pc.is_null(rows["fate"])
    )
    for name, column in (
        ("trouble", pa.scalar(TWO_SUBJECTS, pa.string())),
        ("trouble_column", pa.scalar("subject", pa.string())),
        ("trouble_value", rows["subject"]),
    ):
        place = FLAT_SCHEMA.get_field_index(name)
        rows = rows.set_column(place, name, pc.if_else(theirs, column, rows[name]))
    return rows
