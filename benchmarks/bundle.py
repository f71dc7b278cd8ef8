"""One made-up FHIR Bundle of 1,000 resources, from bytes to rows, as the bedside asks for it."""

import datetime as dt
import json
from collections.abc import Iterator
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.measure import Facts, in_child, timed
from benchmarks.report import Line

RESOURCES, WARM, TIMES = 1000, 5, 50
MOST_MS: Final = 30.0
DAY_0: Final = dt.datetime(2026, 2, 9, 11, tzinfo=dt.UTC)
LOINC, RXNORM, UCUM = (
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://unitsofmeasure.org",
)
Json = dict[str, Any]


def _concept(system: str, code: str) -> Json:
    """Return a CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


def _quantity(value: float, unit: str) -> Json:
    """Return a Quantity."""
    return {"value": round(value, 2), "unit": unit, "system": UCUM, "code": unit}


def _observation(code: str, value: float, unit: str) -> Json:
    """Return what an Observation of one number says."""
    said = {"code": _concept(LOINC, code), "valueQuantity": _quantity(value, unit)}
    return {"resourceType": "Observation", "status": "final", **said}


def _pressure(systolic: float) -> Json:
    """Return what a blood pressure panel says."""
    parts = (("8480-6", systolic), ("8462-4", systolic - 40))
    components = [
        {"code": _concept(LOINC, code), "valueQuantity": _quantity(value, "mm[Hg]")} for code, value in parts
    ]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": _concept(LOINC, "85354-9"),
        "component": components,
    }


def _given(code: str) -> Json:
    """Return that a drug was given."""
    drug = _concept(RXNORM, code)
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": drug,
    }


def _pump(rate: float, start: dt.datetime) -> Json:
    """Return four hours of norepinephrine."""
    period = {"start": start.isoformat(), "end": (start + dt.timedelta(hours=4)).isoformat()}
    dosage = {"rateQuantity": _quantity(rate, "ug/min")}
    return {**_given("7512"), "effectivePeriod": period, "dosage": dosage}


def _charted(place: int, time: dt.datetime) -> Json:
    """Return the resource at a place of the chart: a fever from the fifth day on, low pressures, a pump at times."""
    ill = place > RESOURCES // 3
    on_pump = ill and place % 96 < 48
    wave = (place * 37 % 11) / 10 - 0.5
    made = (
        lambda: _observation("8310-5", (39.0 if ill else 36.9) + wave, "Cel"),
        lambda: _pressure((88 if ill else 122) + 8 * wave),
        lambda: (
            _observation("59408-5", (93 if ill else 97) + wave, "%")
            if place % 3
            else _observation("3151-8", 2.0 if ill else 0.0, "L/min")
        ),
        lambda: _observation("8867-4", (110 if ill else 80) + 9 * wave, "/min"),
        lambda: _observation("2160-0", 1.0 + 0.2 * wave, "mg/dL"),
        lambda: _observation("777-3", 140 + 20 * wave, "10*3/uL"),
        lambda: _observation("2339-0", 99 + 9 * wave, "mg/dL"),  # glucose: none of ours
        lambda: _pump(8 + 4 * wave, time) if on_pump else _observation("8478-0", 85 + 5 * wave, "mm[Hg]"),
    )
    return made[place % len(made)]()


def made_up_bundle() -> bytes:
    """Return the Bundle: a patient, a CAR-T infusion, and a chart of two weeks."""
    patient = {"resourceType": "Patient", "id": "made-up", "birthDate": "1964-03-12", "gender": "female"}
    resources: list[Json] = [{**_given("1987398"), "effectiveDateTime": DAY_0.isoformat()}]
    for place in range(RESOURCES - 2):
        time = DAY_0 + dt.timedelta(minutes=20 * place)
        resource = _charted(place, time)
        if "effectivePeriod" not in resource:
            resource["effectiveDateTime"] = time.isoformat()
        resources.append(resource)
    for place, resource in enumerate(resources):
        resource |= {"id": f"made-up-{place}", "subject": {"reference": "Patient/made-up"}}
    everything = [patient, *resources]
    entries = [
        {"fullUrl": f"https://made-up.example/{one['resourceType']}/{one['id']}", "resource": one}
        for one in everything
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def run() -> Facts:
    """Grade the Bundle many times in one process; the first times are only to warm up."""
    from tocsin.api import grade_bundle
    from tocsin.sources.fhir import read_bundle
    from tocsin.sources.settings import Settings

    data = made_up_bundle()
    first, _ = timed(lambda: grade_bundle(data))
    for _ in range(WARM):
        grade_bundle(data)
    runs = [timed(lambda: grade_bundle(data)) for _ in range(TIMES)]
    clocks = [seconds for seconds, _ in runs]
    results = [result for _, result in runs]
    stages = {
        name: median(result.run["seconds"][name] for result in results) for name in results[0].run["seconds"]
    }
    stages["parse and flatten"] = median(
        timed(lambda: read_bundle(data, Settings()))[0] for _ in range(TIMES)
    )
    found = {name: results[0].run[name] for name in ("rows_read", "events", "grade_rows", "episodes")}
    clock = {"seconds": median(clocks), "p95": quantiles(clocks, n=20)[-1], "first": first}
    return {**clock, "stages": stages, "bytes": len(data), **found}


def measure() -> Iterator[Line]:
    """Yield the measurements of one Bundle."""
    group = f"FHIR Bundle of {RESOURCES:,} resources"
    in_child(run)  # whatever must be compiled is compiled
    told = in_child(run)
    facts = told.facts
    found = f"{facts['bytes']:,} bytes, {facts['rows_read']:,} rows, {facts['grade_rows']:,} grade rows"
    note = f"{found}; load before {told.load:.1f}"
    yield Line(group, f"median of {TIMES}", 1000 * told.seconds, "ms", MOST_MS, note)
    yield Line(group, "95 of 100 within", 1000 * facts["p95"], "ms")
    yield Line(group, "first call of a process", 1000 * facts["first"], "ms")
    for stage, seconds in sorted(facts["stages"].items(), key=lambda item: -item[1]):
        yield Line(group, f"of it: {stage}", 1000 * seconds, "ms")
    rest = told.seconds - sum(facts["stages"].values())
    yield Line(group, "of it: the rest (tables, run.json)", 1000 * rest, "ms")
