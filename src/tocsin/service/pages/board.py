"""The board: every followed patient in a row, worst and most changed first, kept current by server-sent events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from markupsafe import Markup

from tocsin.grading.words import label
from tocsin.knowledge.dosing import dose
from tocsin.knowledge.scales import scale
from tocsin.report.labels import day_text, days
from tocsin.report.svg import spark_svg
from tocsin.service.access import User, audit_board, require
from tocsin.service.context import Context, Here
from tocsin.service.pages.live import watch
from tocsin.service.pages.render import fragment, hours_words, page, therapy_words
from tocsin.service.pages.sheet import SILENT
from tocsin.service.summary import Summary

router = APIRouter()
Reader = Annotated[User, Depends(require("read"))]
OpenBoard = Annotated[User, Depends(require("read", touch=False))]  # it asks by itself
Sort = Literal["worst", "patient", "day", "tocilizumab", "next", "missing"]
HEADS: Final[tuple[tuple[Sort, str], ...]] = (
    ("worst", "Grade"),
    ("patient", "Patient"),
    ("day", "Day, therapy"),
    ("tocilizumab", "Tocilizumab"),
    ("next", "Next check"),
    ("missing", "Missing"),
)
_SPARK: Final = timedelta(hours=72)
_DAY: Final = timedelta(hours=24)
_HOUR: Final = timedelta(hours=1)
SHOWN: Final = 2  # what is missing, as far as a row has room for it
_SOON: Final = timedelta(minutes=30)
_KEPT: Final = 1024  # rows that are held as they were drawn, each about 2 KiB
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One row of the board at an instant."""

    of: Summary
    at: datetime
    zone: ZoneInfo

    @property
    def status(self) -> str:
        """Where the patient stands: active, quiet or dead."""
        return "dead" if self.of.dead else "active" if self.of.active else "quiet"

    @cached_property
    def worst(self) -> tuple[int, int]:
        """The highest grade that may be, and the lowest."""
        return (max(self.of.grades, default=0), min(self.of.grades, default=0)) if self.of.active else (0, 0)

    @property
    def scale(self) -> str:
        """The name of the scale of record."""
        return label(scale(self.of.scale)) if self.of.scale else ""

    @cached_property
    def missing(self) -> list[str]:
        """What is missing, the first of it in short."""
        first = [f"no record for {self.silent}"] if self.silent else []
        first += [] if self.of.cause else ["the therapy"]
        return [*first, *(one.partition(":")[0] for one in self.of.missing)]

    @property
    def therapy(self) -> str:
        """The therapy in words."""
        return therapy_words(self.of.cause, self.of.product)

    @property
    def acts(self) -> str:
        """The kinds of act that are asked for now."""
        return ", ".join(self.of.urgent) if self.of.active else ""

    @property
    def day(self) -> str:
        """The day since the therapy."""
        given = _time(self.of.therapy_time)
        return day_text(days(self.at, given)) if given else ""

    @cached_property
    def steps(self) -> list[tuple[datetime, tuple[int, ...]]]:
        """The grades of the last 72 h, each from its time on."""
        return [(datetime.fromisoformat(time), grades) for time, grades in self.of.spark]

    @property
    def spark(self) -> str:
        """The last 72 h as a picture."""
        steps, since = self.steps, self.at - _SPARK
        last = min(self.at, _time(self.of.last_record) or self.at) if not self.of.active else self.at
        ends = [*(time for time, _ in steps[1:]), last]
        return spark_svg(
            [(start, end, grades) for (start, grades), end in zip(steps, ends, strict=True)] if steps else [],
            since,
            self.at,
        )

    @cached_property
    def change(self) -> int:
        """By how much the highest grade that may be differs from the one a day ago."""
        before = [grades for time, grades in self.steps if time <= self.at - _DAY]
        return self.worst[0] - max(before[-1], default=0) if before else self.worst[0]

    @property
    def trend(self) -> str:
        """The trend in words."""
        if self.of.dead:
            return "died"
        since = _time(self.of.since)
        held = f", held {_hours(self.at - since)}" if since else ""
        if not self.of.active:
            return "no episode now"
        if not any(time <= self.at - _DAY for time, _ in self.steps):
            return f"new in 24 h{held}"
        word = "up" if self.change > 0 else "down" if self.change < 0 else "steady"
        amount = f" {abs(self.change)} in 24 h" if self.change else ""
        return f"{word}{amount}{held}"

    @property
    def since_tocilizumab(self) -> str:
        """The hours since the last dose of tocilizumab."""
        given = _time(self.of.last_tocilizumab)
        return _hours(self.at - given) if given else ""

    @cached_property
    def next(self) -> datetime | None:
        """When the next look is due, on the clocks of the ward."""
        due = _time(self.of.next_at)
        return due.astimezone(self.zone) if due else None

    @property
    def next_state(self) -> str:
        """Whether the next look is late, soon or later."""
        if self.next is None:
            return ""
        return "late" if self.next < self.at else "soon" if self.next - self.at < _SOON else "later"

    @property
    def next_words(self) -> str:
        """How long until the next look, or since it was due."""
        if self.next is None:
            return ""
        return (
            f"{_hours(self.at - self.next)} late"
            if self.next < self.at
            else f"in {_hours(self.next - self.at)}"
        )

    @cached_property
    def silent(self) -> str:
        """How long nothing was charted, where that is long for a patient in an episode."""
        last = _time(self.of.last_record)
        return _hours(self.at - last) if self.of.active and last and self.at - last > SILENT else ""


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _hours(length: timedelta) -> str:
    return hours_words(max(length, timedelta()) / _HOUR)


_KEYS: Final[dict[str, Callable[[Line], Any]]] = {
    "worst": lambda line: (
        line.of.dead,
        not line.of.active,
        -line.worst[0],
        -line.worst[1],
        -abs(line.change),
    ),
    "patient": lambda line: (line.of.name or line.of.patient).casefold(),
    "day": lambda line: _time(line.of.therapy_time) or _FAR,
    "tocilizumab": lambda line: _time(line.of.last_tocilizumab) or _FAR,
    "next": lambda line: line.next or _FAR,
    "missing": lambda line: -len(line.of.missing),
}


def lines(
    summaries: Sequence[Summary], at: datetime, zone: ZoneInfo, sort: Sort = "worst", down: bool = False
) -> list[Line]:
    """Return the rows of the board in order: worst and most changed first, or by a column; `down` turns it round."""
    rows = [Line(one, at, zone) for one in summaries]
    rows.sort(key=lambda line: line.of.patient)
    return sorted(rows, key=_KEYS[sort], reverse=down)


def most_doses() -> int | None:
    """Return how many doses of tocilizumab an episode may have."""
    return dose("tocilizumab_from_30").max_doses


@lru_cache(maxsize=_KEPT)
def draw(line: Line) -> Markup:
    """Return a row of the board as it is shown."""
    return Markup(fragment("board_row.html", line=line, at=line.at, most=most_doses(), shown=SHOWN))


def _values(context: Context, sort: Sort, down: bool) -> dict[str, Any]:
    """Return what the board is filled with; its rows are drawn here, on a thread that may take its time."""
    zone = ZoneInfo(context.config.zone)
    # By the minute: most rows stay as they are, and boards that are open together show the same.
    at = datetime.now(zone).replace(second=0, microsecond=0)
    rows = lines(context.patients.board(), at, zone, sort, down)
    return {
        "patients": [line.of.patient for line in rows],
        "drawn": Markup().join(map(draw, rows)),
        "at": at,
        "zone": zone.key,
        "sort": sort,
        "down": down,
        "heads": HEADS,
    }


@router.get("/board")
async def board(
    request: Request, here: Here, user: Reader, sort: Sort = "worst", down: bool = False, wall: bool = False
) -> Response:
    """Return the board."""
    values = await here.work(_values, here, sort, down, cpu=False)
    await audit_board(request, user, values["patients"])
    return page("board.html", request, wall=wall, **values)


@router.get("/board/rows")
async def rows(
    request: Request, here: Here, user: OpenBoard, sort: Sort = "worst", down: bool = False
) -> Response:
    """Return the rows alone, for a board that is open."""
    values = await here.work(_values, here, sort, down, cpu=False)
    await audit_board(request, user, values["patients"])
    return HTMLResponse(values["drawn"], headers={"Cache-Control": "no-store"})


@router.get("/board/events")
async def events(request: Request, here: Here, user: OpenBoard) -> Response:
    """Say which rows changed, as long as somebody listens."""
    there = await here.work(here.patients.board, cpu=False)
    await audit_board(request, user, [one.patient for one in there])
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(watch(here, request, user), media_type="text/event-stream", headers=headers)
