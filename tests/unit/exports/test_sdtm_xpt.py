"""Our transport files as pyreadstat reads them: every number, missing cells, texts to the last byte."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.exports.sdtm_table import Table
from tocsin.exports.sdtm_xpt import write_xpt
from tocsin.knowledge.sdtm_export import Dataset, Type, Variable

MADE = datetime(2026, 1, 31, 9, 5, 7, tzinfo=UTC)
# What IBM floating point holds: a fraction of 56 bits, 16 to the power of -64 to 63.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e70, max_value=1e70).filter(
    lambda value: value == 0 or abs(value) > 1e-70
)


def read_back(tmp_path: Path, type: Type, column: Any) -> list[Any]:
    """A column, written and read."""
    variable = Variable("X", "A label", type, "", False, None, "Assigned", "", "")
    dataset = Dataset("XX", "SDTM", "a row", "A dataset", "EVENTS", (variable,))
    write_xpt(Table(dataset, pa.table({"X": column})), tmp_path / "x.xpt", MADE)
    assert (tmp_path / "x.xpt").stat().st_size % 80 == 0
    return pyreadstat.read_xport(tmp_path / "x.xpt", output_format="dict")[0]["X"]


@given(st.lists(NUMBERS | st.integers(-(2**53), 2**53).map(float), min_size=1, max_size=30))
@settings(max_examples=60)
def test_numbers_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    assert read_back(tmp_path_factory.mktemp("xpt"), "integer", pa.array(values, pa.float64())) == values


def test_missing_numbers_come_back_missing(tmp_path: Path) -> None:
    assert read_back(tmp_path, "integer", pa.array([1, None, 0], pa.int64())) == [1, None, 0]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["a", None, "bc"], ["a", "", "bc"]),
        (["x" * 200], ["x" * 200]),
        (["Zoë", "ß"], ["Zoë", "ß"]),
        ([None, "a"], ["", "a"]),
    ],
)
def test_texts(tmp_path: Path, texts: list[str | None], found: list[str]) -> None:
    assert read_back(tmp_path, "text", pa.array(texts, pa.string())) == found


def test_dates_before_and_after_1960(tmp_path: Path) -> None:
    days = [date(1959, 12, 31), date(1960, 1, 1), date(2026, 2, 28)]
    assert read_back(tmp_path, "date_number", pa.array(days, pa.date32())) == days
    times = [datetime(1959, 12, 31, 23, 59, 59), datetime(2026, 2, 28, 13, 0, 1)]
    assert read_back(tmp_path, "datetime_number", pa.array(times, pa.timestamp("us"))) == times


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    read_back(tmp_path, "text", pa.array(["a"]))
    meta = pyreadstat.read_xport(tmp_path / "x.xpt", output_format="dict")[1]
    assert (meta.table_name, meta.file_label, meta.column_labels) == ("XX", "A dataset", ["A label"])
    assert meta.creation_time.replace(tzinfo=UTC) == MADE
