"""What must come back when a result is written in somebody's format and read by our own source of it."""

from pathlib import Path
from typing import Any

from tests.generative.strategies import random_subject
from tests.support.charts import write_folder
from tocsin.api import grade
from tocsin.results import Result

EVIDENCE = ("evidence_fever", "evidence_pressure", "evidence_vasopressor", "evidence_oxygen")


def random_result(folder: Path, seed: int, number: int) -> Result:
    """Grade made-up subjects, all events kept."""
    import random

    rng = random.Random(seed)
    write_folder(folder, [random_subject(rng, place) for place in range(1, number + 1)])
    return grade(folder, events="all")


def states(result: Result, *, by_source_id: bool) -> list[dict[str, Any]]:
    """The grade rows, each record that they rest on by its time and signal: its number is another when it comes back."""
    subjects = result.subjects
    names = dict(zip(subjects["subject_id"].to_pylist(), subjects["source_id"].to_pylist(), strict=True))
    events = {(one["subject_id"], one["event_id"]): one for one in result.events.to_pylist()}
    rows: list[dict[str, Any]] = []
    for row in result.grades.to_pylist():
        found = {name: events.get((row["subject_id"], row[name])) for name in EVIDENCE}
        shown = {name: event and (event["time"], event["signal"]) for name, event in found.items()}
        who = names[row["subject_id"]] if by_source_id else row["subject_id"]
        rows.append({**row, **shown, "subject_id": who})
    return sorted(rows, key=lambda row: (str(row["subject_id"]), row["time"], row["episode"], row["closing"]))
