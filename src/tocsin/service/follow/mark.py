"""How far one patient was followed: a small document in the store, written only after what it speaks of is kept."""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Final

from tocsin.service.store import Store
from tocsin.service.store.database import instant

_NAME: Final = "follow/patient/"
_MOST_ASIDE: Final = 200  # an account for people, not a store


@dataclass
class Mark:
    """By resource type the latest change that was read, in microseconds since 1970 by the server's clock."""

    base: str
    newest: dict[str, int] = field(default_factory=dict[str, int])
    swept: float | None = None  # when everything was last compared, in seconds by our clock
    aside: dict[str, str] = field(default_factory=dict[str, str])  # what could not be kept, and why

    def since(self, kind: str, server_now: int | None, overlap: timedelta) -> str | None:
        """Return from when on to ask for changes; None for everything there is.

        Never from later than the server's own clock: one that ran ahead and was set right writes earlier times again.
        """
        if kind not in self.newest:
            return None
        newest = self.newest[kind] if server_now is None else min(self.newest[kind], server_now)
        start = instant(newest) - overlap
        return start.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

    def set_aside(self, name: str, why: str) -> bool:
        """Note a resource that could not be kept; whether it is one more."""
        if name in self.aside or len(self.aside) >= _MOST_ASIDE:
            return False
        self.aside[name] = why
        return True


def read_mark(store: Store, patient: str) -> Mark | None:
    """Return how far a patient was followed, None where it never was."""
    found: dict[str, Any] | None = store.cursors.read(_NAME + patient)
    return None if found is None else Mark(**found)


def write_mark(store: Store, patient: str, mark: Mark) -> None:
    """Keep how far a patient was followed; durable before it returns."""
    store.cursors.write(_NAME + patient, asdict(mark))
