"""`code`: ICD-10-CM for one subject or for all, in claim order, with what the documentation lacks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.coding.claim import Claim
from tocsin.coding.gaps import find_gaps
from tocsin.coding.sequencing import claim_codes
from tocsin.coding.stay import Reported, Stay, stays
from tocsin.engines.local import Progress, no_progress
from tocsin.knowledge.audits import signal_groups
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.scales import scale as known_scale
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import Line, Records, Slices, find_subject, pick
from tocsin.results import Result
from tocsin.sources.reported import NAME as REPORTED
from tocsin.sources.reported import reported_lines

_READ = ("index_therapy", "crs", "icans", "seizure", "blood_culture")
# The columns that the coding reads: rows as plain Python are slow, and a cohort has many.
_GRADES = [
    "subject_id", "time", "episode", "fever", "hypotension", "dose_band", "oxygen", "fio2_band", "airway_tube", "driver",
    "flags", "closing", *(f"{name}_set" for name in SCALES),
]  # fmt: skip
_EPISODES = [
    "subject_id", "episode", "cause", "product", "therapy_time", "onset", "resolved_at", "ended", "icans_peak_set", "flags",
]  # fmt: skip


def code(result: Result, subject: str | int, scale: str | None = None) -> Claim:
    """Code the episodes of one subject in ICD-10-CM.

    `subject` is the source's own id or the subject_id; `scale` names a scale for the peak in place of the scale of record.

    Returns the claim of the latest therapy that has an episode, with those of earlier therapies in `earlier`: the codes in
    claim order, each with why it stands there, and the gaps of the documentation. A computed grade is not documentation: its
    code says which one to use `instead` until the grade is documented. Raises `UserError` for an unknown subject or scale.

    >>> from tocsin import code, grade
    >>> from tocsin.demo import demo_folder
    >>> claim = code(grade(demo_folder()), "1-car-t-tocilizumab")
    >>> [line.code for line in claim.codes]
    ['T80.82XA', 'D89.833', 'G92.01']
    """
    _check(scale)
    where = str(result.folder) if result.folder else "this result"
    line = find_subject(result.subjects, str(subject), where)
    tables = {name: getattr(result, name) for name in ("grades", "episodes", "events")}
    return _claim(pick(line, tables, result.run), scale, _reported(result).get(line["source_id"], []))


def code_all(
    result: Result, scale: str | None = None, *, progress: Progress = no_progress
) -> Iterator[Claim]:
    """Yield the claims of every subject with an episode, in order of subject_id: one for each therapy that has one."""
    _check(scale)
    chosen = set(result.episodes["subject_id"].to_pylist())
    events = Slices(_of_interest(result.events))
    grades, episodes = Slices(result.grades.select(_GRADES)), Slices(result.episodes.select(_EPISODES))
    reported = _reported(result)
    for place, line in enumerate(result.subjects.to_pylist()):
        id = int(line["subject_id"])
        if id in chosen:
            progress("coding", place / result.subjects.num_rows)
            records = Records(line, grades.of(id), episodes.of(id), events.of(id), result.run)
            yield from _claims(records, scale, reported.get(line["source_id"], []))


def _check(scale: str | None) -> None:
    if scale is not None:
        known_scale(scale)


def _of_interest(events: pa.Table) -> pa.Table:
    """Return the events that the coding reads, and the last of each subject."""
    against = [row.id for row in drugs().values() if row.role in ("anticytokine", "glucocorticoid")]
    groups = (*signal_groups()["icans_score"], *signal_groups()["laboratory"])
    wanted = pa.array([*_READ, *therapy_signals(), *against, *groups])
    chosen = pc.is_in(events["signal"].cast(pa.string()), wanted).to_numpy()
    ids = events["subject_id"].to_numpy()
    last = np.append(ids[1:] != ids[:-1], True)[: len(ids)]
    return events.filter(pa.array(chosen | last))


def _claim(records: Records, scale: str | None, reported: list[Reported]) -> Claim:
    """Return the latest claim of a subject, those before it inside."""
    claims = _claims(records, scale, reported)
    if not claims:
        return Claim(
            subject_id=records.subject["subject_id"], source_id=records.subject["source_id"], fiscal_year=None
        )
    return replace(claims[-1], earlier=tuple(claims[:-1]))


def _claims(records: Records, scale: str | None, reported: list[Reported]) -> list[Claim]:
    return [_of_stay(stay, records.subject) for stay in stays(records, scale, reported)]


def _reported(result: Result) -> dict[str, list[Reported]]:
    """Return the grades that the site reported, by the source's own id, where a run kept them."""
    found: dict[str, list[Reported]] = {}
    if result.folder is None or not (result.folder / REPORTED).is_file():
        return found
    for _, row in reported_lines(result.folder / REPORTED):
        if row["grade"].isdecimal():
            found.setdefault(row["subject_id"], []).append((int(row["grade"]), _day(row["start"])))
    return found


def _day(text: str) -> date | None:
    """Return the day that a report began on, None where it does not say."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _of_stay(stay: Stay, subject: Line) -> Claim:
    return Claim(
        subject_id=subject["subject_id"],
        source_id=subject["source_id"],
        fiscal_year=stay.year,
        codes=tuple(claim_codes(stay, stay.year)),
        gaps=tuple(find_gaps(stay, stay.year)),
        cause=stay.first["cause"],
        product=stay.first["product"],
        scale=stay.scale,
        peak=stay.peak,
        episodes=tuple(episode["episode"] for episode in stay.episodes),
    )
