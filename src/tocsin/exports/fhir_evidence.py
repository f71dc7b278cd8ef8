"""The canonical events of a subject as FHIR resources, in a form that our own FHIR source reads back as they were."""

import math
from datetime import datetime
from datetime import time as clock
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.exports.fhir_terms import (
    Resource,
    concept,
    moment,
    patient_id,
    quantity,
    resource_id,
    signal_concept,
    unit_of,
)
from tocsin.knowledge.signals import signal
from tocsin.records import Line, Records, zone_of

EVENT_ID: Final = "urn:tocsin:event-id"
_COMPARATORS: Final = {"<": math.inf, "<=": None, ">": -math.inf, ">=": None}


def patient(records: Records) -> Resource:
    """Return the Patient as far as the results know it: whoever holds the real one should leave this one out."""
    subject = records.subject
    found: Resource = {
        "resourceType": "Patient",
        "id": patient_id(subject["source_id"]),
        "identifier": [{"value": subject["source_id"]}],
    }
    if subject["sex"] in ("male", "female", "other", "unknown"):
        found["gender"] = subject["sex"]
    if subject["birth_date"]:
        found["birthDate"] = subject["birth_date"].isoformat()
    died = [event for event in records.events if event["signal"] == "death"]
    if died and not _says_why(died):
        found["deceasedDateTime"] = _date_or_moment(died[0]["time"], zone_of(records.run))
    return found


def _date_or_moment(time: datetime, zone: ZoneInfo) -> str:
    """Return when somebody died: a date alone where the record knew no more and the death stands at the end of that day."""
    local = time.astimezone(zone)
    return local.date().isoformat() if local.time() == clock.max else moment(time)


def _says_why(deaths: list[Line]) -> bool:
    return any(event["text_value"] for event in deaths)


def evidence(records: Records) -> list[Resource]:
    """Return a resource per event; a death whose cause nobody told stands in the Patient alone."""
    deaths = [event for event in records.events if event["signal"] == "death"]
    in_patient = deaths if not _says_why(deaths) else []
    events = (event for event in records.events if event not in in_patient)
    who = {"reference": f"Patient/{patient_id(records.subject['source_id'])}"}
    return [_resource(event, who, records.subject["source_id"]) for event in events]


def event_resource_id(source_id: str, event_id: int) -> str:
    """Return the id of the resource that an event becomes."""
    return resource_id(source_id, "event", event_id)


def _resource(event: Line, who: Resource, source_id: str) -> Resource:
    kind, unit = signal(event["signal"]).kind, unit_of(event)
    head: Resource = {
        "id": event_resource_id(source_id, event["event_id"]),
        "identifier": [{"system": EVENT_ID, "value": str(event["event_id"])}],
    }
    if kind == "drug" or (kind == "procedure" and unit):
        return _administration(event, who, head)
    if kind == "procedure":
        performed = _when(event, "performedDateTime", "performedPeriod")
        return {
            "resourceType": "Procedure", **head, "status": "completed", "code": signal_concept(event), "subject": who,
            **performed,
        }  # fmt: skip
    if kind == "condition" and not event["text_value"]:
        return {
            "resourceType": "Condition", **head, "code": signal_concept(event), "subject": who,
            "onsetDateTime": moment(event["time"]),
        }  # fmt: skip
    effective = _when(event, "effectiveDateTime", "effectivePeriod")
    return {
        "resourceType": "Observation", **head, "status": "final", "code": signal_concept(event), "subject": who,
        **effective, **_value(event),
    }  # fmt: skip


def _administration(event: Line, who: Resource, head: Resource) -> Resource:
    """Return a drug that was given, by its dose or its rate; neither where none was recorded."""
    value, unit = event["numeric_value"], unit_of(event)
    dosage = {}
    if value is not None:
        name = "rateQuantity" if "/" in unit else "dose"
        dosage = {"dosage": {name: quantity(value, unit)}}
    return {
        "resourceType": "MedicationAdministration", **head, "status": "completed",
        "medicationCodeableConcept": signal_concept(event), "subject": who,
        **_when(event, "effectiveDateTime", "effectivePeriod"), **dosage,
    }  # fmt: skip


def _when(event: Line, instant: str, period: str) -> Resource:
    """Return the time of an event under the name that its resource has for it."""
    if event["end"] is None:
        return {instant: moment(event["time"])}
    return {period: {"start": moment(event["time"]), "end": moment(event["end"])}}


def _value(event: Line) -> Resource:
    """Return the value of an Observation: a number, coded words or plain ones."""
    value, text = event["numeric_value"], event["text_value"]
    if value is not None:
        comparator = text if text in _COMPARATORS else None
        return {"valueQuantity": quantity(_as_said(value, comparator), unit_of(event), comparator)}
    if not text:
        return {"dataAbsentReason": concept("nothing more was recorded")}
    *coded, words = text.split("\t")
    pairs = (one.rpartition("|") for one in coded)
    codings: list[Resource] = [{"system": system, "code": code} for system, mark, code in pairs if mark]
    return {"valueCodeableConcept": concept(words, *codings)} if codings else {"valueString": words}


def _as_said(value: float, comparator: str | None) -> float:
    """Return a value as it was charted: one under a limit is kept a hair below it, and comes back so."""
    towards = _COMPARATORS.get(comparator or "")
    return value if towards is None else math.nextafter(value, towards)
