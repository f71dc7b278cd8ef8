"""The rules as rows: all there, well formed, faithful to where they come from, each with its proof."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import tocsin
from scripts import build_rule_tests
from tocsin.errors import UserError
from tocsin.knowledge import rules as room
from tocsin.knowledge.conditions import facts
from tocsin.knowledge.dosing import clocks, dose, doses
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.explain import explain
from tocsin.knowledge.rules import Rule, advice, packs, rule, rule_tests, rules
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.sources import source

IDS = (Path(__file__).parent / "rule_ids.txt").read_text("utf-8").split()
CONSENSUS = packs()["consensus"]
SOURCE = Path(tocsin.__file__).parent
MAY_LACK_LOGIC = {"FACT", "EXPERT", "UNPROVEN"}
MUST_HAVE_LOGIC = {"PRS-009", "PRS-012", "PRS-013", "TIM-004", "EPI-011"}
# Of a strength in two words the one that is kept, where it is not the first.
STRENGTH = {"[INT]": "interpretation", "[EXT]": "external"}


def named(row: Rule) -> str:
    return row.id


def test_the_pack_holds_the_282_rules_and_no_other() -> None:
    assert len(IDS) == 282
    assert sorted(row.id for row in CONSENSUS) == sorted(IDS)


def test_the_frozen_list_is_that_of_the_reference(shared: Path) -> None:
    assert [id for id, _ in reference(shared)] == IDS


def reference(shared: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows of the reference by id, each cell under its heading."""
    found: list[tuple[str, dict[str, str]]] = []
    head: list[str] = []
    for line in (shared / "reference" / "guidance.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] == "ID":
            head = cells
        elif re.fullmatch(r"[A-Z]{2,3}-\d{3}", cells[0]):
            found.append((cells[0], dict(zip(head, cells, strict=True))))
    return found


def test_strengths_and_sources_are_those_of_the_reference(shared: Path) -> None:
    for id, cells in reference(shared):
        row = rule(id)
        whole = cells.get("Strength") or cells.get("Action / strength") or ""
        words = re.findall(r"GRADE-2B|SHOULD|SUGGEST|MAY|UNPROVEN|EXPERT|DEF|FACT|\[INT\]|\[EXT\]", whole)
        if words and not id.startswith("CON"):
            assert row.strength in {STRENGTH.get(word, word) for word in words}, id
        texts = set(re.findall(r"S00\d", cells.get("Source", "")))
        assert texts <= set(row.source), id


def test_no_sentence_is_the_reference_s_own(shared: Path) -> None:
    text = " ".join((shared / "reference" / "guidance.md").read_text("utf-8").split()).lower()
    copied = [
        " ".join(words[start : start + 9])
        for row in CONSENSUS
        if (words := row.text.lower().rstrip(".").split())
        for start in range(len(words) - 8)
        if " ".join(words[start : start + 9]) in text
    ]
    assert copied == []


@pytest.mark.parametrize("row", CONSENSUS, ids=named)
def test_a_row_lacks_logic_only_where_it_may(row: Rule) -> None:
    if row.role == "none":
        assert row.strength in MAY_LACK_LOGIC
        assert row.id not in MUST_HAVE_LOGIC


@pytest.mark.parametrize("row", CONSENSUS, ids=named)
def test_a_row_reads_well(row: Rule) -> None:
    for text in (row.text, *(act.text for act in row.cases), *filter(None, [row.no_logic])):
        assert text.endswith(".")
        assert text[0].isupper() or text[0].isdigit()
        assert "—" not in text
        assert len(text) < 330


@pytest.mark.parametrize("row", CONSENSUS, ids=named)
def test_what_a_row_names_exists(row: Rule) -> None:
    assert all((SOURCE / path).is_file() for path in row.lives), row.lives
    for act in (row, *row.cases):
        assert all(id in rules() for id in act.conflicts), act.conflicts
        assert set(act.dose) <= set(doses())
        assert not act.clock or act.clock in clocks()
        assert {name for cell in act.item or () for name in cell.split("|")} <= set(signal_ids())


@pytest.mark.parametrize("row", [row for row in advice() if row.pack == "consensus"], ids=named)
def test_work_up_and_differential_say_what_ticks_them(row: Rule) -> None:
    if row.kind == "work_up":
        assert row.item is not None


def test_cases_of_one_rule_are_different_acts() -> None:
    for row in CONSENSUS:
        kinds = [act.kind for act in row.cases]
        assert len(kinds) == len(set(kinds)), row.id
        assert len(kinds) != 1, f"{row.id}: one case is no case"
    assert {row.id for row in advice()} == {row.id for row in rules().values() if row.role == "advice"}


@pytest.mark.parametrize("row", [row for row in CONSENSUS if row.role != "none"], ids=named)
def test_every_rule_with_logic_is_named_by_a_test(row: Rule) -> None:
    assert rule_tests().get(row.id), f"no test names {row.id}"


def test_the_list_of_tests_is_that_of_the_tests() -> None:
    assert build_rule_tests.FILE.read_text("utf-8") == build_rule_tests.text(), "run scripts.build_rule_tests"


def test_every_rule_is_explained_with_its_strength() -> None:
    for row in CONSENSUS:
        assert explain(row.id).strength == row.strength


def test_recalled_rows_say_so() -> None:
    recalled = [row.id for row in CONSENSUS if row.confidence == "recalled"]
    assert recalled == ["BLN-010"]
    assert "confirm against the current label" in rule("BLN-010").text


def test_every_fact_that_rules_ask_is_one_and_every_dose_and_clock_is_used() -> None:
    asked = {name for row in advice() if row.when for name in row.when.facts}
    assert asked <= set(facts())
    assert {id for row in advice() for id in row.dose} == set(doses())
    assert {row.clock for row in advice()} - {""} == set(clocks())


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown rule 'TOC-0001': did you mean TOC-001"):
        rule("TOC-0001")


ROW = {
    "id": "ZZZ-001",
    "text": "A made-up row.",
    "role": "advice",
    "when": "severe",
    "kind": "treat",
    "urgency": "now",
    "strength": "SHOULD",
    "source": ["S004"],
    "confidence": "seed",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"role": "advise"}, "role 'advise' is none of"),
        ({"kind": "cure"}, "kind 'cure' is none of"),
        ({"urgency": "later"}, "urgency 'later' is none of"),
        ({"strength": "MUST"}, "strength 'MUST' is none of"),
        ({"pack": "mine"}, "pack 'mine' is none of"),
        ({"dose": "lots"}, "dose 'lots' is none of"),
        ({"clock": "noon"}, "clock 'noon' is none of"),
        ({"when": "sever"}, "unknown fact 'sever'"),
        ({"kind": ""}, "advice needs when, kind and urgency"),
        ({"role": "grading", "lives": "cli.py"}, "only advice has when, kind and urgency"),
        ({"role": "grading", "when": None, "kind": "", "urgency": ""}, "needs lives"),
        ({"role": "none", "when": None, "kind": "", "urgency": ""}, "says why in no_logic"),
        ({"no_logic": "none needed"}, "says why in no_logic"),
        ({"colour": "red"}, "colour"),
        ({"text": None}, "text"),
        ({"case": [{"kind": "cure"}]}, "kind 'cure' is none of"),
    ],
)
def test_a_bad_row_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    row = {key: cell for key, cell in {**ROW, **change}.items() if cell is not None}
    with pytest.raises(UserError, match=said) as error:
        room._rule("made_up", row)  # pyright: ignore[reportPrivateUsage]
    assert str(error.value).startswith("made_up.toml: rule ZZZ-001: ")


def test_a_good_row_is_read() -> None:
    made = room._rule("made_up", ROW)  # pyright: ignore[reportPrivateUsage]
    assert (made.id, made.topic, made.cases) == ("ZZZ-001", "made_up", ())


def test_the_bound_of_a_row_is_that_of_its_dose() -> None:
    """TOC-001, TOC-002, BLN-003, BLN-004: the weight in the precondition and in the dose are the same."""
    for id, bound in (
        ("TOC-001", "below_kg"),
        ("TOC-002", "from_kg"),
        ("BLN-003", "from_kg"),
        ("BLN-004", "below_kg"),
    ):
        row = rule(id)
        assert row.when
        sign = "<" if bound == "below_kg" else ">="
        assert f"weight_kg {sign} {getattr(dose(row.dose[0]), bound):g}" in row.when.text


def test_every_dose_is_of_a_known_drug_and_never_above_its_cap() -> None:
    for row in doses().values():
        assert row.drug in drugs() or row.drug == "blinatumomab"
        assert sum(amount is not None for amount in (row.fixed, row.per_kg, row.per_m2)) == 1, row.id
        if row.cap is not None:
            assert (row.fixed or 0) <= row.cap
            assert (row.fixed_to or 0) <= row.cap
        assert row.per in ("dose", "day")
    with pytest.raises(UserError, match="unknown dose 'tocilizumab_lots'"):
        dose("tocilizumab_lots")


def test_a_clock_has_a_bound_and_runs_forward() -> None:
    for row in clocks().values():
        assert row.min_h is not None or row.max_h is not None
        assert row.min_h is None or row.max_h is None or row.min_h < row.max_h


def test_every_topic_has_its_provenance() -> None:
    """What a topic rests on is what its rows name; nothing is called reviewed that was not."""
    table = tomllib.loads((room.FOLDER / "PROVENANCE.toml").read_text("utf-8"))
    for topic in {row.topic for row in CONSENSUS}:
        rows = [row for row in CONSENSUS if row.topic == topic]
        named = {key for row in rows for act in (row, *row.cases) for key in act.source}
        named |= {
            key for row in rows for act in (row, *row.cases) for id in act.dose for key in dose(id).source
        }
        assert named - {"operational choice", "RECALLED"} <= {
            *table[topic]["read"],
            *table["dosing"]["read"],
        }, topic
        assert any(row.confidence == "recalled" for row in rows) == bool(table[topic]["recalled"]), topic
        assert all(source(key) for key in table[topic]["read"])
    assert {entry["reviewed"] for name, entry in table.items() if "reviewed" in entry} == {
        "not yet reviewed by a clinician"
    }
