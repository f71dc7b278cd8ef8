"""The dose band (Lee 2014's cut-offs, for three hours) and the run of 24 h."""

import pytest

from tests.support.charts import Case, case, check_rows

START = "0h car_t; 0h temp 39;"
BAND = ("dose_band", "lee2014")
NONE = "0h - 1"
LATER = "4h1m seen"


def _cut_off(name: str, under: str, at: str, low: str = "2") -> list[Case]:
    """A cut-off just under and at its figure: rates from 1h on, read until after three hours."""
    return [
        case(f"{name}: just under", f"{START} {under}; {LATER}", NONE, f"1h low {low}"),
        case(f"{name}: at", f"{START} {at}; {LATER}", NONE, f"1h low {low}", "4h high 3"),
    ]


BANDS = [
    *_cut_off("norepinephrine 20 ug/min", "1h norepinephrine 19.99", "1h norepinephrine 20"),
    *_cut_off("dopamine 10 ug/kg/min", "1h dopamine 9.99", "1h dopamine 10"),
    *_cut_off("phenylephrine 200 ug/min", "1h phenylephrine 199.9", "1h phenylephrine 200"),
    *_cut_off("epinephrine 10 ug/min", "1h epinephrine 9.99", "1h epinephrine 10"),
    *_cut_off(
        "dopamine counts half",
        "1h norepinephrine 16; 1h dopamine 7.9",
        "1h norepinephrine 16; 1h dopamine 8",
        "3",
    ),
    *_cut_off(
        "epinephrine counts full",
        "1h norepinephrine 11; 1h epinephrine 8.9",
        "1h norepinephrine 11; 1h epinephrine 9",
        "3",
    ),
    *_cut_off(
        "phenylephrine counts a tenth",
        "1h norepinephrine 10; 1h phenylephrine 99",
        "1h norepinephrine 10; 1h phenylephrine 100",
        "3",
    ),
    *_cut_off(
        "10 with vasopressin",
        "1h norepinephrine 9.99; 1h vasopressin 0.03",
        "1h norepinephrine 10; 1h vasopressin 0.03",
        "2-3",
    ),
    case(
        "vasopressin that is chronic support does not halve the cut-off",
        f"-3h vasopressin 0.03 until 9h; {START} 1h norepinephrine 15; {LATER}",
        NONE,
        "1h low 2",
    ),
    case(
        "2 h 59 min 59 s are not three hours",
        f"{START} 1h norepinephrine 25 until 3h59m59s; 5h seen",
        NONE,
        "1h low 2",
        "3h59m59s - 1",
    ),
    case(
        "three hours to the end of the run are not more than the run",
        f"{START} 1h norepinephrine 25 until 4h; 5h seen",
        NONE,
        "1h low 2",
        "4h - 1",
    ),
    case(
        "one microsecond more is enough",
        f"{START} 1h norepinephrine 25 until 4h+1us; 5h seen",
        NONE,
        "1h low 2",
        "4h high 3",
        "4h+1us - 1",
    ),
    case(
        "a break starts the three hours again",
        f"{START} 1h norepinephrine 25; 3h norepinephrine 5; 3h30m norepinephrine 25; 7h seen",
        NONE,
        "1h low 2",
        "6h30m high 3",
    ),
    case(
        "a change of agent is no break",
        f"{START} 1h norepinephrine 25 until 3h; 3h epinephrine 10; 5h seen",
        NONE,
        "1h low 2",
        "4h high 3",
    ),
    case(
        "below the cut-off it is low at once",
        f"{START} 1h norepinephrine 25; 5h norepinephrine 5; 6h seen",
        NONE,
        "1h low 2",
        "4h high 3",
        "5h low 2",
    ),
    case(
        "an unknown rate: low for three hours, then unknown",
        f"{START} 1h norepinephrine ?; 5h seen",
        NONE,
        "1h low 2",
        "4h unknown 2-3",
    ),
    case(
        "angiotensin II has no cut-off: unknown",
        f"{START} 1h angiotensin_ii 10; 5h seen",
        NONE,
        "1h low 2",
        "4h unknown 2-3",
    ),
    case(
        "unknown first, then certainly high: each by its own clock",
        f"{START} 1h norepinephrine ?; 2h norepinephrine 25; 6h seen",
        NONE,
        "1h low 2",
        "4h unknown 2-3",
        "5h high 3",
    ),
    case(
        "the known rates alone decide beside an unknown one",
        f"{START} 1h norepinephrine 20; 1h dopamine ?; 5h seen",
        NONE,
        "1h low 3",
        "4h high 3",
    ),
    case(
        "an unknown rate of chronic support leaves nothing open",
        f"-3h dopamine ? until 9h; {START} 1h norepinephrine 5; 5h seen",
        NONE,
        "1h low 2",
    ),
]

RUN = ("hypotension", "run_24h")
RUNS = [
    case(
        "24 h without a break, whichever agent",
        f"{START} 1h norepinephrine 5 until 15h; 15h epinephrine 2 until 26h; 27h seen",
        "0h none -",
        "1h one no",
        "25h one yes",
        "26h none -",
    ),
    case(
        "one microsecond short of it",
        f"{START} 1h norepinephrine 5 until 15h; 15h epinephrine 2 until 26h; 25h-1us seen",
        "0h none -",
        "1h one no",
    ),
    case(
        "ending at 24 h sharp it was never longer",
        f"{START} 1h norepinephrine 5 until 25h; 26h seen",
        "0h none -",
        "1h one no",
        "25h none -",
    ),
    case(
        "a break starts it again",
        f"{START} 1h norepinephrine 5 until 15h; 15h1m epinephrine 2 until 26h; 26h seen",
        "0h none -",
        "1h one no",
        "15h none -",
        "15h1m one no",
        "26h none -",
    ),
    case(
        "vasopressin does not bridge a break",
        f"{START} 1h norepinephrine 5 until 15h; 14h vasopressin 0.03 until 17h; "
        "16h norepinephrine 5 until 26h; 26h seen",
        "0h none -",
        "1h one no",
        "14h one_plus_vasopressin no",
        "15h vasopressin_alone -",
        "16h one_plus_vasopressin no",
        "17h one no",
        "26h none -",
    ),
    case(
        "it runs on under an attribution elsewhere",
        f"{START} 1h norepinephrine 5 until 26h; 2h said hypotension:other; "
        "25h30m said hypotension:crs; 26h seen",
        "0h none -",
        "1h one no",
        "2h none -",
        "25h30m one yes",
        "26h none -",
    ),
]


@pytest.mark.parametrize("one", BANDS, ids=lambda one: one.name)
def test_dose_band(one: Case) -> None:
    check_rows(one, BAND)


@pytest.mark.parametrize("one", RUNS, ids=lambda one: one.name)
def test_run_of_24_h(one: Case) -> None:
    check_rows(one, RUN)
