"""Bulk FHIR: made-up NDJSON of vital signs and laboratory values, from disk to events, against DuckDB's bare read."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import MIB, Facts, middle, timed
from benchmarks.report import Line

OBSERVATIONS, FILES, PATIENTS = 1_200_000, 4, 2_000
TIMES: Final = 3
AT_LEAST: Final = 300_000  # Observations a second
_CODED: Final = (
    ("8310-5", "Body temperature", "Cel", 36.0, 40.0),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 80, 150),
    ("8867-4", "Heart rate", "/min", 50, 130),
    ("2708-6", "Oxygen saturation in Arterial blood", "%", 88, 100),
    ("1988-5", "C reactive protein", "mg/L", 0, 200),
    ("2160-0", "Creatinine", "mg/dL", 0.5, 3),
)


def _observation(chance: random.Random, number: int) -> dict[str, Any]:
    """Return one made-up Observation with the fields that a hospital's export has."""
    code, display, unit, low, high = chance.choice(_CODED)
    patient, minute = chance.randrange(PATIENTS), chance.randrange(60 * 24)
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"versionId": "1", "lastUpdated": "2024-03-01T00:00:00Z"},
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
        "subject": {"reference": f"Patient/p{patient}"},
        "encounter": {"reference": f"Encounter/e{patient}"},
        "effectiveDateTime": f"2024-01-{chance.randrange(1, 28):02d}T{minute // 60:02d}:{minute % 60:02d}:00+00:00",
        "issued": "2024-01-29T00:00:00.000+00:00",
        "valueQuantity": {"value": round(chance.uniform(low, high), 1), "unit": unit,
                          "system": "http://unitsofmeasure.org", "code": unit},
    }  # fmt: skip


def made_up_export(folder: Path) -> Path:
    """Write the export, unless it is there; return its folder. Beside it stands `therapies.csv` (a quarter of the patients)."""
    export = folder / "ndjson"
    if (folder / "therapies.csv").exists():
        return export
    export.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    for place in range(FILES):
        with (export / f"Observation.{place:03d}.ndjson").open("w", encoding="utf-8") as lines:
            for number in range(place, OBSERVATIONS, FILES):
                lines.write(json.dumps(_observation(chance, number)) + "\n")
    people = ({"resourceType": "Patient", "id": f"p{n}", "birthDate": "1960-01-01"} for n in range(PATIENTS))
    (export / "Patient.000.ndjson").write_text("".join(json.dumps(one) + "\n" for one in people))
    treated = "".join(f"p{n},2024-01-02T00:00:00Z,car_t,\n" for n in range(0, PATIENTS, 4))
    (folder / "therapies.csv").write_text("subject_id,time,cause,product\n" + treated)
    return export


def grade(folder: str) -> Facts:
    """Grade the export, events and all."""
    from tocsin.api import grade as run

    export = Path(folder) / "ndjson"
    seconds, result = timed(
        lambda: run(export, therapies=Path(folder) / "therapies.csv", out=Path(folder) / "out", events="all")
    )
    return {"seconds": seconds, "rows": result.run["rows_read"], "events": result.run["events"]}


def bare_read(folder: str) -> Facts:
    """Read the same fields with DuckDB, and do nothing with them."""
    from tocsin.engines.local import connect

    fields = (
        "{id: 'VARCHAR', status: 'VARCHAR', code: 'STRUCT(coding STRUCT(system VARCHAR, code VARCHAR)[])', "
        "subject: 'STRUCT(reference VARCHAR)', effectiveDateTime: 'VARCHAR', "
        "valueQuantity: 'STRUCT(value VARCHAR, code VARCHAR)'}"
    )
    sql = f"SELECT count(*), count(COLUMNS(*)) FROM read_json('{folder}/ndjson/Obs*', columns = {fields})"
    seconds, _ = timed(lambda: connect().sql(sql).fetchall())
    return {"seconds": seconds}


def measure(data: Path) -> Iterator[Line]:
    """Yield the measurements of a bulk export."""
    folder = data / "fhir"
    export = made_up_export(folder)
    size = sum(file.stat().st_size for file in export.iterdir())
    group = f"FHIR NDJSON, {OBSERVATIONS / 1e6:.1f} M Observations in {FILES} files"
    told, bare = middle(grade, TIMES, folder=folder), middle(bare_read, TIMES, folder=folder)
    rate = OBSERVATIONS / told.seconds
    note = f"{rate:,.0f} a second, target {AT_LEAST:,}; {size / MIB:,.0f} MiB; load before {told.load:.1f}"
    yield Line(
        group,
        "from disk to events, each Observation",
        1e6 * told.seconds / OBSERVATIONS,
        "us",
        1e6 / AT_LEAST,
        note,
    )
    yield Line(group, "times the bare read of the same fields", told.seconds / bare.seconds, "x", None,
               f"{bare.seconds:.2f} s; all {told.facts['all_seconds']}")  # fmt: skip
    yield Line(group, "memory at most", told.peak / MIB, "MiB")
