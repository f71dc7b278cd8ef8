"""What a run found, as Arrow tables: held in memory, or read back from the folder that it was written to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.errors import UserError

TABLES = ("grades", "episodes", "events", "quarantine", "subjects")


class Result:
    """What a run found: Arrow tables with the columns of the promised files, and the account of the run.

    `grades` has a row per change of state inside an episode, `episodes` one per episode, `events` the canonical events,
    `quarantine` what could not be used and why, `subjects` who was graded; `run` is `run.json`. Of a run that was written to a
    folder each table is read when it is first asked for.

    >>> from tocsin import grade
    >>> from tocsin.demo import demo_folder
    >>> result = grade(demo_folder())
    >>> result.run["rows_read"] == sum(result.run[part] for part in ("rows_used", "not_of_interest", "quarantined"))
    True
    """

    def __init__(
        self, run: dict[str, Any], tables: Mapping[str, pa.Table], folder: Path | None = None
    ) -> None:
        self.run = run
        self.folder = folder
        self._tables = dict(tables)

    def _table(self, name: str) -> pa.Table:
        """Return a table, read from the folder at first."""
        if name not in self._tables and self.folder is not None:
            self._tables[name] = pq.read_table(self.folder / f"{name}.parquet")
        return self._tables[name]

    @property
    def grades(self) -> pa.Table:
        """A row per change of state inside an episode."""
        return self._table("grades")

    @property
    def episodes(self) -> pa.Table:
        """A row per episode."""
        return self._table("episodes")

    @property
    def events(self) -> pa.Table:
        """The canonical events that were kept."""
        return self._table("events")

    @property
    def quarantine(self) -> pa.Table:
        """The rows that could not be used, and why."""
        return self._table("quarantine")

    @property
    def subjects(self) -> pa.Table:
        """The subjects that were graded."""
        return self._table("subjects")


def read_result(folder: str | Path) -> Result:
    """Read the files of an earlier run back, each when it is asked for.

    Raises `UserError` when the folder holds no whole run.

    >>> import tempfile
    >>> from tocsin import grade, read_result
    >>> from tocsin.demo import demo_folder
    >>> with tempfile.TemporaryDirectory() as out:
    ...     _ = grade(demo_folder(), out=out)
    ...     read_result(out).episodes.num_rows
    9
    """
    folder = Path(folder)
    missing = [
        name
        for name in ("run.json", *(f"{name}.parquet" for name in TABLES))
        if not (folder / name).is_file()
    ]
    if missing:
        raise UserError(
            f"{folder}: no {missing[0]} in it; give the --out folder of a finished `tocsin grade`"
        )
    for name in TABLES:
        try:
            pq.read_schema(folder / f"{name}.parquet")
        except (pa.ArrowException, OSError):
            raise UserError(f"{folder}/{name}.parquet: not whole; run `tocsin grade` again") from None
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{folder}/run.json: not whole; run `tocsin grade` again") from None
    return Result(run, {}, folder)
