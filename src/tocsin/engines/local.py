"""The local engine: DuckDB reads, maps, cuts and sorts; the timeline grades what it streams; memory stays flat."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tocsin.engines.census import Census, Kind, account_for_kinds, take_census, unmapped
from tocsin.engines.event_files import QUARANTINE, Kept, quarantine_table
from tocsin.engines.icans import IcansPeaks
from tocsin.engines.organs import OrganToxicity
from tocsin.engines.plan import Part, Plan, build_plan
from tocsin.engines.queries import Lines, Queries
from tocsin.engines.sink import Meaning, Sink, Writers
from tocsin.engines.stream import NotSorted, PartStream, SetAside, cut_until, merge, no_events
from tocsin.engines.unplaced import unplaced
from tocsin.events.accounting import Accounting
from tocsin.events.concepts import Resolver, TherapyKinds
from tocsin.knowledge.laboratory import Limits
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.knowledge.vocabulary import SCALES
from tocsin.sources.source import Source, sql_text
from tocsin.timeline import Rules, Timeline
from tocsin.timeline.rules import rules_of

Progress = Callable[[str, float], None]


def no_progress(stage: str, part: float) -> None:
    """Show nothing."""
    del stage, part


@dataclass(frozen=True)
class Request:
    """What to grade and how."""

    numbers: Numbers
    scale: str | None = None
    as_known: bool = False
    events: Kept = "episodes"
    limits: Mapping[str, Limits] | None = (
        None  # of the laboratory, by signal: without them no organ is graded
    )
    progress: Progress = no_progress


@dataclass
class Outcome:
    """What a run found, apart from the tables that it wrote."""

    subjects: pa.Table
    accounting: Accounting = field(default_factory=Accounting)
    unmapped: list[tuple[str, str, str, int]] = field(default_factory=list[tuple[str, str, str, int]])
    grades: int = 0
    episodes: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    notes: list[str] = field(default_factory=list[str])


class Stopwatch:
    """Notes how long each stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Note the time since the last lap under a stage."""
        now = time.perf_counter()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._last, 4)
        self._last = now


def connect(folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return a private in-memory DuckDB that sorts out of core in `folder` and never reaches for the network."""
    settings: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    con = duckdb.connect(":memory:", config=settings)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET memory_limit = '1200MB'")
    if folder is not None:
        con.execute("SET temp_directory = ?", [str(folder)])
    return con


def _rare_rows(con: duckdb.DuckDBPyConnection, source: Source, census: Census, place: int) -> str:
    """Return SQL for the rows that are read before the stream: therapies, weights, starts and ends.

    A typed source (MEDS) may be large: these rows are taken out of it once, in one scan.
    """
    if source.flat:
        return source.relation
    codes = ", ".join(sql_text(code) for code in census.rare_codes())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE rare_{place} AS SELECT * FROM ({source.relation}) WHERE code IN ({codes or 'NULL'})"
    )
    return f"SELECT * FROM rare_{place}"


def _make_parts(con: duckdb.DuckDBPyConnection, sources: Sequence[Source], resolver: Resolver) -> list[Part]:
    """Take the census of each source and make its join table."""
    parts: list[Part] = []
    first_kind = 0
    for place, source in enumerate(sources):
        census = take_census(con, source, resolver)
        table = f"kinds_{place}"
        con.register("kinds_arrow", census.table())
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM kinds_arrow")
        parts.append(Part(source, census, table, first_kind, _rare_rows(con, source, census, place)))
        first_kind += len(census.kinds)
    return parts


def grade_sources(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    resolver: Resolver,
    therapy_kinds: TherapyKinds,
    request: Request,
    writers: Writers,
    query_lines: Callable[[], Lines],
) -> Outcome:
    """Grade one main source (the first) with its side files into the writers.

    Returns the account and what else is not a table. Raises InternalError when the rows do not add up.
    """
    watch = Stopwatch()
    request.progress("reading what is there", 0.0)
    parts = _make_parts(con, sources, resolver)
    watch.lap("census")
    plan = build_plan(con, parts, therapy_kinds, request.numbers, request.as_known)
    watch.lap("plan")
    kinds = [kind for part in parts for kind in part.census.kinds]
    rules, sink = open_sink(plan, kinds, request, writers, query_lines)

    def fresh() -> list[PartStream]:
        return [PartStream(con, plan, part, request.numbers, request.as_known) for part in parts]

    def timeline() -> Timeline:
        return Timeline(rules, plan.therapies, plan.births)

    outcome = Outcome(plan.subjects, notes=[note for source in sources for note in source.notes])
    streams = fresh()
    try:
        _stream(streams, timeline(), sink, kinds, request.progress, ordered=not parts[0].source.maybe_sorted)
    except NotSorted:
        outcome.notes.append("the source is not sorted by subject and time: it was sorted first")
        streams = fresh()
        sink.restart()
        _stream(streams, timeline(), sink, kinds, request.progress, ordered=True)
    watch.lap("stream")
    _account(con, parts, streams, sink, outcome)
    watch.lap("account")
    conclude(outcome, sink, watch)
    return outcome


def open_sink(
    plan: Plan, kinds: Sequence[Kind], request: Request, writers: Writers, query_lines: Callable[[], Lines]
) -> tuple[Rules, Sink]:
    """Return the rules that a request grades by, and the sink that puts what comes of it into words."""
    words = [kind.concept.text for kind in kinds]
    rules = rules_of(request.numbers)
    if request.scale is not None:
        rules = rules._replace(record_scale=np.full_like(rules.record_scale, SCALES.index(request.scale)))
    ids, source_ids = plan.subjects["subject_id"].to_pylist(), plan.subjects["source_id"].to_pylist()
    names = {int(str(subject)): str(name) for subject, name in zip(ids, source_ids, strict=True)}
    meaning = Meaning(
        plan.kinds,
        kinds,
        request.events,
        icans=lambda: IcansPeaks(plan.births, words, request.numbers),
        queries=lambda: Queries(rules.record_scale, plan.therapies.cause, names, query_lines()),
        organs=_organs(request),
    )
    return rules, Sink(writers, meaning)


def conclude(outcome: Outcome, sink: Sink, watch: Stopwatch) -> None:
    """Note what was written and how long it took."""
    if not outcome.subjects.num_rows:
        outcome.notes.append(
            "no therapy found: nothing can be graded; name the therapies with --therapies FILE"
        )
    outcome.grades, outcome.episodes = sink.rows, sink.episodes
    outcome.seconds = watch.seconds


def _organs(request: Request) -> Callable[[], OrganToxicity] | None:
    """Return what grades organs, where the laboratory's limits were given."""
    limits = request.limits
    return None if limits is None else lambda: OrganToxicity(limits, request.numbers)


def _stream(
    streams: Sequence[PartStream],
    timeline: Timeline,
    sink: Sink,
    kinds: Sequence[Kind],
    progress: Progress,
    *,
    ordered: bool,
) -> None:
    """Stream the main source in order through the timeline, the events of the side files merged in."""
    main, sides = streams[0], streams[1:]

    def set_aside(stream: PartStream, aside: SetAside) -> None:
        if len(aside.row):
            sink.quarantine(quarantine_table(aside, kinds, stream.part.source))

    extra = no_events()
    for side in sides:
        for events, aside in side.batches(ordered=True):
            set_aside(side, aside)
            extra = merge(extra, events)
    for events, aside in main.batches(ordered):
        set_aside(main, aside)
        if len(events.kind):
            now, extra = cut_until(extra, int(events.batch.subject_id[-1]), int(events.batch.time[-1]))
            sink.take(merge(events, now), timeline)
        progress("grading", main.done())
    sink.take(extra, timeline)
    sink.finish(timeline)


def _account(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[Part],
    streams: Sequence[PartStream],
    sink: Sink,
    outcome: Outcome,
) -> None:
    """Account for every row that was read; close the quarantine."""
    accounting = outcome.accounting
    for part, stream in zip(parts, streams, strict=True):
        account_for_kinds(part.census, accounting)
        for table, rows in part.source.left_behind.items():
            accounting.rows_read += rows
            accounting.no_interest("left_in_the_source", rows, table)
        aside, counted = unplaced(con, part) if stream.may_lack() else (QUARANTINE.empty_table(), 0)
        stream.account(accounting, counted)
        sink.quarantine(aside)
        outcome.unmapped += unmapped(part.census)
    accounting.quarantined.update(sink.quarantined)
    accounting.check()
    sink.close()
