"""One Bundle: its kinds, what may stand in an entry, and bytes that are no Bundle."""

import gzip
from typing import Any

import orjson
import pytest

from tests.unit.sources.fhir.conftest import bundle_of
from tocsin.errors import UserError
from tocsin.sources.fhir import read_bundle
from tocsin.sources.flat import FLAT_SCHEMA
from tocsin.sources.settings import Settings

ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}}
NAMED = "bundle:entry[0] Encounter/e1"


def sources(data: bytes) -> list[str]:
    """Where the rows of a Bundle come from."""
    return read_bundle(data, Settings()).rows["source"].to_pylist()


@pytest.mark.parametrize(
    "kind", ["collection", "searchset", "transaction", "batch-response", "document", "no such kind"]
)
def test_every_kind_of_bundle_is_read(kind: str) -> None:
    assert sources(bundle_of(ENCOUNTER, type=kind)) == [NAMED]


def test_a_bundle_in_a_bundle_is_opened() -> None:
    inner = orjson.loads(bundle_of(ENCOUNTER, ENCOUNTER | {"id": "e2"}))
    assert sources(bundle_of(inner)) == [
        "bundle:entry[0] Bundle/None:entry[0] Encounter/e1",
        "bundle:entry[0] Bundle/None:entry[1] Encounter/e2",
    ]


def test_an_entry_without_a_resource_is_counted() -> None:
    data = orjson.dumps({"resourceType": "Bundle", "entry": [{"response": {"status": "201"}}, None, "x"]})
    rows = read_bundle(data, Settings()).rows
    assert rows["fate"].to_pylist() == ["no_interest_type"] * 3


def test_one_resource_and_a_list_of_them_are_read_too() -> None:
    assert sources(orjson.dumps(ENCOUNTER)) == ["bundle"]
    assert sources(orjson.dumps([ENCOUNTER])) == ["bundle:[0]"]


@pytest.mark.parametrize("entry", [[], None, "x", {}])
def test_a_bundle_without_entries_has_no_rows(entry: Any) -> None:
    read = read_bundle(orjson.dumps({"resourceType": "Bundle", "entry": entry}), Settings())
    assert (read.rows.num_rows, read.rows.schema, read.subjects.num_rows) == (0, FLAT_SCHEMA, 0)


def test_rows_are_numbered_within_their_file() -> None:
    read = read_bundle(bundle_of(ENCOUNTER, {"resourceType": "Claim"}), Settings(), "x.json", file_index=2)
    assert read.rows["row"].to_pylist() == [20_000_000_001, 20_000_000_002]
    assert read.files == ("x.json",)


def test_gzip_and_bom_are_read() -> None:
    assert sources(gzip.compress(bundle_of(ENCOUNTER))) == [NAMED]
    assert sources(b"\xef\xbb\xbf" + bundle_of(ENCOUNTER)) == [NAMED]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_pass_through(read: Any, word: str) -> None:
    text = bundle_of(
        {"resourceType": "Observation", "code": {"text": "not NaN"}, "valueQuantity": {"value": 12345}}
    )
    rows = read_bundle(text.replace(b"12345", word.encode()), Settings()).rows
    assert str(rows["value"].to_pylist()[0]) == str(float(word))
    assert rows["code"].to_pylist() == ["text|not NaN"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (bundle_of(ENCOUNTER)[:-5], "not JSON"),
        (b"\x00\xff\xfe", "not JSON"),
        (b"subject_id,time\n1,2", "not JSON"),
        (b"{}", "no resourceType"),
        (b"3", "no resourceType"),
        (b'"text"', "no resourceType"),
        (b'{"resourceType": ""}', "no resourceType"),
        (gzip.compress(bundle_of(ENCOUNTER))[:-12], "cannot be unpacked"),
        (b"\x1f\x8bnot gzip", "cannot be unpacked"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read_bundle(data, Settings(), "ward.json")
    assert caught.value.message.startswith("ward.json: ")
    assert "\n" not in caught.value.message
