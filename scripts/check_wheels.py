"""Shows that every supported Python finds each locked run-time package as a wheel; installs nothing."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

LOCK = Path(__file__).resolve().parent.parent / "requirements" / "run.txt"
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def pins(version: str) -> list[str]:
    """Return the locked `name==version` for one Python version: pip would judge markers by its own."""
    lines = [line.rstrip("\\ ") for line in LOCK.read_text("utf-8").splitlines() if line[:1].isalpha()]
    environment = {"python_version": version, "python_full_version": f"{version}.99"}
    wanted = [Requirement(line) for line in lines]
    meant = [each for each in wanted if not each.marker or each.marker.evaluate(environment)]
    return [f"{each.name}{each.specifier}" for each in meant]


def resolve(version: str) -> subprocess.CompletedProcess[str]:
    """Let pip look for wheels for one Python version, as on a machine that has it, and install nothing."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        command += ["--dry-run", "--report", "-", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", version, "--target", folder, *pins(version)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def main() -> int:
    """Print what each version would get; fail if one lacks a wheel."""
    failed = 0
    for version in VERSIONS:
        result = resolve(version)
        if result.returncode:
            failed = 1
            print(f"Python {version}: a wheel is missing\n{result.stderr.strip()}")
            continue
        chosen = json.loads(result.stdout)["install"]
        wheels = sorted(item["download_info"]["url"].rsplit("/", 1)[-1] for item in chosen)
        print(f"Python {version}: all {len(wheels)} are there as wheels")
        print("\n".join(f"  {wheel}" for wheel in wheels))
    return failed


if __name__ == "__main__":
    sys.exit(main())
