"""Rows and episodes of the timeline as Arrow tables, in the words and columns of the promised files."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.knowledge.causes import causes
from tocsin.knowledge.vocabulary import (
    DOSE_BAND,
    DRIVER,
    EPISODE_FLAGS,
    FIO2_BAND,
    FLAGS,
    HYPOTENSION,
    OXYGEN,
    SCALES,
)
from tocsin.timeline.layout import DIED, HOUR, NEVER, NO_EVENT, RESOLVED

TIME = pa.timestamp("us", "UTC")
WORD = pa.dictionary(pa.int8(), pa.string())
EVIDENCE = ("evidence_fever", "evidence_pressure", "evidence_vasopressor", "evidence_oxygen")

GRADES = pa.schema(
    [("subject_id", pa.int64()), ("time", TIME), ("episode", pa.int32()), ("cause", pa.string()), ("product", pa.string()),
     ("fever", pa.bool_()), ("fever_waived", pa.bool_()), ("hypotension", pa.string()), ("dose_band", pa.string()),
     ("run_24h", pa.bool_()), ("oxygen", pa.string()), ("fio2_band", pa.string()), ("airway_tube", pa.bool_())]
    + [column for scale in SCALES for column in ((scale, pa.int8()), (f"{scale}_set", pa.uint8()))]
    + [("driver", pa.string())] + [(name, pa.int64()) for name in EVIDENCE]
    + [("flags", pa.list_(pa.string())), ("closing", pa.bool_())]
)  # fmt: skip
EPISODES = pa.schema(
    [("subject_id", pa.int64()), ("episode", pa.int32()), ("cause", pa.string()), ("product", pa.string()),
        ("therapy_time", TIME),
     ("onset", TIME), ("resolved_at", TIME), ("ended", pa.string()), ("hours", pa.float64())]
    + [column for scale in SCALES for column in (
        (f"{scale}_peak_low", pa.int8()), (f"{scale}_peak_high", pa.int8()), (f"{scale}_peak_time", TIME))]
    + [("tocilizumab_doses", pa.int32()), ("first_tocilizumab", TIME), ("glucocorticoid_days", pa.int32()),
       ("vasopressor_hours", pa.float64()), ("highest_oxygen", pa.string()), ("icans_peak", pa.int8()),
       ("icans_peak_set", pa.uint8()),
       ("flags", pa.list_(pa.string()))]
)  # fmt: skip

_ONGOING = EPISODE_FLAGS.index("ongoing_at_last_record")
_ORGAN_TOXICITY = EPISODE_FLAGS.index("organ_toxicity_not_assessed")
Kinds = Sequence[tuple[str, str | None]]
Column: TypeAlias = "pa.Array[Any]"


def encoded(codes: NDArray[Any], words: Column, mask: NDArray[np.bool_] | None = None) -> Column:
    """Return codes as a dictionary-encoded column of words; null where masked."""
    indices: Any = pa.array(codes, mask=mask)
    dictionary: Any = pa.DictionaryArray
    return dictionary.from_arrays(indices, words)


def _places(places: NDArray[Any]) -> Any:
    """Return places for `take`."""
    return pa.array(places)


def as_table(columns: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return lists of values as a table of a schema."""
    arrays: list[Column] = [pa.array(column, schema.types[place]) for place, column in enumerate(columns)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _times(values: NDArray[np.int64]) -> Column:
    """Return instants, NEVER as null."""
    return pa.array(np.ascontiguousarray(values), pa.int64(), mask=values == NEVER).view(TIME)


def _codes(values: NDArray[np.int8], words: Sequence[str]) -> Column:
    """Return codes as words, -1 as null."""
    places: Any = pa.array(values, mask=values < 0)
    return pa.array(words, pa.string()).take(places)


def _yes_no(values: NDArray[np.int8]) -> Column:
    """Return -1, 0, 1 as null, false, true."""
    return pa.array(values > 0, mask=values < 0)


def _ids(values: NDArray[np.int64]) -> Column:
    """Return event ids, NO_EVENT as null."""
    return pa.array(np.ascontiguousarray(values), mask=values == NO_EVENT)


_ALONE = np.full(256, -1, np.int8)  # the grade of a set that has one member
for _bit in range(8):
    _ALONE[1 << _bit] = _bit


def _decided(sets: NDArray[np.uint8]) -> Column:
    """Return the grade where a set has one member, else null."""
    found = _ALONE[sets]
    return pa.array(found, mask=found < 0)


def _scale_columns(sets: NDArray[np.uint8]) -> tuple[Column, Column]:
    """Return the grade and the set of one scale."""
    return _decided(sets), pa.array(np.ascontiguousarray(sets))


def _flag_lists(bits: NDArray[Any], words: Sequence[str] = FLAGS) -> Column:
    """Return the flags of each row as a sorted list of words; each distinct set is put into words once."""
    distinct, places = np.unique(bits, return_inverse=True)
    lists = [
        sorted(word for place, word in enumerate(words) if value >> place & 1) for value in distinct.tolist()
    ]
    return pa.array(lists, pa.list_(pa.string())).take(_places(places))


def _therapy_columns(therapy: NDArray[np.int32], kinds: Kinds) -> tuple[Column, Column]:
    """Return cause and product of each row."""
    places = _places(therapy)
    causes_of = pa.array([cause for cause, _ in kinds], pa.string())
    return causes_of.take(places), pa.array([product for _, product in kinds], pa.string()).take(places)


def grade_table(rows: NDArray[Any], kinds: Kinds) -> pa.Table:
    """Return grade rows as the table of `grades.parquet`."""
    cause, product = _therapy_columns(rows["therapy"], kinds)
    scales = [column for place in range(len(SCALES)) for column in _scale_columns(rows["sets"][:, place])]
    columns: list[Column] = [
        pa.array(rows["subject_id"]), _times(rows["time"]), pa.array(rows["episode"]), cause, product,
        _yes_no(rows["fever"]), _yes_no(rows["fever_waived"]), _codes(rows["hypotension"], HYPOTENSION),
            _codes(rows["dose_band"], DOSE_BAND),
        _yes_no(rows["run_24h"]), _codes(rows["oxygen"], OXYGEN), _codes(rows["fio2_band"], FIO2_BAND),
            _yes_no(rows["airway_tube"]),
        *scales, _codes(rows["driver"], DRIVER), *(_ids(rows[name]) for name in EVIDENCE),
        _flag_lists(rows["flag_bits"]), pa.array(rows["closing"] == 1),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=GRADES)


def episode_table(
    episodes: NDArray[Any],
    kinds: Kinds,
    icans: NDArray[np.uint8],
    organs_assessed: NDArray[np.bool_] | None = None,
) -> pa.Table:
    """Return episodes as the table of `episodes.parquet`.

    `icans` is the set of grades of each, 0 for none assessed; `organs_assessed` says in which an organ was graded.
    """
    cause, product = _therapy_columns(episodes["therapy"], kinds)
    ended, resolved = episodes["ended"], episodes["resolved_at"]
    last = np.where(resolved == NEVER, episodes["last_row"], resolved)
    peaks: list[Column] = [
        column
        for place in range(len(SCALES))
        for column in (
            pa.array(np.ascontiguousarray(episodes["peak_low"][:, place])),
            pa.array(np.ascontiguousarray(episodes["peak_high"][:, place])),
            _times(episodes["peak_time"][:, place]),
        )
    ]
    # To the flags of the rows come the two that only an episode has.
    unassessed = np.ones(len(episodes), np.int64) if organs_assessed is None else ~organs_assessed
    more = (unassessed.astype(np.int64) << _ORGAN_TOXICITY) | (
        episodes["ongoing"].astype(np.int64) << _ONGOING
    )
    columns: list[Column] = [
        pa.array(episodes["subject_id"]), pa.array(episodes["episode"]), cause, product, _times(episodes["therapy_time"]),
        _times(episodes["onset"]), _times(resolved), _ended(ended), pa.array((last - episodes["onset"]) / HOUR), *peaks,
        pa.array(episodes["tocilizumab_doses"]), _times(episodes["first_tocilizumab"]), pa.array(episodes["glucocorticoid_days"]),
        pa.array(episodes["vasopressor_time"] / HOUR), _codes(episodes["highest_oxygen"], OXYGEN),
        _decided(icans), pa.array(icans, mask=icans == 0), _flag_lists(episodes["flag_bits"] | more, EPISODE_FLAGS),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=EPISODES)


def _ended(codes: NDArray[np.int8]) -> Column:
    """Return how an episode ended, null while it goes on."""
    words = {RESOLVED: "resolved", DIED: "death"}
    return pa.array([words.get(code) for code in codes.tolist()], pa.string())


def record_scales() -> dict[str, str]:
    """Return the scale of record of each cause."""
    return {cause.id: cause.scale for cause in causes()}
