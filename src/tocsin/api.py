"""The public functions: `grade` for a whole source; results as Arrow tables, and as files when a folder is given."""

import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast, get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.engines.bedside import grade_in_memory
from tocsin.engines.event_files import Kept
from tocsin.engines.local import Outcome, Progress, Request, Stopwatch, connect, grade_sources, no_progress
from tocsin.engines.output import Staging, write_csv, write_json
from tocsin.engines.queries import Lines, QueryFile
from tocsin.engines.sink import TableKeeper, Writers, files_in
from tocsin.errors import UserError
from tocsin.events.concepts import Resolver, TherapyKinds
from tocsin.knowledge.scales import scale as known_scale
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.knowledge.timeline import defaults
from tocsin.knowledge.version import knowledge_hash
from tocsin.results import Result
from tocsin.sources import Place, as_place, open_source, paths_of
from tocsin.sources.csv import open_side_file
from tocsin.sources.fhir import read_bundle, read_resources
from tocsin.sources.fhir_source import Annotation, annotated, source_of
from tocsin.sources.flat import FlatRows
from tocsin.sources.limits import read_limits
from tocsin.sources.meds import find_damage, meds_files
from tocsin.sources.reported import COLUMNS as REPORTED_COLUMNS
from tocsin.sources.reported import NAME as REPORTED
from tocsin.sources.reported import reported_rows
from tocsin.sources.settings import KEYS, Settings
from tocsin.sources.site_codes import read_site_codes
from tocsin.sources.source import Cut, Opening, Source

Paths = str | Path | Sequence[str | Path]
# What DuckDB and pyarrow raise on pages that are damaged inside; what else they raise is ours.
_UNREADABLE = (duckdb.Error, pa.ArrowException, OSError)


def split_settings(settings: Mapping[str, str]) -> tuple[Numbers, Settings]:
    """Return the numbers of the timeline and the reading settings that a user's KEY=VALUE settings make.

    Raises UserError on an unknown key or an impossible value.
    """
    reading = {key: value for key, value in settings.items() if key in KEYS}
    numbers = {key: value for key, value in settings.items() if key not in KEYS}
    return defaults().with_overrides(numbers), Settings.from_overrides(reading)


def _places(source: Paths) -> list[Place]:
    """Return one or more places as a list."""
    return [as_place(source)] if isinstance(source, str | Path) else [as_place(one) for one in source]


def grade(
    source: Paths,
    *,
    out: str | Path | None = None,
    format: str = "auto",
    therapies: str | Path | None = None,
    annotations: str | Path | None = None,
    codes: str | Path | None = None,
    limits: str | Path | None = None,
    scale: str | None = None,
    settings: Mapping[str, str] | None = None,
    as_known: bool = False,
    events: Kept = "episodes",
    progress: Progress = no_progress,
) -> Result:
    """Grade CRS over time for every subject of a source that had an index therapy, on every scale at once.

    `source` is one path or several of one format: a FHIR Bundle, a folder of Bundles or of NDJSON, MEDS parquet, an OMOP CDM (a
    DuckDB file, a folder, or `postgresql://user@host/database?schema=cdm`), SDTM datasets, or our CSV layout. `therapies` and
    `annotations` are CSV side files keyed by the source's own ids, `codes` a site's own code list, `limits` a laboratory's
    limits of normal (with them organs are graded for the scales that weigh organs), `scale` the scale of record in place of
    the cause's, `settings` the KEY=VALUE pairs of `--set`. With `out` the files of `docs/reference/files.md` are written
    there, whole or not at all.

    Returns a `Result` of Arrow tables. Raises `UserError` for what the caller can put right: a path, a column, a setting.

    >>> from tocsin import grade
    >>> from tocsin.demo import demo_folder
    >>> grade(demo_folder()).episodes.num_rows
    9
    """
    numbers, reading = split_settings(settings or {})
    if scale is not None:
        known_scale(scale)
    if events not in get_args(Kept):
        raise UserError(f"events {events}: write one of {', '.join(get_args(Kept))}")
    if not _places(source):
        raise UserError(
            "no source given: name a FHIR Bundle, a folder of FHIR, MEDS, SDTM or our CSV layout, or an OMOP CDM"
        )
    organs = read_limits(Path(limits)) if limits else None
    request = Request(numbers, scale, as_known, events, organs, progress)
    with tempfile.TemporaryDirectory(prefix="tocsin-") as spill:
        con = connect(Path(spill))
        try:
            kinds = TherapyKinds()
            resolver = Resolver(kinds, read_site_codes(Path(codes)) if codes else ())
            cut = Cut(numbers.window_before_d, numbers.window_after_d, Path(therapies) if therapies else None)
            opening = Opening(con, reading, resolver, Path(spill), cut)
            watch = Stopwatch()
            progress("reading what is there", 0.0)
            sources = [open_source(opening, _places(source), format)]
            for file, name in _sides(therapies, annotations):
                place = sum(len(earlier.files) for earlier in sources)
                sources.append(open_side_file(opening, Path(file), name, place))
            watch.lap("open")
            reported = reported_rows(opening, sources[0].format, paths_of(_places(source)))

            def grade_all(writers: Writers, lines: Callable[[], Lines]) -> Outcome:
                outcome = grade_sources(con, sources, resolver, kinds, request, writers, lines)
                outcome.seconds = {**watch.seconds, **outcome.seconds}
                return outcome

            run = _Run(sources, request, dict(settings or {}), grade_all, reported)
            return run.to_memory() if out is None else run.to_folder(Path(out))
        except _UNREADABLE as error:
            damage = find_damage([file for path in paths_of(_places(source)) for file in meds_files(path)])
            if damage is None:
                raise
            raise UserError(damage) from error
        finally:
            con.close()


def grade_bundle(
    data: bytes,
    *,
    settings: Mapping[str, str] | None = None,
    scale: str | None = None,
    annotations: Sequence[Annotation] = (),
    events: Kept = "episodes",
) -> Result:
    """Grade one FHIR R4 Bundle given as bytes; nothing touches the disk.

    `annotations` are what a clinician said of it: (the source's own id of the subject, the time, a word such as `fever:other`);
    `events` whose events are kept, as for `grade`.
    Returns a `Result` of Arrow tables. Raises `UserError` when the bytes are no Bundle.

    >>> from tocsin import grade_bundle
    >>> from tocsin.demo import demo_folder
    >>> bundle = sorted(demo_folder().glob("*.json"))[0]
    >>> grade_bundle(bundle.read_bytes()).episodes["ended"].to_pylist()
    ['resolved']
    """
    return _graded(lambda reading: read_bundle(data, reading), settings or {}, scale, annotations, events)


def grade_resources(
    resources: Sequence[dict[str, Any]],
    *,
    settings: Mapping[str, str] | None = None,
    scale: str | None = None,
    annotations: Sequence[Annotation] = (),
    events: Kept = "episodes",
) -> Result:
    """Grade FHIR R4 resources that are Python already, Bundles among them; else as `grade_bundle`.

    Returns a `Result` of Arrow tables.
    """
    return _graded(
        lambda reading: read_resources(resources, reading), settings or {}, scale, annotations, events
    )


def _graded(
    read: Callable[[Settings], FlatRows],
    settings: Mapping[str, str],
    scale: str | None,
    annotations: Sequence[Annotation],
    events: Kept,
) -> Result:
    """Grade what a reader hands over, in memory."""
    numbers, reading = split_settings(settings)
    if scale is not None:
        known_scale(scale)
    found = annotated(read(reading), annotations)
    kinds = TherapyKinds()
    request, source = Request(numbers, scale, events=events), source_of(found, "")
    rows = cast("pa.Table", found.rows)  # a Bundle is read by Python, never by DuckDB

    def grade_rows(writers: Writers, lines: Callable[[], Lines]) -> Outcome:
        return grade_in_memory(rows, source, Resolver(kinds), kinds, request, writers, lines)

    return _Run([source], request, dict(settings), grade_rows).to_memory()


def _sides(therapies: str | Path | None, annotations: str | Path | None) -> list[tuple[str | Path, str]]:
    """Return the side files that were given, with the layout of each."""
    sides = [(therapies, "therapies.csv"), (annotations, "annotations.csv")]
    return [(file, name) for file, name in sides if file is not None]


@dataclass(frozen=True)
class _Run:
    """One run, ready to go."""

    sources: list[Source]
    request: Request
    settings: dict[str, str]
    grade: Callable[[Writers, Callable[[], Lines]], Outcome]
    reported: Sequence[tuple[str, ...]] = ()  # what the site graded: kept beside what we derive

    def to_memory(self) -> Result:
        """Grade into memory."""
        keepers: dict[str, TableKeeper] = {}

        def keep(name: str, schema: pa.Schema) -> TableKeeper:
            keepers[name] = TableKeeper(schema)
            return keepers[name]

        outcome = self.grade(keep, lambda: _ignore)
        tables = {name: keeper.table() for name, keeper in keepers.items()}
        return Result(self._json(outcome), {**tables, "subjects": outcome.subjects})

    def to_folder(self, out: Path) -> Result:
        """Grade into the files of a folder."""
        with Staging(out) as staging:
            files: list[QueryFile] = []

            def lines() -> Lines:
                files.append(QueryFile(staging.path("queries.csv")))
                return files[-1].lines

            outcome = self.grade(files_in(staging.folder), lines)
            for file in files:
                file.close()
            pq.write_table(outcome.subjects, staging.path("subjects.parquet"), compression="zstd")
            run = self._json(outcome)
            write_csv(staging.path("unmapped.csv"), ("code", "text", "looks_like", "rows"), outcome.unmapped)
            if self.reported:
                write_csv(staging.path(REPORTED), REPORTED_COLUMNS, self.reported)
            write_json(staging.path("run.json"), run)
        return Result(run, {}, out)

    def _json(self, outcome: Outcome) -> dict[str, Any]:
        """Return `run.json`."""
        return {
            **outcome.accounting.as_json(),
            "subjects": outcome.subjects.num_rows,
            "episodes": outcome.episodes,
            "grade_rows": outcome.grades,
            "seconds": outcome.seconds,
            "format": self.sources[0].format,
            "sources": [name for source in self.sources for name in source.names()],
            "places": [Path(file).name for source in self.sources for file in source.files],
            "notes": outcome.notes,
            "parameters": _parameters(self.request, self.settings),
            "versions": _versions(),
            "knowledge": knowledge_hash(),
        }


@cache
def _versions() -> dict[str, str]:
    """Return the versions that make a result what it is."""
    names = ("tocsin", "duckdb", "pyarrow", "numpy", "numba")
    return {"python": sys.version.split()[0], **{name: version(name) for name in names}}


def _parameters(request: Request, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return every number in force and every choice made."""
    numbers = {name: getattr(request.numbers, name) for name in request.numbers.__dataclass_fields__}
    return {
        **numbers,
        "scale": request.scale or "by cause",
        "as_known": request.as_known,
        "events": request.events,
        "limits": {name: [of.low, of.high] for name, of in (request.limits or {}).items()},
        "set": dict(settings),
    }


def _ignore(lines: Iterable[tuple[Any, ...]]) -> None:
    """Take query lines to nowhere: only a folder has `queries.csv`."""
    del lines
