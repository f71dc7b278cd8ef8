"""The account of a run: it adds up, or it is a bug of ours."""

import pytest

from tocsin.errors import InternalError
from tocsin.events.accounting import Accounting


def test_the_parts_add_up() -> None:
    account = Accounting(rows_read=6, rows_used=2)
    account.no_interest("unmapped", 3, "X//1")
    account.quarantined["no_time"] += 1
    account.check()
    found = account.as_json()
    assert found["rows_used"] + found["not_of_interest"] + found["quarantined"] == found["rows_read"]
    assert found["not_of_interest_by_reason"] == {"unmapped": 3}
    assert found["not_of_interest_by_code"] == {"X//1": 3}


@pytest.mark.parametrize("used", [1, 3])
def test_a_row_too_few_or_too_many_is_a_bug(used: int) -> None:
    with pytest.raises(InternalError, match="do not add up"):
        Accounting(rows_read=2, rows_used=used).check()


def test_nothing_is_counted_as_nothing() -> None:
    account = Accounting()
    account.no_interest("unmapped", 0, "X//1")
    assert account.as_json()["not_of_interest_by_reason"] == {}
