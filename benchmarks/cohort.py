"""A made-up cohort as sorted MEDS parquet, of any size, the same for the same seed: nobody in it ever lived."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

VERSION: Final = 1  # of what is generated: a new one makes the data anew
SEED: Final = 20260101
ROWS_A_SUBJECT: Final = 500
ROWS_A_SHARD: Final = 2_500_000
GROUP_ROWS: Final = 262_144  # rows of a parquet row group, as polars writes them
INSTANTS: Final = 120  # charting instants of a subject: several rows stand at one
DAY: Final = 24 * 60  # minutes
BEFORE, AFTER = 5 * DAY, 35 * DAY  # a subject's rows lie from so long before the therapy to so long after
CALM, FEVER, LOW_PRESSURE, SHOCK = range(4)  # what a subject goes through, and what a row sees of it
SHARES: Final = (0.666, 0.167, 0.111, 0.056)  # of the subjects: a third has an episode

SCHEMA: Final = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", pa.timestamp("us")),
        ("code", pa.string()),
        ("numeric_value", pa.float32()),
        ("text_value", pa.string()),
    ]
)
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Charted:
    """A code that is charted at random: its share of our rows, mean and spread of its value in each state."""

    code: str
    share: float
    means: Sequence[float]
    spread: float
    words: Sequence[str] = ()


CHARTED: Final = (
    Charted("LOINC//8310-5", 0.17, (36.8, 38.9, 39.1, 39.4), 0.25),
    Charted("LOINC//8480-6", 0.18, (122, 116, 98, 86), 8),
    Charted("LOINC//8462-4", 0.10, (74, 70, 58, 48), 6),
    Charted("LOINC//8478-0", 0.14, (90, 85, 71, 61), 6),
    Charted("LOINC//59408-5", 0.14, (97, 96, 93, 90), 1.0),
    Charted("LOINC//8867-4", 0.08, (82, 104, 112, 121), 9),
    Charted("LOINC//3150-6", 0.03, (21, 21, 28, 50), 0.0),
    Charted("LAB//223834//L/min", 0.02, (0, 0, 3, 40), 0.0),
    Charted(
        "LAB//226732//UNK",
        0.02,
        [np.nan] * 4,
        0.0,
        ("None", "None", "Nasal cannula", "High flow nasal cannula"),
    ),
    Charted("LAB//50912//mg/dL", 0.04, (0.9, 1.0, 1.3, 2.1), 0.1),
    Charted("LAB//51265//K/uL", 0.04, (150, 90, 60, 40), 9),
    Charted("LAB//50889//mg/L", 0.04, (12, 80, 140, 190), 3),
)
UNKNOWN: Final = tuple(f"LAB//{59000 + place}//mg/dL" for place in range(240))  # codes that we do not know
# (code, share of the subjects): what names a subject's therapy; the last by its text
THERAPIES: Final = (
    ("tocsin//cart_infusion", 0.6),
    ("RxNorm//2619426", 0.25),
    ("tocsin//index_therapy", 0.15),
)
HAPLO: Final = "haplo_hct"
WEIGHT, BIRTH, DEATH, TOCILIZUMAB = (
    "SUBJECT_WEIGHT_AT_INFUSION//KG",
    "MEDS_BIRTH",
    "MEDS_DEATH",
    "RxNorm//612865",
)
SEXES: Final = ("GENDER//F", "GENDER//M")
PUMPS: Final = ("INFUSION_START//221906", "INFUSION_END//221906")
VENTILATOR: Final = ("PROCEDURE//START//225792", "PROCEDURE//END//225792")
PUMP_RUNS: Final = 12  # pairs of a subject in shock, every 4 hours one

RARE: Final = (
    *(code for code, _ in THERAPIES),
    WEIGHT,
    BIRTH,
    DEATH,
    TOCILIZUMAB,
    *SEXES,
    *PUMPS,
    *VENTILATOR,
)
CODES: Final = (*(one.code for one in CHARTED), *UNKNOWN, *RARE)
WORDS: Final = (HAPLO, *sorted({word for one in CHARTED for word in one.words}))
_PLACE: Final = {code: place for place, code in enumerate(CODES)}
STATIC, BORN = -(1 << 19), -(1 << 19) + 1  # minutes of rows without a time, and of births: they sort first


@dataclass(frozen=True)
class Rows:
    """Rows in no order: subject (from 0), minute from the therapy, places in CODES and WORDS (-1: none), value."""

    subject: Ints
    minute: Ints
    code: Ints
    value: NDArray[np.float32]
    word: Ints


@dataclass(frozen=True)
class Subjects:
    """The subjects of a shard: what each goes through and when, and the day of its therapy."""

    fate: Ints
    begin: Ints  # of the episode, minutes from the therapy
    end: Ints
    therapy: Ints  # minutes since 1970
    born: Ints


def _rows(
    subject: Ints,
    minute: Ints | int,
    code: Ints | int,
    value: NDArray[Any] | float = np.nan,
    word: Ints | int = -1,
) -> Rows:
    """Return rows; what is one for all is repeated."""
    size = len(subject)
    return Rows(
        subject,
        np.broadcast_to(_int64(minute), size),
        np.broadcast_to(_int64(code), size),
        np.broadcast_to(np.asarray(value, np.float32), size),
        np.broadcast_to(_int64(word), size),
    )


def _subjects(rng: np.random.Generator, count: int) -> Subjects:
    """Return made-up subjects; the age is 18 to 80 at the therapy."""
    begin = rng.integers(DAY // 2, 8 * DAY, count)
    therapy = rng.integers(365 * 47, 365 * 54, count) * DAY + rng.integers(0, DAY, count)
    born = (therapy // DAY - rng.integers(18 * 365, 80 * 365, count)) * DAY
    return Subjects(
        rng.choice(4, count, p=SHARES), begin, begin + rng.integers(2 * DAY, 6 * DAY, count), therapy, born
    )


def _therapies(rng: np.random.Generator, count: int) -> Rows:
    """Return the therapy of each subject."""
    which = rng.choice(len(THERAPIES), count, p=[share for _, share in THERAPIES])
    codes = np.array([_PLACE[code] for code, _ in THERAPIES])
    haplo = which == len(THERAPIES) - 1
    return _rows(np.arange(count), 0, codes[which], word=np.where(haplo, WORDS.index(HAPLO), -1))


def _pairs(subject: Ints, start: Ints, end: Ints, codes: Sequence[str], value: NDArray[Any]) -> list[Rows]:
    """Return start and end rows of intervals."""
    return [_rows(subject, start, _PLACE[codes[0]], value), _rows(subject, end, _PLACE[codes[1]], value)]


def _support(rng: np.random.Generator, subjects: Subjects) -> list[Rows]:
    """Return pumps, ventilators, tocilizumab and deaths of those who come to need them."""
    shock = np.flatnonzero(subjects.fate == SHOCK)
    on_pump = np.repeat(shock, PUMP_RUNS)
    start = np.repeat(subjects.begin[shock], PUMP_RUNS) + np.tile(np.arange(PUMP_RUNS) * 240, len(shock))
    pumps = _pairs(on_pump, start, start + 240, PUMPS, rng.uniform(0.02, 0.5, len(on_pump)).round(2))
    tube = shock[rng.random(len(shock)) < 0.5]
    tubes = _pairs(
        tube,
        subjects.begin[tube] + DAY,
        subjects.begin[tube] + 3 * DAY,
        VENTILATOR,
        np.full(len(tube), np.nan),
    )
    treated = np.flatnonzero(subjects.fate >= LOW_PRESSURE)
    died = shock[rng.random(len(shock)) < 0.1]
    return [
        *pumps,
        *tubes,
        _rows(treated, subjects.begin[treated] + DAY // 2, _PLACE[TOCILIZUMAB], 560.0),
        _rows(died, AFTER + 60, _PLACE[DEATH]),
    ]


def _own_rows(rng: np.random.Generator, subjects: Subjects) -> list[Rows]:
    """Return the rows that a subject has by its nature: birth, sex, weight, therapy, support."""
    everyone = np.arange(len(subjects.fate))
    sex = np.array([_PLACE[code] for code in SEXES])[rng.integers(0, 2, len(everyone))]
    weights = rng.uniform(50, 110, len(everyone)).round(1)
    return [
        _rows(everyone, STATIC, sex),
        _rows(everyone, BORN, _PLACE[BIRTH]),
        _rows(everyone, -DAY, _PLACE[WEIGHT], weights),
        _therapies(rng, len(everyone)),
        *_support(rng, subjects),
    ]


def _int64(values: Any) -> Ints:
    """Return values as 64-bit integers."""
    return np.asarray(values, np.int64)


def _charted_rows(rng: np.random.Generator, subjects: Subjects, size: int, unknown: int) -> Rows:
    """Return `size` rows charted at random instants, of which `unknown` have codes that we do not know."""
    count = len(subjects.fate)
    subject = rng.integers(0, count, size)
    instants = (-BEFORE + (BEFORE + AFTER) * rng.random((count, INSTANTS)) ** 1.3).astype(np.int64)
    minute = instants[subject, rng.integers(0, INSTANTS, size)]
    shares = np.cumsum([one.share for one in CHARTED])
    code = _int64(np.searchsorted(shares, rng.random(size) * shares[-1]))
    code[:unknown] = len(CHARTED) + rng.integers(0, len(UNKNOWN), unknown)
    inside = (minute >= subjects.begin[subject]) & (minute < subjects.end[subject])
    state = np.where(inside, subjects.fate[subject], CALM)
    means = np.array([one.means for one in CHARTED] + [(80.0,) * 4] * len(UNKNOWN))
    spread = np.array([one.spread for one in CHARTED] + [15.0] * len(UNKNOWN))
    value = (
        (means[code, state] + spread[code] * rng.standard_normal(size, np.float32))
        .astype(np.float32)
        .round(1)
    )
    words = np.full((len(CHARTED) + len(UNKNOWN), 4), -1)
    for place, one in enumerate(CHARTED):
        words[place] = [WORDS.index(word) for word in one.words] if one.words else -1
    return Rows(subject, minute, code, value, words[code, state])


def _joined(parts: Sequence[Rows]) -> Rows:
    """Return all rows, sorted by subject and minute."""
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in Rows.__dataclass_fields__]
    order = np.argsort(columns[0] << 21 | columns[1] + (1 << 20), kind="stable")
    return Rows(*(column[order] for column in columns))


def _words(places: Ints, words: Sequence[str]) -> Any:
    """Return places in a list as its words, -1 as null."""
    indices: Any = pa.array(places.astype(np.int32), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words)).cast(pa.string())


def _table(rows: Rows, subjects: Subjects, first_subject: int) -> pa.Table:
    """Return rows as a MEDS table."""
    minute = subjects.therapy[rows.subject] + rows.minute
    minute = np.where(rows.minute == BORN, subjects.born[rows.subject], minute)
    columns: list[Any] = [
        pa.array(rows.subject + first_subject),
        pa.array(minute * 60_000_000, pa.timestamp("us"), mask=rows.minute == STATIC),
        _words(rows.code, CODES),
        pa.array(rows.value, mask=np.isnan(rows.value)),
        _words(rows.word, WORDS),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def shard(place: int, size: int, first_subject: int) -> pa.Table:
    """Return one shard: about 500 rows a subject, half of all rows of codes that we know."""
    rng = np.random.default_rng([SEED, place])
    subjects = _subjects(rng, max(1, size // ROWS_A_SUBJECT))
    own = _own_rows(rng, subjects)
    left = size - sum(len(part.subject) for part in own)
    return _table(_joined([*own, _charted_rows(rng, subjects, left, size // 2)]), subjects, first_subject)


def _write(table: pa.Table, file: Path) -> None:
    """Write a shard."""
    pq.write_table(table, file, compression="zstd", row_group_size=GROUP_ROWS)


def _made(folder: Path) -> bool:
    """Return whether an earlier run made a folder's data; else clear what it left."""
    if (folder / "data" / "train").is_dir():
        return True
    shutil.rmtree(f"{folder}.part", ignore_errors=True)
    (Path(f"{folder}.part") / "data" / "train").mkdir(parents=True)
    return False


def make(root: Path, rows: int) -> Path:
    """Return the folder of a MEDS dataset of so many rows, made if need be."""
    folder = root / f"v{VERSION}-{rows}"
    if _made(folder):
        return folder
    part = Path(f"{folder}.part")
    for place, first in enumerate(range(0, rows, ROWS_A_SHARD)):
        size = min(ROWS_A_SHARD, rows - first)
        _write(
            shard(place, size, 1 + first // ROWS_A_SUBJECT), part / "data" / "train" / f"{place:04}.parquet"
        )
    os.replace(part, folder)
    return folder


def shards(folder: Path) -> list[Path]:
    """Return the data files of a dataset."""
    return sorted((folder / "data" / "train").glob("*.parquet"))


def make_in_wrong_order(folder: Path) -> Path:
    """Return the same dataset with its shards in the opposite order (links to the same files)."""
    turned = Path(f"{folder}-shards-turned")
    if not _made(turned):
        for place, file in enumerate(reversed(shards(folder))):
            os.link(file, Path(f"{turned}.part") / "data" / "train" / f"{place:04}.parquet")
        os.replace(f"{turned}.part", turned)
    return turned


def make_shuffled(folder: Path) -> Path:
    """Return the same dataset with the rows of each shard shuffled."""
    shuffled = Path(f"{folder}-rows-shuffled")
    if not _made(shuffled):
        for place, file in enumerate(shards(folder)):
            table = pq.read_table(file)
            order = np.random.default_rng([SEED, place]).permutation(table.num_rows)
            _write(table.take(order), Path(f"{shuffled}.part") / "data" / "train" / file.name)
        os.replace(f"{shuffled}.part", shuffled)
    return shuffled
