"""The fields of the forms on our pages: words to choose from, or a number between the bounds of its signal."""

from dataclasses import dataclass
from typing import Final

from tocsin.knowledge.signals import signal
from tocsin.report.labels import unit_name

YES_NO: Final = (("", "not known"), ("yes", "yes"), ("no", "no"))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: a choice where it has options, else a number between its bounds."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: str = "1"
    hint: str = ""

    @property
    def is_short(self) -> bool:
        """Whether the options stand side by side."""
        return self.options == YES_NO


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading."""

    head: str
    fields: tuple[Field, ...]


def measured(name: str, label: str, of: str, step: str = "1", hint: str = "") -> Field:
    """Return the field of a number of a signal, in its unit."""
    row = signal(of)
    return Field(
        name, label, unit=unit_name(row.unit), low=row.hard_min, high=row.hard_max, step=step, hint=hint
    )
