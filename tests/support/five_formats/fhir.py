"""A course as FHIR R4: a Bundle for each patient, or a bulk export with a file for each type."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, zip_longest
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference import Event
from tests.support.five_formats.course import (
    INFUSIONS,
    READINGS,
    VENTILATION,
    ZONE,
    Course,
    code,
    is_of_day,
    round_per_kg,
    therapy,
    utc,
    wall,
)
from tocsin.knowledge.signals import signal

Json = dict[str, Any]
URIS = {
    "LOINC": "http://loinc.org",
    "SNOMED": "http://snomed.info/sct",
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ICD10PCS": "http://www.cms.gov/Medicare/Coding/ICD10",
}
INTRAVENOUS = {"coding": [{"system": URIS["SNOMED"], "code": "47625008"}]}
PRESSURE_PANEL = "85354-9"
CRS, DEATH = "710027002", "419620001"


def write_bundles(folder: Path, courses: Sequence[Course]) -> int:
    """Write a Bundle of type collection for each patient; return how many rows the resources are."""
    folder.mkdir(parents=True)
    for course in courses:
        entries = [{"fullUrl": _url(one), "resource": one} for one in resources(course)]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        (folder / f"{course.number}.json").write_text(json.dumps(bundle), encoding="utf-8")
    return sum(map(_rows, courses))


def write_ndjson(folder: Path, courses: Sequence[Course]) -> int:
    """Write a file of lines for each type of resource; return how many rows the resources are."""
    folder.mkdir(parents=True)
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for course in courses:
        for one in resources(course):
            kinds[one["resourceType"]].append(json.dumps(one))
    for kind, lines in kinds.items():
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sum(map(_rows, courses))


def _url(resource: Json) -> str:
    return f"https://fhir.hospital.example/r4/{resource['resourceType']}/{resource['id']}"


def _rows(course: Course) -> int:
    """A row is a resource, or a component of one (and its own value, where it has both)."""
    return sum(
        len(one.get("component", [])) + ("component" not in one or "valueQuantity" in one)
        for one in resources(course)
    )


def resources(course: Course) -> list[Json]:
    """All resources of a patient, each with an id."""
    found = [
        _patient(course),
        *_readings(course),
        *_scores(course),
        *_devices(course),
        *_given(course),
        *_refused(course),
    ]
    numbers = count(1)
    subject = {"reference": f"Patient/{name(course)}"}
    for one in found:
        one.setdefault("id", f"{name(course)}-{next(numbers)}")
        if one["resourceType"] not in ("Patient", "Device"):
            one["subject"] = subject
    return found


def name(course: Course) -> str:
    """The id of the Patient."""
    return f"made-up-{course.number}"


def _patient(course: Course) -> Json:
    death = next(iter(course.of("death")), None)
    died = {} if death is None else {"deceasedDateTime": _moment(death.time)}
    born = {} if course.birth is None else {"birthDate": course.birth.isoformat()}
    gender = "female" if course.sex == "F" else "male"
    return {"resourceType": "Patient", "id": name(course), "gender": gender, **born, **died}


def _moment(time: int) -> str:
    """A time with its offset, as a hospital's server writes it; of a death known to the day, the date."""
    if is_of_day(time):
        return wall(time).date().isoformat()
    return utc(time).astimezone(ZoneInfo(ZONE)).isoformat()


def _span(prefix: str, event: Event) -> Json:
    if event.end is None:
        return {f"{prefix}DateTime": _moment(event.time)}
    return {f"{prefix}Period": {"start": _moment(event.time), "end": _moment(event.end)}}


def _coded(system: str, said: str) -> Json:
    return {"coding": [{"system": URIS.get(system, system), "code": said}]}


def _quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def _observation(what: Json, event: Event, value: Json) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": what,
        "effectiveDateTime": _moment(event.time),
        **value,
    }


def _reading(event: Event) -> Json:
    """Code and value of a reading, as an Observation or a component has them."""
    assert event.value is not None
    return {
        "code": _coded("LOINC", code(event.signal, "LOINC")),
        "valueQuantity": _quantity(event.value, signal(event.signal).unit),
    }


def _readings(course: Course) -> Iterator[Json]:
    """Pressures as panels, oxygen beside the saturation where one was read (US Core), the rest one by one."""
    at: defaultdict[int, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in course.of(*READINGS):
        at[event.time][event.signal].append(event)
    for some in at.values():
        for pair in zip_longest(some.pop("systolic_bp", []), some.pop("diastolic_bp", [])):
            parts = [_reading(event) for event in pair if event]
            first = next(event for event in pair if event)
            yield _observation(_coded("LOINC", PRESSURE_PANEL), first, {"component": parts})
        oxygen = [*some.pop("inhaled_o2_flow", []), *some.pop("fio2", [])] if "spo2" in some else []
        for event in (event for events in some.values() for event in events):
            beside = (
                {"component": [_reading(one) for one in oxygen]} if oxygen and event.signal == "spo2" else {}
            )
            oxygen = [] if beside else oxygen
            yield _observation({}, event, {**_reading(event), **beside})


def _scores(course: Course) -> Iterator[Json]:
    """ICE under the hospital's own code; a death that was laid to CRS, which a Patient cannot say."""
    for event in course.of("ice_score"):
        what = _coded("http://hospital.example/flowsheets", "ICE")
        yield _observation(what, event, {"valueInteger": int(event.value or 0)})
    for event in course.of("death"):
        if event.text == "crs":
            yield _observation(
                _coded("SNOMED", DEATH), event, {"valueCodeableConcept": _coded("SNOMED", CRS)}
            )


def _devices(course: Course) -> Iterator[Json]:
    """Ventilation is a procedure, room air a finding, and every other device a thing in use."""
    for place, event in enumerate(course.of("oxygen_device")):
        coded = _coded("SNOMED", code("oxygen_device", "SNOMED", str(event.text)))
        status = "in-progress" if event.end is None else "completed"
        if event.text == "room_air":
            yield _observation(coded, event, {"valueBoolean": True})
        elif event.text in VENTILATION:
            yield {"resourceType": "Procedure", "status": status, "code": coded, **_span("performed", event)}
        else:
            thing = f"{name(course)}-device-{place}"
            yield {"resourceType": "Device", "id": thing, "type": coded}
            use = {
                "status": status.replace("in-progress", "active"),
                "device": {"reference": f"Device/{thing}"},
            }
            yield {"resourceType": "DeviceUseStatement", **use, **_span("timing", event)}


def _given(course: Course) -> Iterator[Json]:
    """Drugs and fluids as administrations with dose or rate; cells also as a procedure, as half of the sites do."""
    for event in course.of("index_therapy"):
        cause, product = therapy(event)
        if cause == "car_t" and course.number % 2:
            coded = _coded("ICD10PCS", code(product, "ICD10PCS"))
            yield {
                "resourceType": "Procedure",
                "status": "completed",
                "code": coded,
                **_span("performed", event),
            }
        else:
            yield _administration(product, event, {"dose": _quantity(*DOSES[product])})
    for event in course.events:
        if event.signal in INFUSIONS:
            yield _administration(event.signal, event, _rate(course, event))
        elif signal(event.signal).kind == "drug":
            value = {} if event.value is None else {"dose": _quantity(event.value, signal(event.signal).unit)}
            yield _administration(event.signal, event, value)


# What a dose of each therapy is, as it is charted: 28 ug a day runs as a bag of 28 ug.
DOSES = {"axicabtagene_ciloleucel": (200, "10*6"), "blinatumomab": (28, "ug"), "teclistamab": (105, "mg")}


def _rate(course: Course, event: Event) -> Json:
    if event.value is None:
        return {}
    unit, round_rate = signal(event.signal).unit, round_per_kg(course, event)
    if unit == "ug/min" and round_rate is not None:
        return {"rateQuantity": _quantity(round_rate, "ug/kg/min")}
    if event.signal == "vasopressin":
        ratio = {"numerator": _quantity(event.value, "[IU]"), "denominator": _quantity(1, "min")}
        return {"rateRatio": ratio}
    return {"rateQuantity": _quantity(event.value, unit)}


def _administration(what: str, event: Event, dosage: Json) -> Json:
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": _coded("RxNorm", code(what, "RxNorm")),
        **_span("effective", event),
        "dosage": {"route": INTRAVENOUS, **dosage},
    }


def _refused(course: Course) -> Iterator[Json]:
    """An order, and the administration that was not done."""
    for event in course.refused:
        drug = {"medicationCodeableConcept": _coded("RxNorm", code(event.signal, "RxNorm"))}
        yield {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            **drug,
            "authoredOn": _moment(event.time),
        }
        yield {**_administration(event.signal, event, {}), "status": "not-done"}
