"""What must hold of every advice: no dose over its cap, worse is never less urgent, the unknown widens and never invents."""

import re
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.situations import advised, situation
from tests.support.stories import stories
from tocsin.guidance.dosing import WorkedDose, work_out
from tocsin.guidance.person import Person
from tocsin.knowledge.conditions import Value
from tocsin.knowledge.dosing import doses
from tocsin.knowledge.rules import URGENCIES, Rule, advice

STORIES = stories()
# A rule that asks whether something is known may fall silent when it becomes so.
ASKS_WHETHER_KNOWN = re.compile(r"unknown\(| is known")
RULES = [rule for rule in advice() if rule.when is not None and not ASKS_WHETHER_KNOWN.search(rule.when.text)]


@given(kg=st.floats(2, 300), bsa=st.none() | st.floats(0.1, 3))
def test_no_dose_exceeds_its_cap(kg: float, bsa: float | None) -> None:
    for known in doses().values():
        found = work_out(known.id, Person(weight_kg=kg, bsa_m2=bsa))
        if isinstance(found, WorkedDose):
            assert found.amount > 0
            assert known.cap is None or found.amount <= known.cap
            assert known.cap is None or (found.amount_to or 0) <= known.cap
            if known.max_per_day is not None and known.interval_h is not None and known.per == "dose":
                assert found.amount * 24 / known.interval_h <= known.max_per_day


def verdict(rule: Rule, facts: Mapping[str, Value]) -> bool | None:
    assert rule.when is not None
    return rule.when.evaluate(facts).value


FACTS = [dict(situation(one.chart, one.at, birth=one.born).facts) for one in STORIES]


@settings(max_examples=60)
@given(st.data())
def test_the_unknown_widens_and_never_invents(data: st.DataObject) -> None:
    """With facts taken away nothing that was shown is lost, and nothing becomes certain that was not."""
    known = data.draw(st.sampled_from(FACTS))
    gone = data.draw(st.sets(st.sampled_from(sorted(known)), min_size=1, max_size=12))
    blanked = {**known, **dict.fromkeys(gone)}
    for rule in RULES:
        before, after = verdict(rule, known), verdict(rule, blanked)
        assert after is None or after == before, rule.id


PRESSORS = (
    "",
    "{t} norepinephrine 6 until 90h",
    "{t} norepinephrine 6 until 90h; {t} epinephrine 4 until 90h",
)
OXYGEN = (
    "",
    "{t} nasal_cannula; {t} flow 2; {t} fio2 28",
    "{t} venturi_mask; {t} fio2 50",
    "{t} bipap; {t} fio2 60",
)
CAUSES = (
    "car_t/axicabtagene_ciloleucel",
    "tcr_t",
    "t_cell_engager/teclistamab",
    "haplo_hct",
    "antibody",
    "other",
)


def patient(cause: str, pressors: int, oxygen: int, treated: bool) -> str:
    care = "; 12h tocilizumab 640; 12h dexamethasone 10" if treated else ""
    low = "; 10h sbp 82; 10h bolus 500" if pressors else ""
    parts = [PRESSORS[pressors].format(t="11h"), OXYGEN[oxygen].format(t="11h")]
    support = "; ".join(filter(None, parts))
    return f"-1h weight 80; 0h {cause}; 8h temp 39.4; 11h ice_score 10{low}; {support}{care}; 13h temp 39.4"


def urgency(chart: str) -> int:
    """The rank of the most urgent thing said, 0 for now; what is only said of every fever left out."""
    items = advised(chart).of_kind("stop", "hold", "treat", "monitor")
    return min(URGENCIES.index(item.urgency) for item in items if not item.id.startswith("WUP"))


@settings(max_examples=60, deadline=None)
@given(
    cause=st.sampled_from(CAUSES),
    pressors=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    oxygen=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    treated=st.booleans(),
)
def test_worse_is_never_less_urgent(
    cause: str, pressors: tuple[int, int], oxygen: tuple[int, int], treated: bool
) -> None:
    mild = patient(cause, min(pressors), min(oxygen), treated)
    worse = patient(cause, max(pressors), max(oxygen), treated)
    assert urgency(worse) <= urgency(mild)


@settings(max_examples=40, deadline=None)
@given(
    cause=st.sampled_from(CAUSES),
    pressors=st.integers(0, 2),
    oxygen=st.integers(0, 3),
    kg=st.none() | st.floats(2, 300),
    treated=st.booleans(),
)
def test_no_advice_exceeds_a_cap(
    cause: str, pressors: int, oxygen: int, kg: float | None, treated: bool
) -> None:
    chart = patient(cause, pressors, oxygen, treated).replace(
        "weight 80", "seen" if kg is None else f"weight {kg}"
    )
    for item in advised(chart, pack="both", birth=None).items:
        if item.dose is not None:
            cap = doses()[item.dose.id].cap
            assert cap is None or item.dose.amount <= cap
            assert kg is not None or doses()[item.dose.id].per_kg is None
