"""The log: lines of JSON that say what happened, and nothing of a patient or a secret."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import CAR_T, bundle, resource
from tests.support.service import served
from tocsin.service.config import Config
from tocsin.service.logs import JsonLines

JSON = {"content-type": "application/json"}


def written(record: logging.LogRecord) -> dict[str, Any]:
    return json.loads(JsonLines().format(record))


def test_a_request_is_one_line_with_its_route_and_not_its_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tocsin")
    with served(Config(store=str(tmp_path / "s.db"))) as found:
        found.http.post(
            "/api/patients/jane-doe-1964/bundle",
            content=bundle(resource(patient="jane-doe-1964")),
            headers=JSON,
        )
        found.http.get("/api/patients/jane-doe-1964", params={"at": "2026-02-12T20:00:00Z"})
        found.http.get("/patients/jane-doe-1964/secret")
        found.http.post("/api/calc", content=b'{"name": "jane-doe-1964"}', headers=JSON)
    requests = [written(one) for one in caplog.records if one.getMessage() == "request"]
    assert [(one["method"], one["route"], one["status"]) for one in requests][:2] == [
        ("POST", "/api/patients/{id}/bundle", 200),
        ("GET", "/api/patients/{id}", 200),
    ]
    assert all(
        {"time", "level", "event", "id", "method", "route", "status", "ms"} <= set(one) for one in requests
    )
    assert "jane" not in "".join(JsonLines().format(one) for one in caplog.records)


def test_the_message_of_an_exception_or_a_library_is_not_written() -> None:
    try:
        raise ValueError("Jane Doe")
    except ValueError:
        failed = logging.LogRecord("asyncio", logging.ERROR, "x", 1, "lost Jane Doe", (), sys.exc_info())
    line = written(failed)
    assert (line["event"], line["error"], line["level"]) == ("asyncio", "ValueError", "error")
    assert line["at"].startswith("test_logs.py:")
    assert "Jane" not in json.dumps(line)


def test_no_line_can_be_forged() -> None:
    record = logging.LogRecord("tocsin.service", logging.INFO, "x", 1, "request", (), None)
    record.route = '/x\n{"level": "forged"}'
    assert "\n" not in JsonLines().format(record)


def test_a_store_that_fails_is_logged_without_what_was_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(Config(store=str(tmp_path / "s.db"))) as found:
        with found.context.store.database.writing() as con:
            con.exec_driver_sql("DROP TABLE summaries")
            con.exec_driver_sql("DROP TABLE resources")
        answer = found.http.post(
            f"/api/patients/{CAR_T}/bundle", content=bundle(resource(patient=CAR_T)), headers=JSON
        )
        assert answer.status_code == 503
    told = "".join(JsonLines().format(one) for one in caplog.records)
    assert "OperationalError" in told
    assert "INSERT" not in told
    assert CAR_T not in told
