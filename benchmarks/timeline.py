"""The timeline alone, on arrays in memory, against numpy copying the same arrays."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import cohort
from benchmarks.measure import Facts, Measured, in_child, timed
from benchmarks.report import Line

ROWS: Final = 5_000_000
TIMES: Final = 5


def run(folder: str) -> Facts:
    """Grade the events of a dataset from memory, several times; copy the same arrays as often."""
    import numpy as np

    from tocsin.knowledge.scales import grade_tables
    from tocsin.knowledge.timeline import defaults
    from tocsin.timeline import Timeline
    from tocsin.timeline.rules import build_rules

    batches, therapies, births = _batches(folder)
    rules = build_rules(defaults(), grade_tables())

    def grade() -> tuple[int, int]:
        timeline = Timeline(rules, therapies, births)
        for batch in batches:
            timeline.feed(batch)
        timeline.finish()
        rows, episodes = timeline.take()
        return len(rows), len(episodes)

    def copy() -> None:
        for batch in batches:
            for column in batch:
                np.array(column)

    first, found = timed(grade)
    seconds = [timed(grade)[0] for _ in range(TIMES)]
    copies = [timed(copy)[0] for _ in range(TIMES)]
    events = sum(len(batch.time) for batch in batches)
    clocks = {"seconds": median(seconds), "first": first, "copy": median(copies)}
    return {**clocks, "events": events, "rows": found[0], "episodes": found[1]}


def _batches(folder: str) -> tuple[list[Any], Any, Any]:
    """Return the batches that the engine feeds the timeline for a dataset, with its therapies and births."""
    from tocsin.api import grade
    from tocsin.engines import local

    kept: list[Any] = []
    seen: dict[str, Any] = {}

    class Keeper(local.Timeline):
        """A timeline that keeps what it is fed."""

        def __init__(self, rules: Any, therapies: Any, births: Any) -> None:
            super().__init__(rules, therapies, births)
            kept.clear()
            seen.update(therapies=therapies, births=births)

        def feed(self, batch: Any) -> None:
            kept.append(batch)
            super().feed(batch)

    usual = local.Timeline
    local.Timeline = Keeper
    try:
        grade(folder, events="none")
    finally:
        local.Timeline = usual
    return kept, seen["therapies"], seen["births"]


def measure(data: Path) -> Iterator[Line]:
    """Yield the measurements of the timeline alone."""
    told: Measured = in_child(run, folder=cohort.make(data, ROWS))
    events, facts = told.facts["events"], told.facts
    note = f"{events:,} events, {facts['rows']:,} grade rows, {facts['episodes']:,} episodes; load before {told.load:.1f}"
    yield Line(
        "Timeline alone",
        f"events a second, one core, median of {TIMES}",
        events / told.seconds,
        "/s",
        note=note,
    )
    yield Line("Timeline alone", "first call, compiled code read from the cache", facts["first"], "s")
    yield Line("Timeline alone", "times numpy copying the arrays", told.seconds / facts["copy"], "x")
