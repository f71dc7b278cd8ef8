"""What a user may set about reading, and how a wrong value is refused."""

from typing import Any

import pytest

from tocsin.errors import UserError
from tocsin.sources.settings import Settings


@pytest.mark.parametrize(
    ("overrides", "settings"),
    [
        ({}, Settings()),
        ({"zone": "America/New_York"}, Settings(zone="America/New_York")),
        ({"date_only": "noon"}, Settings(date_only="noon")),
        ({"orders_count": "true"}, Settings(orders_count=True)),
        ({"orders_count": "False"}, Settings(orders_count=False)),
        ({"orders_count": True}, Settings(orders_count=True)),
    ],
)
def test_overrides(overrides: dict[str, Any], settings: Settings) -> None:
    assert Settings.from_overrides(overrides) == settings


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"zone": "New York"}, "zone=New York: no such time zone; write a name"),
        ({"zone": ""}, "no such time zone"),
        ({"zone": "../etc/passwd"}, "no such time zone"),
        ({"zone": "America"}, "no such time zone"),
        ({"date_only": "midnight"}, "date_only=midnight: write one of quarantine, start, end, noon"),
        ({"orders_count": "maybe"}, "orders_count=maybe: write true or false"),
        ({"colour": "red"}, "unknown setting 'colour'"),
    ],
)
def test_a_wrong_value_is_refused(overrides: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Settings.from_overrides(overrides)
