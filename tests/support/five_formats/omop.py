"""A course as an OMOP CDM: temperatures in Fahrenheit and rates as quantity with a unit, as US sites keep them."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.reference import Event
from tests.support.cdm import ADMINISTERED, FAHRENHEIT, KG, L_MIN, MMHG, ORDERED, PERCENT, Cdm
from tests.support.five_formats.course import (
    INFUSIONS,
    READINGS,
    VENTILATION,
    Course,
    code,
    is_of_day,
    round_per_kg,
    therapy,
    wall,
)
from tocsin.knowledge.codes import codes
from tocsin.knowledge.signals import signal

UG_MIN, UG_KG_MIN, MG_L, INTRAVENOUS = 8774, 9688, 8751, 4171047
UNITS = {"Cel": FAHRENHEIT, "mm[Hg]": MMHG, "kg": KG, "L/min": L_MIN, "%": PERCENT, "mg/L": MG_L,
         "ug/min": UG_MIN, "ug/kg/min": UG_KG_MIN}  # fmt: skip
LOCAL = (
    2_000_000_000  # concepts from here on are the site's own: our list has their code and not their number
)
CRS = LOCAL + 900
SEXES = {"F": 8532, "M": 8507}
Cells = dict[str, Any]


def write_duckdb(file: Path, courses: Sequence[Course]) -> int:
    """Write a DuckDB file; return how many clinical rows."""
    cdm = as_cdm(courses)
    cdm.to_duckdb(file)
    return _rows(cdm)


def write_parquet(folder: Path, courses: Sequence[Course]) -> int:
    """Write a folder of parquet files, a table each; return how many clinical rows."""
    cdm = as_cdm(courses)
    cdm.to_parquet(folder)
    return _rows(cdm)


def _rows(cdm: Cdm) -> int:
    return sum(len(rows) for table, rows in cdm.tables.items() if table != "concept")


def as_cdm(courses: Sequence[Course]) -> Cdm:
    """The CDM, with the concepts that it uses."""
    cdm = Cdm()
    for row in vocabulary():
        cdm.words(row)
    for course in courses:
        cdm.person(course.number, course.birth, SEXES[course.sex])
        for event in course.events:
            _add(cdm, course, event)
        for event in course.refused:
            _drug(cdm, event, event.signal, {"drug_type_concept_id": ORDERED})
    return cdm


@cache
def concept(name: str, value: str = "") -> int:
    """The concept of a signal: by the number that our list has, else a number of the site's own."""
    if not value and any((row.signal, row.system) == (name, "OMOP") for row in codes()):
        return int(code(name, "OMOP"))
    devices = [row.value for row in codes() if row.signal == "oxygen_device" and row.system == "SNOMED"]
    return LOCAL + (devices.index(value) if value else 500 + signal(name).id)


def vocabulary() -> Iterator[tuple[int, str, str, str, str]]:
    """The rows of `concept`: what the numbers above mean."""
    for name in READINGS:
        yield concept(name), "LOINC", "Clinical Observation", code(name, "LOINC"), name
    for drug in (*INFUSIONS, "tocilizumab", "dexamethasone", "hydrocortisone", "acetaminophen"):
        yield concept(drug), "RxNorm", "Ingredient", code(drug, "RxNorm"), drug
    for word in dict.fromkeys(
        row.value for row in codes() if row.signal == "oxygen_device" and row.system == "SNOMED"
    ):
        kind = "Procedure" if word in VENTILATION else "Physical Object"
        yield concept("oxygen_device", word), "SNOMED", kind, code("oxygen_device", "SNOMED", word), word
    yield CRS, "SNOMED", "Clinical Finding", code("crs", "SNOMED"), "Cytokine release syndrome"


def _add(cdm: Cdm, course: Course, event: Event) -> None:
    """Add the row of one event to the table that it belongs in."""
    if event.signal in READINGS:
        _measure(cdm, event, concept(event.signal), signal(event.signal).unit, event.value)
    elif event.signal == "index_therapy":
        product = therapy(event)[1]
        amount = {"blinatumomab": (28, "mcg"), "teclistamab": (105, "mg")}.get(product)
        cells = {} if amount is None else {"quantity": amount[0], "dose_unit_source_value": amount[1]}
        _drug(cdm, event, product, cells)
    elif event.signal == "ice_score":
        value = {
            "observation_concept_id": 0,
            "observation_source_value": "FLO_ICE",
            "value_as_number": event.value,
        }
        _put(cdm, "observation", "observation", event, value)
    elif event.signal == "death":
        _death(cdm, event)
    elif event.signal == "oxygen_device":
        _device(cdm, event)
    elif event.signal in INFUSIONS:
        _infusion(cdm, course, event)
    elif event.signal != "attribution":
        unit = {"mL": "mL", "mg": "mg"}[signal(event.signal).unit]
        _drug(cdm, event, event.signal, {"quantity": event.value, "dose_unit_source_value": unit})


def _put(cdm: Cdm, table: str, start: str, event: Event, cells: Cells) -> None:
    """Add a row with its key, its person and its start."""
    key = len(cdm.tables.get(table, [])) + 1
    when = wall(event.time)
    times = {f"{start}_date": when.date(), f"{start}_datetime": when}
    cdm.put(table, **{f"{table}_id": key, "person_id": event.subject_id, **times, **cells})


def _end(end: str, event: Event) -> Cells:
    """The end of a row, or nothing."""
    if event.end is None:
        return {}
    return {f"{end}_date": wall(event.end).date(), f"{end}_datetime": wall(event.end)}


def _measure(cdm: Cdm, event: Event, what: int, unit: str, value: float | None) -> None:
    value = value if value is None or unit != "Cel" else round(value * 1.8 + 32, 1)
    known = UNITS.get(unit)
    said = {"unit_source_value": unit} if known is None else {"unit_concept_id": known}
    _put(
        cdm,
        "measurement",
        "measurement",
        event,
        {"measurement_concept_id": what, "value_as_number": value, **said},
    )


def _drug(cdm: Cdm, event: Event, what: str, cells: Cells) -> None:
    """A drug that was given into a vein; the CDM demands an end, and where there is none the start stands for it."""
    when = wall(event.time)
    end = _end("drug_exposure_end", event) or {
        "drug_exposure_end_date": when.date(),
        "drug_exposure_end_datetime": when,
    }
    known = {
        "drug_concept_id": concept(what),
        "drug_type_concept_id": ADMINISTERED,
        "route_concept_id": INTRAVENOUS,
    }
    _put(cdm, "drug_exposure", "drug_exposure_start", event, {**known, **end, **cells})


def _infusion(cdm: Cdm, course: Course, event: Event) -> None:
    """A pump's record is an exposure with a rate; a rate charted by itself is a measurement of the drug's own concept."""
    unit, rate = signal(event.signal).unit, event.value
    round_rate = round_per_kg(course, event)
    if unit == "ug/min" and round_rate is not None:
        unit, rate = "ug/kg/min", round_rate
    if event.end is None and rate is not None:
        _measure(cdm, event, concept(event.signal), unit, rate)
        return
    said = (
        {}
        if rate is None
        else {"quantity": rate, "dose_unit_source_value": unit.replace("ug", "mcg").replace("[IU]", "units")}
    )
    _drug(cdm, event, event.signal, said)


def _device(cdm: Cdm, event: Event) -> None:
    """Ventilation is a procedure, room air a finding, every other device a device."""
    word = str(event.text)
    what = concept("oxygen_device", word)
    if word == "room_air":
        _put(cdm, "observation", "observation", event, {"observation_concept_id": what})
    elif word in VENTILATION:
        _put(
            cdm,
            "procedure_occurrence",
            "procedure",
            event,
            {"procedure_concept_id": what, **_end("procedure_end", event)},
        )
    else:
        cells = {"device_concept_id": what, **_end("device_exposure_end", event)}
        _put(cdm, "device_exposure", "device_exposure_start", event, cells)


def _death(cdm: Cdm, event: Event) -> None:
    """A death; its cause is a condition, and only CRS is one that we read."""
    when = wall(event.time)
    time: Cells = {"death_date": when.date()}
    if not is_of_day(event.time):
        time["death_datetime"] = when
    cause = {"cause_concept_id": CRS} if event.text == "crs" else {}
    cdm.put("death", person_id=event.subject_id, **time, **cause)
