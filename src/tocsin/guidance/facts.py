"""What a fact is: something known or not known of one patient at one instant, and what to ask where it is not known."""

from dataclasses import dataclass
from typing import TypeAlias

from tocsin.knowledge.conditions import Value

# By the ids of facts.toml. None is unknown; a set holds every value that the record allows.
Facts: TypeAlias = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the record lacks or leaves open, and why it matters."""

    what: str
    why: str


def yes_no(value: Value) -> bool | None:
    """Return a fact that is yes or no, None while it is unknown."""
    return value if isinstance(value, bool) else None


def any_of(*values: bool | None) -> bool | None:
    """Return whether any is true; unknown where none is and one is unknown."""
    if any(value is True for value in values):
        return True
    return None if any(value is None for value in values) else False
