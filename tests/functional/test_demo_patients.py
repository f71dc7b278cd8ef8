"""The bundled patients: what the script writes, marked as made up, sound FHIR, dirty where meant to be."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scripts import build_demo
from tocsin.knowledge.codes import codes, routes, statuses
from tocsin.knowledge.reading import systems, therapy_signals
from tocsin.knowledge.signals import signal, signal_ids, units
from tocsin.knowledge.vocabulary import ATTRIBUTION

Json = dict[str, Any]
DEMO = build_demo.DEMO
FILES = sorted(DEMO.glob("*.json"))
UNMAPPED_ON_PURPOSE = {"cyclophosphamide"}
TIME = re.compile(r"20\d\d-\d\d-\d\dT")

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def resources(path: Path) -> list[Json]:
    """The resources of a Bundle, the Patient first."""
    return [entry["resource"] for entry in json.loads(path.read_text("utf-8"))["entry"]]


EVERYTHING = [one for path in FILES for one in resources(path)]


def nodes(value: Any) -> Iterator[Json]:
    """Every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def signal_of(concept: Json) -> str | None:
    """The signal that a CodeableConcept's coding stands for."""
    coding = concept["coding"][0]
    system = systems()[coding["system"].casefold()]
    if system == "tocsin":
        return coding["code"] if coding["code"] in signal_ids() else None
    usable = (row for row in codes() if row.role not in ("support", "part"))
    found = (row.signal for row in usable if (row.system, row.code) == (system, coding["code"]))
    return next(found, None)


def said(resource: Json) -> Iterator[tuple[Json, Json]]:
    """What a resource is about, with the part of it that holds the value."""
    if "component" in resource:
        yield from ((part["code"], part) for part in resource["component"])
    elif resource["resourceType"] in ("Observation", "Procedure"):
        yield resource["code"], resource
    elif "medicationCodeableConcept" in resource:
        yield resource["medicationCodeableConcept"], resource.get("dosage", {})


def test_there_are_eight_and_the_readme_names_them() -> None:
    readme = (DEMO / "README.md").read_text("utf-8")
    assert len(FILES) == 8
    assert [path.name for path in FILES if f"| `{path.name}` |" not in readme] == []
    assert "no real person" in readme


def test_the_folder_is_what_the_script_writes() -> None:
    written = dict(build_demo.files())
    assert set(written) == {path for path in DEMO.iterdir() if path.suffix in (".json", ".md")}
    assert [p.name for p, text in written.items() if p.read_text("utf-8") != text] == []


@each_file
class TestEach:
    def test_is_small(self, path: Path) -> None:
        assert path.stat().st_size <= 80_000

    def test_is_marked_as_made_up(self, path: Path) -> None:
        patient = resources(path)[0]
        assert patient["resourceType"] == "Patient"
        assert [name["family"] for name in patient["name"]] == ["Made-up"]
        assert "made-up patient" in {tag["display"] for tag in patient["meta"]["tag"]}
        assert [one["system"] for one in patient["identifier"]] == ["urn:tocsin:made-up"]

    def test_is_a_collection_of_one_patient_whose_references_resolve(self, path: Path) -> None:
        bundle = json.loads(path.read_text("utf-8"))
        entries = bundle["entry"]
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
        assert Counter(one["resource"]["resourceType"] for one in entries)["Patient"] == 1
        known = {one["fullUrl"] for one in entries}
        known |= {f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in entries}
        assert len(known) == 2 * len(entries)
        targets = [node["reference"] for node in nodes(entries) if "reference" in node]
        assert [target for target in targets if target not in known] == []

    def test_every_status_is_known(self, path: Path) -> None:
        seen = {(one["resourceType"], one["status"]) for one in resources(path) if "status" in one}
        assert seen - {("MedicationRequest", "active")} <= set(statuses())

    def test_every_time_has_a_zone_and_is_of_2026(self, path: Path) -> None:
        times = [
            datetime.fromisoformat(text)
            for node in nodes(resources(path))
            for text in node.values()
            if isinstance(text, str) and TIME.match(text)
        ]
        assert {time.year for time in times} == {2026}
        assert [time for time in times if time.tzinfo is None] == []

    def test_every_code_is_a_signal_of_ours_or_unmapped_on_purpose(self, path: Path) -> None:
        concepts = [concept for one in resources(path) for concept, _ in said(one)]
        strangers = {c["coding"][0]["display"] for c in concepts if signal_of(c) is None}
        assert strangers <= UNMAPPED_ON_PURPOSE

    def test_every_unit_is_one_that_its_signal_is_read_in(self, path: Path) -> None:
        readable = {(unit.signal, unit.unit) for unit in units()}
        odd = {
            (signal_of(concept), quantity["code"])
            for one in resources(path)
            for concept, holder in said(one)
            for name in ("valueQuantity", "dose", "rateQuantity")
            if (quantity := holder.get(name)) and (found := signal_of(concept)) and signal(found).numeric
        } - readable
        assert odd == set()

    def test_every_interval_ends_after_its_start(self, path: Path) -> None:
        periods = [node for node in nodes(resources(path)) if {"start", "end"} <= set(node)]
        wrong = [p for p in periods if datetime.fromisoformat(p["start"]) >= datetime.fromisoformat(p["end"])]
        assert wrong == []

    def test_every_device_word_route_and_attribution_is_known(self, path: Path) -> None:
        devices = {row.code for row in codes() if row.signal == "oxygen_device" and row.value}
        for one in resources(path):
            signals = [signal_of(concept) for concept, _ in said(one)]
            if signals == ["oxygen_device"] and one["resourceType"] == "Observation":
                assert one["valueCodeableConcept"]["coding"][0]["code"] in devices
            if signals == ["attribution"]:
                assert one["valueString"] in ATTRIBUTION
        given = [node["route"]["coding"][0]["code"] for node in nodes(resources(path)) if "route" in node]
        assert set(given) <= set(routes())

    def test_has_a_weight_a_therapy_and_a_course_worked_out_by_hand(self, path: Path) -> None:
        signals = Counter(signal_of(concept) for one in resources(path) for concept, _ in said(one))
        causes = {*therapy_signals(), "index_therapy"}
        assert signals["weight"] == 1
        assert sum(signals[cause] for cause in causes) == (3 if path.stem.startswith("2-") else 1)
        assert f"\n## {path.stem}\n" in (Path(__file__).parent / "demo_expected.md").read_text("utf-8")


class TestDirt:
    """What a real record has too, each where demo_expected.md says so."""

    def measured(self, signal: str) -> list[tuple[str, float, str]]:
        """Status, value and unit of every measurement of a signal."""
        return [
            (one["status"], holder["valueQuantity"]["value"], holder["valueQuantity"]["code"])
            for one in EVERYTHING
            for concept, holder in said(one)
            if signal_of(concept) == signal and "valueQuantity" in holder
        ]

    def test_temperatures_in_fahrenheit_one_of_them_marked_celsius(self) -> None:
        read = self.measured("body_temperature")
        assert [value for _, value, unit in read if unit == "[degF]"] == [99.1, 101.5]
        assert [value for _, value, unit in read if unit == "Cel" and value > 45] == [99.0]

    def test_an_fio2_as_a_fraction_marked_percent(self) -> None:
        assert [(v, unit) for _, v, unit in self.measured("fio2") if v <= 1] == [(0.45, "%")]

    def test_a_temperature_entered_in_error(self) -> None:
        read = self.measured("body_temperature")
        assert [value for status, value, _ in read if status != "final"] == [41.0]

    def test_a_drug_ordered_and_not_given(self) -> None:
        ordered = [one for one in EVERYTHING if one["resourceType"] == "MedicationRequest"]
        refused = [one for one in EVERYTHING if one.get("status") == "not-done"]
        drugs = [signal_of(one["medicationCodeableConcept"]) for one in ordered + refused]
        assert drugs == ["tocilizumab", "tocilizumab"]

    def test_a_glucocorticoid_that_stays_in_the_eye(self) -> None:
        local = {code for code, word in routes().items() if word.value == "not_systemic"}
        kept = [
            signal_of(one["medicationCodeableConcept"])
            for one in EVERYTHING
            for concept in [one.get("dosage", {}).get("route")]
            if concept and concept["coding"][0]["code"] in local
        ]
        assert kept == ["dexamethasone"] * 3

    def test_rates_per_kg_and_open_infusions(self) -> None:
        doses = [one["dosage"] for one in EVERYTHING if "rateQuantity" in one.get("dosage", {})]
        units_used = {dose["rateQuantity"]["code"] for dose in doses}
        assert units_used == {"ug/min", "ug/kg/min", "[IU]/min", "ug/d"}
        assert any("end" not in one["effectivePeriod"] for one in EVERYTHING if "effectivePeriod" in one)

    def test_references_of_all_three_kinds(self) -> None:
        patients = {one["subject"]["reference"].split(":")[0] for one in EVERYTHING if "subject" in one}
        assert {"urn", "https"} < patients
        assert any(each.startswith("Patient/") for each in patients)
