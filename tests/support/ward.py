"""A ward of made-up patients for the service: the demo's, each moved in time so that an interesting moment is now."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin.demo import demo_folder

# Where each patient of the demo is most telling, as the record has it.
MOMENTS = {
    "1-car-t-tocilizumab": "2026-02-12T21:00-05:00",
    "2-blinatumomab-step": "2026-01-20T08:30+01:00",
    "3-haplo-fluids": "2026-04-16T20:00+00:00",
    "4-vasopressin-puzzle": "2026-03-04T20:00+00:00",
    "5-unknown-flow": "2026-05-11T04:00+00:00",
    "6-sepsis": "2026-06-05T18:00+00:00",
    "7-recurrence": "2026-03-20T04:00+00:00",
    "8-death": "2026-01-24T04:00+00:00",
}
_TIME = re.compile(r'"(20\d\d-\d\d-\d\dT\d\d:\d\d[^"]*)"')
SCRIPT = "<script>alert('x')</script>"


def ward(now: datetime | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield id and Bundle of each patient, moved so that the moment is `now`."""
    for id, moment in MOMENTS.items():
        text = (demo_folder() / f"{id}.json").read_text("utf-8")
        yield id, moved(text, (now or datetime.now(UTC)) - datetime.fromisoformat(moment)).encode()


def moved(text: str, by: timedelta) -> str:
    """Return a Bundle with every time moved."""
    return _TIME.sub(lambda found: f'"{(datetime.fromisoformat(found[1]) + by).isoformat()}"', text)


def hostile(now: datetime | None = None) -> tuple[str, bytes]:
    """Return a patient with a script in every text that people read."""
    id = "hostile"
    bundle: dict[str, Any] = json.loads(
        dict(ward(now))["1-car-t-tocilizumab"].replace(b"1-car-t-tocilizumab", b"hostile")
    )
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"family": f"Made-up {SCRIPT}", "given": ['"><img src=x onerror=alert(1)>']}]
            resource["gender"] = "female"
        for key in ("code", "medicationCodeableConcept"):
            if key in resource:
                resource[key]["text"] = SCRIPT
                for coding in resource[key].get("coding", ()):
                    coding["display"] = f"</title>{SCRIPT}"
        if "note" in resource or resource["resourceType"] == "Observation":
            resource["note"] = [{"text": SCRIPT}]
        if resource.get("valueQuantity", {}).get("code") == "Cel":
            resource["valueQuantity"]["unit"] = f"Cel{SCRIPT}"
    strange = json.loads(json.dumps(bundle["entry"][-1]))
    strange["resource"]["id"] = "strange"
    bundle["entry"].append(strange)
    return id, json.dumps(bundle).encode()
