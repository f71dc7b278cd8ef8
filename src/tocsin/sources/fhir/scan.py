"""Files that DuckDB reads together, and the numbered lines of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from tocsin.sources.fhir.files import Input
from tocsin.sources.fhir.shapes import SHAPES, Shape
from tocsin.sources.source import FILE_STRIDE, sql_path, sql_text

# SQL for what tells a line from all others; the twin of a row's number, before components are counted.
PLACE = f"file * {FILE_STRIDE} + line"


@dataclass(frozen=True, slots=True)
class Scan:
    """Files that hold the same resource types; `before[i]` lines stand in the files before file i."""

    files: tuple[Input, ...]
    before: tuple[int, ...]
    kinds: tuple[str, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of its resources."""
        return tuple(SHAPES[kind] for kind in self.kinds if kind in SHAPES)

    @property
    def has_observations(self) -> bool:
        """Whether some of its resources may have components."""
        return "Observation" in self.kinds

    def name_sql(self, place: str) -> str:
        """Return SQL for the name of the file at a place of the scan, counted from 1."""
        return _pick((sql_text(file.name) for file in self.files), place)

    def lines(self, columns: str, records: bool = True) -> str:
        """Return SQL for the lines that are not blank: `columns`, n in the scan, line in the file, file, name.

        A line that is no JSON object has NULL in every column.
        """
        names = ", ".join(sql_text(file.path) for file in self.files)
        paths = ", ".join(sql_path(file.path) for file in self.files)
        packing = "gzip" if self.files[0].zipped else "uncompressed"
        # Numbered while they stream: DuckDB keeps the order, so a line has the same number in every scan.
        return (
            f"SELECT *, {_pick((file.index for file in self.files), 'place')} AS file, "
            f"n - {_pick(self.before, 'place')} AS line, "
            f"{self.name_sql('place')} AS name "
            f"FROM (SELECT *, enum_code(filename::ENUM({names})) + 1 AS place, row_number() OVER () AS n "
            f"FROM read_json([{paths}], columns = {columns}, records = {str(records).lower()}, filename = true, "
            f"format = 'newline_delimited', ignore_errors = true, compression = '{packing}'))"
        )


def _pick(values: Iterable[object], place: str) -> str:
    listed = [str(value) for value in values]
    return listed[0] if len(set(listed)) == 1 else f"[{', '.join(listed)}][{place}]"
