"""Where every source row went: used, of no interest (by why and code), or quarantined (by reason)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tocsin.errors import InternalError


@dataclass
class Accounting:
    """Counts of source rows. `rows_read` is counted apart from the other three, so that the sum can fail."""

    rows_read: int = 0
    rows_used: int = 0
    not_of_interest: Counter[str] = field(default_factory=Counter[str])
    by_code: Counter[str] = field(default_factory=Counter[str])
    quarantined: Counter[str] = field(default_factory=Counter[str])
    assumed_units: Counter[str] = field(default_factory=Counter[str])
    events: int = 0

    def no_interest(self, why: str, rows: int, code: str | None = None) -> None:
        """Count rows of no interest."""
        if rows:
            self.not_of_interest[why] += rows
            if code is not None:
                self.by_code[code] += rows

    def check(self) -> None:
        """Raise InternalError unless the parts add up to the rows read."""
        parts = self.rows_used + self.not_of_interest.total() + self.quarantined.total()
        if parts != self.rows_read:
            raise InternalError(f"rows do not add up: {self.rows_read} read, {parts} accounted for")

    def as_json(self) -> dict[str, Any]:
        """Return the counts as `run.json` has them."""
        return {
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "not_of_interest": self.not_of_interest.total(),
            "quarantined": self.quarantined.total(),
            "events": self.events,
            "not_of_interest_by_reason": dict(sorted(self.not_of_interest.items())),
            "not_of_interest_by_code": dict(self.by_code.most_common(200)),
            "quarantined_by_reason": dict(sorted(self.quarantined.items())),
            "assumed_units": dict(sorted(self.assumed_units.items())),
        }
