"""Bad CSV: each kind gives one clear line or a quarantine row, and the good rows still come through."""

from pathlib import Path

import pytest

from tests.support.made_up import (
    CAR_T,
    EVENTS,
    FEVER,
    ONSET,
    THERAPIES,
    csv_folder,
    graded,
    graded_or_refusal,
    ids,
    onsets,
    read_csv,
    reasons,
    refusal,
    side,
    write_lines,
)
from tocsin.results import Result

T = "2024-01-01T11:00:00Z"

QUARANTINED = {
    "a word for a number": (f"1,{T},body_temperature,hot,Cel,,", "not_a_number"),
    "NaN": (f"1,{T},body_temperature,NaN,Cel,,", "not_a_number"),
    "infinity": (f"1,{T},body_temperature,inf,Cel,,", "not_a_number"),
    "minus infinity": (f"1,{T},systolic_bp,-Infinity,mm[Hg],,", "not_a_number"),
    "NaN as a rate": (f"1,{T},norepinephrine,nan,ug/min,,", "not_a_number"),
    "a number too large for a double": (f"1,{T},body_temperature,1e999,Cel,,", "not_a_number"),
    "no number": (f"1,{T},body_temperature,,Cel,,", "no_value"),
    "no subject": (f",{T},body_temperature,39,Cel,,", "no_subject"),
    "blank subject": (f"  ,{T},body_temperature,39,Cel,,", "no_subject"),
    "no signal": (f"1,{T},,39,Cel,,", "no_code"),
    "no time": ("1,,body_temperature,39,Cel,,", "no_time"),
    "a date": ("1,2024-01-01,body_temperature,39,Cel,,", "date_only"),
    "a month": ("1,2024-01,body_temperature,39,Cel,,", "bad_time"),
    "a day that is none": ("1,2024-02-30T10:00:00Z,body_temperature,39,Cel,,", "bad_time"),
    "an hour that is none": ("1,2024-01-01T25:00:00Z,body_temperature,39,Cel,,", "bad_time"),
    "another order of day and month": ("1,01/02/2024 10:00,body_temperature,39,Cel,,", "bad_time"),
    "a word for a time": ("1,yesterday,body_temperature,39,Cel,,", "bad_time"),
    "a negative interval": (f"1,{T},norepinephrine,5,ug/min,,2024-01-01T10:59:59Z", "end_before_start"),
    "an end that is no time": (f"1,{T},norepinephrine,5,ug/min,,later", "bad_time"),
    "an end that is a date": (f"1,{T},norepinephrine,5,ug/min,,2024-01-02", "date_only"),
    "an unknown unit": (f"1,{T},body_temperature,39,furlong,,", "unknown_unit"),
    "out of bounds": (f"1,{T},body_temperature,250,Cel,,", "out_of_bounds"),
    "Fahrenheit called Celsius": (f"1,{T},body_temperature,101.3,Cel,,", "looks_like_fahrenheit"),
    "a decimal comma without quotes": (f"1,{T},body_temperature,38,9,Cel,,", "unknown_unit"),
    "a device without a word": (f"1,{T},oxygen_device,,,,", "no_value"),
    "an annotation without sense": (f"1,{T},attribution,,,fever:sunburn,", "unknown_attribution"),
}


@pytest.fixture(scope="module")
def all_bad(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The good line, then every bad one, graded together."""
    lines = [line for line, _ in QUARANTINED.values()]
    return graded(csv_folder(tmp_path_factory.mktemp("bad"), [FEVER, *lines]))


@pytest.mark.parametrize("name", QUARANTINED)
def test_a_bad_line_goes_to_quarantine(all_bad: Result, name: str) -> None:
    place = 2 + list(QUARANTINED).index(name)
    (row,) = (row for row in all_bad.quarantine.to_pylist() if row["row"] == place)
    assert row["reason"] == QUARANTINED[name][1]
    assert row["source"].endswith("events.csv")
    assert row["column"] in EVENTS.split(",")


def test_beside_bad_lines_the_good_one_is_graded(all_bad: Result) -> None:
    assert all_bad.run["rows_read"] == 1 + len(QUARANTINED) + 1
    assert all_bad.run["quarantined"] == len(QUARANTINED)
    assert onsets(all_bad) == {1: ONSET}


def test_quarantine_says_what_stood_in_the_cell(tmp_path: Path) -> None:
    cells = {"time": "yesterday", "value": "hot", "end": "later"}
    lines = [
        "1,yesterday,body_temperature,39,Cel,,",
        f"1,{T},body_temperature,hot,Cel,,",
        f"1,{T},norepinephrine,5,ug/min,,later",
    ]
    result = graded(csv_folder(tmp_path / "in", [FEVER, *lines]))
    assert {row["column"]: row["value"] for row in result.quarantine.to_pylist()} == cells


def test_a_signal_that_we_do_not_know_is_counted_by_name(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path / "in", [FEVER, f"1,{T},shoe_size,44,,,"]))
    assert result.run["not_of_interest_by_code"] == {"shoe_size": 1}
    assert onsets(result) == {1: ONSET}


def test_a_device_word_that_we_do_not_know_is_listed(tmp_path: Path) -> None:
    graded(csv_folder(tmp_path / "in", [FEVER, f"1,{T},oxygen_device,,,magic cloud,"]), out=tmp_path / "out")
    (row,) = read_csv(tmp_path / "out" / "unmapped.csv")
    assert (row["text"], row["rows"]) == ("magic cloud", "1")


def test_every_nasty_cell_in_every_column_is_accounted_for(tmp_path: Path) -> None:
    """Each cell of a good line in turn becomes each of these; the account adds up and the good subject is graded."""
    nasty = [
        "", " ", "NULL", "nan", "-inf", "1e308", "-0", "0x10", "1_000", "９９", "007", "-5", "9" * 30,
        '"a ""quoted"" word"', "ünïcödé", "\u200b", "2024-01-01", "24:00", "2024-01-01T24:00:00Z", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", "2024-01-01T10:00:00+99:00", "body_temperature", "death", "index_therapy", "car_t/x",
        "'; DROP TABLE events; --", "{}", "\\N", "\t", "true",
    ]  # fmt: skip
    good = f"2,{T},body_temperature,38.5,Cel,word,2024-01-01T12:00:00Z".split(",")
    lines = [
        ",".join([*good[:place], cell, *good[place + 1 :]]) for cell in nasty for place in range(len(good))
    ]
    result = graded(csv_folder(tmp_path / "in", [FEVER, *lines], [CAR_T, "2,2024-01-01T00:00:00Z,car_t,"]))
    assert result.run["rows_read"] == 1 + len(lines) + 2
    assert onsets(result)[1] == ONSET


RAGGED = {
    "too few cells": (f"1,{T},body_temperature", 1),
    "an empty line": ("", 0),
    "only commas": (",,,,,,", 1),
    "too many cells": (f"1,{T},heart_rate,80,/min,,,surplus", 1),
}


@pytest.mark.parametrize(("line", "rows"), RAGGED.values(), ids=RAGGED)
def test_a_ragged_line_takes_no_other_with_it(tmp_path: Path, line: str, rows: int) -> None:
    last = "1,2024-01-01T12:00:00Z,heart_rate,90,/min,,"
    result = graded(csv_folder(tmp_path / "in", [FEVER, line, last]))
    assert result.run["rows_read"] == 3 + rows
    assert result.run["quarantined"] == rows
    assert onsets(result) == {1: ONSET}
    assert result.events["signal"].to_pylist().count("heart_rate") == 1


BROKEN_QUOTES = {
    "never closed": f'1,{T},oxygen_device,,,"nasal cannula,',
    "closed too early": f'1,{T},oxygen_device,,,"nasal" cannula,',
    "in the middle of a cell": f'1,{T},oxygen_device,,,nasal "cannula,',
}


@pytest.mark.parametrize("line", BROKEN_QUOTES.values(), ids=BROKEN_QUOTES)
def test_a_broken_quote_swallows_no_line(tmp_path: Path, line: str) -> None:
    later = [f"1,2024-01-01T{hour}:00:00Z,heart_rate,90,/min,," for hour in range(12, 20)]
    folder = csv_folder(tmp_path / "in", [FEVER, line, *later])
    result = graded_or_refusal(folder)
    if isinstance(result, str):
        assert str(folder / "events.csv") in result
    else:
        assert result.run["rows_read"] == 2 + len(later) + 1
        assert result.events["signal"].to_pylist().count("heart_rate") == len(later)


REFUSED = {
    "an empty file": ("events.csv", "", "subject_id"),
    "no header": ("events.csv", f"{FEVER}\n", "subject_id"),
    "events without a time": ("events.csv", "subject_id,signal,value\n1,body_temperature,39\n", "time"),
    "events without a signal": ("events.csv", "subject_id,time,value\n1,2024-01-01T10:00:00Z,39\n", "signal"),
    "a column twice": ("events.csv", f"{EVENTS},value\n{FEVER},39\n", "value"),
    "therapies without a cause": ("therapies.csv", "subject_id,time\n1,2024-01-01T00:00:00Z\n", "cause"),
    "a therapy column twice": ("therapies.csv", f"{THERAPIES},time\n{CAR_T},\n", "time"),
    "subjects without an id": ("subjects.csv", "birth_date,sex\n1980-01-01,f\n", "subject_id"),
    "a subject column twice": ("subjects.csv", "subject_id,sex,sex\n1,f,f\n", "sex"),
    "annotations without a word": (
        "annotations.csv",
        "subject_id,time\n1,2024-01-01T11:00:00Z\n",
        "attribution",
    ),
    "a decimal comma": ("events.csv", f'{EVENTS}\n{FEVER}\n1,{T},body_temperature,"38,9",Cel,,\n', "line 3"),
    "a decimal comma among semicolons": (
        "events.csv",
        f"{EVENTS.replace(',', ';')}\n1;{T};body_temperature;38,9;Cel;;\n",
        "line 2",
    ),
}


@pytest.mark.parametrize(("name", "text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_misread_is_refused_with_file_and_place(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    folder = csv_folder(tmp_path / "in")
    (folder / name).write_text(text, encoding="utf-8")
    message = refusal(folder)
    assert str(folder / name) in message
    assert said in message


@pytest.mark.parametrize("name", ["events.csv", "therapies.csv", "subjects.csv"])
@pytest.mark.parametrize("line", [1, 3], ids=["in the header", "in a line"])
def test_text_that_is_not_utf8_is_refused(tmp_path: Path, name: str, line: int) -> None:
    folder = csv_folder(
        tmp_path / "in", subjects="subject_id,birth_date,sex\n1,1980-01-01,f\n1,1980-01-01,f\n"
    )
    whole = (folder / name).read_bytes().splitlines() + [b""] * 3
    whole[line - 1] = b"\xff\xfe\xb5g," + whole[line - 1]
    (folder / name).write_bytes(b"\n".join(whole))
    message = refusal(folder)
    assert str(folder / name) in message
    assert "UTF-8" in message


def test_the_results_of_a_run_are_no_source(tmp_path: Path) -> None:
    graded(csv_folder(tmp_path / "in"), out=tmp_path / "out")
    message = refusal(tmp_path / "out", out=tmp_path / "again")
    assert message.startswith(f"{tmp_path / 'out'}: what `tocsin grade` wrote, not a source")
    assert f"`tocsin show {tmp_path / 'out'}`" in message
    assert not (tmp_path / "again").exists()


def test_a_byte_order_mark_and_semicolons_are_read(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in")
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8").replace(",", ";").replace("\n", "\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert onsets(graded(folder)) == {1: ONSET}


def test_a_header_without_lines_is_an_empty_table(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path / "in", []))
    assert result.run["rows_read"] == 1
    assert result.episodes.num_rows == 0


THERAPY_TROUBLE = {
    "unknown cause": ("2,2024-01-01T00:00:00Z,leeches,", "unknown_cause"),
    "refused drug": ("2,2024-01-01T00:00:00Z,oxaliplatin,", "refused_cause"),
    "infection": ("2,2024-01-01T00:00:00Z,covid19,", "refused_cause"),
    "no cause": ("2,2024-01-01T00:00:00Z,,", "unknown_cause"),
    "no time": ("2,,car_t,", "no_time"),
    "a date": ("2,2024-01-01,car_t,", "date_only"),
    "no subject": (",2024-01-01T00:00:00Z,car_t,", "no_subject"),
}


@pytest.mark.parametrize("beside", [False, True], ids=["in the folder", "as a side file"])
def test_a_bad_therapy_goes_to_quarantine(tmp_path: Path, beside: bool) -> None:
    lines = [CAR_T, *(line for line, _ in THERAPY_TROUBLE.values())]
    folder = csv_folder(tmp_path / "in", [FEVER], [] if beside else lines)
    result = graded(folder, therapies=side(tmp_path, *lines) if beside else None)
    found = {row["row"]: row["reason"] for row in result.quarantine.to_pylist()}
    assert found == {place: reason for place, (_, reason) in enumerate(THERAPY_TROUBLE.values(), 2)}
    assert all(row["source"].endswith("therapies.csv") for row in result.quarantine.to_pylist())
    assert onsets(result) == {1: ONSET}


def test_who_has_only_refused_therapies_is_no_subject(tmp_path: Path) -> None:
    lines = [CAR_T, *(line for line, _ in THERAPY_TROUBLE.values())]
    result = graded(csv_folder(tmp_path / "in", [FEVER, FEVER.replace("1,", "2,", 1)], lines))
    assert result.subjects["source_id"].to_pylist() == ["1"]
    assert result.run["not_of_interest_by_reason"] == {"no_therapy": 1}


def test_a_refused_therapy_does_not_widen_the_window_of_a_good_one(tmp_path: Path) -> None:
    late = "1,2024-09-01T00:00:00Z,heart_rate,80,/min,,"
    folder = csv_folder(tmp_path / "in", [FEVER, late], [CAR_T, "1,2024-09-01T00:00:00Z,leeches,"])
    result = graded(folder)
    assert result.run["not_of_interest_by_reason"] == {"outside_window": 1}
    assert reasons(result) == ["unknown_cause"]


def test_an_unknown_product_is_taken_with_its_cause_and_flagged(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path / "in", therapies=["1,2024-01-01T00:00:00Z,car_t,brand new cell"]))
    (row,) = result.episodes.to_pylist()
    assert row["cause"] == "car_t"
    assert "product_unknown" in row["flags"]


def test_ids_are_texts_and_integers_keep_their_number(tmp_path: Path) -> None:
    names = ["7", "007", "-3", "Anna Müller", "患者1", "a b", "a  b", "+7", "7.0", "9" * 25]
    events = [FEVER.replace("1,", f"{name},", 1) for name in names]
    therapies = [CAR_T.replace("1,", f"{name},", 1) for name in names]
    result = graded(csv_folder(tmp_path / "in", events, therapies))
    numbers = ids(result.subjects)
    assert sorted(numbers) == sorted(names)
    assert len(set(numbers.values())) == len(names)
    assert (numbers["7"], numbers["-3"]) == (7, -3)
    others = [name for name in names if name not in ("7", "-3")]
    assert sorted(others, key=numbers.__getitem__) == sorted(others)
    assert set(onsets(result)) == set(numbers.values())


def test_the_largest_integer_id_leaves_room_for_the_others(tmp_path: Path) -> None:
    names = ["9223372036854775807", "Anna"]
    events = [FEVER.replace("1,", f"{name},", 1) for name in names]
    therapies = [CAR_T.replace("1,", f"{name},", 1) for name in names]
    numbers = ids(graded(csv_folder(tmp_path / "in", events, therapies)).subjects)
    assert numbers["9223372036854775807"] == 2**63 - 1
    assert numbers["Anna"] != 2**63 - 1


def test_blanks_around_an_id_are_no_part_of_it(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path / "in", [FEVER.replace("1,", " 1 ,", 1)]))
    assert onsets(result) == {1: ONSET}


def test_a_therapy_without_data_and_data_without_a_therapy(tmp_path: Path) -> None:
    events = [FEVER, FEVER.replace("1,", "3,", 1)]
    result = graded(csv_folder(tmp_path / "in", events, [CAR_T, CAR_T.replace("1,", "2,", 1)]))
    assert result.subjects["subject_id"].to_pylist() == [1, 2]
    assert result.run["not_of_interest_by_reason"] == {"no_therapy": 1}
    assert onsets(result) == {1: ONSET}


def test_a_run_without_any_therapy_says_so(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", therapies=[])
    (folder / "therapies.csv").unlink()
    result = graded(folder)
    assert result.episodes.num_rows == 0
    assert any("therap" in note for note in result.run["notes"])


PEOPLE = {
    "two birth dates": "1,1980-01-01,f\n1,1990-01-01,f\n",
    "two sexes": "1,1980-01-01,f\n1,1980-01-01,m\n",
}


@pytest.mark.parametrize("lines", PEOPLE.values(), ids=PEOPLE)
def test_two_people_under_one_id_are_not_silently_one(tmp_path: Path, lines: str) -> None:
    folder = csv_folder(tmp_path / "in", subjects=f"subject_id,birth_date,sex\n{lines}")
    result = graded_or_refusal(folder)
    if isinstance(result, str):
        assert str(folder / "subjects.csv") in result
    else:
        assert "two_subjects" in reasons(result)


@pytest.mark.parametrize("born", ["1980-13-01", "1980", "01.02.1980"])
def test_a_birth_date_that_cannot_be_read_is_not_lost_silently(tmp_path: Path, born: str) -> None:
    result = graded(csv_folder(tmp_path / "in", subjects=f"subject_id,birth_date,sex\n1,{born},f\n"))
    (row,) = result.quarantine.to_pylist()
    assert (row["column"], row["value"]) == ("birth_date", born)
    assert result.subjects["birth_date"].to_pylist() == [None]
    assert "age_unknown" in result.episodes["flags"][0].as_py()


def test_a_line_of_subjects_without_an_id_goes_to_quarantine(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path / "in", subjects="subject_id,birth_date,sex\n,1980-01-01,f\n"))
    assert reasons(result) == ["no_subject"]


def test_annotations_with_words_that_we_do_not_know(tmp_path: Path) -> None:
    lines = [f"1,{T},fever:other", f"1,{T},fever:sunburn", f"1,{T},severity:severe", f"1,{T},"]
    result = graded(
        csv_folder(tmp_path / "in", annotations="\n".join(["subject_id,time,attribution", *lines]))
    )
    assert [row["row"] for row in result.quarantine.to_pylist()] == [2, 4]
    assert set(reasons(result)) == {"unknown_attribution"}


def test_side_files_of_annotations(tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "a.csv", "subject_id,time,attribution", ["1,2024-01-01T09:00:00Z,fever:other"]
    )
    assert graded(csv_folder(tmp_path / "in"), annotations=file).episodes.num_rows == 0
    wrong = write_lines(tmp_path / "b.csv", "subject_id,time", ["1,2024-01-01T09:00:00Z"])
    assert str(wrong) in refusal(csv_folder(tmp_path / "in"), annotations=wrong)
