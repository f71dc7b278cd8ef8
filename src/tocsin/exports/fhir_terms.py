"""What all exported FHIR resources share: stable ids, references, times, concepts with codes that are verified."""

import re
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid5

from tocsin.knowledge.fhir_export import diagnosis_codes, fhir_systems, verified_codes
from tocsin.knowledge.reading import systems
from tocsin.knowledge.signals import signal
from tocsin.records import Line
from tocsin.report.labels import drug_name

Resource = dict[str, Any]
# Entries of a Bundle need absolute addresses for the references between them; .invalid names no server.
BASE: Final = "https://tocsin.invalid/fhir"
_NAMESPACE: Final = UUID("6f1f4e0c-3f0b-5a55-9d5e-7c2f6d1b8a90")
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def resource_id(*parts: object) -> str:
    """Return the id of a resource: the same parts give the same id in every export."""
    return str(uuid5(_NAMESPACE, "/".join(map(str, parts))))


def patient_id(source_id: str) -> str:
    """Return the id of a Patient: the source's own, unless FHIR cannot have it as an id."""
    return source_id if _FHIR_ID.fullmatch(source_id) else resource_id("Patient", source_id)


def reference(resource: Resource) -> Resource:
    """Return a Reference to a resource."""
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def moment(time: datetime) -> str:
    """Return a dateTime in UTC."""
    return time.isoformat().replace("+00:00", "Z")


def coding(system: str, code: str) -> Resource:
    """Return a Coding; `system` is our name of the system."""
    return {"system": fhir_systems()[system], "code": code}


def concept(text: str, *codings: Resource) -> Resource:
    """Return a CodeableConcept."""
    return {"coding": list(codings), "text": text} if codings else {"text": text}


def signal_concept(event: Line) -> Resource:
    """Return what an event is: our own word for it, and the source's code where that is a verified one."""
    return _signal_concept(event["signal"], event["code"] or "")


@cache
def _signal_concept(name: str, code: str) -> Resource:
    own = {**coding("tocsin", name), "display": drug_name(name)}
    return concept(drug_name(name), own, *_verified(name, code))


def _verified(name: str, code: str) -> list[Resource]:
    """Return the source's code (`uri|code`, or `SYSTEM//code`), nothing unless it is verified for this signal."""
    uri, mark, said = code.partition("|")
    if not mark:
        uri, _, said = code.partition("//")
    system = systems().get(uri.casefold(), uri)
    return [coding(system, said)] if (name, system, said) in verified_codes() else []


def diagnosis(name: str, text: str, grade: int | None) -> Resource:
    """Return a diagnosis with the ICD-10-CM code of its grade, that without a grade where it is open, and SNOMED CT."""
    icd = diagnosis_codes(name, "ICD10CM")
    codings = [coding("ICD10CM", icd.get(grade, icd[None]))]
    codings += [coding("SNOMED", code) for code in diagnosis_codes(name, "SNOMED").values()]
    return concept(text, *codings)


def quantity(value: float, unit: str, comparator: str | None = None) -> Resource:
    """Return a Quantity in a UCUM unit."""
    said: Resource = {"value": value, "unit": unit, "system": fhir_systems()["UCUM"], "code": unit}
    return {"comparator": comparator, **said} if comparator else said


def unit_of(event: Line) -> str:
    """Return the unit of an event's value; empty where it has none."""
    return signal(event["signal"]).unit
