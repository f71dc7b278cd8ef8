"""The subjects table, two people under one id, and the same resource twice."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.unit.sources.fhir.conftest import bundle_of, ndjson_of
from tocsin.sources.fhir import open_fhir, read_bundle
from tocsin.sources.settings import Settings

TIME = "2024-03-01T10:00:00"


def patient(id: str | None = "p1", **fields: Any) -> dict[str, Any]:
    """A made-up Patient."""
    return {"resourceType": "Patient", **({"id": id} if id else {}), **fields}


def observation(subject: str = "p1", **fields: Any) -> dict[str, Any]:
    """A made-up Observation."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": {"reference": f"Patient/{subject}"},
        "effectiveDateTime": TIME,
        "valueInteger": 38,
        **fields,
    }


@pytest.fixture(params=["bundle", "ndjson", "folder of bundles"])
def subjects(request: pytest.FixtureRequest, tmp_path: Path, con: duckdb.DuckDBPyConnection) -> Any:
    """The subjects of made-up resources, by each way in."""

    def read(*resources: dict[str, Any]) -> list[dict[str, Any]]:
        if request.param == "bundle":
            return read_bundle(bundle_of(*resources), Settings()).subjects.to_pylist()
        if request.param == "ndjson":
            (tmp_path / "a.ndjson").write_bytes(ndjson_of(*resources))
        else:
            for place, resource in enumerate(resources):
                (tmp_path / f"{place}.json").write_bytes(bundle_of(resource))
        return open_fhir(con, [tmp_path], Settings()).subjects.to_pylist()

    return read


@pytest.mark.parametrize(
    ("born", "date"),
    [("1980-05-01", "1980-05-01"), ("1980-05", None), ("1980", None), ("1980-02-30", None), (None, None)],
)
def test_birth_dates_count_if_known_to_the_day(subjects: Any, born: str | None, date: str | None) -> None:
    (row, _) = subjects(patient(birthDate=born, gender="female"), patient("p2"))
    assert (row["source_id"], str(row["birth_date"] or "") or None, row["sex"]) == ("p1", date, "female")


def test_a_patient_without_an_id_is_no_subject(subjects: Any) -> None:
    assert [row["source_id"] for row in subjects(patient(None), patient("p2"))] == ["p2"]


ONE = {"identifier": [{"system": "urn:mrn", "value": "1"}], "birthDate": "1980-05-01"}


@pytest.mark.parametrize(
    ("other", "two"),
    [
        ({"birthDate": "1980-05-02"}, True),
        ({"identifier": [{"system": "urn:mrn", "value": "2"}]}, True),
        ({"identifier": [{"system": "urn:other", "value": "1"}]}, True),
        ({"birthDate": "1980"}, False),
        ({"gender": "female"}, False),
        ({"identifier": [{"value": "x"}, {"system": "urn:mrn", "value": "1"}]}, False),
    ],
)
def test_two_people_under_one_id_are_not_merged(
    read: Any, subjects: Any, other: dict[str, Any], two: bool
) -> None:
    resources = (patient(**ONE), patient(**other), observation(), observation("p2", id="o2"))
    assert [row["source_id"] for row in subjects(*resources)] == ([] if two else ["p1"])
    rows = [row for row in read(*resources) if "fate" not in row]
    assert [(row["subject"], row.get("trouble")) for row in rows] == [
        ("p1", "two_subjects" if two else None),
        ("p2", None),
    ]
    if two:
        assert (rows[0]["trouble_column"], rows[0]["trouble_value"]) == ("subject", "p1")


def test_two_people_under_one_id_in_different_files(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    (tmp_path / "a.json").write_bytes(bundle_of(patient(birthDate="1980-05-01"), observation()))
    (tmp_path / "b.ndjson").write_bytes(ndjson_of(patient(birthDate="1990-05-01"), observation(id="o2")))
    read = open_fhir(con, [tmp_path], Settings())
    found = con.execute(
        f"SELECT trouble, count(*) FROM {read.rows} WHERE fate IS NULL GROUP BY ALL"
    ).fetchall()
    assert (found, read.subjects.num_rows) == ([("two_subjects", 2)], 0)


VERSION = {"meta": {"versionId": "1"}}


@pytest.mark.parametrize(
    ("first", "second", "fates"),
    [
        ({}, {}, [None, "duplicate"]),
        ({}, {"valueInteger": 39}, [None, None]),
        ({}, {"id": "o2"}, [None, None]),
        ({"id": None}, {"id": None}, [None, "duplicate"]),
        ({"id": None}, {"id": None, "valueInteger": 39}, [None, None]),
        # the server's word: it is the same version
        ({**VERSION}, {**VERSION, "text": {"status": "generated"}}, [None, "duplicate"]),
        ({**VERSION}, {"meta": {"versionId": "2"}}, [None, None]),
        ({**VERSION}, {}, [None, None]),
    ],
)
def test_the_same_resource_counts_once(
    read: Any, first: dict[str, Any], second: dict[str, Any], fates: list[str | None]
) -> None:
    both = (
        {name: value for name, value in observation(**fields).items() if value is not None}
        for fields in (first, second)
    )
    assert [row.get("fate") for row in read(*both)] == fates


def test_a_death_that_is_told_twice_is_one(read: Any) -> None:
    dead = patient(deceasedDateTime=TIME)
    deaths = [row.get("fate") for row in read(dead, dead) if row["code"] == "tocsin|death"]
    assert deaths == [None, "duplicate"]


def test_a_repetition_in_another_file_counts_once(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(bundle_of(observation()))
    read = open_fhir(con, [tmp_path], Settings())
    assert con.execute(f"SELECT fate FROM {read.rows} ORDER BY row").fetchall() == [(None,), ("duplicate",)]
