"""The checks of the audit by the name that `audit.toml` calls them: each yields the cases of one episode."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tocsin.guidance import audit_drugs, audit_looks
from tocsin.guidance.audit_case import Cases, Question

CHECKS: Final[Mapping[str, Callable[[Question], Cases]]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            audit_drugs.given_when_severe,
            audit_drugs.not_alone,
            audit_drugs.interval,
            audit_drugs.most_in_episode,
            audit_drugs.most_in_a_day,
            audit_drugs.spared_when_mild,
            audit_drugs.interrupted_when_severe,
            audit_drugs.not_again_after_grade_4,
            audit_looks.antibacterial_when_neutropenic,
            audit_looks.charted_when_neutropenic,
            audit_looks.charted,
            audit_looks.monitored_when_severe,
            audit_looks.monitored_at_first,
        )
    }
)
