"""Graded as known: a record enters the stream when it was known, if that is later than its own time."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.events.test_comparators import bundle, observation
from tocsin.api import grade
from tocsin.results import Result


def graded(folder: Path, *resources: dict[str, Any], as_known: bool) -> Result:
    """Grade a Bundle of these."""
    (folder / "bundle.json").write_bytes(bundle(*resources))
    return grade(folder / "bundle.json", as_known=as_known, events="all")


@pytest.mark.parametrize(("as_known", "hour"), [(False, 10), (True, 14)])
def test_a_reading_counts_from_when_it_was_known(tmp_path: Path, as_known: bool, hour: int) -> None:
    fever = observation("8310-5", 39.0, "Cel", None, 10) | {"issued": "2024-01-01T14:00:00Z"}
    assert [
        time.hour for time in graded(tmp_path, fever, as_known=as_known).episodes["onset"].to_pylist()
    ] == [hour]


def test_one_known_before_it_happened_counts_when_it_happened(tmp_path: Path) -> None:
    fever = observation("8310-5", 39.0, "Cel", None, 10) | {"issued": "2024-01-01T09:00:00Z"}
    assert [time.hour for time in graded(tmp_path, fever, as_known=True).episodes["onset"].to_pylist()] == [
        10
    ]


def test_an_interval_known_only_after_its_end_is_not_refused(tmp_path: Path) -> None:
    """Its own end is not before its own start."""
    flow = observation("3151-8", 4, "L/min", None, 11) | {"issued": "2024-01-01T13:00:00Z"}
    del flow["effectiveDateTime"]
    flow["effectivePeriod"] = {"start": "2024-01-01T11:00:00Z", "end": "2024-01-01T12:00:00Z"}
    for as_known in (False, True):
        assert graded(tmp_path, flow, as_known=as_known).run["quarantined_by_reason"] == {}
