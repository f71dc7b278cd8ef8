"""The arrays of the timeline: what it reads, what it keeps of a subject between events, what it writes."""

from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.knowledge.timeline import Timeline
from tocsin.knowledge.vocabulary import CAUSES, HYPOTENSION, OXYGEN, SCALES

NEVER = -(1 << 62)  # a time before all times
FOREVER = 1 << 62
NO_END = np.iinfo(np.int64).min  # the `end` of an event that has none
NO_EVENT = -1

# What a signal does to the state. Temperature and pressures stand together, so do flow and FiO2, and the six infusions, so
# that `role - INFUSION` is the agent's index.
(
    NOTHING,
    TEMPERATURE,
    SYSTOLIC,
    DIASTOLIC,
    MEAN,
    BOLUS,
    DEVICE,
    FLOW,
    FIO2,
    THERAPY,
    ATTRIBUTED,
    DEATH,
    INFUSION,
) = range(13)
AGENTS = ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii", "vasopressin")
NOREPINEPHRINE, EPINEPHRINE, PHENYLEPHRINE, DOPAMINE, ANGIOTENSIN, VASOPRESSIN = range(6)
COUNTED = 5  # the first five are counted vasopressors; vasopressin is tracked apart

# Indices of the words in knowledge.vocabulary; a test holds them together.
(H_NONE, H_UNTREATED, H_FLUIDS, H_REPEATED, H_VASOPRESSIN, H_ONE, H_ONE_PLUS, H_MULTIPLE) = range(8)
(O_NONE, O_LOW, O_CANNULA_UNKNOWN, O_HIGH_AT_LOW, O_HIGH, O_MASK, O_UNKNOWN, O_PRESSURE, O_VENTILATOR) = (
    range(9)
)
BAND_NULL, BAND_LOW, BAND_UNKNOWN, BAND_HIGH = -1, 0, 1, 2
FIO2_NULL, FIO2_BELOW, FIO2_AT_LEAST, FIO2_UNKNOWN = -1, 0, 1, 2
(
    ROOM_AIR,
    NASAL_CANNULA,
    BLOW_BY,
    HIGH_FLOW_CANNULA,
    SIMPLE_MASK,
    VENTURI,
    NON_REBREATHER,
    CPAP,
    BIPAP,
    VENTILATION,
    ECMO,
) = range(11)
NO_DEVICE = -1
(FEVER_OTHER, FEVER_CRS, HYPOTENSION_OTHER, HYPOTENSION_CRS, HYPOXIA_OTHER, HYPOXIA_CRS, NOT_FOR_HYPOTENSION, FOR_HYPOTENSION,
 AIRWAY_ONLY, INTUBATED_FOR_HYPOXIA) = range(10)  # fmt: skip
DRIVEN_BY_FEVER, DRIVEN_BY_HYPOTENSION, DRIVEN_BY_HYPOXIA, DRIVEN_BY_BOTH, DRIVEN_BY_DEATH = range(5)
DEATH_OTHER, DEATH_NO_TEXT, DEATH_CRS = 1, 2, 3  # the larger wins when several stand at one instant
(F_AGE_UNKNOWN, F_BASELINE, F_DEATH_CAUSE, F_INTUBATION, F_PRODUCT, F_PRESSURES, F_VASOPRESSIN, F_ORGAN) = (
    1 << i for i in range(8)
)
UNSAID, SAID_AIRWAY, SAID_HYPOXIA = 0, 1, 2  # what an annotation says of an intubation

HOUR = 3_600_000_000
YEAR = 365.25 * 24 * HOUR


@cache
def parameter_fields() -> list[tuple[str, str, str, int]]:
    """Return (name in `knowledge`, name here, dtype, factor) of every number: times become whole microseconds."""
    scale = {"_h": HOUR, "_d": 24 * HOUR}
    found: list[tuple[str, str, str, int]] = []
    for field in fields(Timeline):
        unit = next((ending for ending in ("_h", "_d") if field.name.endswith(ending)), "")
        found.append((field.name, field.name.removesuffix(unit), "i8" if unit else "f8", scale.get(unit, 1)))
    return found


SCALES_READ, CATEGORIES, CAUSES_READ = len(SCALES), len(HYPOTENSION), len(CAUSES)


@cache
def rules_dtype(signals: int, therapies: int) -> np.dtype[np.void]:
    """Return one record of all that the compiled code asks of knowledge and of the run's therapies.

    It is one record, not a tuple of arrays, because every array that is handed to a compiled function costs two atomic
    counts, and the functions here are many and small.
    """
    return np.dtype(
        [(name, kind) for _, name, kind, _ in parameter_fields()]
        + [("role", "i1", (signals,)), ("mask_from", "f8", (signals,)), ("is_tocilizumab", "i1", (signals,)),
           ("is_glucocorticoid", "i1", (signals,)), ("hypotension_table", "u1", (SCALES_READ, CATEGORIES, 4, 2)),
           ("oxygen_table", "u1", (SCALES_READ, len(OXYGEN), 4, 2)), ("fever_gate", "i1", (SCALES_READ,)),
           ("record_scale", "i1", (CAUSES_READ,)), ("therapy_cause", "i1", (therapies,)), ("therapy_window", "i8", (therapies,)),
           ("therapy_rank", "i4", (therapies,)), ("therapy_unknown", "i1", (therapies,))]
    )  # fmt: skip


_TIMES = (
    "now", "last_event", "birth", "group_time", "next_expiry", "fever_at", "systolic_at", "mean_at", "bolus_until", "bolus_last",
    "bolus_before", "device_end", "device_at", "flow_at", "fio2_at", "run_since", "certain_since", "possible_since",
    "hypotension_none_since", "oxygen_none_since", "airway_pending_at",
)  # fmt: skip
_IDS = ("fever_id", "systolic_id", "mean_id", "device_id", "flow_id", "fio2_id")
_FLAGS = (
    "started", "dead", "fever_other", "hypotension_other", "hypoxia_other", "not_for_hypotension", "systolic_low", "mean_low",
    "pressures_crossed", "vasopressin_in_hypotension", "device_baseline", "flow_owned", "fio2_owned", "airway_pending",
    "airway_said", "in_episode", "waived",
)  # fmt: skip
_READ = ("fever", "hypotension", "dose_band", "run_24h", "oxygen", "fio2_band", "airway_tube", "count", "oxygen_raw",
    "fio2_band_raw",
         "before_tube", "before_tube_band")  # fmt: skip
_GROUP_IDS = ("g_temperature_id", "g_systolic_id", "g_mean_id", "g_device_id", "g_flow_id", "g_fio2_id")
_GROUP_VALUES = ("g_temperature", "g_systolic", "g_diastolic", "g_mean", "g_flow", "g_fio2")
_GROUP_CODES = (
    "g_bolus",
    "g_device",
    "g_attributed",
    "g_death",
    "g_masked",
    "g_tocilizumab",
    "g_glucocorticoid",
    "g_therapy",
    "g_busy",
)


def subject_dtype(infusions: int, therapies: int) -> np.dtype[np.void]:
    """Return one subject between two events: what stands, what was read last, the instant being gathered (g_*).

    No field is named like an attribute of numpy's own records (device, flags): without the compiler those would be read.
    There is room for so many running records of one agent and so many therapies; Python makes it larger when they run out.
    """
    return np.dtype(
        [("subject_id", "i8"), ("episode", "i4"), ("therapies", "i4"), ("device_on", "i2"), ("flow", "f8"), ("fio2", "f8"),
         ("device_flow_note", "f8"), ("device_fio2_note", "f8"), ("flag_bits", "u2"), ("signature", "i8"),
         ("rows_written", "i8"), ("episodes_written", "i8")]
        + [(name, "i8") for name in _TIMES + _IDS + _GROUP_IDS]
        + [("g_device_end", "i8")]
        + [(name, "i1") for name in _FLAGS + _READ]
        + [(name, "f8") for name in _GROUP_VALUES]
        + [(name, "i4") for name in _GROUP_CODES]
        + [("agent_active", "i1", (6,)), ("agent_rate", "f8", (6,)), ("agent_id", "i8", (6,)), ("agent_since", "i8", (6,)),
           ("agent_baseline", "i1", (6,)), ("agent_note", "f8", (6,)), ("g_stop", "i1", (6,)), ("infusions", "i4", (6,)),
           ("infusion_start", "i8", (6, infusions)), ("infusion_end", "i8", (6, infusions)),
           ("infusion_rate", "f8", (6, infusions)),
           ("infusion_id", "i8", (6, infusions)), ("infusion_open", "i1", (6, infusions)),
           ("therapy_time", "i8", (therapies,)), ("therapy_kind", "i4", (therapies,))]
    )  # fmt: skip


ROW = np.dtype(
    [("subject_id", "i8"), ("time", "i8"), ("episode", "i4"), ("therapy", "i4"), ("closing", "i1"), ("fever", "i1"),
        ("fever_waived", "i1"),
     ("hypotension", "i1"), ("dose_band", "i1"), ("run_24h", "i1"), ("oxygen", "i1"), ("fio2_band", "i1"), ("airway_tube", "i1"),
     ("sets", "u1", (8,)), ("driver", "i1"), ("evidence_fever", "i8"), ("evidence_pressure", "i8"),
     ("evidence_vasopressor", "i8"),
     ("evidence_oxygen", "i8"), ("flag_bits", "u2")]
)  # fmt: skip
EPISODE = np.dtype(
    [("subject_id", "i8"), ("episode", "i4"), ("therapy", "i4"), ("therapy_time", "i8"), ("onset", "i8"), ("resolved_at", "i8"),
     ("ended", "i1"), ("last_row", "i8"), ("peak_low", "i1", (8,)), ("peak_high", "i1", (8,)), ("peak_time", "i8", (8,)),
     ("tocilizumab_doses", "i4"), ("first_tocilizumab", "i8"), ("glucocorticoid_days", "i4"), ("glucocorticoid_day", "i8"),
     ("vasopressor_time", "i8"), ("highest_oxygen", "i1"), ("flag_bits", "u2"), ("ongoing", "i1")]
)  # fmt: skip
NOT_ENDED, RESOLVED, DIED = 0, 1, 2


class Rules(NamedTuple):
    """What knowledge says, as arrays: thresholds and tables enter here, never as literals in compiled code."""

    numbers: dict[str, int | float]  # the fields of `parameter_fields`, times in microseconds
    role: NDArray[np.int8]  # [signal] what it does to the state
    mask_from: NDArray[
        np.float64
    ]  # [signal] dose from which it masks fever; NaN: never, -inf: any or unknown dose
    is_tocilizumab: NDArray[np.bool_]  # [signal]
    is_glucocorticoid: NDArray[np.bool_]  # [signal]
    hypotension_table: NDArray[np.uint8]  # [scale, category, dose band + 1, run of 24 h] -> grade bits
    oxygen_table: NDArray[np.uint8]  # [scale, category, FiO2 band + 1, airway tube] -> grade bits
    fever_gate: NDArray[np.bool_]  # [scale]
    record_scale: NDArray[np.int8]  # [cause]


class Therapies(NamedTuple):
    """The distinct therapies of a run: an event of signal `index_therapy` carries the index into these."""

    cause: NDArray[np.int8]
    window: NDArray[np.int64]  # microseconds
    rank: NDArray[np.int32]  # which wins at one instant: the smallest
    unknown: NDArray[np.bool_]  # a product that knowledge does not have


class Births(NamedTuple):
    """Birth instants of the subjects that have one, sorted by subject."""

    subject_id: NDArray[np.int64]
    time: NDArray[np.int64]


class Batch(NamedTuple):
    """Events of whole or cut subjects, sorted by subject and time."""

    subject_id: NDArray[np.int64]
    time: NDArray[np.int64]
    signal: NDArray[np.int16]
    value: NDArray[np.float64]  # NaN: none
    category: NDArray[np.int32]  # device, attribution, death word or therapy; -1: none
    end: NDArray[np.int64]  # NO_END: none
    event_id: NDArray[np.int64]

    def take(self, chosen: Any) -> "Batch":
        """Return the chosen events: by slice, mask or places."""
        return Batch(
            self.subject_id[chosen],
            self.time[chosen],
            self.signal[chosen],
            self.value[chosen],
            self.category[chosen],
            self.end[chosen],
            self.event_id[chosen],
        )


class Written(NamedTuple):
    """Room for rows and episodes; the subject's record counts how many are written."""

    rows: NDArray[Any]
    episodes: NDArray[Any]


ROWS_A_STEP = 64  # more rows than one event can cause, apart from those of ending infusions
