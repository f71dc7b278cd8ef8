"""The SDTM datasets say what the result says, in both file forms; and what cannot be written is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pyreadstat
import pytest

from tests.support.made_up import FEVER, csv_folder, write_lines
from tocsin.api import grade
from tocsin.errors import UserError
from tocsin.exports import export
from tocsin.exports.changes import grade_changes
from tocsin.exports.sdtm_events import scale_titles
from tocsin.grading.sets import in_words
from tocsin.knowledge.sdtm_export import sdtm_datasets, sdtm_qualifiers
from tocsin.results import Result

Rows = list[dict[str, Any]]
# The flow of the cannula is unknown: ASTCT 2 or 3; the record ends inside the episode.
OPEN = (FEVER, "1,2024-01-01T12:00:00.25Z,oxygen_device,,,nasal_cannula,")


def of_json(file: Path) -> Rows:
    """The rows of a Dataset-JSON file, by variable."""
    whole = json.loads(file.read_text(encoding="utf-8"))
    names = [column["name"] for column in whole["columns"]]
    return [dict(zip(names, row, strict=True)) for row in whole["rows"]]


def of_xpt(file: Path) -> tuple[Rows, Any]:
    """The rows of a transport file, as pyreadstat reads them, and what it says of the file."""
    columns, meta = pyreadstat.read_xport(file, output_format="dict")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], meta


def as_json(value: Any) -> Any:
    """A cell of a transport file as Dataset-JSON says it."""
    if value == "" or value != value:  # blanks, and the missing number
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


@pytest.fixture(scope="module")
def folder(demo: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdtm") / "out"
    export(demo, "sdtm", out, study="MADEUP")
    return out


@pytest.fixture(scope="module")
def still_open(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("open")
    result = grade(csv_folder(place / "in", OPEN), settings={"zone": "America/New_York"})
    export(result, "sdtm", place / "out")
    return place / "out"


class TestBothForms:
    @pytest.mark.parametrize("name", sdtm_datasets())
    def test_say_the_same(self, folder: Path, name: str) -> None:
        file = folder / ("adam" if name == "ADCRS" else "sdtm") / name.lower()
        rows, meta = of_xpt(file.with_suffix(".xpt"))
        assert [{key: as_json(value) for key, value in row.items()} for row in rows] == of_json(
            file.with_suffix(".json")
        )
        assert rows
        assert (meta.table_name, meta.file_label) == (name, sdtm_datasets()[name].label)

    @pytest.mark.parametrize("name", sdtm_datasets())
    def test_are_described_by_the_same_table(self, folder: Path, name: str) -> None:
        file = folder / ("adam" if name == "ADCRS" else "sdtm") / name.lower()
        labels = {variable.name: variable.label for variable in sdtm_datasets()[name].variables}
        _, meta = of_xpt(file.with_suffix(".xpt"))
        whole = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        assert meta.column_names_to_labels == labels
        assert {column["name"]: column["label"] for column in whole["columns"]} == labels
        assert whole["records"] == len(whole["rows"])

    def test_names_and_labels_fit_transport_files(self) -> None:
        for dataset in sdtm_datasets().values():
            assert len(dataset.label) <= 40
            for variable in dataset.variables:
                assert len(variable.name) <= 8
                assert len(variable.label) <= 40

    def test_codes_are_codes(self) -> None:
        for code in (*(scale.upper() for scale in scale_titles()), *(one.name for one in sdtm_qualifiers())):
            assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,7}", code)
        for label in (*scale_titles().values(), *(one.label for one in sdtm_qualifiers())):
            assert len(label) <= 40


class TestClinicalEvents:
    def test_one_an_episode_with_the_peak_on_the_scale_of_record(self, folder: Path, demo: Result) -> None:
        rows = of_json(folder / "sdtm" / "ce.json")
        assert [row["CESTDTC"] for row in rows] == [
            row["onset"].strftime("%Y-%m-%dT%H:%M:%S") for row in demo.episodes.to_pylist()
        ]
        assert [row["CETOXGR"] for row in rows] == ["3", "3", "2", "3", "3", "3", "1", "2", None]
        assert {row["STUDYID"] for row in rows} == {"MADEUP"}
        assert [row["CESEQ"] for row in rows if row["USUBJID"] == "7-recurrence"] == [1, 2]

    def test_an_open_peak_is_bounded_in_the_supplement(self, folder: Path) -> None:
        rows = [row for row in of_json(folder / "sdtm" / "suppce.json") if row["USUBJID"] == "8-death"]
        said = {row["QNAM"]: row["QVAL"] for row in rows}
        assert (said["PEAKLOW"], said["PEAKHIGH"], said["CRSENDED"]) == ("4", "5", "death")
        assert said["CRSFLAGS"].split(",")[0] == "death_cause_unknown"

    def test_an_episode_that_goes_on_says_so(self, still_open: Path) -> None:
        (row,) = of_json(still_open / "sdtm" / "ce.json")
        assert (row["CEENDTC"], row["CEENRTPT"], row["CEENTPT"]) == (None, "ONGOING", "LAST RECORD")
        assert row["CESTDTC"] == "2024-01-01T05:00:00"  # in the zone of the run


class TestFindings:
    def test_one_a_change_of_grade(self, folder: Path, demo: Result) -> None:
        rows, changes = of_json(folder / "sdtm" / "fa.json"), grade_changes(demo).to_pylist()
        assert [(row["FATESTCD"], row["FAORRES"]) for row in rows] == [
            (row["scale"].upper(), in_words(row["set"])) for row in changes
        ]
        assert [row["FASTRESN"] for row in rows] == [
            row["low"] if row["low"] == row["high"] else None for row in changes
        ]

    def test_keep_fractions_of_seconds(self, still_open: Path) -> None:
        times = [
            row["FADTC"] for row in of_json(still_open / "sdtm" / "fa.json") if row["FATESTCD"] == "ASTCT"
        ]
        assert times == ["2024-01-01T05:00:00", "2024-01-01T07:00:00.250000"]

    def test_are_numbered_within_a_subject(self, folder: Path) -> None:
        numbers: dict[str, list[int]] = {}
        for row in of_json(folder / "sdtm" / "fa.json"):
            numbers.setdefault(row["USUBJID"], []).append(row["FASEQ"])
        assert all(own == list(range(1, len(own) + 1)) for own in numbers.values())


def test_the_relation_leads_from_events_to_findings(folder: Path) -> None:
    relation = {
        row["RDOMAIN"]: (row["IDVAR"], row["RELTYPE"]) for row in of_json(folder / "sdtm" / "relrec.json")
    }
    assert relation == {"CE": ("CELNKID", "ONE"), "FA": ("FALNKID", "MANY")}
    events = [(row["USUBJID"], row["CELNKID"]) for row in of_json(folder / "sdtm" / "ce.json")]
    assert len(set(events)) == len(events)
    assert {(row["USUBJID"], row["FALNKID"]) for row in of_json(folder / "sdtm" / "fa.json")} == set(events)


def test_the_supplement_belongs_to_events(folder: Path) -> None:
    events = {(row["USUBJID"], str(row["CESEQ"])) for row in of_json(folder / "sdtm" / "ce.json")}
    rows = of_json(folder / "sdtm" / "suppce.json")
    assert {(row["USUBJID"], row["IDVARVAL"]) for row in rows} == events
    assert len({(row["USUBJID"], row["IDVARVAL"], row["QNAM"]) for row in rows}) == len(rows)


def test_no_study_is_told(still_open: Path) -> None:
    account = json.loads((still_open / "export.json").read_text(encoding="utf-8"))
    assert "give --study" in account["notes"][0]


def test_a_text_that_a_transport_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    name = "x" * 201
    events = [line.replace("1,", f"{name},", 1) for line in OPEN]
    result = grade(csv_folder(tmp_path / "in", events, [f"{name},2024-01-01T00:00:00Z,car_t,"]))
    with pytest.raises(UserError, match=r"CE\.USUBJID: a text of 201 bytes, and XPT v5 holds 200"):
        export(result, "sdtm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_accents_survive_both_forms(tmp_path: Path) -> None:
    events = [line.replace("1,", "Zoë-ß,", 1) for line in OPEN]
    export(
        grade(csv_folder(tmp_path / "in", events, ["Zoë-ß,2024-01-01T00:00:00Z,car_t,"])),
        "sdtm",
        tmp_path / "out",
    )
    assert of_xpt(tmp_path / "out/sdtm/ce.xpt")[0][0]["USUBJID"] == "Zoë-ß"
    assert of_json(tmp_path / "out/sdtm/ce.json")[0]["USUBJID"] == "Zoë-ß"


def test_no_episode_makes_empty_datasets(tmp_path: Path) -> None:
    account = export(grade(csv_folder(tmp_path / "in", [])), "sdtm", tmp_path / "out")
    assert account["counts"] == {"CE": 0, "FA": 0, "SUPPCE": 0, "RELREC": 2, "ADCRS": 0}
    assert of_xpt(tmp_path / "out/sdtm/ce.xpt")[0] == []


def test_the_run_keeps_the_grades_of_the_site(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", OPEN, reported="subject_id;start;grade\n1;2024-01-01;2\n")
    result = grade(source, out=tmp_path / "run")
    assert (
        tmp_path / "run/reported.csv"
    ).read_text() == "subject_id,start,end,scale,grade\n1,2024-01-01,,,2\n"
    export(result, "sdtm", tmp_path / "out")
    assert "undecided" in (tmp_path / "out/concordance.csv").read_text()
    write_lines(source / "reported.csv", "subject,start,grade", [])
    with pytest.raises(UserError, match=r"reported\.csv: column subject_id is missing"):
        grade(source)
