"""Real and made-up FHIR sets through the reader, against counts of the raw JSON. The therapies are made up."""

import datetime as dt
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import THERAPIES, graded, onsets, query, write_lines
from tocsin.results import Result

Json = dict[str, Any]
SIGNAL_OF_LOINC = {
    "8480-6": "systolic_bp",
    "8462-4": "diastolic_bp",
    "777-3": "platelets",
    "38483-4": "creatinine",
    "29463-7": "weight",
}


def documents(folder: Path) -> Iterator[Json]:
    """Every line of the NDJSON files of a folder."""
    for file in sorted(folder.glob("*.ndjson.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            yield json.loads(line)


def bundle(path: Path) -> list[Json]:
    """The resources of a Bundle."""
    whole = path.read_bytes()
    document = json.loads(gzip.decompress(whole) if path.suffix == ".gz" else whole)
    return [entry["resource"] for entry in document["entry"]]


def rows_of(resource: Json) -> int:
    """A resource without components is a row, else each component is one."""
    return len(resource.get("component", ())) or 1


def therapies(folder: Path, given: list[tuple[str, str]]) -> Path:
    """A side file of MADE-UP infusions."""
    return write_lines(folder / "t.csv", THERAPIES, [f"{patient},{time},car_t," for patient, time in given])


def before(time: str, hours: int = 24) -> str:
    """A moment before another, in its own zone."""
    return (dt.datetime.fromisoformat(time) - dt.timedelta(hours=hours)).isoformat()


@pytest.fixture(scope="module")
def pathling(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The nine people of Pathling, each with a MADE-UP infusion before every single observation."""
    folder = data / "fhir-ndjson-pathling9"
    given = {
        (resource["subject"]["reference"].split("/")[-1], before(resource["effectiveDateTime"]))
        for resource in documents(folder)
        if resource["resourceType"] == "Observation"
    }
    return graded(folder, therapies=therapies(tmp_path_factory.mktemp("pathling"), sorted(given)))


def test_every_resource_and_component_of_pathling_is_a_row(data: Path, pathling: Result) -> None:
    folder = data / "fhir-ndjson-pathling9"
    observed = [one for one in documents(folder) if one["resourceType"] == "Observation"]
    given = {(one["subject"]["reference"], one["effectiveDateTime"]) for one in observed}
    assert pathling.run["rows_read"] == sum(map(rows_of, documents(folder))) + len(given)
    assert pathling.run["subjects"] == 9


@pytest.mark.parametrize(("code", "signal"), SIGNAL_OF_LOINC.items())
def test_observations_of_pathling_become_events(data: Path, pathling: Result, code: str, signal: str) -> None:
    """Time and number of each, those of blood pressure from the components; the units of this set are canonical."""
    charted: Counter[tuple[str, float]] = Counter()
    for resource in documents(data / "fhir-ndjson-pathling9"):
        for part in resource.get("component", [resource]):
            if resource["resourceType"] == "Observation" and part["code"]["coding"][0]["code"] == code:
                time = dt.datetime.fromisoformat(resource["effectiveDateTime"]).astimezone(dt.UTC)
                charted[time.isoformat(), round(part["valueQuantity"]["value"], 6)] += 1
    found = Counter(
        (row["time"].isoformat(), round(row["numeric_value"], 6))
        for row in pathling.events.select(["time", "signal", "numeric_value"]).to_pylist()
        if row["signal"] == signal
    )
    assert charted
    assert found == charted


def test_without_a_temperature_nobody_of_pathling_has_an_episode(pathling: Result) -> None:
    assert pathling.episodes.num_rows == 0


@pytest.fixture(scope="module")
def synthea(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The bulk export, each person with a MADE-UP infusion; its Observations are not in the stored copy."""
    people = [
        one["id"] for one in documents(data / "fhir-bulk-synthea10") if one.get("resourceType") == "Patient"
    ]
    given = [(person, "1985-01-01T00:00:00Z") for person in people]
    return graded(
        data / "fhir-bulk-synthea10", therapies=therapies(tmp_path_factory.mktemp("synthea"), given)
    )


def test_every_resource_of_the_bulk_export_is_a_row(synthea: Result, sources: dict[str, Any]) -> None:
    assert synthea.run["rows_read"] == sources["file_rows"]["fhir-bulk-synthea10"]["total"] + 13
    assert synthea.run["subjects"] == 13
    assert synthea.episodes.num_rows == 0


def test_orders_of_the_bulk_export_are_no_administrations(synthea: Result, sources: dict[str, Any]) -> None:
    orders = sources["file_rows"]["fhir-bulk-synthea10"]["MedicationRequest.000.ndjson.gz"]
    assert synthea.run["not_of_interest_by_reason"]["order"] == orders


@pytest.mark.parametrize("name", ["synthea-746cb231", "synthea-a5811ae4"])
def test_a_synthea_bundle(data: Path, tmp_path: Path, name: str) -> None:
    """All entries accounted for; a temperature of 38.8, coded twice in one resource, begins an episode."""
    path = data / "fhir-bundles" / f"{name}.json.gz"
    resources = bundle(path)
    readings = {
        resource["effectiveDateTime"]: resource["valueQuantity"]["value"]
        for resource in resources
        if resource["resourceType"] == "Observation" and resource["code"]["coding"][0]["code"] == "8310-5"
    }
    patient = next(resource["id"] for resource in resources if resource["resourceType"] == "Patient")
    given = [(patient, before(time)) for time in readings]
    result = graded(path, therapies=therapies(tmp_path, given))
    assert result.run["rows_read"] == sum(map(rows_of, resources)) + len(given)
    events = [
        row["numeric_value"] for row in result.events.to_pylist() if row["signal"] == "body_temperature"
    ]
    assert sorted(events) == sorted(readings.values())
    fevers = [dt.datetime.fromisoformat(time) for time, value in readings.items() if value >= 38]
    assert list(onsets(result).values()) == fevers


def test_a_patient_reads_the_same_from_meds_and_from_fhir(
    data: Path, tmp_path: Path, meds_shard: Path, sources: dict[str, Any]
) -> None:
    """Time, signal and value of all ten Observations; MEDS times are local, the bundles are at -04:00."""
    twins = sources["fhir_and_meds"]
    by_meds_id = {twin["subject_id"] for twin in twins}
    found: dict[str, set[tuple[Any, ...]]] = {"fhir": set(), "meds": set()}
    for subject in sorted(by_meds_id):
        path = data / "fhir-bundles" / f"mimic-iv-fhir-demo-{subject}.json"
        patient = next(one["id"] for one in bundle(path) if one["resourceType"] == "Patient")
        times = [twin["fhir_time"] for twin in twins if twin["subject_id"] == subject]
        folder = tmp_path / str(subject)
        fhir = graded(path, therapies=therapies(folder / "a", [(patient, before(time)) for time in times]))
        assert fhir.run["rows_read"] == 6 + len(times)
        side = therapies(folder / "b", [(str(subject), before(time)) for time in times])
        meds = graded(meds_shard, therapies=side, settings={"zone": "America/New_York"})
        found["fhir"] |= triples(fhir, subject)
        found["meds"] |= triples(meds, subject)
    assert len(found["fhir"]) == len(twins)
    moments = {(subject, time, signal) for subject, time, signal, _ in found["fhir"]}
    assert {triple for triple in found["meds"] if triple[:3] in moments} == found["fhir"]


def triples(result: Result, subject: int) -> set[tuple[Any, ...]]:
    """Subject, time, signal and value of the readings; MEDS keeps 32 bits of a number."""
    rows = query(
        "SELECT epoch_us(time), signal, round(numeric_value, 4) FROM events WHERE signal <> 'index_therapy'",
        events=result.events,
    )
    return {(subject, *row) for row in rows}
