"""Names, numbers, units and times as people read them."""

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from tocsin.grading.words import DEVICE
from tocsin.knowledge.causes import cause_words
from tocsin.knowledge.products import products

_UNIT: Final = MappingProxyType(
    {
        "Cel": "°C",
        "mm[Hg]": "mmHg",
        "[IU]/min": "U/min",
        "10*6": "million cells",
        "{score}": "",
        "10*3/uL": "10³/uL",
        "ug/d": "micrograms a day",  # an abbreviation of it has been read as milligrams
    }
)

_LANE: Final = MappingProxyType(
    {"high_flow_nasal_cannula": "high-flow cannula", "non_rebreather": "non-rebreather", "blow_by": "blow-by"}
)
_DEVICE: Final = MappingProxyType({"invasive_ventilation": "ventilator", "room_air": "room air"})


def unit_name(unit: str) -> str:
    """Return a UCUM unit as it is said on a ward."""
    return _UNIT.get(unit, unit)


def figure(value: float) -> str:
    """Return a number without digits that say nothing."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit."""
    return f"{figure(value)} {unit_name(unit)}".strip()


def device_name(device: str) -> str:
    """Return an oxygen device in words."""
    return _DEVICE.get(device, DEVICE.get(device, device))


def lane_name(device: str) -> str:
    """Return an oxygen device in the few letters of a lane."""
    return _LANE.get(device, device_name(device))


def drug_name(drug: str) -> str:
    """Return a drug, a signal or a product in words."""
    return drug.replace("_", " ")


def therapy_name(cause: str, product: str | None) -> str:
    """Return a therapy in words: its product, else its cause."""
    if product is None:
        return cause_words()[cause].name if cause in cause_words() else drug_name(cause)
    known = products().get(product)
    return f"{known.name} ({known.brand})" if known and known.brand else drug_name(product)


def therapy_lane(cause: str, product: str | None) -> str:
    """Return a therapy in the few letters of a lane."""
    return therapy_name(cause, product).split(" ")[0]


def grades_text(grades: tuple[int, ...]) -> str:
    """Return a set of grades: `3`, or `2-3` where it is undecided."""
    return "-".join(map(str, grades))


def clock(time: datetime) -> str:
    """Return date and time, the zone left to the heading."""
    return f"{time.day:2} {time:%b %H:%M}"


def since(time: datetime, now: datetime) -> str:
    """Return a time as it is said at another: the clock alone on the same day."""
    return f"since {_short(time, now)}"


def at(time: datetime, now: datetime) -> str:
    """Return `at 12:30`, or `on 4 Mar 12:30` where the day is another."""
    return f"{'at' if time.date() == now.date() else 'on'} {_short(time, now)}"


def _short(time: datetime, now: datetime) -> str:
    return f"{time:%H:%M}" if time.date() == now.date() else clock(time).strip()


def days(time: datetime, therapy: datetime) -> float:
    """Return the days since the therapy."""
    return (time - therapy) / timedelta(days=1)


def day_text(value: float) -> str:
    """Return `+2.4`."""
    return f"{value:+.1f}"
