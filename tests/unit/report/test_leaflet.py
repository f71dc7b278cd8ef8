"""The patient page: plain words, the same in each language, sourced; of the patient it holds only therapy and dates."""

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.causes import causes
from tocsin.knowledge.patient_pages import PatientPage, languages, patient_page
from tocsin.knowledge.rules import rules
from tocsin.records import Records
from tocsin.report import leaflet_html
from tocsin.report.leaflet import leaflet, said, treatment_in, treatment_of

DAY = date(2026, 3, 2)
every_language = pytest.mark.parametrize("language", languages())
CSS = (Path(leaflet_html.__file__).parent / "leaflet.css").read_text("utf-8")


# --- plain words ------------------------------------------------------------------------------------------------------------


def texts(page: PatientPage) -> list[str]:
    """Every statement as a sentence or more: a point of a list ends like one."""
    said = [statement.text for section in page.sections for statement in section.statements]
    return [text if text[-1] in ".:!?" else f"{text}." for text in said]


def syllables(word: str) -> int:
    """How many syllables an English word has, near enough: groups of vowels, a silent e left out."""
    word = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeiouyl])e$|(?<=[^aeiouytd])ed$|es$", "", word)))
    return max(1, groups)


def sentences(text: str) -> list[list[str]]:
    plain = re.sub(r"\{\w+\}|[()“”°]", " ", text)
    return [
        found for part in re.split(r"[.:!?]+\s*", plain) if (found := re.findall(r"[^\W\d_][\w'’-]*", part))
    ]


def grade(text: str) -> float:
    """The Flesch-Kincaid grade: the school year that reads a text with ease."""
    spoken = sentences(text)
    words = [word for sentence in spoken for word in sentence]
    return 0.39 * len(words) / len(spoken) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


WORDS = [
    ("fever", 2),
    ("immune", 2),
    ("cytokine", 3),
    ("syndrome", 2),
    ("blood", 1),
    ("temperature", 4),
    ("called", 1),
    ("treated", 2),
]


@pytest.mark.parametrize(("word", "count"), WORDS)
def test_the_measure_counts_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_measure_tells_plain_from_learned() -> None:
    learned = "Glucocorticoid administration ameliorates inflammatory manifestations after immunotherapeutic interventions."
    assert grade(learned) > 15 > 5 > grade("Call us if you feel ill. We will help you.")


def test_the_english_page_reads_with_seven_years_of_school() -> None:
    assert grade(" ".join(texts(patient_page("en")))) <= 7


@pytest.mark.parametrize("section", patient_page("en").sections, ids=lambda section: section.id)
def test_no_section_of_it_needs_more(section: Any) -> None:
    assert grade(" ".join(f"{one.text}." for one in section.statements)) <= 7


@every_language
def test_sentences_are_short(language: str) -> None:
    lengths = [len(sentence) for text in texts(patient_page(language)) for sentence in sentences(text)]
    assert max(lengths) <= 26
    assert sum(lengths) / len(lengths) <= 12


# --- what it says -----------------------------------------------------------------------------------------------------------

PARTS = ["call", "what", "risk", "signs", "harm", "tests", "grades", "care", "better", "outlook", "closing"]


@every_language
def test_it_has_every_part_in_order(language: str) -> None:
    assert [section.id for section in patient_page(language).sections] == PARTS


@every_language
def test_every_statement_rests_on_rules_that_exist(language: str) -> None:
    page = patient_page(language)
    statements = [one for section in page.sections for one in section.statements] + [
        page.later,
        *page.causes.values(),
    ]
    assert all(statement.rules for statement in statements)
    assert {id for statement in statements for id in statement.rules} <= set(rules())


def test_it_covers_what_patients_are_to_be_told_and_how_the_texts_disagree() -> None:
    told = {id for section in patient_page("en").sections for one in section.statements for id in one.rules}
    assert {f"PAT-{number:03}" for number in range(1, 10)} <= told
    ours = {
        row.id
        for row in rules().values()
        if any(place.startswith("knowledge/patient/") for place in row.lives)
    }
    assert ours <= told
    assert {"CON-001", "CON-008", "CON-009", "CON-011", "CON-021", "CON-022", "CON-023"} <= told


SAYS = [  # what patients are to be told, and the words that tell them
    ("PAT-001", "feel like the flu"),
    ("PAT-001", "trouble swallowing"),
    ("PAT-001", "sore joints or muscles"),
    ("PAT-001", "loose stools"),
    ("PAT-002", "get worse fast, so do not wait"),
    ("PAT-003", "as late as two weeks"),
    ("TIM-008", "start on the first day"),
    ("PAT-004", "one to two weeks"),
    ("PAT-004", "longer if CRS was serious"),
    ("CON-022", "one to two weeks"),
    ("PAT-005", "tocilizumab, siltuximab and anakinra"),
    ("PAT-005", "a machine to help them breathe"),
    ("PAT-006", "Fluid can leak"),
    ("PAT-007", "attacks your own body"),
    ("EPI-011", "born with an immune illness"),
    ("PAT-008", "normal to feel worried"),
    ("PAT-009", "a grade from 1 to 4"),
    ("WUP-044", "count your blood cells"),
    ("DEF-007", "cytokine storm"),
    ("RES-002", "can hide a fever"),
    ("MGT-007", "medicine for the fever, and fluids"),
]


@pytest.mark.parametrize(("rule", "words"), SAYS)
def test_the_words_that_tell_a_rule(rule: str, words: str) -> None:
    sections = patient_page("en").sections
    told = [one.text for section in sections for one in section.statements if rule in one.rules]
    assert any(words in text for text in told)


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
def test_a_translation_says_the_same_on_the_same_grounds(language: str) -> None:
    ours, theirs = patient_page("en"), patient_page(language)
    assert theirs.translation
    assert set(theirs.words) == set(ours.words)
    assert set(theirs.therapies) == set(ours.therapies) == {cause.id for cause in causes()}
    for one, other in zip(ours.sections, theirs.sections, strict=True):
        assert one.is_list == other.is_list
        for english, translated in zip(one.statements, other.statements, strict=True):
            assert english.rules == translated.rules
            assert re.findall(r"\{\w+\}", english.text) == re.findall(r"\{\w+\}", translated.text)
            assert english.text != translated.text


# --- one file that any policy can hold --------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """The elements of a page in order, those that are open, and what stands between them."""

    VOID = ("meta", "br", "img", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@every_language
def test_it_is_whole_and_needs_nothing_from_elsewhere(language: str) -> None:
    text = leaflet("teclistamab", DAY, language)
    tags = Tags(text)
    assert tags.open == []
    names = [tag for tag, _ in tags.found]
    assert not {"script", "img", "link", "iframe", "form", "input"} & set(names)
    assert not [
        name
        for _, attributes in tags.found
        for name in attributes
        if name.startswith("on") or name == "style"
    ]
    assert not re.search(r"https?:|url\(|@import|javascript:", text)
    assert [attributes["lang"] for tag, attributes in tags.found if tag == "html"] == [language]


def test_its_policy_lets_its_own_style_in_and_nothing_else() -> None:
    from base64 import b64encode
    from hashlib import sha256

    text = leaflet()
    style = text.split("<style>")[1].split("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_headings_step_down_one_at_a_time() -> None:
    levels = [int(tag[1]) for tag, _ in Tags(leaflet()).found if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_statements_carry_the_ids_of_their_rules_and_the_fold_their_sources() -> None:
    text = leaflet()
    assert '<span data-rules="PAT-006 PAT-008">' in text
    fold = text.split("<details>")[1]
    assert "PAT-006 [S001; FACT; source text]" in fold


def test_that_it_is_no_medical_device_is_said_once() -> None:
    assert leaflet().count("not a medical device") == 1


def test_only_a_translation_says_that_it_is_one() -> None:
    assert "Traducción no revisada" in leaflet(language="es")
    assert 'class="unreviewed"' not in leaflet(language="en")


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


PAIRS = [("ink", "paper"), ("soft", "paper"), ("accent", "paper"), ("ink", "card"), ("soft", "card"), ("accent", "card"),
         ("ink", "call-paper"), ("call-ink", "call-paper")]  # fmt: skip


@pytest.mark.parametrize("theme", range(3), ids=["light", "dark", "print"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_contrast_is_at_least_aa(theme: int, front: str, back: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.S)
    assert len(blocks) == 3
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[theme]))
    assert contrast(tokens[front], tokens[back]) >= 4.5


def test_contrast_is_measured_right() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


# --- one patient ------------------------------------------------------------------------------------------------------------

WINDOWS = [
    ("tisagenlecleucel", "from 2 March 2026 to 16 March 2026"),
    ("teclistamab", "from 2 March 2026 to 9 March 2026"),
    ("rituximab", "from 2 March 2026 to 4 March 2026"),
    ("haplo_hct", "from 2 March 2026 to 16 March 2026"),
]


@pytest.mark.parametrize(("product", "window"), WINDOWS)
def test_the_time_to_watch_is_the_window_of_the_therapy(product: str, window: str) -> None:
    assert window in leaflet(product, DAY)


def test_dates_in_spanish() -> None:
    assert "del 2 de marzo de 2026 al 16 de marzo de 2026" in leaflet("tisagenlecleucel", DAY, "es")


def test_only_a_drug_given_in_doses_starts_the_time_again() -> None:
    again = "This time starts again with each new dose."
    assert again in leaflet("teclistamab", DAY)
    assert again not in leaflet("tisagenlecleucel", DAY)


def test_without_a_therapy_there_are_lines_to_write_on() -> None:
    assert leaflet().count('class="hand"') == 4
    assert leaflet("teclistamab").count('class="hand"') == 3
    assert leaflet("teclistamab", DAY).count('class="hand"') == 1


def test_names_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.report.leaflet.therapy_name", lambda cause, product: "<b>x</b>&")
    assert "&lt;b&gt;x&lt;/b&gt;&amp;" in leaflet("teclistamab", DAY)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean teclistamab"):
        leaflet("teclistamap", DAY)
    with pytest.raises(UserError, match="unknown language 'fr'"):
        leaflet(language="fr")
    with pytest.raises(UserError, match="the date has no product"):
        treatment_of(None, DAY)


def records(*events: tuple[str, str | None, datetime], zone: str | None = None) -> Records:
    """A subject's records with nothing but therapies."""
    lines: list[dict[str, Any]] = [
        {"signal": signal, "text_value": text, "time": time, "event_id": number}
        for number, (signal, text, time) in enumerate(events)
    ]
    settings = {} if zone is None else {"zone": zone}
    subject = {"subject_id": 7, "source_id": "P7", "birth_date": date(1961, 4, 5), "sex": "male"}
    return Records(subject, [], [], lines, {"parameters": {"set": settings}})


EVENING = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)


class TestFromARecord:
    def test_the_latest_therapy_counts(self) -> None:
        given = treatment_in(
            records(("teclistamab", "t_cell_engager/teclistamab", datetime(2026, 2, 1, tzinfo=UTC)),
                    ("index_therapy", "car_t/tisagenlecleucel", EVENING))
        )  # fmt: skip
        assert (given.cause.id, given.product, given.day) == ("car_t", "tisagenlecleucel", date(2026, 3, 3))

    def test_the_day_is_that_of_the_zone_of_the_run(self) -> None:
        one = records(("index_therapy", "car_t/", EVENING), zone="America/New_York")
        assert treatment_in(one).day == DAY

    def test_a_therapy_without_words_is_known_by_its_signal(self) -> None:
        given = treatment_in(records(("cart_infusion", None, EVENING)))
        assert (given.cause.id, given.product) == ("car_t", None)

    def test_no_therapy_on_record(self) -> None:
        with pytest.raises(UserError, match=r"subject P7: no therapy in events\.parquet"):
            treatment_in(records())


@every_language
def test_json_has_each_statement_with_its_grounds(language: str) -> None:
    found = said(treatment_of("teclistamab", DAY), language)
    assert [section["id"] for section in found["sections"]] == PARTS
    assert [one["rules"][0]["id"] for one in found["beside"]] == ["EPI-004", "TIM-009"]
    first = found["sections"][0]["statements"][0]
    assert "38.0 °C (100.4 °F)" in first["text"]
    assert first["rules"][0] == {
        "id": "PAT-001",
        "source": ["S001"],
        "strength": "FACT",
        "confidence": "seed",
    }
