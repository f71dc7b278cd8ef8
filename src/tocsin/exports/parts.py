"""What every export is given and gives back, and the subjects of a result, one after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.errors import UserError
from tocsin.records import Records, Slices
from tocsin.results import Result
from tocsin.sources.source import FILE_STRIDE

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Options:
    """What the user chose beside the format: the revision of the registry's form (cibmtr), the study and a file of the grades
    that the site reported (sdtm)."""

    progress: Progress
    revision: str | None = None
    study: str | None = None
    reported: Path | None = None


@dataclass(frozen=True)
class Written:
    """What a format wrote: how many of each thing, and what a reader must know about what it leaves out."""

    counts: Mapping[str, int]
    notes: tuple[str, ...] = field(default=())


def need_events(result: Result) -> None:
    """Refuse a result that kept no events: an export would stand without its evidence."""
    if result.run["parameters"]["events"] == "none":
        raise UserError(
            "events.parquet is empty, and an export shows the evidence of each grade: run `tocsin grade` again "
            "without --events none"
        )


def everybody(result: Result) -> list[int]:
    """Return the subjects whose events were kept: all with a therapy, or those with an episode."""
    kept = result.run["parameters"]["events"] == "all"
    return np.unique(_ids(result.subjects if kept else result.episodes)).tolist()


def people(
    result: Result, progress: Progress | None = None, chosen: Sequence[int] | None = None
) -> Iterator[Records]:
    """Yield the records of the chosen subjects, else of each with an episode, in order of subject_id."""
    graded: Sequence[int] = np.unique(_ids(result.episodes)).tolist() if chosen is None else chosen
    subjects = {int(row["subject_id"]): row for row in result.subjects.to_pylist()}
    slices = {name: Slices(getattr(result, name)) for name in ("grades", "episodes", "events")}
    for place, subject_id in enumerate(graded):
        if progress is not None:
            progress("writing", place / len(graded))
        rows = {name: table.of(subject_id) for name, table in slices.items()}
        yield Records(subject=subjects[subject_id], run=result.run, **rows)


def source_row(run: Mapping[str, Any], event_id: int) -> str:
    """Return the file, or the table of a database, and the row in it that an event came from."""
    place, row = divmod(event_id, FILE_STRIDE)
    places = run["places"]
    return f"{places[place]}, row {row}" if 0 <= place < len(places) else f"row {event_id}"


def _ids(table: pa.Table) -> NDArray[np.int64]:
    return table["subject_id"].to_numpy()
