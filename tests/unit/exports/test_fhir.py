"""FHIR R4 out: valid by the schema and by fhir.resources, only verified codes, honest about what is open, and back in."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft6Validator

from tests.support.cdm import Cdm, vocabulary, whole_subject
from tests.support.made_up import CAR_T, FEVER, csv_folder, write_lines
from tests.support.round_trips import states
from tocsin.api import grade
from tocsin.exports import export
from tocsin.knowledge.fhir_export import diagnosis_codes, fhir_systems, verified_codes
from tocsin.results import Result

Json = dict[str, Any]
CLINICAL = ("LOINC", "SNOMED", "RxNorm", "ATC", "ICD10CM")


@pytest.fixture(scope="module")
def folder(demo: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as FHIR."""
    out = tmp_path_factory.mktemp("fhir") / "out"
    export(demo, "fhir", out)
    return out


def lines(folder: Path, kind: str = "*") -> list[Json]:
    """The resources of a type."""
    files = sorted((folder / "ndjson").glob(f"{kind}.ndjson"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def grades(folder: Path, name: str = "CRS grade, ") -> list[Json]:
    """The Observations that Tocsin computed."""
    return [one for one in lines(folder, "Observation") if one["code"].get("text", "").startswith(name)]


def bundles(folder: Path) -> list[Json]:
    """All Bundles."""
    return [json.loads(file.read_bytes()) for file in sorted((folder / "bundles").glob("*.json"))]


def codings(value: Any) -> Iterator[Json]:
    """Every coding inside a resource."""
    if isinstance(value, dict):
        if "system" in value and "code" in value and "value" not in value:
            yield value
        for inner in value.values():
            yield from codings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from codings(inner)


def references(value: Any) -> Iterator[str]:
    """Every reference inside a resource."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def exported(source: Path, out: Path, **options: Any) -> Path:
    """Grade a source and write it as FHIR."""
    export(grade(source, **options), "fhir", out)
    return out


# Valid


@pytest.fixture(scope="module")
def schema(shared: Path) -> Json:
    """The JSON schema of FHIR R4."""
    file = shared / "data/fhir-r4-testcases/fhir.schema.json.gz"
    if not file.is_file():
        pytest.skip("../shared/data is absent")
    return json.loads(gzip.decompress(file.read_bytes()))


def test_every_resource_is_valid_by_the_schema(
    schema: Json, folder: Path, everything: Result, tmp_path: Path
) -> None:
    export(everything, "fhir", tmp_path / "out")
    kinds: dict[str, Draft6Validator] = {}
    for one in [*lines(folder), *lines(tmp_path / "out")]:
        kind = one["resourceType"]
        if kind not in kinds:
            kinds[kind] = Draft6Validator(
                {"$ref": f"#/definitions/{kind}", "definitions": schema["definitions"]}
            )
        assert [error.message for error in kinds[kind].iter_errors(one)] == [], one


def test_every_bundle_is_valid_by_fhir_resources(folder: Path, everything: Result, tmp_path: Path) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    export(everything, "fhir", tmp_path / "out")
    for bundle in [*bundles(folder), *bundles(tmp_path / "out")]:
        get_fhir_model_class("Bundle").model_validate(bundle)


def test_bundles_and_ndjson_hold_the_same_resources(folder: Path) -> None:
    in_bundles = [entry["resource"] for bundle in bundles(folder) for entry in bundle["entry"]]
    one_device = {json.dumps(one, sort_keys=True) for one in in_bundles}
    assert one_device == {json.dumps(one, sort_keys=True) for one in lines(folder)}


def test_every_reference_leads_to_a_resource(folder: Path) -> None:
    there = {f"{one['resourceType']}/{one['id']}" for one in lines(folder)}
    found = set(references(lines(folder)))
    assert found
    assert found <= there


def test_ids_are_unique_and_the_same_in_every_export(folder: Path, demo: Result, tmp_path: Path) -> None:
    export(demo, "fhir", tmp_path / "again")
    ids = [(one["resourceType"], one["id"]) for one in lines(folder)]
    assert len(ids) == len(set(ids))
    assert ids == [(one["resourceType"], one["id"]) for one in lines(tmp_path / "again")]


def clinical(resources: list[Json]) -> set[tuple[str, str]]:
    """The codes of clinical systems in some resources, by our name of the system."""
    names = {fhir_systems()[name]: name for name in CLINICAL}
    return {(names[one["system"]], one["code"]) for one in codings(resources) if one["system"] in names}


def test_what_is_computed_has_only_codes_verified_in_the_reference(shared: Path, folder: Path) -> None:
    with (shared / "reference/codes.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["confidence"] == "verified"]
    computed = [
        one for one in lines(folder) if not any("event-id" in str(each) for each in one.get("identifier", ()))
    ]
    assert clinical(computed)
    assert clinical(computed) <= {(row["system"], row["code"]) for row in rows}


def test_evidence_has_only_verified_codes_of_its_source(folder: Path) -> None:
    assert clinical(lines(folder))
    assert clinical(lines(folder)) <= {(system, code) for _, system, code in verified_codes()}
    assert {one["system"] for one in codings(lines(folder))} <= set(fhir_systems().values())


def test_a_code_of_the_source_that_is_not_verified_stays_behind(tmp_path: Path) -> None:
    out = exported(csv_folder(tmp_path / "in"), tmp_path / "out")
    concepts = [one["code"] for one in lines(out, "Observation") if one.get("valueQuantity")]
    assert [one["coding"] for one in concepts] == [
        [{"system": "urn:tocsin:event", "code": "body_temperature", "display": "body temperature"}]
    ]


@pytest.mark.parametrize(
    ("grade_", "code"),
    [(1, "D89.831"), (2, "D89.832"), (3, "D89.833"), (4, "D89.834"), (5, "D89.835"), (None, "D89.839")],
)
def test_the_leaf_of_each_grade(grade_: int | None, code: str) -> None:
    assert diagnosis_codes("crs", "ICD10CM")[grade_] == code


# What is said


def test_an_observation_for_each_change_of_a_grade(folder: Path, demo: Result) -> None:
    expected = 0
    before: dict[str, Any] | None = None
    for row in demo.grades.to_pylist():
        sets = {name: value for name, value in row.items() if name.endswith("_set")}
        key = (row["subject_id"], row["episode"], sets)
        expected += before is None or key != before["key"] or row["closing"]
        before = {"key": key}
    assert len(grades(folder)) == expected


def test_a_decided_grade_is_a_value_and_an_open_one_is_not(folder: Path) -> None:
    for one in grades(folder):
        possible = [part for part in one["component"] if part["code"]["text"].startswith("Grade that")]
        if "valueInteger" in one:
            assert not possible
            assert "dataAbsentReason" not in one
        else:
            assert one["dataAbsentReason"]["coding"][0]["code"] == "unknown"
            assert len(possible) > 1
    assert any("valueInteger" not in one for one in grades(folder))


def test_the_other_scales_stand_in_components(folder: Path) -> None:
    for one in grades(folder):
        names = {part["code"]["text"] for part in one["component"]} | {one["code"]["text"]}
        assert {"CRS grade, ASTCT", "CRS grade, CTCAE v5.0", "CRS grade, Lee 2014"} <= names


def test_grades_are_derived_from_their_evidence(folder: Path, demo: Result) -> None:
    names = dict(
        zip(demo.subjects["subject_id"].to_pylist(), demo.subjects["source_id"].to_pylist(), strict=True)
    )
    by_time = {(one["subject"]["reference"], one["effectiveDateTime"]): one for one in grades(folder)}
    seen = 0
    for row in demo.grades.to_pylist():
        key = (f"Patient/{names[row['subject_id']]}", row["time"].isoformat().replace("+00:00", "Z"))
        if key in by_time and not row["closing"]:
            said = {one["identifier"]["value"] for one in by_time[key].get("derivedFrom", ())}
            wanted = {row[f"evidence_{part}"] for part in ("fever", "pressure", "oxygen")} - {None}
            assert said == {str(id) for id in wanted}
            seen += bool(wanted)
    assert seen > 50


def test_provenance_names_vasopressors_rows_and_the_software(folder: Path) -> None:
    kinds = {
        reference.split("/")[0]
        for one in lines(folder, "Provenance")
        for entity in one.get("entity", ())
        for reference in references(entity)
    }
    assert {"MedicationAdministration", "Observation"} <= kinds
    entity = lines(folder, "Provenance")[0]["entity"][0]["what"]
    assert entity["display"].startswith("1-car-t-tocilizumab.json, row ")
    (device,) = lines(folder, "Device")
    assert {one["type"]["text"] for one in device["version"]} == {"software", "knowledge"}
    assert {one["agent"][0]["who"]["reference"] for one in lines(folder, "Provenance")} == {
        f"Device/{device['id']}"
    }


def test_provenance_leads_to_table_and_key_of_a_database(tmp_path: Path) -> None:
    made = vocabulary(whole_subject(Cdm())).to_duckdb(tmp_path / "cdm.duckdb")
    therapies = write_lines(
        tmp_path / "more.csv", "subject_id,time,cause,product", ["1,2024-02-01T00:00:00Z,car_t,"]
    )
    export(grade(made, therapies=therapies), "fhir", tmp_path / "out")
    said = {
        entity["what"]["display"]
        for one in lines(tmp_path / "out", "Provenance")
        for entity in one.get("entity", ())
        if "display" in entity["what"]
    }
    # The fever of hour 20 is the second measurement, the pump of hour 25 the second drug.
    assert {"measurement, row 2", "drug_exposure, row 2", "device_exposure, row 1"} <= said
    assert not [one for one in said if "csv" in one]


def test_icans_assessments(folder: Path) -> None:
    found = grades(folder, "ICANS grade")
    assert {one.get("valueInteger") for one in found} >= {0, 1, 2, None}
    assert all(one["derivedFrom"] for one in found)


def test_nothing_computed_claims_to_be_documented(folder: Path) -> None:
    assert {one["status"] for one in grades(folder)} == {"preliminary"}
    computed = [one for one in lines(folder, "Condition") if "verificationStatus" in one]
    assert len(computed) == 9
    assert {one["verificationStatus"]["coding"][0]["code"] for one in computed} == {"unconfirmed"}


# A death: text of the record, ICD-10-CM of the episode, outcome of the adverse event, how ae-grade reads.
DEATHS = [
    ("crs", "D89.835", "fatal", "Grade 5, ASTCT, computed"),
    ("", "D89.839", "unknown", "Grade 1-5, ASTCT, computed, left open by the records"),
    ("other", "D89.831", "unknown", "Grade 1, ASTCT, computed"),
]


@pytest.mark.parametrize(("text", "code", "outcome", "said"), DEATHS)
def test_grade_5_only_where_the_death_was_laid_to_it(
    tmp_path: Path, text: str, code: str, outcome: str, said: str
) -> None:
    events = [FEVER, f"1,2024-01-01T20:00:00Z,death,,,{text},"]
    out = exported(csv_folder(tmp_path / "in", events), tmp_path / "out")
    (condition,) = (one for one in lines(out, "Condition") if "verificationStatus" in one)
    (event,) = lines(out, "AdverseEvent")
    assert condition["code"]["coding"][0]["code"] == code
    assert condition["clinicalStatus"]["coding"][0]["code"] == "active"
    assert event["outcome"]["coding"][0]["code"] == outcome
    (extension,) = event["extension"]
    assert extension["url"].endswith("/ae-research-backport-ig/StructureDefinition/ae-grade")
    assert extension["valueCodeableConcept"] == {"text": said}


@pytest.mark.parametrize(
    ("said", "written"), [("2024-01-01", "2024-01-01"), ("2024-01-01T20:00:00-05:00", "2024-01-02T01:00:00Z")]
)
def test_a_death_known_to_the_day_leaves_as_a_day(tmp_path: Path, said: str, written: str) -> None:
    made = csv_folder(tmp_path / "in", [FEVER, f"1,{said},death,,,,"])
    first = grade(made, settings={"zone": "America/New_York"})
    export(first, "fhir", tmp_path / "out")
    assert lines(tmp_path / "out", "Patient")[0]["deceasedDateTime"] == written
    again = grade(tmp_path / "out" / "bundles", settings={"zone": "America/New_York"})
    assert again.episodes["hours"].to_pylist() == first.episodes["hours"].to_pylist()
    export(first, "sdtm", tmp_path / "sdtm")
    whole = json.loads((tmp_path / "sdtm" / "sdtm" / "ce.json").read_bytes())
    place = [column["name"] for column in whole["columns"]].index("CEENDTC")
    assert whole["rows"][0][place] == said[:19]


def test_an_adverse_event_that_resolved(folder: Path) -> None:
    event = lines(folder, "AdverseEvent")[0]
    assert event["outcome"]["coding"][0]["code"] == "resolved"
    assert event["extension"][1]["valueDateTime"] == "2026-02-14T23:00:00Z"
    (suspect,) = event["suspectEntity"]
    assert suspect["instance"]["reference"].startswith("MedicationAdministration/")
    assert "seriousness" not in event
    assert "severity" not in event


def test_an_episode_that_goes_on(tmp_path: Path) -> None:
    out = exported(csv_folder(tmp_path / "in"), tmp_path / "out")
    (event,) = lines(out, "AdverseEvent")
    (condition,) = (one for one in lines(out, "Condition") if "verificationStatus" in one)
    assert event["outcome"]["coding"][0]["code"] == "ongoing"
    assert "abatementDateTime" not in condition


@pytest.mark.parametrize(("id", "kept"), [("a-1.B", True), ("p/1", False), ("x" * 65, False)])
def test_the_patient_has_the_sources_id_where_fhir_allows_it(tmp_path: Path, id: str, kept: bool) -> None:
    events, therapies = [FEVER.replace("1,", f"{id},", 1)], [CAR_T.replace("1,", f"{id},", 1)]
    out = exported(csv_folder(tmp_path / "in", events, therapies), tmp_path / "out")
    (patient,) = lines(out, "Patient")
    assert (patient["id"] == id) == kept
    assert patient["identifier"] == [{"value": id}]


# Out and back in


@pytest.mark.parametrize("form", ["bundles", "ndjson"])
def test_a_crowd_comes_back_with_the_same_grades(crowd: Result, tmp_path: Path, form: str) -> None:
    export(crowd, "fhir", tmp_path / "out")
    back = grade(tmp_path / "out" / form, events="all")
    assert back.run["quarantined"] == 0
    graded = {row["subject_id"] for row in states(crowd, by_source_id=True)}
    assert len(graded) > 30
    assert states(back, by_source_id=True) == states(crowd, by_source_id=True)


def test_every_event_of_a_chart_comes_back(everything: Result, tmp_path: Path) -> None:
    export(everything, "fhir", tmp_path / "out")
    back = grade(tmp_path / "out" / "bundles", events="all")
    columns = ("time", "signal", "numeric_value", "text_value", "end")
    before, after = (
        sorted(
            [
                [str(row[name]) for name in columns]
                for row in result.events.to_pylist()
                if row["signal"] != "crs"
            ]
        )
        for result in (everything, back)
    )
    assert after == before
    assert len(before) == 16


def test_a_value_under_a_limit_keeps_its_limit(tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": []}
    chart = [("8310-5", 38.5, "Cel", None), ("26881-3", 500.0, "pg/mL", "<")]
    for code, value, unit, comparator in chart:
        quantity = {"value": value, "unit": unit, "code": unit}
        bundle["entry"].append(
            {
                "resource": {
                    "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/1"},
                    "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                    "effectiveDateTime": "2024-01-01T10:00:00Z",
                    "valueQuantity": {**quantity, "comparator": comparator} if comparator else quantity,
                }
            }
        )  # fmt: skip
    (tmp_path / "in.json").write_text(json.dumps(bundle))
    therapies = tmp_path / "therapies.csv"
    therapies.write_text(f"subject_id,time,cause,product\n{CAR_T}\n")
    out = exported(tmp_path / "in.json", tmp_path / "out", therapies=therapies)
    found = [one["valueQuantity"] for one in lines(out, "Observation") if "valueQuantity" in one]
    assert [(one["value"], one.get("comparator")) for one in found] == [(38.5, None), (500.0, "<")]
