"""Exports: results in other people's formats, one file a format; `export` writes a result in one of them."""

import json
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tocsin.engines.local import no_progress
from tocsin.engines.output import Staging, files_under, write_json
from tocsin.errors import UserError
from tocsin.exports.parts import Options, Progress
from tocsin.knowledge.version import knowledge_hash
from tocsin.results import Result

# Each is a module of this room with `write(result: Result, folder: Path, options: Options) -> Written`.
FORMATS = ("fhir", "omop", "sdtm", "meds", "cibmtr")
ACCOUNT = "export.json"  # says what was written, from which run; it is there when, and only when, the export is whole


def export(
    result: Result,
    to: str,
    out: str | Path,
    *,
    revision: str | None = None,
    study: str | None = None,
    reported: str | Path | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Write a result in somebody else's format into a folder, whole or not at all.

    `to` is `fhir` (R4), `omop` (CDM 5.4), `sdtm` (with ADaM), `meds` (0.4) or `cibmtr` (a pre-fill of form 4100, of which
    `revision` names the revision). `study` is the STUDYID of an export to `sdtm`, `reported` a CSV file of the grades that the
    site gave, which it compares with ours. The folder must be new, empty, or hold an earlier export to the same format, which is
    replaced.

    Returns the account that is also written as `export.json`: what was written, what the format cannot hold, from which run.
    Raises `UserError` for an unknown format, a folder that holds something else, and a result without events.

    >>> import tempfile
    >>> from tocsin import export, grade
    >>> from tocsin.demo import demo_folder
    >>> with tempfile.TemporaryDirectory() as out:
    ...     export(grade(demo_folder()), "cibmtr", out)["counts"]["infusions"]
    6
    """
    if to not in FORMATS:
        raise UserError(f"--to {to}: no such format; write one of {', '.join(FORMATS)}")
    if revision is not None and to != "cibmtr":
        raise UserError(f"--revision {revision}: only --to cibmtr has revisions of a form; leave it out")
    for name, given in (("study", study), ("reported", reported)):
        if given is not None and to != "sdtm":
            raise UserError(f"--{name} {given}: only --to sdtm takes it; leave it out")
    out = Path(out)
    with Staging(out, last=ACCOUNT, earlier=_earlier(out, to)) as staging:
        written = import_module(f"tocsin.exports.{to}").write(
            result,
            staging.folder,
            Options(progress, revision, study, None if reported is None else Path(reported)),
        )
        account = {
            "to": to,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "counts": dict(written.counts),
            "notes": list(written.notes),
            "files": files_under(staging.folder),
            "tocsin": version("tocsin"),
            "knowledge": knowledge_hash(),
            "run": {name: result.run[name] for name in ("format", "parameters", "versions", "knowledge")},
        }
        write_json(staging.path(ACCOUNT), account)
    return account


def _earlier(out: Path, to: str) -> list[str]:
    """Return the files of an earlier export to the same format; a folder that holds anything else is refused."""
    if not out.is_dir() or not any(out.iterdir()):
        return []
    try:
        account = json.loads((out / ACCOUNT).read_text(encoding="utf-8"))
        files = [str(name) for name in account["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"--out {out}: is not empty; choose a new folder") from None
    if account.get("to") != to or any(".." in Path(name).parts or Path(name).is_absolute() for name in files):
        raise UserError(f"--out {out}: holds an export to {account.get('to')}; choose a new folder")
    return files
