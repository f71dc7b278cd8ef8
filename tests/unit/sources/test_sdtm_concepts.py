"""What the rows of SDTM are: tests, drugs by code and name, devices, findings about them, therapies."""

import datetime as dt

import pytest

from tocsin.events.concepts import Key, Resolver, TherapyKinds
from tocsin.knowledge.codes import Code
from tocsin.knowledge.sdtm import domains, treatment_names
from tocsin.knowledge.signals import signal_ids, signals
from tocsin.sources.sdtm.concepts import parse
from tocsin.sources.sdtm.people import born_from_age, subjects_of

RESOLVER = Resolver(TherapyKinds())


def meaning(
    code: str,
    unit: str | None = None,
    route: str | None = None,
    text: str | None = None,
    resolver: Resolver = RESOLVER,
) -> str:
    """The signal of a row, or why it has none."""
    concept = resolver.resolve(parse(Key(code, unit, route, text), resolver))
    if concept.trouble:
        return concept.trouble
    return signals()[concept.signal].name if concept.signal >= 0 else str(concept.fate)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("VS.VSTESTCD=TEMP", "body_temperature"),
        ("VS.VSTESTCD=temp", "body_temperature"),
        ("VS.VSTESTCD=MAP", "mean_arterial_pressure"),
        ("VS.VSTESTCD=OXYSAT", "spo2"),
        ("VS.VSTESTCD=PUPIL", "unmapped"),
        ("LB.LBTESTCD=CRP", "crp"),
        ("LOINC|1988-5\tLB.LBTESTCD=ANYTHING", "crp"),
        ("LOINC|99999-9\tLB.LBTESTCD=CRP", "crp"),
        ("AE.AEDECOD=CYTOKINE RELEASE SYNDROME\tAE.AETERM=CRS", "crs"),
        ("CE.CEDECOD=Cytokine release syndrome", "crs"),
        ("AE.AEDECOD=HEADACHE\tAE.AETERM=sepsis", "unmapped"),
        ("DM.DTHFL=Y", "death"),
        ("DS.DSDECOD=DEATH", "death"),
        ("AE.AESDTH=Y", "death"),
        ("DM", "subject"),
        ("CM.CMDECOD=TOCILIZUMAB\tCM.CMTRT=ROACTEMRA", "tocilizumab"),
        ("CM.CMTRT=Actemra", "tocilizumab"),
        ("CM.CMTRT=ACTEMRANOT", "unmapped"),  # a name that only begins like one
        ("CM.CMDECOD=ACETYLSALICYLIC ACID\tCM.CMTRT=ASPIRIN", "aspirin"),
        ("CM.CMDECOD=DEXAMETHASONE SODIUM PHOSPHATE", "dexamethasone"),
        ("CM.CMTRT=TYLENOL W/CODEINE", "acetaminophen"),
        ("CM.CMDECOD=METFORMIN", "unmapped"),
        ("EX.EXTRT=YESCARTA", "axicabtagene_ciloleucel"),
        ("EX.EXTRT=Teclistamab-cqyv", "teclistamab"),
        ("EX.EXTRT=PLACEBO", "unmapped"),
        ("PR.PRTRT=MECHANICAL VENTILATION", "oxygen_device"),
        ("PR.PRDECOD=RESPIRATORY SUPPORT\tPR.PRTRT=High flow nasal cannula", "oxygen_device"),
        ("PR.PRTRT=APPENDECTOMY", "unmapped"),
        ("PR.PRDOSE", "inhaled_o2_flow"),
    ],
)
def test_rows_by_their_codes_and_names(code: str, said: str) -> None:
    assert meaning(code) == said


@pytest.mark.parametrize(
    ("code", "more", "said"),
    [
        ("CM.CMTRT=OXYGEN", {"unit": "L/min"}, "inhaled_o2_flow"),
        ("CM.CMTRT=OXYGEN", {"unit": None}, "unmapped"),  # no device, no flow: nothing is known of it
        ("FA.FATESTCD=OCCUR;FAOBJ=NASAL CANNULA", {"text": "Y"}, "oxygen_device"),
        ("FA.FATESTCD=OCCUR;FAOBJ=NASAL CANNULA", {"text": "N"}, "not_happened"),
        ("FA.FATESTCD=OCCUR;FAOBJ=EDEMA", {"text": "Y"}, "unmapped"),
        ("FA.FATESTCD=SEV;FAOBJ=NASAL CANNULA", {"text": "MILD"}, "unmapped"),
        ("CM.CMDECOD=EPINEPHRINE", {"route": "INTRAVENOUS", "unit": "ug/min"}, "epinephrine"),
        ("CM.CMDECOD=EPINEPHRINE", {"route": None, "unit": "ug/min"}, "epinephrine"),
        ("CM.CMDECOD=EPINEPHRINE", {"route": "INTRAMUSCULAR", "unit": "mg"}, "not_an_infusion"),
        ("CM.CMDECOD=PHENYLEPHRINE", {"route": "NASAL", "unit": None}, "not_an_infusion"),
        ("CM.CMDECOD=HYDROCORTISONE", {"route": "ORAL", "unit": "mg"}, "hydrocortisone"),
        ("CM.CMDECOD=HYDROCORTISONE", {"route": "TOPICAL", "unit": "%"}, "not_systemic"),
        ("CM.CMDECOD=DEXAMETHASONE", {"route": "RESPIRATORY (INHALATION)", "unit": "ug"}, "not_systemic"),
        ("CM.CMDECOD=DEXAMETHASONE", {"route": "AURICULAR (OTIC)", "unit": "mg"}, "not_systemic"),
        ("CM.CMDECOD=DEXAMETHASONE", {"route": "ORAL", "unit": "furlong"}, "unknown_unit"),
        # of a therapy it matters that it was given, whatever its dose is counted in
        ("EX.EXTRT=KYMRIAH", {"unit": "CELLS"}, "tisagenlecleucel"),
        ("EX.EXTRT=KYMRIAH", {"unit": None}, "tisagenlecleucel"),
        ("EX.EXTRT=TECLISTAMAB", {"unit": "mg/kg"}, "teclistamab"),
    ],
)
def test_rows_by_unit_route_and_result(code: str, more: dict[str, str | None], said: str) -> None:
    assert meaning(code, more.get("unit"), more.get("route"), more.get("text")) == said


def test_a_site_names_what_only_it_knows() -> None:
    def row(signal: str, code: str, value: str = "") -> Code:
        return Code(signal, "SDTM", code, code, "", value, "value", "", ("site",), "n/a")

    site = (
        row("cart_infusion", "EX.EXTRT=ABC-123"),
        row("oxygen_device", "VS.VSTESTCD=O2SUPPL"),
        row("inhaled_o2_flow", "FA.FATESTCD=FLOW;FAOBJ=OXYGEN"),
    )
    resolver = Resolver(TherapyKinds(), site)
    assert meaning("EX.EXTRT=ABC-123", "CELLS/KG", resolver=resolver) == "cart_infusion"
    assert meaning("VS.VSTESTCD=O2SUPPL", text="Room air", resolver=resolver) == "oxygen_device"
    assert meaning("FA.FATESTCD=FLOW;FAOBJ=OXYGEN", "L/min", resolver=resolver) == "inhaled_o2_flow"


def test_the_names_of_treatments_lead_to_signals_and_are_not_in_doubt() -> None:
    names = [name for name, _ in treatment_names()]
    assert len(names) == len(set(names))
    assert {signal for _, signal in treatment_names()} <= set(signal_ids())
    assert [len(name) for name in names] == sorted((len(name) for name in names), reverse=True)


def test_every_domain_names_its_variables() -> None:
    assert domains()["VS"].text["dtc"] == "VSDTC"
    assert domains()["DM"].text["dthdtc"] == "DTHDTC"
    assert {"DM", "EX", "CM", "VS", "LB", "AE", "CE", "PR", "FA", "DS"} <= set(domains())


DAY = dt.date(2014, 1, 2)


@pytest.mark.parametrize(
    ("age", "unit", "reference", "born"),
    [
        (8, "YEARS", DAY, dt.date(2006, 1, 2)),
        (63, "YEARS", DAY, dt.date(1951, 1, 2)),
        (1, None, DAY, dt.date(2013, 1, 1)),  # years where nothing is said: 366 whole days reach 365.25
        (6, "MONTHS", DAY, dt.date(2013, 7, 3)),
        (10, "DAYS", DAY, dt.date(2013, 12, 23)),
        (0, "YEARS", DAY, DAY),
        (5, "FORTNIGHTS", DAY, None),
        (-1, "YEARS", DAY, None),
        (float("nan"), "YEARS", DAY, None),
        (1e9, "YEARS", DAY, None),
        (5, "YEARS", None, None),
        (None, "YEARS", DAY, None),
    ],
)
def test_births_from_ages(
    age: float | None, unit: str | None, reference: dt.date | None, born: dt.date | None
) -> None:
    assert born_from_age(age, unit, reference) == born


def test_a_birth_date_to_the_day_wins_over_an_age() -> None:
    people = [
        ("a", "2014-01-02", "1950-12-26", 40.0, "YEARS", "F"),
        ("b", "2014-01-02T09:00", "1950", 63.0, "YEARS", "M"),
        ("c", "2014-01", "1950-12", 63.0, "YEARS", None),
    ]
    table, reckoned = subjects_of(people)
    assert table["birth_date"].to_pylist() == [dt.date(1950, 12, 26), dt.date(1951, 1, 2), None]
    assert reckoned == 1
