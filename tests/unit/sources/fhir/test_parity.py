"""The two readers give the same rows: on real data, and on what Hypothesis makes up. Junk never ends in a traceback."""

import gzip
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.sources.fhir.conftest import ASIDE, bundle_of, ndjson_of, table_of
from tocsin.errors import UserError
from tocsin.sources.fhir import open_fhir, read_bundle
from tocsin.sources.flat import FLAT_SCHEMA, FlatRows
from tocsin.sources.settings import Settings

Json = dict[str, Any]
Con = duckdb.DuckDBPyConnection
# Few examples of many resources each, since each opens a view; none is made smaller: that would take an hour.
EACH = settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OTHERWISE = Settings(zone="America/New_York", date_only="noon", orders_count=True)


def rows(con: duckdb.DuckDBPyConnection, read: FlatRows) -> Counter[tuple[str, ...]]:
    """The rows without where they stood, in no order; NaN is like itself."""
    table = table_of(con, read)
    assert len(table["row"].unique()) == table.num_rows
    said = table.drop_columns(list(ASIDE)).to_pylist()
    return Counter(tuple(str(value) for value in row.values()) for row in said)


def both(resources: list[Json], folder: Path, how: Settings) -> tuple[Counter[Any], Counter[Any]]:
    """The rows of resources by the Bundle reader and by the NDJSON reader."""
    with duckdb.connect() as con:
        (folder / "made-up.ndjson").write_bytes(ndjson_of(*resources))
        lines = open_fhir(con, [folder], how)
        bundle = read_bundle(bundle_of(*resources), how)
        assert lines.subjects.sort_by("source_id") == bundle.subjects.sort_by("source_id")
        return rows(con, bundle), rows(con, lines)


def one_line(read: Callable[..., FlatRows], *arguments: Any) -> FlatRows | None:
    """What is read, or None where it is refused: in one line."""
    try:
        return read(*arguments)
    except UserError as error:
        if "\n" in error.message:
            pytest.fail(error.message)
        return None


def lines_of(folder: Path) -> Iterator[Json]:
    """The resources of a folder of zipped NDJSON."""
    for file in sorted(folder.glob("*.ndjson.gz")):
        yield from map(orjson.loads, gzip.decompress(file.read_bytes()).splitlines())


@pytest.mark.parametrize("how", [Settings(), OTHERWISE])
@pytest.mark.parametrize("name", ["fhir-ndjson-pathling9", "fhir-bulk-synthea10"])
def test_bulk_exports(shared: Path, con: Con, name: str, how: Settings) -> None:
    folder = shared / "data" / name
    resources = list(lines_of(folder))
    read = rows(con, open_fhir(con, [folder], how))
    assert read == rows(con, read_bundle(bundle_of(*resources), how))
    assert read.total() >= len(resources)


def test_bundles(shared: Path, tmp_path: Path, con: Con) -> None:
    for file in sorted((shared / "data" / "fhir-bundles").glob("*.json*")):
        data = file.read_bytes()
        entries = orjson.loads(gzip.decompress(data) if file.suffix == ".gz" else data)["entry"]
        (patient,) = (entry for entry in entries if entry["resource"]["resourceType"] == "Patient")
        # as lines there is no fullUrl to follow
        id = patient["resource"]["id"]
        text = orjson.dumps([entry["resource"] for entry in entries]).replace(
            patient["fullUrl"].encode(), b"Patient/" + id.encode()
        )
        as_bundle, as_lines = both(orjson.loads(text), tmp_path, Settings())
        assert as_bundle == as_lines
        assert rows(con, open_fhir(con, [file], Settings())) == as_bundle


def examples(shared: Path) -> Iterator[Json]:
    """Every resource of the examples of HL7, good and bad."""
    for name in ("fhir-us-core-examples/us-core-examples", "fhir-r4-testcases/validator-r4-json"):
        with zipfile.ZipFile(shared / "data" / f"{name}.zip") as packed:
            for member in packed.namelist():
                try:
                    found = orjson.loads(packed.read(member))
                except orjson.JSONDecodeError:
                    continue
                if isinstance(found, dict) and isinstance(found.get("resourceType"), str):
                    entries = (
                        found["entry"]
                        if found["resourceType"] == "Bundle" and "entry" in found
                        else [{"resource": found}]
                    )
                    yield from (entry["resource"] for entry in entries if "resource" in entry)


@pytest.mark.parametrize("how", [Settings(), OTHERWISE])
def test_examples_of_hl7(shared: Path, tmp_path: Path, how: Settings) -> None:
    resources = [one for one in examples(shared) if one["resourceType"] != "Bundle"]
    assert len(resources) > 600
    as_bundle, as_lines = both(resources, tmp_path, how)
    assert as_bundle == as_lines


def test_every_example_file_ends_in_rows_or_one_line(shared: Path) -> None:
    refused = 0
    for archive in sorted((shared / "data" / "fhir-r4-testcases").glob("*.zip")):
        with zipfile.ZipFile(archive) as packed:
            for member in packed.namelist():
                refused += one_line(read_bundle, packed.read(member), Settings(), member) is None
    assert refused > 5


WORDS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "final", "\u200b a\tb ", "98.6", "NaN", "<5", "1e5", "é", "mg", "a" * 100]),
)
NUMBERS = st.one_of(st.none(), st.integers(-5, 400), st.floats(allow_nan=False, width=32), WORDS)
TIMES = st.sampled_from(
    [None, "", "2024-03-01T10:00:00Z", "2024-03-01T10:00:00", "2024-03-01", "2024-03", "2024-02-30", "later"]
)
IDS = st.sampled_from([None, "1", "2", "m1"])


def some(**fields: Any) -> st.SearchStrategy[Json]:
    """An object with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


CONCEPTS = some(
    coding=st.lists(some(system=st.sampled_from([None, "urn:a"]), code=WORDS, display=WORDS), max_size=2),
    text=WORDS,
)
QUANTITIES = some(value=NUMBERS, unit=WORDS, code=WORDS, comparator=st.sampled_from([None, "<", ">="]))
PERIODS = some(start=TIMES, end=TIMES)
REFERENCES = some(
    reference=st.sampled_from(
        [
            None,
            "",
            "Patient/1",
            "http://h/Patient/2/_history/1",
            "urn:uuid:3",
            "Group/1",
            "Medication/m1",
            "#m1",
        ]
    ),
    display=WORDS,
    identifier=some(value=WORDS),
)
VALUES: dict[str, Any] = {
    "valueQuantity": QUANTITIES,
    "valueCodeableConcept": CONCEPTS,
    "valueString": WORDS,
    "valueInteger": st.integers(-5, 5),
    "valueBoolean": st.booleans(),
    "dataAbsentReason": CONCEPTS,
}
RATES: dict[str, Any] = {
    "rateQuantity": QUANTITIES,
    "rateRatio": some(numerator=QUANTITIES, denominator=QUANTITIES),
}
FIELDS: dict[str, Any] = {
    "id": IDS,
    "meta": some(versionId=st.sampled_from(["1", "2"])),
    "status": st.sampled_from(
        ["final", "completed", "active", "entered-in-error", "cancelled", "not-done", "?", None]
    ),
    "subject": REFERENCES,
    "patient": REFERENCES,
    "code": CONCEPTS,
    "issued": TIMES,
    **VALUES,
    "component": st.lists(some(code=CONCEPTS, **VALUES), max_size=3),
    "hasMember": st.lists(REFERENCES, max_size=1),
    "effectiveDateTime": TIMES,
    "effectivePeriod": PERIODS,
    "effectiveTiming": some(event=st.lists(TIMES, max_size=2)),
    "performedDateTime": TIMES,
    "performedPeriod": PERIODS,
    "timingPeriod": PERIODS,
    "onsetDateTime": TIMES,
    "recordedDate": TIMES,
    "authoredOn": TIMES,
    "medicationCodeableConcept": CONCEPTS,
    "medicationReference": REFERENCES,
    "device": REFERENCES,
    "type": CONCEPTS,
    "contained": st.lists(
        some(resourceType=st.sampled_from(["Medication", "Device"]), id=IDS, code=CONCEPTS), max_size=1
    ),
    "dosage": some(route=CONCEPTS, dose=QUANTITIES, **RATES),
    "dosageInstruction": st.lists(
        some(route=CONCEPTS, doseAndRate=st.lists(some(doseQuantity=QUANTITIES, **RATES), max_size=1)),
        max_size=1,
    ),
    "verificationStatus": some(
        coding=st.lists(some(code=st.sampled_from(["refuted", "confirmed"])), max_size=1)
    ),
    "birthDate": TIMES,
    "gender": st.sampled_from([None, "female"]),
    "identifier": st.lists(some(system=WORDS, value=st.sampled_from([None, "x", "y"])), max_size=2),
    "deceasedDateTime": TIMES,
    "deceasedBoolean": st.booleans(),
}
KINDS = [
    "Observation",
    "MedicationAdministration",
    "MedicationRequest",
    "Procedure",
    "DeviceUseStatement",
    "Condition",
    "Patient",
    "Medication",
    "Device",
    "Encounter",
    "Claim",
]
RESOURCES = st.sampled_from(KINDS).flatmap(
    lambda kind: st.fixed_dictionaries({"resourceType": st.just(kind)}, optional=FIELDS)
)


@EACH
@given(st.lists(RESOURCES, min_size=20, max_size=40), st.sampled_from([Settings(), OTHERWISE]))
def test_made_up_resources(tmp_path: Path, resources: list[Json], how: Settings) -> None:
    as_bundle, as_lines = both(resources, tmp_path, how)
    assert as_bundle == as_lines


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False), WORDS, TIMES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*FIELDS, "value", "coding", "start"]), inner, max_size=4),
    ),
    max_leaves=12,
)
JUNK = st.builds(
    lambda kind, fields: {**fields, "resourceType": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(list(FIELDS)), JSON, max_size=8),
)


@EACH
@given(st.lists(JUNK, min_size=10, max_size=30))
def test_junk_in_the_fields_is_counted_by_both(tmp_path: Path, con: Con, resources: list[Json]) -> None:
    (tmp_path / "made-up.ndjson").write_bytes(ndjson_of(*resources))
    for read in (open_fhir(con, [tmp_path], Settings()), read_bundle(bundle_of(*resources), Settings())):
        table = table_of(con, read)
        assert table.schema == FLAT_SCHEMA
        assert table.num_rows >= len(resources)
        usable = [row for row in table.to_pylist() if row["fate"] is None and row["trouble"] is None]
        assert all(row["time"] and row["subject"] for row in usable)


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=200),
        JSON.map(orjson.dumps),
        st.lists(JUNK).map(lambda junk: bundle_of(*junk)[:-3]),
    )
)
def test_any_bytes_end_in_rows_or_one_line(data: bytes) -> None:
    read = one_line(read_bundle, data, Settings())
    assert read is None or (isinstance(read.rows, pa.Table) and read.rows.schema == FLAT_SCHEMA)


@EACH
@given(st.lists(st.one_of(st.binary(max_size=60), JUNK.map(orjson.dumps)), min_size=1, max_size=20))
def test_any_lines_end_in_rows_or_one_line(tmp_path: Path, con: Con, lines: list[bytes]) -> None:
    (tmp_path / "made-up.ndjson").write_bytes(b"\n".join(lines))
    read = one_line(open_fhir, con, [tmp_path], Settings())
    assert read is None or table_of(con, read).num_rows > 0
