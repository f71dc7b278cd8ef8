"""Where a run's results go: files of a folder, or tables in memory; the same rows either way."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.engines.census import Kind
from tocsin.engines.event_files import EVENTS, QUARANTINE, EventWriter, Kept
from tocsin.engines.icans import IcansPeaks
from tocsin.engines.organs import OrganToxicity
from tocsin.engines.output import TableWriter, Writer
from tocsin.engines.queries import Queries
from tocsin.engines.stream import Events
from tocsin.episodes import EPISODES, GRADES, Kinds, episode_table, grade_table
from tocsin.timeline import Timeline


class TableKeeper:
    """Keeps tables in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema, self._tables = schema, list[pa.Table]()

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        self._tables.append(table)

    def close(self) -> None:
        """Nothing is open."""

    def table(self) -> pa.Table:
        """Return all rows as one table."""
        if len(self._tables) == 1:
            return self._tables[0]
        return (
            pa.concat_tables(self._tables or [self._schema.empty_table()])
            .unify_dictionaries()
            .combine_chunks()
        )


Writers = Callable[[str, pa.Schema], Writer]


def files_in(folder: Path) -> Writers:
    """Return a maker of parquet writers in a folder."""
    return lambda name, schema: TableWriter(folder / f"{name}.parquet", schema)


@dataclass(frozen=True)
class Meaning:
    """What the sink needs to know to put numbers into words."""

    therapies: Kinds
    kinds: Sequence[Kind]
    kept: Kept
    icans: Callable[[], IcansPeaks]
    queries: Callable[[], Queries]
    organs: Callable[[], OrganToxicity] | None = None


class Sink:
    """Takes events, feeds the timeline, and writes rows, episodes, events and quarantine as they come."""

    def __init__(self, writers: Writers, meaning: Meaning) -> None:
        self._writers, self._meaning = writers, meaning
        self.restart()

    def restart(self) -> None:
        """Start again with nothing written."""
        self.rows = self.episodes = 0
        self.quarantined: Counter[str] = Counter()
        self._grades, self._episodes = self._writers("grades", GRADES), self._writers("episodes", EPISODES)
        self._quarantine = self._writers("quarantine", QUARANTINE)
        self._events = EventWriter(self._writers("events", EVENTS), self._meaning.kinds, self._meaning.kept)
        self._icans = self._meaning.icans()
        self._queries = self._meaning.queries()
        self._found: list[NDArray[Any]] = []
        self._organs = self._meaning.organs() if self._meaning.organs else None
        self._held: list[NDArray[Any]] = []  # rows that wait for all laboratory values

    def take(self, events: Events, timeline: Timeline) -> None:
        """Take sorted events."""
        if len(events.kind):
            timeline.feed(events.batch)
            self._icans.take(events)
            if self._organs:
                self._organs.take(events)
            self._events.add(events, self._write(timeline))

    def finish(self, timeline: Timeline) -> None:
        """Take what the timeline holds of the last subject, and finish all files but the quarantine."""
        timeline.finish()
        self._events.close(self._write(timeline))
        if self._organs:
            self._join(self._organs)
        else:
            for episodes in self._found:
                table = episode_table(episodes, self._meaning.therapies, self._icans.of(episodes))
                self._episodes.write(table)
        self._queries.finish()
        self._grades.close()
        self._episodes.close()

    def _write(self, timeline: Timeline) -> NDArray[np.int64]:
        """Write the rows that the timeline has ready, and return their subjects.

        Its episodes are kept until all ICANS assessments are known.
        """
        rows, episodes = timeline.take()
        self.episodes += len(episodes)
        if self._organs:
            self._held.append(rows)
        else:
            self._write_rows(rows)
        if len(episodes):
            self._found.append(episodes)
        return rows["subject_id"]

    def _write_rows(self, rows: NDArray[Any]) -> None:
        """Write grade rows and the questions that they leave."""
        self.rows += len(rows)
        if len(rows):
            self._grades.write(grade_table(rows, self._meaning.therapies))
            self._queries.take(rows)

    def _join(self, organs: OrganToxicity) -> None:
        """Join the organs to the rows, now that all laboratory values are known, and write rows and episodes."""
        if not self._found:
            return
        episodes = np.concatenate(self._found)
        rows, episodes, assessed = organs.join(np.concatenate(self._held), episodes)
        self._write_rows(rows)
        table = episode_table(episodes, self._meaning.therapies, self._icans.of(episodes), assessed)
        self._episodes.write(table)

    def quarantine(self, table: pa.Table) -> None:
        """Take quarantine rows."""
        self._quarantine.write(table)
        self.quarantined.update(str(reason) for reason in table["reason"].to_pylist())

    def close(self) -> None:
        """Finish the quarantine: the last thing to be known."""
        self._quarantine.close()
