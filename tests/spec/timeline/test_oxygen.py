"""Oxygen: the category of each device and flow, how long a device is on record, whose flow and FiO2 it is."""

import pytest

from tests.support.charts import Case, case, check_rows

COLUMNS = ("oxygen", "fio2_band", "astct")
START = "0h car_t; 0h temp 39;"
NONE = "0h none - 1"


def _category(device: str, flow: str | None, category: str, astct: str) -> Case:
    """A device with a flow from 1h to 5h."""
    charted = "" if flow is None else f"; 1h flow {flow}"
    rows = [NONE, f"1h {category} {'-' if category == 'none' else 'unknown'} {astct}", "5h none - 1"]
    name = f"{device} at {flow or 'no'} L/min is {category}"
    return case(
        name, f"{START} 1h {device} until 5h{charted}; 6h seen", *(rows if category != "none" else rows[:1])
    )


CATEGORIES = [
    _category("room_air", None, "none", "1"),
    _category("nasal_cannula", None, "cannula_flow_unknown", "2-3"),
    _category("nasal_cannula", "0", "none", "1"),
    _category("nasal_cannula", "0.1", "low_flow", "2"),
    _category("nasal_cannula", "6.0", "low_flow", "2"),
    _category("nasal_cannula", "6.1", "high_flow", "3"),
    _category("blow_by", None, "low_flow", "2"),
    _category("blow_by", "0", "low_flow", "2"),
    _category("blow_by", "15", "low_flow", "2"),
    _category("high_flow_nasal_cannula", None, "high_flow", "3"),
    _category("high_flow_nasal_cannula", "0", "none", "1"),
    _category("high_flow_nasal_cannula", "6.0", "high_flow_at_low_flow", "2-3"),
    _category("high_flow_nasal_cannula", "6.1", "high_flow", "3"),
    _category("simple_face_mask", None, "mask", "3"),
    _category("venturi_mask", "2", "mask", "3"),
    _category("non_rebreather", "15", "mask", "3"),
    _category("cpap", None, "positive_pressure", "4"),
    _category("bipap", None, "positive_pressure", "4"),
    _category("invasive_ventilation", None, "ventilator", "4"),
    _category("ecmo", None, "ventilator", "4"),
]
DEVICES = [
    case(
        "without an end a device is on record for 24 h",
        f"{START} 1h bipap; 10h temp 39; 25h-1us seen",
        NONE,
        "1h positive_pressure unknown 4",
    ),
    case(
        "and gone at 24 h sharp",
        f"{START} 1h bipap; 10h temp 39; 25h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "25h none - 1",
    ),
    case(
        "the device that started last is on; there is no return to an older one",
        f"{START} 1h bipap until 10h; 2h nasal_cannula until 4h; 6h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "2h cannula_flow_unknown unknown 2-3",
        "4h none - 1",
    ),
    case(
        "a new record of the same device replaces the end of the old",
        f"{START} 1h bipap until 10h; 2h bipap until 4h; 6h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "4h none - 1",
    ),
    case(
        "of two records of one instant the later end",
        f"{START} 1h bipap until 4h; 1h bipap until 6h; 7h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "6h none - 1",
    ),
    case(
        "of two devices of one instant the later in the list",
        f"{START} 1h bipap until 4h; 1h nasal_cannula until 4h; 7h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "4h none - 1",
    ),
    case(
        "attributed elsewhere it reads as none",
        f"{START} 1h bipap until 6h; 2h said hypoxia:other; 3h said hypoxia:crs; 7h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "2h none - 1",
        "3h positive_pressure unknown 4",
        "6h none - 1",
    ),
]
VALUES = [
    case(
        "FiO2 39.9 is below 40",
        f"{START} 1h bipap until 5h; 1h fio2 39.9",
        NONE,
        "1h positive_pressure below_40 4",
    ),
    case(
        "FiO2 40 is at least 40",
        f"{START} 1h bipap until 5h; 1h fio2 40",
        NONE,
        "1h positive_pressure at_least_40 4",
    ),
    case(
        "a flow holds 24 h, the device goes on",
        f"{START} 1h nasal_cannula until 60h; 1h flow 4; 10h temp 39; 25h seen",
        NONE,
        "1h low_flow unknown 2",
        "25h cannula_flow_unknown unknown 2-3",
    ),
    case(
        "so does an FiO2",
        f"{START} 1h bipap until 60h; 1h fio2 60; 10h temp 39; 25h seen",
        NONE,
        "1h positive_pressure at_least_40 4",
        "25h positive_pressure unknown 4",
    ),
    case(
        "the higher of two at one instant",
        f"{START} 1h nasal_cannula until 5h; 1h flow 4; 1h flow 8; 1h fio2 30; 1h fio2 50",
        NONE,
        "1h high_flow at_least_40 3",
    ),
    case(
        "a value goes when the run of its device ends",
        f"{START} 1h bipap until 5h; 2h fio2 60; 5h nasal_cannula until 8h; 9h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "2h positive_pressure at_least_40 4",
        "5h cannula_flow_unknown unknown 2-3",
        "8h none - 1",
    ),
    case(
        "a run lasts while records of the device follow each other",
        f"{START} 1h bipap until 5h; 2h fio2 60; 5h bipap until 8h; 9h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "2h positive_pressure at_least_40 4",
        "8h none - 1",
    ),
    case(
        "but not over a gap",
        f"{START} 1h bipap until 5h; 2h fio2 60; 5h+1us bipap until 8h; 9h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "2h positive_pressure at_least_40 4",
        "5h none - 1",
        "5h+1us positive_pressure unknown 4",
        "8h none - 1",
    ),
    case(
        "a value at the very instant the run ends goes with it",
        f"{START} 1h bipap until 5h; 5h fio2 60; 6h nasal_cannula until 8h; 9h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "5h none - 1",
        "6h cannula_flow_unknown unknown 2-3",
        "8h none - 1",
    ),
    case(
        "unless another device starts then",
        f"{START} 1h bipap until 5h; 5h fio2 60; 5h nasal_cannula until 8h; 9h seen",
        NONE,
        "1h positive_pressure unknown 4",
        "5h cannula_flow_unknown at_least_40 2-3",
        "8h none - 1",
    ),
    case(
        "charted while nothing was on record it belongs to the next device",
        f"{START} 1h flow 4; 2h nasal_cannula until 5h; 6h seen",
        NONE,
        "1h device_unknown unknown 2-3-4",
        "2h low_flow unknown 2",
        "5h none - 1",
    ),
    case(
        "charted after a room air, too",
        f"{START} 1h room_air; 2h flow 4; 3h nasal_cannula until 5h; 6h seen",
        NONE,
        "2h device_unknown unknown 2-3-4",
        "3h low_flow unknown 2",
        "5h none - 1",
    ),
    case(
        "charted with a room air it belongs to that and goes with it",
        f"{START} 1h room_air; 1h flow 4; 3h nasal_cannula until 5h; 6h seen",
        NONE,
        "3h cannula_flow_unknown unknown 2-3",
        "5h none - 1",
    ),
    case(
        "a room air is a next device",
        f"{START} 1h flow 4; 2h room_air until 3h; 4h nasal_cannula until 5h; 6h seen",
        NONE,
        "1h device_unknown unknown 2-3-4",
        "2h none - 1",
        "4h cannula_flow_unknown unknown 2-3",
        "5h none - 1",
    ),
]
UNKNOWN = [
    case("a flow of 0 without a device says nothing", f"{START} 1h flow 0; 2h seen", NONE),
    case("an FiO2 of 21 is air", f"{START} 1h fio2 21; 2h seen", NONE),
    case(
        "an FiO2 over 21 is oxygen from some device",
        f"{START} 1h fio2 21.1; 2h seen",
        NONE,
        "1h device_unknown below_40 2-3-4",
    ),
    case(
        "it lasts as long as the value holds",
        f"{START} 1h flow 4; 10h temp 39; 25h seen",
        NONE,
        "1h device_unknown unknown 2-3-4",
        "25h none - 1",
    ),
    case(
        "after a room air the FiO2 band is from values charted after it",
        f"{START} 1h fio2 60; 2h room_air; 3h flow 4; 4h seen",
        NONE,
        "1h device_unknown at_least_40 2-3-4",
        "2h none - 1",
        "3h device_unknown unknown 2-3-4",
    ),
    case(
        "when a device's run ends its own values do not make it",
        f"{START} 1h nasal_cannula until 3h; 2h flow 4; 4h seen",
        NONE,
        "1h cannula_flow_unknown unknown 2-3",
        "2h low_flow unknown 2",
        "3h none - 1",
    ),
]


@pytest.mark.parametrize("one", CATEGORIES, ids=lambda one: one.name)
def test_category_of_device_and_flow(one: Case) -> None:
    check_rows(one, COLUMNS)


@pytest.mark.parametrize("one", DEVICES, ids=lambda one: one.name)
def test_device_on_record(one: Case) -> None:
    check_rows(one, COLUMNS)


@pytest.mark.parametrize("one", VALUES, ids=lambda one: one.name)
def test_flow_and_fio2(one: Case) -> None:
    check_rows(one, COLUMNS)


@pytest.mark.parametrize("one", UNKNOWN, ids=lambda one: one.name)
def test_device_unknown(one: Case) -> None:
    check_rows(one, COLUMNS)
