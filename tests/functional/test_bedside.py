"""One Bundle graded in memory and the same Bundle graded through DuckDB: the same tables, account and notes."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tocsin import grade, grade_bundle
from tocsin.demo import demo_folder
from tocsin.results import TABLES, Result

LIKE = ("rows_read", "rows_used", "not_of_interest", "quarantined", "events", "subjects", "episodes", "notes",
        "not_of_interest_by_reason", "quarantined_by_reason", "not_of_interest_by_code", "assumed_units")  # fmt: skip
SUBJECT = {"reference": "Patient/1"}
WHEN = "2024-01-01T{}:00:00Z"


def _same(file: Path) -> tuple[Result, Result]:
    """Grade a file both ways; DuckDB's way reads a folder that holds it beside an empty list of lines."""
    in_memory = grade_bundle(file.read_bytes())
    through_duckdb = grade(file, events="episodes")
    return in_memory, through_duckdb


def _plain(result: Result, name: str) -> list[dict[str, Any]]:
    """A table without the names of files, which the two ways do not share."""
    rows: list[dict[str, Any]] = getattr(result, name).to_pylist()
    return [{key: value for key, value in row.items() if key != "source"} for row in rows]


def _agree(file: Path) -> Result:
    one, other = _same(file)
    assert {name: one.run[name] for name in LIKE} == {name: other.run[name] for name in LIKE}
    for name in TABLES:
        assert _plain(one, name) == _plain(other, name), name
        assert getattr(one, name).schema == getattr(other, name).schema, name
    return one


@pytest.mark.parametrize("file", sorted(demo_folder().glob("*.json")), ids=lambda file: file.stem)
def test_every_demo_patient(file: Path) -> None:
    assert _agree(file).run["episodes"] > 0


def _observation(code: str, value: float | None, unit: str | None, **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "unit": unit, "code": unit}
    coding = {"system": "http://loinc.org", "code": code}
    said: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"coding": [coding]}, "subject": SUBJECT,
                            "effectiveDateTime": WHEN.format(10), "valueQuantity": quantity}  # fmt: skip
    return {key: kept for key, kept in (said | more).items() if kept is not None}


def _given(rxnorm: str, hour: int, **more: Any) -> dict[str, Any]:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": rxnorm}
    return {"resourceType": "MedicationAdministration", "status": "completed", "subject": SUBJECT,
            "medicationCodeableConcept": {"coding": [coding]},
            "effectiveDateTime": WHEN.format(f"{hour:02d}")} | more  # fmt: skip


CAR_T = _given("1986789", 0)
NOREPINEPHRINE = "7512"
TROUBLES: dict[str, list[dict[str, Any]]] = {
    "no therapy": [_observation("8310-5", 39, "Cel")],
    "no time": [CAR_T, _observation("8310-5", 39, "Cel"), _observation("8310-5", 39, "Cel", effectiveDateTime=None)],
    "no subject": [CAR_T, _observation("8310-5", 39, "Cel", subject=None)],
    "no value": [CAR_T, _observation("8310-5", None, "Cel")],
    "unknown unit": [CAR_T, _observation("8310-5", 39, "furlong")],
    "no unit": [CAR_T, _observation("8310-5", 39, None), _observation("8310-5", 70, None)],
    "out of bounds": [CAR_T, _observation("8310-5", 46, "Cel"), _observation("8310-5", 101, "Cel")],
    "unknown code": [CAR_T, _observation("0-0", 1, "Cel"), _observation("8310-5", 38.5, "Cel")],
    "entered in error": [CAR_T, _observation("8310-5", 39, "Cel", status="entered-in-error")],
    "comparator": [CAR_T, _observation("8310-5", 38, "Cel", valueQuantity={"value": 38, "unit": "Cel", "comparator": "<"})],
    "two subjects": [CAR_T, _observation("8310-5", 39, "Cel"),
                     _observation("8310-5", 40, "Cel", subject={"reference": "Patient/x"}),
                     _given("1986789", 1, subject={"reference": "Patient/a"})],
    "numbers and names": [_given("1986789", hour, subject={"reference": f"Patient/{name}"})
                          for hour, name in enumerate(("7", "007", "-3", "b", "9223372036854775807", "z9"))],
    "by weight": [CAR_T, _observation("29463-7", 80, "kg"), _observation("8310-5", 39, "Cel"),
                  _given(NOREPINEPHRINE, 12, dosage={"rateQuantity": {"value": 0.1, "unit": "ug/kg/min", "code": "ug/kg/min"}})],
    "only weights": [CAR_T, _observation("29463-7", 176, "[lb_av]", effectiveDateTime="2020-01-01T00:00:00Z")],
    "end before start": [CAR_T, _given(NOREPINEPHRINE, 12, effectiveDateTime=None,
                                       effectivePeriod={"start": WHEN.format(12), "end": WHEN.format(11)})],
    "nothing at all": [],
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_rows_in_trouble(name: str, tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "1", "birthDate": "1970-01-01", "gender": "female"}
    entries = [{"resource": one} for one in [patient, *TROUBLES[name]]]
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    _agree(file)


def test_what_a_clinician_says_changes_the_grade_at_once() -> None:
    patient = next(
        file for file in sorted(demo_folder().glob("*.json")) if "6-sepsis" in file.name
    ).read_bytes()
    plain = grade_bundle(patient)
    subject = plain.subjects["source_id"].to_pylist()[0]
    onset = plain.episodes["onset"].to_pylist()[0]
    said = grade_bundle(patient, annotations=[(subject, onset - dt.timedelta(hours=1), "fever:other")])
    assert said.episodes["onset"].to_pylist() != plain.episodes["onset"].to_pylist()
    assert said.run["rows_read"] == plain.run["rows_read"] + 1
    odd = grade_bundle(patient, annotations=[(subject, onset, "fever:perhaps")])
    assert odd.quarantine.to_pylist()[-1]["reason"] == "unknown_attribution"
    assert odd.quarantine.to_pylist()[-1]["source"] == "annotations"
