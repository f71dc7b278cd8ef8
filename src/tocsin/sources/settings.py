"""What a user may decide about reading: the zone of times without one, dates without a clock time, orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args
from zoneinfo import ZoneInfo

from tocsin.errors import UserError

DateOnly = Literal["quarantine", "start", "end", "noon"]
KEYS: Final = ("zone", "date_only", "orders_count")
_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a source is read."""

    zone: str = "UTC"
    date_only: DateOnly = "quarantine"
    orders_count: bool = False

    @classmethod
    def from_overrides(cls, overrides: Mapping[str, Any]) -> "Settings":
        """Check what a user set; the keys are those of `KEYS`."""
        for key in overrides:
            if key not in KEYS:
                raise UserError(f"unknown setting {key!r}: a source takes {', '.join(KEYS)}")
        usual = cls()
        return cls(
            zone=_zone(str(overrides.get("zone", usual.zone))),
            date_only=_date_only(str(overrides.get("date_only", usual.date_only))),
            orders_count=_truth("orders_count", overrides.get("orders_count", usual.orders_count)),
        )


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UserError(
            f"zone={name}: no such time zone; write a name of the tz database, like America/New_York"
        ) from None
    return name


def _date_only(word: str) -> DateOnly:
    words = get_args(DateOnly)
    if word not in words:
        raise UserError(f"date_only={word}: write one of {', '.join(words)}")
    return cast(DateOnly, word)


def _truth(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUTH:
        raise UserError(f"{key}={value}: write true or false")
    return _TRUTH[word]
