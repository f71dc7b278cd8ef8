"""Bad FHIR: broken lines and files, nobody's data, two people's data, odd times; the good rows still come through."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import CAR_T, ONSET, graded, graded_or_refusal, onsets, reasons, refusal, side
from tocsin.api import grade_bundle
from tocsin.errors import UserError
from tocsin.results import Result

Json = dict[str, Any]
T = "2024-01-01T11:00:00Z"


def patient(id: str = "1", **more: Any) -> Json:
    """A made-up Patient."""
    return {"resourceType": "Patient", "id": id, "birthDate": "1980-01-01", **more}


def temperature(value: Any = 38.5, time: str | None = "2024-01-01T10:00:00Z", **more: Any) -> Json:
    """A made-up temperature of subject 1."""
    made: Json = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": time,
        "valueQuantity": {"value": value, "code": "Cel", "system": "http://unitsofmeasure.org"},
        **more,
    }
    return {key: held for key, held in made.items() if held is not None}


def infusion(**more: Any) -> Json:
    """A made-up norepinephrine infusion of subject 1."""
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7512"}]
        },
        "subject": {"reference": "Patient/1"},
        "effectivePeriod": {"start": T, "end": "2024-01-01T12:00:00Z"},
        **more,
    }


def bundle(*resources: Any) -> Json:
    """A Bundle of resources."""
    entries = [{"fullUrl": f"urn:uuid:{place}", "resource": one} for place, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def write(path: Path, content: Any) -> Path:
    """Write JSON, or text or bytes as they stand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def lines(*content: Any) -> str:
    """Resources as NDJSON; texts stand as they are."""
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in content)


Put = Callable[[Path, list[Any]], Path]


def as_bundle(folder: Path, resources: list[Any]) -> Path:
    """A Bundle in a file."""
    return write(folder / "in.json", bundle(*resources))


def as_folder(folder: Path, resources: list[Any]) -> Path:
    """Two Bundles in a folder, the first resource and the others."""
    write(folder / "in" / "a.json", bundle(*resources[:1]))
    return write(folder / "in" / "b.json", bundle(*resources[1:])).parent


def as_lines(folder: Path, resources: list[Any]) -> Path:
    """A bulk export: a file for each type."""
    kinds = sorted({one["resourceType"] for one in resources})
    for kind in kinds:
        text = lines(*(one for one in resources if one["resourceType"] == kind))
        write(folder / "in" / f"{kind}.ndjson", text)
    return folder / "in"


each_form = pytest.mark.parametrize("put", [as_bundle, as_folder, as_lines])

BAD = {
    "no time": (temperature(39, None), "no_time"),
    "a date": (temperature(39, "2024-01-01"), "date_only"),
    "a month": (temperature(39, "2024-01"), "bad_time"),
    "a day that is none": (temperature(39, "2024-02-30T10:00:00Z"), "bad_time"),
    "no value": (temperature(39, T, valueQuantity=None), "no_value"),
    "no number": (temperature(None, T), "no_value"),
    "an unknown unit": (temperature(39, T, valueQuantity={"value": 39, "code": "furlong"}), "unknown_unit"),
    "out of bounds": (temperature(250, T), "out_of_bounds"),
    "Fahrenheit called Celsius": (temperature(99.5, T), "looks_like_fahrenheit"),
    "nobody's": (temperature(39, T, subject=None), "no_subject"),
    "a negative interval": (
        infusion(effectivePeriod={"start": T, "end": "2024-01-01T10:00:00Z"}),
        "end_before_start",
    ),
    "an end that is a date": (infusion(effectivePeriod={"start": T, "end": "2024-01-02"}), "date_only"),
}


@each_form
def test_bad_resources_go_to_quarantine_and_good_ones_are_graded(tmp_path: Path, put: Put) -> None:
    source = put(tmp_path, [patient(), temperature(), *(resource for resource, _ in BAD.values())])
    result = graded(source, therapies=side(tmp_path))
    assert sorted(reasons(result)) == sorted(reason for _, reason in BAD.values())
    assert result.run["rows_read"] == 2 + len(BAD) + 1
    assert list(onsets(result).values()) == [ONSET]
    assert all(row["source"] for row in result.quarantine.to_pylist())


def test_not_happened_is_of_no_interest(tmp_path: Path) -> None:
    others = [
        temperature(39, T, status="entered-in-error"),
        temperature(39, T, status="cancelled"),
        infusion(status="not-done"),
    ]
    result = graded(as_bundle(tmp_path, [patient(), temperature(), *others]), therapies=side(tmp_path))
    assert result.run["quarantined"] == 0
    assert "norepinephrine" not in result.events["signal"].to_pylist()
    assert result.events["signal"].to_pylist().count("body_temperature") == 1


NO_NUMBERS = ("NaN", "Infinity", "-Infinity")


@pytest.mark.parametrize("name", ["in.json", "in.ndjson"])
def test_numbers_that_json_does_not_have(tmp_path: Path, name: str) -> None:
    whole = json.dumps(temperature(12345, T))
    bad = [whole.replace("12345", word) for word in NO_NUMBERS]
    if name.endswith(".ndjson"):
        source = write(tmp_path / name, lines(patient(), temperature(), *bad))
    else:
        text = json.dumps(bundle(patient(), temperature(), *NO_NUMBERS))
        for word, resource in zip(NO_NUMBERS, bad, strict=True):
            text = text.replace(f'"{word}"', resource)
        source = write(tmp_path / name, text)
    result = graded(source, therapies=side(tmp_path))
    assert len(reasons(result)) == len(NO_NUMBERS)
    assert list(onsets(result).values()) == [ONSET]


BROKEN = {
    "cut short": json.dumps(temperature(39, T))[:60],
    "no JSON": "hello",
    "a list": "[1, 2]",
    "a number": "17",
    "null": "null",
    "without a closing quote": '{"resourceType": "Observation, "id": "x"}',
    "invalid UTF-8": json.dumps(temperature(39, T)).replace("final", "fin\udcff"),
}


def test_broken_lines_are_quarantined_by_their_number(tmp_path: Path) -> None:
    text = lines(patient(), *BROKEN.values(), temperature())
    source = write(tmp_path / "in.ndjson", text.encode("utf-8", "surrogateescape"))
    result = graded(source, therapies=side(tmp_path))
    rows = result.quarantine.to_pylist()
    assert {row["reason"] for row in rows} == {"broken_line"}
    assert [row["source"] for row in rows] == [f"in.ndjson:{place + 2}" for place in range(len(BROKEN))]
    assert result.run["rows_read"] == 2 + len(BROKEN) + 1
    assert list(onsets(result).values()) == [ONSET]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    result = graded(
        write(tmp_path / "in.ndjson", lines("", patient(), "  ", temperature(), "")), therapies=side(tmp_path)
    )
    assert result.run["rows_read"] == 3
    assert list(onsets(result).values()) == [ONSET]


def test_a_broken_bundle_in_a_folder_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", bundle(patient(), temperature()))
    write(tmp_path / "in" / "b.json", json.dumps(bundle(patient("2"), temperature()))[:80])
    result = graded(tmp_path / "in", therapies=side(tmp_path))
    (row,) = result.quarantine.to_pylist()
    assert "b.json" in row["source"]
    assert list(onsets(result).values()) == [ONSET]


REFUSED = {
    "cut short": json.dumps(bundle(patient()))[:50],
    "empty": "",
    "no FHIR": '{"hello": "world"}',
    "a number": "17",
    "gzip cut short": gzip.compress(json.dumps(bundle(patient(), temperature())).encode())[:40],
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("format", ["auto", "fhir"])
def test_a_lone_file_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, content: str | bytes, format: str
) -> None:
    source = write(tmp_path / "in.json", content)
    assert "in.json" in refusal(source, format=format, therapies=side(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"{", b"[]", b"17", b"null", b'"x"', b'{"a": 1}', b"\xff\xfe"]
)
def test_bytes_that_are_no_bundle_are_refused(content: bytes) -> None:
    with pytest.raises(UserError) as caught:
        grade_bundle(content)
    assert "\n" not in caught.value.message


ODD_BUNDLES: dict[str, Json] = {
    "no entries": {"resourceType": "Bundle"},
    "entries are null": {"resourceType": "Bundle", "entry": None},
    "an entry is null": {"resourceType": "Bundle", "entry": [None]},
    "an entry without a resource": {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1"}]},
    "a resource is a text": {"resourceType": "Bundle", "entry": [{"resource": "Patient/1"}]},
    "a resource without a type": bundle({"id": "1"}),
    "a type that is none": bundle({"resourceType": "Weather"}),
    "a type that is a number": bundle({"resourceType": 7}),
    "types that are a list and an object": bundle({"resourceType": ["Patient"]}, {"resourceType": {}}),
    "everything empty": bundle({"resourceType": "Observation"}, {"resourceType": "Patient"}),
    "wrong shapes": bundle(
        {
            "resourceType": "Observation",
            "code": [],
            "subject": "Patient/1",
            "valueQuantity": "39",
            "component": {},
        }
    ),
    "wrong shapes further down": bundle(
        temperature(39, T, code={"coding": {"code": 8310}}, subject={"reference": ["Patient/1"]})
    ),
    "an id that is a number": bundle({"resourceType": "Patient", "id": 1}),
    "a time that is a number": bundle(patient(), temperature(39, 20240101)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("document", ODD_BUNDLES.values(), ids=ODD_BUNDLES)
def test_an_odd_bundle_makes_no_traceback(tmp_path: Path, document: Json) -> None:
    result = graded_or_refusal(write(tmp_path / "in.json", document), therapies=side(tmp_path))
    if not isinstance(result, str):
        assert result.run["rows_read"] >= 1
        assert result.episodes.num_rows == 0


def test_odd_lines_make_no_traceback(tmp_path: Path) -> None:
    entries = [entry for document in ODD_BUNDLES.values() for entry in document.get("entry") or []]
    resources = [entry["resource"] for entry in entries if entry and isinstance(entry.get("resource"), dict)]
    assert len(resources) > 5
    result = graded(
        write(tmp_path / "in.ndjson", lines(patient(), *resources, temperature())), therapies=side(tmp_path)
    )
    assert result.run["rows_read"] == len(resources) + 3
    assert list(onsets(result).values()) == [ONSET]


def test_a_bundle_without_a_patient_is_graded_by_its_references(tmp_path: Path) -> None:
    result = graded(as_bundle(tmp_path, [temperature()]), therapies=side(tmp_path))
    assert list(onsets(result).values()) == [ONSET]
    assert "age_unknown" in result.episodes["flags"][0].as_py()


TWO = {
    "two birth dates": [patient(), patient(birthDate="1990-05-05")],
    "two identifiers": [
        patient(identifier=[{"system": "urn:mrn", "value": "A"}]),
        patient(identifier=[{"system": "urn:mrn", "value": "B"}]),
    ],
}


@pytest.mark.parametrize("people", TWO.values(), ids=TWO)
@each_form
def test_two_people_under_one_id_are_not_graded_as_one(tmp_path: Path, people: list[Json], put: Put) -> None:
    rows = [*people, temperature(), patient("2"), temperature(subject={"reference": "Patient/2"})]
    result = graded(put(tmp_path, rows), therapies=side(tmp_path, CAR_T, CAR_T.replace("1,", "2,", 1)))
    assert "two_subjects" in reasons(result)
    names = dict(
        zip(result.subjects["subject_id"].to_pylist(), result.subjects["source_id"].to_pylist(), strict=True)
    )
    assert [names[subject] for subject in onsets(result)] == ["2"]


@each_form
def test_times_without_a_zone_are_read_in_the_one_that_is_set(tmp_path: Path, put: Put) -> None:
    local = put(tmp_path, [patient(), temperature(time="2024-01-01T05:00:00")])
    result = graded(local, therapies=side(tmp_path), settings={"zone": "America/New_York"})
    assert list(onsets(result).values()) == [ONSET]


def test_a_missing_or_empty_place(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (empty, tmp_path / "absent"):
        assert str(path) in refusal(path, format="fhir")
    write(empty / "notes.txt", "nothing")
    assert str(empty) in refusal(empty, format="fhir")


def test_one_file_and_its_bytes_give_the_same(tmp_path: Path) -> None:
    therapy = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {
            "coding": [{"system": "https://tocsin.dev/signal", "code": "index_therapy"}],
            "text": "car_t",
        },
        "subject": {"reference": "Patient/1"},
        "performedDateTime": "2024-01-01T00:00:00Z",
    }
    document = bundle(patient(), temperature(), therapy)
    by_file: Result = graded(write(tmp_path / "in.json", document))
    by_bytes = grade_bundle(json.dumps(document).encode())
    assert by_bytes.grades.equals(by_file.grades)
    assert by_bytes.run["rows_read"] == by_file.run["rows_read"] == 3
