"""What a code means: which signal, by which route, with which words; and where it is of no interest."""

import pytest

from tocsin.events.concepts import Concept, Parsed, Resolver, TherapyKinds, therapy_text
from tocsin.events.conversions import conversion_of
from tocsin.knowledge.codes import Code
from tocsin.knowledge.reading import unreadable_units
from tocsin.knowledge.signals import signal, signals


def resolve(system: str, code: str, site: tuple[Code, ...] = (), **more: object) -> Concept:
    """The concept of one code."""
    return Resolver(TherapyKinds(), site).resolve(Parsed(((system, code),), **more))  # type: ignore[arg-type]


def name(concept: Concept) -> str | None:
    """Its signal, or why it has none."""
    return signals()[concept.signal].name if concept.signal >= 0 else concept.fate


SYSTEMIC, NOT = "dexamethasone", "not_systemic"


@pytest.mark.parametrize(
    ("route", "drug_name", "expected"),
    [
        (None, "", SYSTEMIC),
        ("IV", "", SYSTEMIC),
        ("intravenous", "", SYSTEMIC),
        ("PO", "", SYSTEMIC),
        ("http://snomed.info/sct|47625008", "", SYSTEMIC),
        ("a route nobody knows", "", SYSTEMIC),
        ("OPHTHALMIC", "", NOT),
        ("both eyes", "", NOT),
        ("left ear", "", NOT),
        ("topical", "", NOT),
        ("inhaled", "", NOT),
        ("nasal", "", NOT),
        ("intrathecal", "", NOT),
        ("http://snomed.info/sct|54485002", "", NOT),
        ("http://snomed.info/sct|54485002\ttext|into the eye", "", NOT),
        (None, "Dexamethasone Ophth Susp 0.1%", NOT),
        (None, "dexamethasone eye drops", NOT),
        ("IV", "dexamethasone for the eye ward", SYSTEMIC),
    ],
)
def test_a_drug_counts_only_by_a_route_into_the_body(
    route: str | None, drug_name: str, expected: str
) -> None:
    assert name(resolve("RxNorm", "3264", route=route, name=drug_name)) == expected


def test_a_vasopressor_in_the_nose_is_none() -> None:
    assert name(resolve("RxNorm", "8163", route="nasal")) == NOT
    assert name(resolve("RxNorm", "8163", route="IV")) == "phenylephrine"


def test_a_measurement_has_no_route() -> None:
    assert name(resolve("LOINC", "8310-5", route="oral")) == "body_temperature"


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("LOINC", "8310-5", "body_temperature"),
        ("LOINC", "8480-6", "systolic_bp"),
        ("RxNorm", "7512", "norepinephrine"),
        ("MIMIC", "drug|NORepinephrine bitartrate 8 mg", "norepinephrine"),
        ("MIMIC", "drug|renal norepinephrine", "unmapped"),
        ("LOINC", "0000-0", "unmapped"),
        ("SNOMED", "8310-5", "unmapped"),
        ("MIMIC", "224027", "unmapped"),  # skin temperature: excluded
        ("MIMIC", "220949", "unmapped"),  # dextrose: supports, is none
        ("tocsin", "milrinone", "milrinone"),
        ("tocsin", "no_such_signal", "unmapped"),
    ],
)
def test_codes(system: str, code: str, expected: str) -> None:
    assert name(resolve(system, code)) == expected


def test_the_first_candidate_that_is_known_decides() -> None:
    parsed = Parsed((("LOINC", "0000-0"), ("LOINC", "8480-6"), ("LOINC", "8310-5")))
    assert name(Resolver(TherapyKinds()).resolve(parsed)) == "systolic_bp"


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("ATC", "J01DE01", "antibacterial"),
        ("ATC", "J01", "antibacterial"),
        ("ATC", "J01DE", "antibacterial"),
        ("ATC", "J02AC01", "unmapped"),
        ("ATC", "S01AE01", "unmapped"),  # the same drug in the eye
        ("ATC", "L04AC07", "tocilizumab"),
        ("RxNorm", "J01DE01", "unmapped"),
        ("RxNorm", "20481", "antibacterial"),
    ],
)
def test_a_class_of_atc_stands_for_what_is_under_it(system: str, code: str, expected: str) -> None:
    """Decision 0018."""
    assert name(resolve(system, code)) == expected


def test_an_antibacterial_for_the_eye_is_none() -> None:
    assert name(resolve("RxNorm", "11124", route="ophthalmic")) == NOT


def test_the_site_s_own_list_comes_first() -> None:
    own = Code("mean_arterial_pressure", "LOINC", "8480-6", "", "kPa", "", "value", "", ("site",), "n/a")
    concept = resolve("LOINC", "8480-6", (own,))
    assert name(concept) == "mean_arterial_pressure"
    assert concept.conversion is not None
    assert concept.conversion.factor == pytest.approx(7.500617)


def test_a_unit_in_the_record_comes_before_the_hint_of_the_list() -> None:
    hinted, said = resolve("MIMIC", "222315"), resolve("MIMIC", "222315", unit="U/min")
    assert hinted.conversion is not None
    assert said.conversion is not None
    assert (hinted.conversion.factor, hinted.conversion.assumed) == (pytest.approx(1 / 60), False)
    assert said.conversion.factor == 1


@pytest.mark.parametrize(
    ("text", "category", "trouble", "fate"),
    [
        ("nasal_cannula", "nasal_cannula", None, None),
        ("Nasal Cannula", "nasal_cannula", None, None),
        (" room air ", "room_air", None, None),
        ("text|BiPAP", "bipap", None, None),
        ("http://snomed.info/sct|428311008\ttext|what?", "bipap", None, None),
        ("a tent in the garden", None, None, "unmapped_word"),
        ("", None, "no_value", None),
        (None, None, "no_value", None),
    ],
)
def test_words_of_oxygen_devices(
    text: str | None, category: str | None, trouble: str | None, fate: str | None
) -> None:
    concept = resolve("tocsin", "oxygen_device", text=text)
    assert (concept.text, concept.trouble, concept.fate) == (category, trouble, fate)


@pytest.mark.parametrize(
    ("text", "expected", "trouble"),
    [
        ("car_t", "car_t", None),
        ("bispecific", "t_cell_engager", None),
        ("atg", "antibody", None),
        ("conventional_mab/Rituximab", "antibody/rituximab", None),
        ("car_t/Axicabtagene Ciloleucel", "car_t/axicabtagene_ciloleucel", None),
        ("car_t/a product of tomorrow", "car_t/a_product_of_tomorrow", None),
        ("sepsis", None, "refused_cause"),
        ("a kind word", None, "unknown_cause"),
        ("", None, "unknown_cause"),
    ],
)
def test_therapies(text: str, expected: str | None, trouble: str | None) -> None:
    concept = resolve("tocsin", "index_therapy", text=text)
    assert (concept.text, concept.trouble) == (expected, trouble)


def test_a_therapy_s_own_signal_names_cause_and_product() -> None:
    assert resolve("tocsin", "tisagenlecleucel").text == "car_t/tisagenlecleucel"
    assert resolve("tocsin", "haplo_hct").text == "haplo_hct"


@pytest.mark.parametrize("unit", ["cells/kg", "ug/m2/d", "mg/m2", "ug", "bags of two"])
def test_a_therapy_was_given_whatever_its_dose_is_counted_in(unit: str) -> None:
    for system, code in (("RxNorm", "1597258"), ("OMOP", "792844")):  # blinatumomab, axicabtagene ciloleucel
        concept = resolve(system, code, unit=unit)
        assert concept.conversion is not None
        assert (concept.conversion.unreadable, concept.trouble) == (True, None)
    assert resolve("RxNorm", "3264", unit="bags of two").trouble == "unknown_unit"  # dexamethasone


def test_therapy_kinds_are_numbered_as_they_are_met() -> None:
    kinds = TherapyKinds()
    assert [kinds.number("car_t", None), kinds.number("other", "x"), kinds.number("car_t", None)] == [0, 1, 0]
    assert [therapy_text(*kind) for kind in kinds.kinds] == ["car_t", "other/x"]


@pytest.mark.parametrize(
    ("text", "expected", "trouble"),
    [
        ("fever:other", "fever:other", None),
        (" Intubation:Airway_Only ", "intubation:airway_only", None),
        ("severity:severe", "severity:severe", None),
        ("response:not_improving", "response:not_improving", None),
        ("fever:mine", None, "unknown_attribution"),
        ("", None, "unknown_attribution"),
    ],
)
def test_annotations(text: str, expected: str | None, trouble: str | None) -> None:
    concept = resolve("tocsin", "attribution", text=text)
    assert (concept.text, concept.trouble) == (expected, trouble)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crs", "crs"),
        ("Other", "other"),
        (None, None),
        ("fall", None),
        ("http://snomed.info/sct|710027002\tCytokine release syndrome", "crs"),
        ("urn:site|X1\thttp://hl7.org/fhir/sid/icd-10-cm|D89.835", "crs"),
        ("http://hl7.org/fhir/sid/icd-10-cm|A41.9\tSepsis", None),  # CRS may have come before
        ("http://snomed.info/sct|419620001", None),
    ],
)
def test_what_a_death_was_due_to(text: str | None, expected: str | None) -> None:
    assert resolve("tocsin", "death", text=text).text == expected


def test_what_did_not_happen_is_of_no_interest_whatever_it_names() -> None:
    assert name(resolve("RxNorm", "7512", fate="not_given")) == "not_given"


@pytest.mark.parametrize(
    ("comparator", "nudge"), [("<", -1), (">", 1), ("<=", 0), (">=", 0), (None, 0), ("about", 0)]
)
def test_a_comparator_moves_a_value_off_its_figure(comparator: str | None, nudge: int) -> None:
    concept = resolve("LOINC", "8310-5", text=comparator)
    assert concept.conversion is not None
    assert concept.conversion.nudge == nudge
    assert concept.text == (comparator if comparator in ("<", ">", "<=", ">=") else None)


@pytest.mark.parametrize("name", ["neutrophils", "d_dimer", "calcium_ionized"])
def test_a_hospitals_value_without_a_unit_is_refused_where_units_differ_too_much(name: str) -> None:
    conversion = conversion_of(signal(name), "", unreadable_units())
    assert conversion is not None
    assert conversion.only_readings  # by its size, or not at all


@pytest.mark.parametrize(
    ("system", "code", "by_size"),
    [
        ("LOINC", "8310-5", True),
        ("SNOMED", "386725007", True),
        ("MIMIC", "223761", False),
        ("MIMIC", "223762", False),
    ],
)
def test_a_temperature_without_a_unit_goes_by_its_size_unless_its_own_item_says_the_unit(
    system: str, code: str, by_size: bool
) -> None:
    concept = Resolver(TherapyKinds()).resolve(Parsed(((system, code),)))
    assert concept.signal == signal("body_temperature").id
    assert concept.conversion is not None
    assert concept.conversion.only_readings is by_size
