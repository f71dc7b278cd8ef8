"""The questions that settle an undecided stretch, one line each, as data managers send them to sites."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.episodes import record_scales
from tocsin.knowledge.scales import grades_of
from tocsin.knowledge.vocabulary import SCALES

HEADER = ("subject_id", "source_id", "episode", "scale", "from", "to", "set", "grades", "what_to_ask")
_OXYGEN = {
    "cannula_flow_unknown": "What was the flow (L/min) of the nasal cannula?",
    "high_flow_at_low_flow": "Was the high-flow cannula, at 6 L/min or less, meant as high-flow oxygen?",
    "device_unknown": "Oxygen was given: by which device?",
    "positive_pressure": "Was the positive pressure life-saving support (and at which FiO2)?",
}


def queries(grades: pa.Table, subjects: pa.Table, scale: str | None) -> list[tuple[object, ...]]:
    """Return a line per stretch in which the scale of record (or the one named) is undecided."""
    ids, source_ids = subjects["subject_id"].to_pylist(), subjects["source_id"].to_pylist()
    names = {int(str(subject)): str(name) for subject, name in zip(ids, source_ids, strict=True)}
    open_sets = [pc.and_(pc.is_null(grades[name]), pc.invert(grades["closing"])) for name in SCALES]
    undecided = open_sets[0]
    for mask in open_sets[1:]:
        undecided = pc.or_(undecided, mask)
    if not pc.any(undecided).as_py():
        return []
    return list(_stretches(grades.select(_COLUMNS).to_pylist(), names, scale))


_COLUMNS = ["subject_id", "episode", "cause", "time", "closing", "fever", "fever_waived", "hypotension", "dose_band",
    "oxygen", "fio2_band",
            "airway_tube", "flags", *(f"{name}_set" for name in SCALES)]  # fmt: skip


def _stretches(
    rows: list[dict[str, object]], names: dict[int, str], scale: str | None
) -> Iterator[tuple[object, ...]]:
    """Yield each undecided stretch: neighbouring rows of one episode with one set and one question are one."""
    last: list[object] | None = None
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        chosen = scale or record_scales()[str(row["cause"])]
        bits = int(str(row[f"{chosen}_set"]))
        # The stretch ends where the next row of the episode begins; null while it goes on at the last record.
        same = following is not None and (following["subject_id"], following["episode"]) == (
            row["subject_id"],
            row["episode"],
        )
        until = following["time"] if following is not None and same else None
        if row["closing"] or len(grades_of(bits)) == 1:
            if last is not None:
                yield _line(last)
            last = None
            continue
        ask, members = question(row, chosen), "-".join(str(grade) for grade in grades_of(bits))
        line = [
            row["subject_id"],
            names.get(int(str(row["subject_id"])), ""),
            row["episode"],
            chosen,
            row["time"],
            until,
            bits,
            members,
            ask,
        ]
        if last is not None and last[:4] == line[:4] and last[6:] == line[6:]:
            last[5] = until
            continue
        if last is not None:
            yield _line(last)
        last = line
    if last is not None:
        yield _line(last)


def _line(stretch: list[object]) -> tuple[object, ...]:
    """Return a stretch as a line of the file, times in ISO 8601."""
    return tuple(
        value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, dt.datetime) else value
        for value in stretch
    )


def question(row: dict[str, object], scale: str) -> str:
    """Return what to ask so that the grade of a row can be decided."""
    asks: list[str] = []
    oxygen, hypotension = str(row["oxygen"]), str(row["hypotension"])
    if oxygen in _OXYGEN and not (oxygen == "cannula_flow_unknown" and scale.startswith(("ctcae5", "lee"))):
        asks.append(_OXYGEN[oxygen])
    if (
        oxygen != "none"
        and row["fio2_band"] == "unknown"
        and scale not in ("astct", "ctcae6", "penn", "ctcae4")
    ):
        asks.append("What was the FiO2?")
    if row["airway_tube"] or "intubation_reason_unknown" in _words(row["flags"]):
        asks.append("Why was the patient intubated: for hypoxia or only for the airway?")
    if hypotension == "vasopressin_alone":
        asks.append("Was vasopressin given for worsening hypotension?")
    if hypotension == "untreated":
        asks.append("Was the low pressure real, and was anything given for it?")
    if row["dose_band"] == "unknown":
        asks.append("What were the rates of the vasopressors?")
    if hypotension == "one_plus_vasopressin" and scale != "astct":
        asks.append("Does vasopressin count as a second vasopressor here? The scale does not say.")
    if not row["fever"]:
        asks.append("Is the fever masked by treatment, or is the episode over?")
    return " ".join(asks) or "The scale's text leaves this state open: see `tocsin explain " + scale + "`."


def _words(value: object) -> list[str]:
    """Return a list of flags."""
    return [str(word) for word in value] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
