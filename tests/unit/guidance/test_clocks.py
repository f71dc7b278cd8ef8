"""The clocks: at, before and after each bound, in the zone of the record."""

import datetime as dt

import pytest

from tests.support.situations import advised, ids, moment, situation
from tocsin.guidance.clocks import next_reassessments, read_clock

SEVERE = (
    "-1h weight 80; 0h car_t; 48h temp 39.5; 50h sbp 80; 50h norepinephrine 6 until 90h; "
    "52h tocilizumab 640; 52h dexamethasone 10"
)
WORSE = f"{SEVERE}; 53h norepinephrine 9 until 200h; 53h temp 39.5"


@pytest.mark.parametrize(
    ("at", "kind"),
    [("52h", "stop"), ("59h59m", "stop"), ("59h59m59s", "stop"), ("60h", "treat"), ("60h1m", "treat")],
)
def test_tocilizumab_may_be_repeated_from_8_h_on(at: str, kind: str) -> None:
    """TOC-004: before 8 h a stop with the earliest time, from 8 h on a dose."""
    (item,) = [one for one in advised(WORSE, at).items if one.id == "TOC-004"]
    assert item.kind == kind
    assert item.not_before == (moment("60h") if kind == "stop" else None)
    assert (item.dose is not None) == (kind == "treat")


@pytest.mark.parametrize(("doses", "forbidden"), [(1, False), (2, False), (3, False), (4, True), (5, True)])
def test_the_fifth_dose_is_forbidden(doses: int, forbidden: bool) -> None:
    """TOC-005: after four the next is forbidden, whatever the hours."""
    given = "; ".join(f"{52 + 8 * number}h tocilizumab 640" for number in range(doses))
    advice = advised(
        f"{SEVERE}; {given}; 53h norepinephrine 9 until 200h; 99h temp 39.6; 99h norepinephrine 20 until 120h"
    )
    assert ("TOC-005" in ids(advice, "stop")) == forbidden
    assert ("TOC-004" in ids(advice, "treat")) == (not forbidden)


@pytest.mark.parametrize(
    ("at", "spoken"),
    [
        ("59h59m", set()), ("60h", {"PER-002"}), ("75h59m", {"PER-002"}), ("76h", {"PER-002", "PER-003"}), ("76h1m", {"PER-003"}),
        ("123h59m", {"PER-003"}), ("124h", {"PER-003", "CON-014"}), ("124h1m", {"CON-014"}),
    ],
)  # fmt: skip
def test_8_24_and_72_h_without_improvement(at: str, spoken: set[str]) -> None:
    """PER-002, PER-003 and CON-014 at their bounds."""
    later = "; 70h temp 39.4; 90h temp 39.5; 110h temp 39.5; 123h temp 39.5"
    found = set(ids(advised(WORSE + later, at), "caution"))
    assert found & {"PER-002", "PER-003", "CON-014"} == spoken


@pytest.mark.parametrize(
    ("charted", "by"),
    [("53h sbp 90; 54h platelets 40", "77h"), ("53h platelets 40; 54h sbp 90", "77h"), ("53h sbp 90", None)],
)
def test_the_daily_look_is_due_by_the_older_of_the_two(charted: str, by: str | None) -> None:
    """MON-001: vital signs and laboratory at least once a day; where no laboratory is on record no time is made up."""
    (item,) = [one for one in advised(f"{SEVERE}; {charted}", "55h").items if one.id == "MON-001"]
    assert item.due_by == (None if by is None else moment(by))


def test_the_next_looks_are_those_ahead() -> None:
    hours = [(one.earliest or one.start) for one in next_reassessments(situation(SEVERE, "61h"))]
    assert hours == [moment("76h"), moment("124h")]


def test_times_are_in_the_zone_of_the_record() -> None:
    advice = advised(SEVERE, "53h", zone="America/New_York")
    (item,) = [one for one in advice.items if one.id == "TOC-004"]
    assert item.not_before is not None
    assert item.not_before.isoformat() == "2025-03-04T07:00:00-05:00"
    assert advice.at.isoformat() == "2025-03-04T00:00:00-05:00"
    assert advice.as_json()["at"] == "2025-03-04T00:00:00-05:00"


def test_a_clock_runs_over_a_change_of_the_clocks() -> None:
    """Eight hours are eight hours, the night in which an hour is missing too (9 March 2025 in New York)."""
    chart = "0h car_t; 140h temp 39; 168h sbp 80; 168h norepinephrine 5 until 190h; 172h temp 39; 172h tocilizumab 640"
    (item,) = [one for one in advised(chart, "173h", zone="America/New_York").items if one.id == "TOC-004"]
    assert item.not_before is not None
    assert item.not_before.utcoffset() == dt.timedelta(hours=-4)
    assert item.not_before == moment("180h")


def test_a_clock_without_its_event_is_not_read() -> None:
    assert read_clock("tocilizumab_repeat", situation("0h car_t; 48h temp 39")) is None
    assert read_clock("blinatumomab_escalate", situation("0h car_t; 48h temp 39")) is None


def test_the_course_of_dexamethasone_is_dated() -> None:
    """BLN-003 and BLN-005: full dose to three days after the first, the taper to seven."""
    chart = "-1h weight 62; 0h blinatumomab 28 until 9h; 6h temp 39; 8h venturi_mask; 8h fio2 50; 9h dexamethasone 8; 10h temp 39"
    (item,) = [one for one in advised(chart).items if one.id == "BLN-003"]
    assert (item.calendar[0][0], item.calendar[0][1], item.calendar[-1][1]) == (
        moment("9h"),
        moment("81h"),
        moment("177h"),
    )
    assert item.due_by == moment("81h")


@pytest.mark.parametrize(("at", "ids_now"), [("227h59m", ["BLN-009"]), ("228h", []), ("229h", [])])
def test_seven_days_on_the_resumed_dose(at: str, ids_now: list[str]) -> None:
    """BLN-009: hold for seven days, then up."""
    chart = "-1h weight 62; 0h blinatumomab 28 until 9h; 6h temp 39; 30h temp 36.8; 60h blinatumomab 9 until 400h; 230h seen"
    advice = advised(chart, at)
    assert ids(advice, "hold") == ids_now
    assert ("BLN-009" in ids(advice, "treat")) == (not ids_now)


@pytest.mark.parametrize(("at", "kind"), [("47h59m", "stop"), ("48h", "treat")])
def test_a_dose_before_the_onset_counts_for_the_interval(at: str, kind: str) -> None:
    """TOC-004: given to prevent CRS at 40 h, severe CRS from 46 h on: nothing before 48 h, then the first dose of the episode."""
    chart = "-1h weight 80; 0h car_t; 40h tocilizumab 640; 46h temp 39; 46h sbp 80; 46h norepinephrine 6 until 60h; 49h temp 39"
    advice = advised(chart, at)
    assert ("TOC-004" in ids(advice, "stop")) == (kind == "stop")
    assert ("TOC-002" in ids(advice, "treat")) == (kind == "treat")
    assert [one.not_before for one in advice.items if one.id == "TOC-004"] == (
        [moment("48h")] if kind == "stop" else []
    )
