"""A course in our CSV layout: the names and units are ours, so it is written as it stands."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.charts import write_folder
from tests.support.five_formats.course import Course


def write_csv(folder: Path, courses: Sequence[Course]) -> int:
    """Write events, therapies, annotations and subjects; return how many rows. What was never given has no place here."""
    write_folder(folder, [(course.birth, course.events) for course in courses])
    people = [f"{course.number},{course.birth or ''},{course.sex}" for course in courses]
    (folder / "subjects.csv").write_text(
        "\n".join(["subject_id,birth_date,sex", *people]) + "\n", encoding="utf-8"
    )
    return sum(len(course.events) + 1 for course in courses)
