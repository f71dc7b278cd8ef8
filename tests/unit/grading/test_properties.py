"""What must hold for any snapshot: filling in narrows, more support never lowers, 5 is death alone."""

from dataclasses import fields, replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin.errors import UserError
from tocsin.grading import sets
from tocsin.grading.findings import circulations
from tocsin.grading.icans import DOMAINS, IcansSnapshot, icans_set
from tocsin.grading.snapshot import Snapshot, grade_sets, grade_snapshot, settled_by
from tocsin.knowledge.icans import icans_scales
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE

YES_NO = st.booleans()
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "temp_c": st.sampled_from([36.0, 37.9, 37.99, 38.0, 38.1, 41.0]),
    "fever_attributed_to_crs": YES_NO,
    "antipyretic_or_anticytokine_given": YES_NO,
    "hypotension": YES_NO,
    "fluids_only": YES_NO,
    "fluids_repeated": YES_NO,
    "n_vasopressors_excl_vasopressin": st.integers(0, 4),
    "vasopressin": YES_NO,
    "high_dose_pressor": YES_NO,
    "vasopressor_24h": YES_NO,
    "oxygen_device": st.sampled_from(OXYGEN_DEVICE),
    "o2_flow_lpm": st.sampled_from([0.5, 2.0, 5.9, 6.0, 6.1, 15.0]),
    "fio2_pct": st.sampled_from([0.21, 21.0, 22.0, 39.9, 40.0, 100.0]),
    "intubated_for_airway_only": YES_NO,
    "death_due_to_crs": YES_NO,
}
# What is not contradictory in itself, so that little must be thrown away.
POSSIBLE = st.sampled_from(circulations(Snapshot()))
# The device that stands first is never more support than one after it; ties of the tables are in between.
STEPS = (
    "room_air",
    "nasal_cannula",
    "high_flow_nasal_cannula",
    "venturi_mask",
    "cpap",
    "invasive_ventilation",
)


def snapshot(said: dict[str, Any]) -> Snapshot:
    """The snapshot, if it is not contradictory."""
    try:
        return Snapshot(**said)
    except UserError:
        assume(False)
        raise


@st.composite
def findings(draw: st.DrawFn, known: bool = False, **fixed: Any) -> dict[str, Any]:
    """Findings, of which some are unknown unless all must be known."""
    said = {name: draw(values) for name, values in KNOWN.items()} | draw(POSSIBLE)._asdict() | fixed
    if not known:
        said |= dict.fromkeys(draw(st.sets(st.sampled_from([name for name in said if name not in fixed]))))
    if said["oxygen_device"] in (None, "room_air"):  # most flows on room air would be contradictory
        said["o2_flow_lpm"] = said["fio2_pct"] = None
    return said


@given(findings(), st.data())
def test_filling_in_narrows(said: dict[str, Any], data: st.DataObject) -> None:
    """But for the flow of a high-flow cannula, whose name says high flow."""
    before = snapshot(said)
    empty = [name for name in KNOWN if getattr(before, name) is None]
    assume(empty)
    name = data.draw(st.sampled_from(empty))
    assume((name, before.oxygen_device) != ("o2_flow_lpm", "high_flow_nasal_cannula"))
    after = snapshot(said | {name: data.draw(KNOWN[name])})
    narrow, wide = grade_sets(after), grade_sets(before)
    assert {scale: sets.members(narrow[scale]) for scale in wide if narrow[scale] & ~wide[scale]} == {}


@given(findings(known=True))
def test_nothing_is_asked_for_that_is_known(said: dict[str, Any]) -> None:
    s = snapshot(said)
    known = {field.name for field in fields(s) if getattr(s, field.name) is not None}
    assert all(not known & set(items) for items in settled_by(s).values())


@given(findings())
def test_an_answer_is_whole(said: dict[str, Any]) -> None:
    for scale, answer in grade_snapshot(snapshot(said)).items():
        assert answer.set == tuple(sorted(set(answer.set)))
        assert answer.grade == (answer.set[0] if len(answer.set) == 1 else None), scale
        assert not (answer.grade is not None and answer.settled_by)
        assert answer.why.endswith(".")
        assert ": ." not in answer.why
        assert answer.recalled == (answer.confidence == "recalled") == ("recalled" in answer.why)
        assert answer.source


@given(findings(death_due_to_crs=False))
def test_5_is_death_alone(said: dict[str, Any]) -> None:
    assert not any(found & sets.DEATH for found in grade_sets(snapshot(said)).values())


def never_lower(less: Snapshot, more: Snapshot, but: str = "") -> None:
    """The smallest and the largest grade do not fall, on any scale but one."""
    before, after = grade_sets(less), grade_sets(more)
    for scale in before.keys() - {but}:
        one, other = sets.members(before[scale]), sets.members(after[scale])
        assert min(one) <= min(other), (scale, one, other)
        assert max(one) <= max(other), (scale, one, other)


FEBRILE = {"temp_c": 38.5, "fever_attributed_to_crs": True, "death_due_to_crs": False}


@given(findings(known=True, **FEBRILE), st.integers(0, 4))
def test_another_vasopressor_never_lowers(said: dict[str, Any], more: int) -> None:
    """But on MSKCC after vasopressin alone: its hours are not counted, those of the new one are."""
    agents = "n_vasopressors_excl_vasopressin"
    assume(more > said[agents])
    but = "mskcc" if said["vasopressin"] else ""
    never_lower(snapshot(said), snapshot(said | {agents: more, "fluids_only": False}), but)


@given(findings(known=True, **FEBRILE))
def test_added_vasopressin_never_lowers(said: dict[str, Any]) -> None:
    less = snapshot(said | {"vasopressin": False})
    never_lower(less, snapshot(said | {"vasopressin": True, "fluids_only": False}))


@given(
    findings(known=True, **FEBRILE),
    st.sampled_from(["high_dose_pressor", "vasopressor_24h", "fluids_repeated"]),
)
def test_more_of_the_same_never_lowers(said: dict[str, Any], name: str) -> None:
    never_lower(snapshot(said | {name: False}), snapshot(said | {name: True}))


@given(findings(known=True, **FEBRILE), st.integers(0, 5), st.integers(0, 5))
def test_a_higher_device_never_lowers(said: dict[str, Any], one: int, other: int) -> None:
    assume(one < other)
    fixed: dict[str, Any] = {"o2_flow_lpm": None, "intubated_for_airway_only": False}
    low = {"fio2_pct": None} if one == 0 else {"fio2_pct": 30}
    less = snapshot(said | fixed | low | {"oxygen_device": STEPS[one]})
    never_lower(less, snapshot(said | fixed | {"fio2_pct": 30, "oxygen_device": STEPS[other]}))


@given(findings(known=True, **FEBRILE))
def test_more_flow_and_fio2_never_lower(said: dict[str, Any]) -> None:
    cannula = said | {"oxygen_device": "nasal_cannula"}
    low, high = {"o2_flow_lpm": 6, "fio2_pct": 39.9}, {"o2_flow_lpm": 6.1, "fio2_pct": 40}
    less = snapshot(cannula | low)
    never_lower(less, snapshot(cannula | low | {"o2_flow_lpm": high["o2_flow_lpm"]}))
    never_lower(less, snapshot(cannula | low | {"fio2_pct": high["fio2_pct"]}))


@given(findings(fever_attributed_to_crs=True))
def test_a_drug_that_hides_fever_never_lowers(said: dict[str, Any]) -> None:
    drug = "antipyretic_or_anticytokine_given"
    never_lower(snapshot(said | {drug: False}), snapshot(said | {drug: True}))


ICANS: dict[str, st.SearchStrategy[Any]] = {
    "ice": st.integers(0, 10),
    "capd": st.integers(0, 32),
    "cartox10": st.integers(0, 10),
    "seizure": st.sampled_from(["none", "brief", "unspecified", "prolonged"]),
    "motor_weakness": YES_NO,
    "oedema": st.sampled_from(["none", "focal", "diffuse"]),
    "consciousness": st.sampled_from(["awake", "spontaneous", "voice", "touch", "pain", "unarousable"]),
    "age_years": st.sampled_from([1.0, 11.99, 12.0, 60.0]),
}


@st.composite
def neurology(draw: st.DrawFn) -> IcansSnapshot:
    return IcansSnapshot(**{name: draw(st.one_of(st.none(), values)) for name, values in ICANS.items()})


@given(neurology(), st.data())
def test_a_score_that_is_filled_in_narrows(s: IcansSnapshot, data: st.DataObject) -> None:
    s = replace(s, age_years=data.draw(ICANS["age_years"]))
    empty = [name for name in ("ice", "capd", "cartox10") if getattr(s, name) is None]
    assume(empty)
    name = data.draw(st.sampled_from(empty))
    after = replace(s, **{name: data.draw(ICANS[name])})
    for scale in icans_scales():
        assert not icans_set(scale, after) & ~icans_set(scale, s), scale.id


@given(neurology(), st.data())
def test_a_worse_finding_never_lowers_icans(s: IcansSnapshot, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(DOMAINS))
    order = ["awake", "voice", "touch", "pain", "unarousable"] if name == "consciousness" else None
    worse = {"seizure": ["none", "brief", "unspecified", "prolonged"], "oedema": ["none", "focal", "diffuse"]}
    values: list[Any] = order or worse.get(name, [False, True])
    low, high = sorted(data.draw(st.lists(st.integers(0, len(values) - 1), min_size=2, max_size=2)))
    scale = icans_scales()[0]
    less = sets.members(icans_set(scale, replace(s, **{name: values[low]})))
    more = sets.members(icans_set(scale, replace(s, **{name: values[high]})))
    assert min(less) <= min(more)
    assert max(less) <= max(more)
