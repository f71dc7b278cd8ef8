"""The public functions: `grade` for a whole source; results as Arrow tables, and as files when a folder is given."""

import atexit
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.engines.event_files import Kept
from tocsin.engines.local import Outcome, Progress, Request, connect, grade_sources, no_progress
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
from tocsin.sources import open_source
from tocsin.sources.csv import open_side_file
from tocsin.sources.fhir import read_bundle
from tocsin.sources.fhir_source import as_source
from tocsin.sources.limits import read_limits
from tocsin.sources.meds import find_damage, meds_files
from tocsin.sources.settings import KEYS, Settings
from tocsin.sources.site_codes import read_site_codes
from tocsin.sources.source import Opening, Source

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


def _paths(source: Paths) -> list[Path]:
    """Return one or more paths as a list."""
    return [Path(source)] if isinstance(source, str | Path) else [Path(path) for path in source]


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

    `source` is one path or several of one format: a FHIR Bundle, a folder of Bundles or of NDJSON, MEDS parquet, or our CSV
    layout. `therapies` and `annotations` are CSV side files keyed by the source's own ids, `codes` a site's own code list,
    `limits` a laboratory's limits of normal (with them organs are graded for the scales that weigh organs), `scale` the scale
    of record in place of the cause's, `settings` the KEY=VALUE pairs of `--set`. With `out` the files of
    `docs/reference/files.md` are written there, whole or not at all.

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
    if not _paths(source):
        raise UserError("no source given: name a FHIR Bundle, a folder of MEDS, FHIR or our CSV layout")
    organs = read_limits(Path(limits)) if limits else None
    request = Request(numbers, scale, as_known, events, organs, progress)
    with tempfile.TemporaryDirectory(prefix="tocsin-") as spill:
        con = connect(Path(spill))
        try:
            kinds = TherapyKinds()
            resolver = Resolver(kinds, read_site_codes(Path(codes)) if codes else ())
            opening = Opening(con, reading, resolver)
            sources = [open_source(opening, _paths(source), format)]
            for file, name in _sides(therapies, annotations):
                place = sum(len(earlier.files) for earlier in sources)
                sources.append(open_side_file(opening, Path(file), name, place))
            run = _Run(con, sources, resolver, kinds, request, dict(settings or {}))
            return run.to_memory() if out is None else run.to_folder(Path(out))
        except _UNREADABLE as error:
            damage = find_damage([file for path in _paths(source) for file in meds_files(path)])
            if damage is None:
                raise
            raise UserError(damage) from error
        finally:
            con.close()


def grade_bundle(
    data: bytes, *, settings: Mapping[str, str] | None = None, scale: str | None = None
) -> Result:
    """Grade one FHIR R4 Bundle given as bytes; nothing touches the disk.

    Returns a `Result` of Arrow tables. Raises `UserError` when the bytes are no Bundle.

    >>> from tocsin import grade_bundle
    >>> from tocsin.demo import demo_folder
    >>> bundle = sorted(demo_folder().glob("*.json"))[0]
    >>> grade_bundle(bundle.read_bytes()).episodes["ended"].to_pylist()
    ['resolved']
    """
    numbers, reading = split_settings(settings or {})
    con = _bedside().cursor()  # a connection of its own to a database that is up already
    try:
        kinds = TherapyKinds()
        resolver = Resolver(kinds)
        sources = [as_source(Opening(con, reading, resolver), read_bundle(data, reading))]
        return _Run(con, sources, resolver, kinds, Request(numbers, scale), dict(settings or {})).to_memory()
    finally:
        con.close()


@cache
def _bedside() -> duckdb.DuckDBPyConnection:
    """Return the in-memory database that serves one Bundle after another."""
    con = connect()
    con.execute("SET threads = 1")
    atexit.register(
        _bedside.cache_clear
    )  # the last reference: DuckDB wants to be gone before the interpreter
    return con


def _sides(therapies: str | Path | None, annotations: str | Path | None) -> list[tuple[str | Path, str]]:
    """Return the side files that were given, with the layout of each."""
    sides = [(therapies, "therapies.csv"), (annotations, "annotations.csv")]
    return [(file, name) for file, name in sides if file is not None]


@dataclass(frozen=True)
class _Run:
    """One run, ready to go."""

    con: Any
    sources: list[Source]
    resolver: Resolver
    kinds: TherapyKinds
    request: Request
    settings: dict[str, str]

    def to_memory(self) -> Result:
        """Grade into memory."""
        keepers: dict[str, TableKeeper] = {}

        def keep(name: str, schema: pa.Schema) -> TableKeeper:
            keepers[name] = TableKeeper(schema)
            return keepers[name]

        outcome = self._grade(keep, lambda: _ignore)
        tables = {name: keeper.table() for name, keeper in keepers.items()}
        return Result(self._json(outcome), {**tables, "subjects": outcome.subjects})

    def to_folder(self, out: Path) -> Result:
        """Grade into the files of a folder."""
        with Staging(out) as staging:
            files: list[QueryFile] = []

            def lines() -> Lines:
                files.append(QueryFile(staging.path("queries.csv")))
                return files[-1].lines

            outcome = self._grade(files_in(staging.folder), lines)
            for file in files:
                file.close()
            pq.write_table(outcome.subjects, staging.path("subjects.parquet"), compression="zstd")
            run = self._json(outcome)
            write_csv(staging.path("unmapped.csv"), ("code", "text", "looks_like", "rows"), outcome.unmapped)
            write_json(staging.path("run.json"), run)
        return Result(run, {}, out)

    def _grade(self, writers: Writers, lines: Callable[[], Lines]) -> Outcome:
        """Grade into some writers."""
        return grade_sources(self.con, self.sources, self.resolver, self.kinds, self.request, writers, lines)

    def _json(self, outcome: Outcome) -> dict[str, Any]:
        """Return `run.json`."""
        return {
            **outcome.accounting.as_json(),
            "subjects": outcome.subjects.num_rows,
            "episodes": outcome.episodes,
            "grade_rows": outcome.grades,
            "seconds": outcome.seconds,
            "format": self.sources[0].format,
            "sources": [str(file) for source in self.sources for file in source.files],
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
