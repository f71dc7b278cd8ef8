"""Made-up records of one subject for the tests of the report, in hours since the therapy; and the course they make."""

import datetime as dt
from pathlib import Path

from tests.support.made_up import CAR_T, csv_folder
from tocsin.api import grade
from tocsin.records import Records, read_records
from tocsin.report.build import build_course
from tocsin.report.course import Course, Row

DAY_ZERO = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
BORN = "subject_id,birth_date,sex\n1,1970-05-05,female\n"


def at(hours: float) -> dt.datetime:
    """An instant, in hours since the therapy."""
    return DAY_ZERO + dt.timedelta(hours=hours)


def line(text: str) -> str:
    """An events.csv line from `HOURS SIGNAL [VALUE or WORD] [until HOURS]`; `?` is a value not recorded."""
    words = text.split()
    end = at(float(words[words.index("until") + 1])).isoformat() if "until" in words else ""
    time, signal, said = at(float(words[0])).isoformat(), words[1], words[2] if len(words) > 2 else ""
    is_number = said.replace(".", "").isdecimal()
    value, word = (said, "") if is_number else ("", "" if said in ("?", "until") else said)
    return f"1,{time},{signal},{value},,{word},{end}"


def records(folder: Path, chart: str, therapy: str = CAR_T, birth: str = BORN) -> Records:
    """The records of a run over a chart: lines of `line`, with `;` between them."""
    events = [line(text) for text in chart.split(";")]
    source = csv_folder(folder / "source", events, [therapy], subjects=birth)
    grade(source, out=folder / "run")
    return read_records(folder / "run", "1")


def course(folder: Path, chart: str, therapy: str = CAR_T, birth: str = BORN) -> Course:
    """The course that a chart makes."""
    return build_course(records(folder, chart, therapy, birth))


def row_at(course: Course, hours: float) -> Row:
    """The row that begins at an instant."""
    return next(row for row in course.rows if row.time == at(hours))
