"""The MEDS source: parquet shards of subject_id, time, code, numeric_value (schema of `meds` 0.4)."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tocsin.errors import UserError
from tocsin.events.concepts import Key, Parsed
from tocsin.events.door import PLAIN, START
from tocsin.knowledge.codes import statuses
from tocsin.knowledge.reading import AS_THEY_STAND, systems
from tocsin.knowledge.signals import signal
from tocsin.sources.settings import Settings
from tocsin.sources.source import SUBJECTS, Opening, Source, first_row_of, sql_path, sql_text

BIRTH = "MEDS_BIRTH"
SEX = "GENDER"
DEATH = "MEDS_DEATH"
_NEEDED = ("subject_id", "time", "code", "numeric_value")
END = "tocsin_end"  # a column of our own export: when an infusion or a device ended
# MIMIC-IV forms: how many parts stand before the item, and what the row is.
_PREFIXES = {
    "LAB": PLAIN,
    "INFUSION_START": START,
    "SUBJECT_FLUID_OUTPUT": PLAIN,
}
DAY = 86_400_000_000
END_FATE = "end"  # the end of a pair: it gives its time to the start


def looks_like_meds(path: Path) -> bool:
    """Return whether a path is a MEDS parquet file, or a folder that holds some."""
    return bool(meds_files(path))


def meds_files(path: Path) -> list[Path]:
    """Return the data shards under a path, in name order; a dataset's metadata is none."""
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    root = path / "data" if (path / "data").is_dir() else path
    return sorted(file for file in root.rglob("*.parquet") if "metadata" not in file.relative_to(path).parts)


_TYPES: dict[str, tuple[str, Callable[[pa.DataType], bool]]] = {
    "subject_id": ("int64", pa.types.is_signed_integer),
    "time": ("timestamp", pa.types.is_timestamp),
    "code": ("string", lambda kind: _is_text(kind)),
    "numeric_value": ("float32", pa.types.is_floating),
    "text_value": ("string", lambda kind: _is_text(kind)),
    END: ("timestamp", pa.types.is_timestamp),
}


def _type(schema: pa.Schema, name: str) -> Any:
    """Return the type of a column."""
    fields: Any = schema
    return fields.field(name).type


def _is_text(kind: Any) -> bool:
    """Return whether a column type holds text, plain or as a dictionary."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(plain) or pa.types.is_large_string(plain)


def _check(file: Path) -> pa.Schema:
    """Return a shard's schema; a file that is cut short or is no MEDS is refused in one line."""
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{file}: not a whole parquet file ({reason}); copy it again or leave it out"
        ) from None
    missing = [name for name in _NEEDED if name not in schema.names]
    if missing:
        raise UserError(
            f"{file}: not MEDS, column {missing[0]} is missing; MEDS 0.4 has {', '.join(_NEEDED)}"
        )
    for name, (wanted, fits) in _TYPES.items():
        found = _type(schema, name) if name in schema.names else None
        if found is not None and not fits(found):
            raise UserError(
                f"{file}: column {name} is {found}, and MEDS 0.4 wants {wanted}; write it as {wanted}"
            )
    return schema


def find_damage(files: Sequence[Path]) -> str | None:
    """Return which file cannot be read to its end, and why; None when all can."""
    for file in files:
        try:
            for batch in pq.ParquetFile(file).iter_batches():
                del batch
        except (pa.ArrowException, OSError) as error:
            return f"{file}: damaged inside ({str(error).splitlines()[0]}); copy it again or leave it out"
    return None


def open_meds(opening: Opening, paths: list[Path]) -> Source:
    """Open MEDS files or dataset folders.

    Raises UserError on an unreadable or empty one.
    """
    files = [file for path in paths for file in meds_files(path)]
    if not files:
        raise UserError(f"{paths[0]}: no parquet file in it; a MEDS dataset keeps its shards under data/")
    schemas = [_check(file) for file in files]
    with_text = [file for file, schema in zip(files, schemas, strict=True) if "text_value" in schema.names]
    text = _text_expression(opening, with_text) if with_text else None
    ends = any(END in schema.names for schema in schemas)
    shards = [
        _shard(file, place, schemas[place], text, ends, opening.settings) for place, file in enumerate(files)
    ]
    subjects, two_subjects = _subjects(opening, files)
    wide = [
        file.name
        for file, schema in zip(files, schemas, strict=True)
        if _type(schema, "numeric_value") == pa.float64()
    ]
    return Source(
        format="meds",
        files=tuple(files),
        relation=" UNION ALL ".join(shards),
        parse=lambda key: parse(key, opening.settings),
        keys=("code", "text") if text else ("code",),
        flat=False,
        integer_subjects=True,
        has_ends=ends,
        maybe_sorted=opening.settings.zone == "UTC" and not ends,
        subjects=subjects,
        two_subjects=two_subjects,
        notes=(
            f"numeric_value is float64 in {len(wide)} files, where MEDS 0.4 has float32: read as it stands",
        )
        if wide
        else (),
    )


def _subjects(opening: Opening, files: list[Path]) -> tuple[pa.Table, tuple[str, ...]]:
    """Return birth date and sex of the subjects, where the dataset has them; and the ids that stand for two people."""
    listed = ", ".join(sql_path(file) for file in files)
    born, sexed = f"code = '{BIRTH}'", f"code LIKE '{SEX}//%'"
    opening.con.execute(
        f"CREATE OR REPLACE TEMP TABLE meds_people AS SELECT subject_id::VARCHAR AS source_id, "
        f"CAST(min(time) FILTER ({born}) AS DATE) AS birth_date, min(code[9:]) FILTER ({sexed}) AS sex, "
        f"count(DISTINCT CAST(time AS DATE)) FILTER ({born}) > 1 OR count(DISTINCT code) FILTER ({sexed}) > 1 AS is_two "
        f"FROM read_parquet([{listed}], union_by_name = true) WHERE ({born} OR {sexed}) AND subject_id IS NOT NULL GROUP BY 1"
    )
    two = opening.con.sql("SELECT source_id FROM meds_people WHERE is_two ORDER BY 1").fetchall()
    people = opening.con.sql("SELECT source_id, birth_date, sex FROM meds_people").to_arrow_table()
    return people.cast(SUBJECTS), tuple(str(row[0]) for row in two)


def _text_expression(opening: Opening, files: list[Path]) -> str | None:
    """Return SQL for the text of the codes whose value is a word; free text elsewhere is not looked at."""
    listed = ", ".join(sql_path(file) for file in files)
    found = opening.con.sql(
        f"SELECT DISTINCT code FROM read_parquet([{listed}], union_by_name = true)"
    ).fetchall()
    words: list[str] = []
    for (code,) in found:
        if code is not None and _is_word(opening, str(code)):
            words.append(sql_text(str(code)))
    return f"CASE WHEN code IN ({', '.join(words)}) THEN text_value END" if words else None


def _is_word(opening: Opening, code: str) -> bool:
    """Return whether the value of a code's rows is a word."""
    for system, found in parse(Key(code), opening.settings).candidates:
        row = opening.resolver.find(system, found)
        if row is not None:
            return not signal(row.signal).numeric
    return False


def _shard(
    file: Path, place: int, schema: pa.Schema, text: str | None, ends: bool, settings: Settings
) -> str:
    """Return SQL that reads one shard as flat rows."""
    # A death at midnight sharp is known only to the day: it takes effect at that day's end (timeline.md section 1).
    day_only = f"code = '{DEATH}' AND time::TIMESTAMP = date_trunc('day', time::TIMESTAMP)"
    time = f"CASE WHEN {day_only} THEN time::TIMESTAMP + INTERVAL '86399.999999 seconds' ELSE time::TIMESTAMP END"
    until = f"{END}::TIMESTAMP" if END in schema.names else "NULL::TIMESTAMP"
    if settings.zone != "UTC" and getattr(_type(schema, "time"), "tz", None) is None:
        time, until = (
            f"timezone('UTC', timezone({sql_text(settings.zone)}, {moment}))" for moment in (time, until)
        )
    said = text if text and "text_value" in schema.names else "NULL::VARCHAR"
    extra = (f", {said} AS text" if text else "") + (f", {until} AS until" if ends else "")
    return (
        f"SELECT file_row_number + {first_row_of(place) + 1} AS row, subject_id::BIGINT AS subject, {time} AS time, "
        f"code, numeric_value::DOUBLE AS value{extra} FROM read_parquet({sql_path(file)}, file_row_number = true)"
    )


def parse(key: Key, settings: Settings) -> Parsed:
    """Return what a MEDS code says: `SYSTEM//code`, `SYSTEM//code//unit`, or one of the MIMIC-IV forms."""
    parts = key.code.split("//")
    head = parts[0]
    if head == "MEDICATION" and len(parts) >= 3:
        return _medication(parts, settings)
    if head == "PROCEDURE" and len(parts) == 3 and parts[1] in ("START", "END"):
        phase, fate = (START, None) if parts[1] == "START" else (PLAIN, END_FATE)
        return Parsed((("MIMIC", parts[2]),), text=key.text, name=key.code, phase=phase, fate=fate)
    if head == "INFUSION_END" and len(parts) == 2:
        return Parsed((("MIMIC", parts[1]),), name=key.code, fate=END_FATE)
    if head in _PREFIXES and len(parts) >= 2:
        unit = parts[2] if len(parts) > 2 else None
        return Parsed((("MIMIC", parts[1]),), unit=unit, text=key.text, name=key.code, phase=_PREFIXES[head])
    if head == "DIAGNOSIS" and len(parts) == 4 and parts[2] == "10":
        return Parsed((("ICD10CM", _dotted(parts[3])),), text=key.text, name=key.code)
    if head in (BIRTH, SEX):
        return Parsed((), name=key.code, fate="subject")
    system = systems().get(head.casefold(), head)
    unit = parts[2] if len(parts) == 3 else None
    whole = (("MEDS", key.code),)
    coded = ((system, parts[1]),) if len(parts) in (2, 3) else ()
    ours = head.casefold() in AS_THEY_STAND
    return Parsed(whole + coded, unit=unit, text=key.text, name=key.code, bolus_as_stands=ours)


def _medication(parts: list[str], settings: Settings) -> Parsed:
    """Return what an order or an eMAR row says of a drug; every word but Administered and Started is not given."""
    if parts[1] in ("START", "STOP"):
        ordered = parts[1] == "START" and settings.orders_count
        drug = "//".join(parts[2:])
        return Parsed((("MIMIC", f"drug|{drug}"),), name=drug, fate=None if ordered else "order", given=True)
    drug, word = "//".join(parts[1:-1]), parts[-1].strip().casefold()
    happened = statuses().get(("eMAR", word), "not_given") == "happened"
    return Parsed((("MIMIC", f"drug|{drug}"),), name=drug, fate=None if happened else "not_given", given=True)


def _dotted(code: str) -> str:
    """Return an ICD-10-CM code with its dot."""
    return code if len(code) <= 3 or "." in code else f"{code[:3]}.{code[3:]}"


Columns = tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int32]
]


def stream_as_it_stands(
    source: Source, kinds: Mapping[tuple[str, str | None], int], batch_rows: int, lost: Callable[[int], None]
) -> Iterator[Columns]:
    """Yield row, subject, time, value and concept of the mapped rows in the order of the files.

    DuckDB's joins do not keep the order of rows; this reader does, and it never makes a string of a code: `kinds` is asked once
    for each entry of a row group's dictionary. `lost` is told how many mapped rows have no subject or time. Values: NaN is none,
    infinity is not a number.
    """
    plain = {code: concept for (code, text), concept in kinds.items() if text is None}
    worded = {code for code, text in kinds if text is not None}
    for place, file in enumerate(source.files):
        first = first_row_of(place) + 1
        has_text = bool(worded) and "text_value" in pq.read_schema(file).names
        words = ["code", "text_value"] if has_text else ["code"]
        parquet = pq.ParquetFile(file, read_dictionary=words)
        for batch in parquet.iter_batches(
            batch_rows, columns=[*_NEEDED, *(["text_value"] if has_text else [])]
        ):
            yield _mapped_rows(batch, first, plain, worded, kinds, lost)
            first += batch.num_rows


def _mapped_rows(batch: pa.RecordBatch, first: int, plain: Mapping[str, int], worded: Set[str],
                 kinds: Mapping[tuple[str, str | None], int], lost: Callable[[int], None]) -> Columns:  # fmt: skip
    """Return the mapped rows of one batch that have a subject and a time."""
    columns: Any = batch
    code = columns.column("code")
    entries = code.dictionary.to_pylist()
    meaning = np.array([plain.get(entry, -1) for entry in entries] + [-1], np.int32)
    indices = code.indices.fill_null(len(entries)).to_numpy()
    concept = meaning[indices]
    if worded and "text_value" in batch.schema.names:
        _find_words(
            batch, np.array([entry in worded for entry in entries] + [False])[indices], concept, kinds
        )
    chosen = concept >= 0
    for name in ("subject_id", "time"):
        if batch.column(name).null_count:
            chosen &= batch.column(name).is_valid().to_numpy(zero_copy_only=False)
    places = np.flatnonzero(chosen)
    lost(int((concept >= 0).sum()) - len(places))
    time = batch.column("time").cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0).to_numpy()[places]
    subject = batch.column("subject_id").fill_null(0).to_numpy()[places]
    return (
        places + first,
        subject,
        _death_times(time, concept[places], plain),
        _raw(batch, places),
        concept[places],
    )


def _find_words(
    batch: pa.RecordBatch,
    asked: NDArray[np.bool_],
    concept: NDArray[np.int32],
    kinds: Mapping[tuple[str, str | None], int],
) -> None:
    """Find the concepts of the rows whose value is a word: each pair of code and word is looked up once."""
    columns: Any = batch
    places = np.flatnonzero(asked)
    codes, words = columns.column("code"), columns.column("text_value")
    if not pa.types.is_dictionary(words.type):
        words = words.dictionary_encode()
    code_at = codes.indices.to_numpy(zero_copy_only=False)[places].astype(np.int64)
    word_at = (
        words.indices.fill_null(len(words.dictionary)).to_numpy(zero_copy_only=False)[places].astype(np.int64)
    )
    size = len(words.dictionary) + 1
    pairs, which = np.unique(code_at * size + word_at, return_inverse=True)
    code_of, word_of = codes.dictionary.to_pylist(), [*words.dictionary.to_pylist(), None]
    found = [kinds.get((code_of[pair // size], word_of[pair % size]), -1) for pair in pairs.tolist()]
    concept[places] = np.array(found, np.int32)[which]


def _death_times(
    time: NDArray[np.int64], concept: NDArray[np.int32], plain: Mapping[str, int]
) -> NDArray[np.int64]:
    """Return the times, those of deaths known only to the day at that day's end."""
    day_only = (concept == plain.get(DEATH, -2)) & (time % DAY == 0)
    return np.where(day_only, time + DAY - 1, time) if day_only.any() else time


def _raw(batch: pa.RecordBatch, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the values at some places: NaN where there is none, infinity where it is not a number."""
    columns: Any = batch
    column = columns.column("numeric_value")
    values = column.to_numpy(zero_copy_only=False)[places].astype(np.float64)
    unknown = np.isnan(values)
    if unknown.any():
        given = column.is_valid().to_numpy(zero_copy_only=False)[places]
        values[unknown & given] = np.inf
    return values


def pairs_sql(relation: str, starts: dict[int, str]) -> str:
    """Return SQL for the rows of pairs, as `pair_ends` takes them: at one instant ends stand before starts.

    `starts` maps a start's concept to its code. The columns: subject, concept, time, is_start, value, row.
    """
    listed = ", ".join(
        f"({concept}, {sql_text(code)}, {sql_text(end_of(code))})" for concept, code in starts.items()
    )
    return (
        f"WITH c(concept, code, end_code) AS (VALUES {listed}), flat AS ({relation}) "
        "SELECT flat.subject, c.concept, epoch_us(flat.time) AS time, flat.code = c.code AS is_start, "
        "coalesce(flat.value, 'nan'::DOUBLE) AS value, flat.row "
        "FROM flat JOIN c ON flat.code = c.code OR flat.code = c.end_code "
        "WHERE flat.subject IS NOT NULL AND flat.time IS NOT NULL ORDER BY subject, concept, time, is_start, flat.row"
    )


def end_of(code: str) -> str:
    """Return the code of the end that a start's code pairs with."""
    return code.replace("INFUSION_START//", "INFUSION_END//").replace(
        "PROCEDURE//START//", "PROCEDURE//END//"
    )
