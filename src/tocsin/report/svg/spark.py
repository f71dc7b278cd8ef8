"""The spark of a patient on the board: the grades of the last hours as a small band."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tocsin.report.course import Grades
from tocsin.report.labels import grades_text

_WIDE: Final = 144.0
_HIGH: Final = 32.0
_PER_GRADE: Final = 6.0


def spark_svg(steps: Sequence[tuple[datetime, datetime, Grades]], start: datetime, end: datetime) -> str:
    """Return the steps between two instants; each as high as its grade, the open part lighter, nothing where there was none."""
    drawn: list[str] = []
    scale = _WIDE / (end - start).total_seconds()
    for since, until, grades in steps:
        left = min(max((since - start).total_seconds() * scale, 0.0), _WIDE)
        right = min(max((until - start).total_seconds() * scale, 0.0), _WIDE)
        low, high = min(grades), max(grades)
        if high > low:
            drawn.append(_rect(left, right, high, "may"))
        drawn.append(_rect(left, right, low, f"g{low}"))
    said = "Grades of the last 72 h: " + (
        ", then ".join(grades_text(grades) for _, _, grades in steps) or "none"
    )
    # A board has hundreds of these: the text is put together as it stands, of numbers and words of our own.
    return (
        f'<svg class="spark" viewBox="0 0 {_WIDE:g} {_HIGH + 1:g}" role="img"><title>{said}</title>'
        f'{"".join(drawn)}<path d="M0 {_HIGH:g}h{_WIDE:g}M48 {_HIGH:g}v-3M96 {_HIGH:g}v-3" class="base"/></svg>'
    )


def _rect(left: float, right: float, grade: int, class_: str) -> str:
    """Return one step: as high as its grade, grade 0 as a line."""
    high = max(grade * _PER_GRADE, 1.5)
    width = max(right - left, 1.0)
    return (
        f'<rect x="{left:.1f}" y="{_HIGH - high:g}" width="{width:.1f}" height="{high:g}" class="{class_}"/>'
    )
