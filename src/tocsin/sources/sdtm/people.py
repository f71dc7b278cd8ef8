"""The subjects of DM: sex, and birth dates, reckoned from the age where they are not told to the day."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from tocsin.knowledge.sdtm import age_days
from tocsin.sources.source import SUBJECTS
from tocsin.sources.times import read_birth_date

# subject, RFSTDTC, BRTHDTC, AGE, AGEU, SEX
Person = tuple[Any, ...]


def subjects_of(people: Iterable[Person]) -> tuple[pa.Table, int]:
    """Return the subjects, and of how many the birth date was reckoned from an age."""
    rows: list[tuple[str, date | None, str | None]] = []
    reckoned = 0
    for subject, reference, birth, age, unit, sex in people:
        told = read_birth_date(birth)
        born = told or born_from_age(age, unit, day_of(reference))
        reckoned += told is None and born is not None
        rows.append((str(subject), born, sex))
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, SUBJECTS.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SUBJECTS), reckoned


def born_from_age(age: float | None, unit: str | None, reference: date | None) -> date | None:
    """Return the latest day of birth that an age allows: the subject is just so old on the reference day."""
    days = age_days().get((unit or "YEARS").upper())
    if age is None or not math.isfinite(age) or age < 0 or days is None or reference is None:
        return None
    try:
        return reference - timedelta(days=math.ceil(age * days))
    except OverflowError:
        return None


def day_of(text: str | None) -> date | None:
    """Return the day of a date that is told to the day or better."""
    return read_birth_date(text[:10]) if text else None
