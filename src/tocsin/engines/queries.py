"""The questions that settle an undecided stretch, one line each, as data managers send them to sites."""

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.knowledge.scales import grades_of, scales
from tocsin.knowledge.vocabulary import DOSE_BAND, FIO2_BAND, HYPOTENSION, OXYGEN, SCALES
from tocsin.timeline.layout import F_INTUBATION, F_ORGAN

HEADER = ("subject_id", "source_id", "episode", "scale", "from", "to", "set", "grades", "what_to_ask")
_OXYGEN = {
    "cannula_flow_unknown": "What was the flow (L/min) of the nasal cannula?",
    "high_flow_at_low_flow": "Was the high-flow cannula, at 6 L/min or less, meant as high-flow oxygen?",
    "device_unknown": "Oxygen was given: by which device?",
    "positive_pressure": "Was the positive pressure life-saving support (and at which FiO2)?",
}
_HYPOTENSION = {
    "vasopressin_alone": "Was vasopressin given for worsening hypotension?",
    "untreated": "Was the low pressure real, and was anything given for it?",
    "one_plus_vasopressin": "Does vasopressin count as a second vasopressor here? The scale does not say.",
}
_DEATH = "Was the death due to CRS?"
_BY_FIO2 = frozenset({"ctcae5", "lee2014", "mskcc", "cartox"})
_BY_ORGAN = frozenset(row.id for row in scales() if row.organ)
Lines = Callable[[Iterable[tuple[Any, ...]]], object]


class Queries:
    """Finds the undecided stretches among grade rows as they are written; rows of one subject may come in pieces."""

    def __init__(
        self, record_scale: NDArray[np.int8], cause: NDArray[np.int8], names: Mapping[int, str], lines: Lines
    ) -> None:
        self._scale_of_therapy = record_scale[cause]
        self._names: Mapping[int, str] = names
        self._lines = lines
        self._waiting: list[NDArray[Any]] = []

    def take(self, rows: NDArray[Any]) -> None:
        """Take rows (dtype ROW); those of the last subject wait, as it may go on."""
        self._waiting.append(rows)
        if self._waiting[0]["subject_id"][0] != rows["subject_id"][-1]:
            held: NDArray[Any] = np.concatenate(self._waiting)
            subjects: NDArray[np.int64] = held["subject_id"]
            whole = int(np.searchsorted(subjects, int(subjects[-1])))
            self._write(held[:whole])
            self._waiting = [held[whole:]]

    def finish(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._write(np.concatenate(self._waiting))
        self._waiting = []

    def _write(self, rows: NDArray[Any]) -> None:
        """Write a line for each undecided stretch: neighbouring rows of one episode with one set and one question."""
        scale = self._scale_of_therapy[rows["therapy"]]
        bits = rows["sets"][np.arange(len(rows)), scale]
        undecided = np.bitwise_count(bits) > 1  # of the closing rows only a death without a cause is
        if not undecided.any():
            return
        flagged = [(rows["flag_bits"] & flag) > 0 for flag in (F_INTUBATION, F_ORGAN)]
        columns: Any = [scale, bits, *(rows[name] for name in _STATES), *flagged]
        states = np.stack(columns, axis=1).astype(np.int16)
        same_episode = np.append(
            (rows[1:][["subject_id", "episode"]] == rows[:-1][["subject_id", "episode"]]), False
        )
        goes_on = np.zeros(len(rows), np.bool_)
        goes_on[1:] = (
            same_episode[:-1] & undecided[1:] & undecided[:-1] & (states[1:] == states[:-1]).all(axis=1)
        )
        starts = np.flatnonzero(undecided & ~goes_on)
        breaks = np.append(np.flatnonzero(~goes_on), len(rows))
        ends = breaks[np.searchsorted(breaks, starts, side="right")]
        distinct, asked = np.unique(states[starts], axis=0, return_inverse=True)
        words = [_words_of(state) for state in distinct]
        times = np.append(np.datetime_as_string(rows["time"].astype("datetime64[us]"), timezone="UTC"), "")
        until = np.where(same_episode[ends - 1], times[ends], "")
        subjects, episodes = rows["subject_id"][starts].tolist(), rows["episode"][starts].tolist()
        columns = (
            subjects,
            episodes,
            times[starts].tolist(),
            until.tolist(),
            bits[starts].tolist(),
            asked.ravel().tolist(),
        )
        found: list[tuple[int, int, str, str, int, int]] = list(zip(*columns, strict=True))
        self._lines(
            (
                subject,
                self._names.get(subject, ""),
                episode,
                words[state][0],
                start,
                end,
                member,
                *words[state][1:],
            )
            for subject, episode, start, end, member, state in found
        )


_STATES = ("hypotension", "dose_band", "oxygen", "fio2_band", "airway_tube", "fever", "closing")


def _words_of(state: NDArray[np.int16]) -> tuple[str, str, str]:
    """Return scale, grades and question of one undecided state."""
    scale, bits, hypotension, dose, oxygen, fio2, tube, fever, closing, tubed, organs = (
        int(part) for part in state
    )
    ask = _DEATH if closing else question(
        SCALES[scale], HYPOTENSION[hypotension], DOSE_BAND[dose] if dose >= 0 else None, OXYGEN[oxygen],
        FIO2_BAND[fio2] if fio2 >= 0 else None, reason_unknown=tube > 0 or tubed > 0, fever=fever > 0, organs=organs > 0,
    )  # fmt: skip
    return SCALES[scale], "-".join(str(grade) for grade in grades_of(bits)), ask


def question(
    scale: str,
    hypotension: str,
    dose: str | None,
    oxygen: str,
    fio2: str | None,
    *,
    reason_unknown: bool,
    fever: bool,
    organs: bool = False,
) -> str:
    """Return what to ask so that the grade of a state can be decided on a scale.

    >>> question("astct", "none", None, "cannula_flow_unknown", "unknown", reason_unknown=False, fever=True)
    'What was the flow (L/min) of the nasal cannula?'
    """
    asks: list[str] = []
    if oxygen in _OXYGEN and not (oxygen.startswith(("cannula", "high")) and scale in _BY_FIO2):
        asks.append(_OXYGEN[oxygen])
    if fio2 == "unknown" and scale in _BY_FIO2:
        asks.append("What was the FiO2?")
    if reason_unknown:
        asks.append("Why was the patient intubated: for hypoxia or only for the airway?")
    if hypotension in _HYPOTENSION and not (hypotension == "one_plus_vasopressin" and scale == "astct"):
        asks.append(_HYPOTENSION[hypotension])
    if dose == "unknown":
        asks.append("What were the rates of the vasopressors?")
    if organs and scale in _BY_ORGAN:
        asks.append("What were the laboratory's limits of normal, and the values before the therapy?")
    if not fever:
        asks.append("Is the fever masked by treatment, or is the episode over?")
    return " ".join(asks) or f"The text of the scale leaves this open: see `tocsin explain {scale}`."


def question_of(row: Mapping[str, Any], scale: str) -> str:
    """Return what to ask of a grade row, given in the words of `grades.parquet`."""
    return question(
        scale,
        row["hypotension"],
        row["dose_band"],
        row["oxygen"],
        row["fio2_band"],
        reason_unknown=bool(row["airway_tube"]) or "intubation_reason_unknown" in row["flags"],
        fever=bool(row["fever"]),
        organs="organ_toxicity" in row["flags"],
    )


class QueryFile:
    """Writes the lines of `queries.csv`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(HEADER)

    def lines(self, lines: Iterable[tuple[Any, ...]]) -> None:
        """Write some lines."""
        self._writer.writerows(lines)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
