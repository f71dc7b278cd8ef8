"""What of the guidance a record can be audited for: the rows of `guidance/audit.toml`."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from tocsin.knowledge import _files
from tocsin.knowledge.dosing import clock, cutoffs
from tocsin.knowledge.drugs import drug
from tocsin.knowledge.rules import Rule, rule

_FILE = "guidance/audit.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One thing that is audited: the rules it comes from, what is counted, and the sentences that say how.

    `until` is where a watch ends: when the signs are over, or when the timeline closed the episode.
    """

    id: str
    rules: tuple[str, ...]
    title: str
    check: str
    counted: Literal["episode", "dose"]
    causes: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    groups: tuple[str, ...]
    clock: str = ""
    cutoff: str = ""
    cutoff_open: str = ""
    drug: str = ""
    figure: str = ""
    until: Literal["", "over", "closed"] = ""
    eligible: str
    met: str
    not_assessable: str

    @property
    def rule(self) -> Rule:
        """The rule that it comes from in the first place."""
        return rule(self.rules[0])

    @property
    def hours(self) -> float:
        """The bound of its clock, in hours: the earliest, else the latest."""
        found = clock(self.clock)
        bound = found.min_h if found.min_h is not None else found.max_h
        assert bound is not None
        return bound

    @property
    def most(self) -> int:
        """The largest number of doses, as the drug's own line has it."""
        return int(
            next(line.figures[self.figure] for line in drug(self.drug).dosing if self.figure in line.figures)
        )

    @property
    def below(self) -> float:
        """Its cut-off."""
        return cutoffs()[self.cutoff].value

    @property
    def open_to(self) -> float:
        """The value up to which its cut-off leaves it open."""
        return cutoffs()[self.cutoff_open].value


@cache
def audits() -> tuple[Audit, ...]:
    """Everything that is audited, in the order of the file."""
    return tuple(Audit(**_files.tuples(row)) for row in _files.toml_table(_FILE)["audit"])


@cache
def signal_groups() -> MappingProxyType[str, tuple[str, ...]]:
    """The groups of signals, any one of which will do."""
    return MappingProxyType({name: tuple(row) for name, row in _files.toml_table(_FILE)["groups"].items()})


@cache
def audit_number(name: str) -> float:
    """One of the choices of the audit."""
    return float(_files.toml_table(_FILE)["number"][name]["value"])
