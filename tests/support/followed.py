"""A followed group for tests: made-up patients on the tests' own FHIR server, and what of them is in the store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from tests.support.fhir_server import START, FhirServer, Json
from tocsin.api import grade_bundle
from tocsin.demo import demo_folder
from tocsin.service.follow import FhirClient, Follower, Habits, Patience, Stop
from tocsin.service.follow.patient import KINDS
from tocsin.service.store import Store, open_store

# What a request may cost in a test: a real one waits for seconds.
QUICK = Patience(connect_s=2, read_s=0.3, whole_s=2, tries=4, first_rest_s=0.001, longest_rest_s=0.002)
NEVER = Habits(sweep_s=1e9)  # compares nothing: what polling alone finds
ALWAYS = Habits(sweep_s=0)  # compares everything in each round


def observation(id: str, patient: str, value: float = 38.5, minute: int = 0, **more: Any) -> Json:
    """A temperature of a made-up patient."""
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "effectiveDateTime": (START + timedelta(minutes=minute)).isoformat(),
        "valueQuantity": {"value": value, "code": "Cel", "system": "http://unitsofmeasure.org"},
        **more,
    }


def administration(id: str, patient: str, **more: Any) -> Json:
    """A dose of a made-up patient; `more` says of what."""
    return {
        "resourceType": "MedicationAdministration",
        "id": id,
        "status": "completed",
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": START.isoformat(),
        **more,
    }


def person(id: str) -> Json:
    """A made-up patient."""
    return {"resourceType": "Patient", "id": id, "birthDate": "1964-03-12", "gender": "male"}


def demo_patient(server: FhirServer, number: int) -> str:
    """Put a bundled made-up patient on a server; return the id."""
    file = sorted(demo_folder().glob("*.json"))[number]
    found = [entry["resource"] for entry in json.loads(file.read_bytes())["entry"]]
    patient = next(one["id"] for one in found if one["resourceType"] == "Patient")
    for resource in found:
        if "subject" in resource:  # as a server writes it, however it was sent
            resource["subject"] = {"reference": f"Patient/{patient}"}
        server.put(resource)
    return patient


def ward(*patients: str, temperatures: int = 3, **options: Any) -> FhirServer:
    """A server with a group of patients, each with some temperatures."""
    server = FhirServer(**options)
    for one in patients:
        server.put(person(one))
        for place in range(temperatures):
            server.put(observation(f"{one}-{place}", one, 36 + place / 10, place))
    server.group(*patients)
    return server


@contextmanager
def following(
    server: FhirServer,
    place: Path | str,
    habits: Habits = NEVER,
    stop: Stop | None = None,
    patience: Patience = QUICK,
) -> Iterator[tuple[Follower, Store]]:
    """A follower that has just been started, and its store: in a folder, or at an address."""
    store = open_store(str(place / "follow.db") if isinstance(place, Path) else place)
    client = FhirClient(server.base, stop=stop, patience=patience)
    try:
        yield Follower(client, store, "ward", habits), store
    finally:
        client.close()
        store.close()


def held(store: Store, patient: str) -> dict[tuple[str, str], Json]:
    """What the store has of a patient, of the types that are followed."""
    return {
        (one.type, one.id): orjson.loads(one.content) for one in store.resources(patient) if one.type in KINDS
    }


def there(server: FhirServer, patient: str) -> dict[tuple[str, str], Json]:
    """What the server has of a patient, of the same types."""
    return server.latest(patient, KINDS)


def grades(resources: dict[tuple[str, str], Json]) -> list[dict[str, Any]]:
    """The grades of resources, as of one Bundle; the numbers that events get depend on their order, so they are left out."""
    entries = [{"resource": resources[name]} for name in sorted(resources)]
    result = grade_bundle(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return [
        {name: value for name, value in row.items() if not name.startswith("evidence_")}
        for row in result.grades.to_pylist()
    ]


def ids(server: FhirServer, kind: str, since: int = 0) -> list[dict[str, str]]:
    """The searches of one type that a server was asked for, from a request on."""
    return [one.query for one in server.requests[since:] if one.path == f"/fhir/{kind}"]
