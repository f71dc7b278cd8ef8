"""Made-up hook requests: a ward's chart around now, drafts of orders, and tokens of a made-up EHR."""

import copy
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

LOINC, RXNORM, UCUM = (
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://unitsofmeasure.org",
)
PATIENT = "made-up-1"
DRUGS = {
    "tocilizumab": "612865",
    "dexamethasone": "3264",
    "methylprednisolone": "6902",
    "prednisone": "8640",
    "blinatumomab": "1597258",
    "norepinephrine": "7512",
    "axicabtagene": "1987398",
}
KEYS = ("patient", "vitals", "medications", "procedures", "devices", "body", "laboratory", "conditions")
Json = dict[str, Any]


def ago(hours: float) -> str:
    """The instant so many hours ago."""
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def observation(code: str, value: float, unit: str, hours: float) -> Json:
    """One measured value."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": ago(hours),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def given(drug: str, hours: float, *, rate: tuple[float, str] | None = None, dose: tuple[float, str] | None = None,
          until: float | None = None) -> Json:  # fmt: skip
    """One drug that was given, at an instant or from then on."""
    dosage: Json = {}
    if rate is not None:
        dosage["rateQuantity"] = {"value": rate[0], "unit": rate[1], "code": rate[1]}
    if dose is not None:
        dosage["dose"] = {"value": dose[0], "unit": dose[1], "code": dose[1]}
    when: Json = {"effectiveDateTime": ago(hours)}
    if rate is not None:
        when = {
            "effectivePeriod": {"start": ago(hours), **({"end": ago(until)} if until is not None else {})}
        }
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": DRUGS[drug]}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        **when,
        **({"dosage": dosage} if dosage else {}),
    }


def bundle(resources: Iterable[Json], more: bool = False) -> Json:
    """A searchset as a FHIR server answers; `more`: with a next page."""
    entries = [
        {"fullUrl": f"https://ehr.example/fhir/{one['resourceType']}/{uuid4()}", "resource": one}
        for one in resources
    ]
    link = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}] if more else []
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries}


def person(born: str = "1960-03-01") -> Json:
    """The patient."""
    return {"resourceType": "Patient", "id": PATIENT, "birthDate": born, "gender": "female"}


def chart(*, weight: float | None = 70.0, therapy: str = "axicabtagene", started: float = 60.0, medications: Iterable[Json] = (),
          vitals: Iterable[Json] = ()) -> Json:  # fmt: skip
    """The prefetch of a patient after a therapy, with vital signs of the last hours as given."""
    base = [
        observation("8310-5", 37.0, "Cel", started - 2),
        observation("8480-6", 120, "mm[Hg]", started - 2),
    ]
    weights = [] if weight is None else [observation("29463-7", weight, "kg", started)]
    found: Json = dict.fromkeys(KEYS)
    found["patient"] = person()
    found["vitals"] = bundle([*base, *vitals])
    found["medications"] = bundle([given(therapy, started), *medications])
    found["body"] = bundle(weights)
    return found


FEVER = (observation("8310-5", 39.2, "Cel", 6.0), observation("8310-5", 39.0, "Cel", 1.0))


def ill() -> list[Json]:
    """Fever and a low pressure of the last hours."""
    return [
        observation("8310-5", 39.2, "Cel", 6.0),
        observation("8480-6", 82, "mm[Hg]", 5.9),
        observation("8310-5", 39.0, "Cel", 1.0),
        observation("8480-6", 84, "mm[Hg]", 0.9),
    ]


def pressor(hours: float = 5.0) -> Json:
    """Norepinephrine that runs until now."""
    return given("norepinephrine", hours, rate=(8.0, "ug/min"), until=-1.0)


def severe(**more: Any) -> Json:
    """A patient with grade 3: fever and one vasopressor."""
    medications = [pressor(), *more.pop("medications", ())]
    return chart(vitals=ill(), medications=medications, **more)


def order(drug: str, amount: float | None = None, unit: str = "mg", *, id: str = "draft-1", repeat: Json | None = None,
          rate: bool = False, coded: bool = True, **more: Any) -> Json:  # fmt: skip
    """A draft order of a drug."""
    named: Json = {"coding": [{"system": RXNORM, "code": DRUGS[drug]}]} if coded else {"text": drug}
    dosage: Json = {}
    if amount is not None:
        quantity = {"value": amount, "unit": unit, "system": UCUM, "code": unit}
        dosage["doseAndRate"] = [{"rateQuantity" if rate else "doseQuantity": quantity}]
    if repeat is not None:
        dosage["timing"] = {"repeat": repeat}
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": named,
        "subject": {"reference": f"Patient/{PATIENT}"},
        "dosageInstruction": [dosage],
        **more,
    }


def request(hook: str = "patient-view", prefetch: Json | None = None, **context: Any) -> Json:
    """A hook request."""
    found = {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/example", "patientId": PATIENT, **context},
    }
    return found if prefetch is None else {**found, "prefetch": prefetch}


def order_request(
    hook: str, prefetch: Json | None, *orders: Json, selected: Iterable[str] | None = None
) -> Json:
    """A hook request about draft orders; of `order-select` all are selected unless told."""
    context: Json = {"draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": f"https://ehr.example/fhir/MedicationRequest/{one['id']}", "resource": one} for one in orders]}}  # fmt: skip
    if hook == "order-select":
        ids = [one["id"] for one in orders] if selected is None else selected
        context["selections"] = [f"MedicationRequest/{id}" for id in ids]
    return request(hook, prefetch, **context)


def without(document: Json, path: str) -> Json:
    """A copy without what stands at a path."""
    found = copy.deepcopy(document)
    *outer, last = path.split(".")
    inner = found
    for name in outer:
        inner = inner[name]
    del inner[last]
    return found


def with_value(document: Json, path: str, value: Any) -> Json:
    """A copy with something else at a path."""
    found = json.loads(json.dumps(document))
    *outer, last = path.split(".")
    inner = found
    for name in outer:
        inner = inner[name]
    inner[last] = value
    return found
