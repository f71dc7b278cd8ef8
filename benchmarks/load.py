"""The load of CDS Hooks: requests at fixed times from a process of its own, bounded in number and time, to loopback only."""

import http.client
import itertools
import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

CONNECTIONS: Final = 24
_LONGEST_S: Final = 120.0
_MOST: Final = 20_000
_TIMEOUT_S: Final = 20.0
_HEADERS: Final = {"Content-Type": "application/json"}
_HERE: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Load:
    """What to send where: every body in turn, at a rate, for so long. `most` of the answer must hold `holds`."""

    url: str
    bodies: list[bytes]
    rate: float
    seconds: float
    holds: bytes


def send(load: Load) -> dict[str, Any]:
    """Send the load; return each latency in ms, from the instant that the request was due, and how many failed.

    Who is late by the fault of the service is late in what is told: a request waits for nobody but its own time.
    """
    address = urlsplit(load.url)
    if address.hostname not in _HERE:
        raise SystemExit(f"{load.url}: the load goes to this machine only")
    count = min(_MOST, int(load.rate * min(load.seconds, _LONGEST_S)))
    places, begin = itertools.count(), time.perf_counter() + 0.5
    latencies: list[float] = [0.0] * count
    failed: list[str] = []

    def work() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        while (place := next(places)) < count:
            due = begin + place / load.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                connection.request("POST", address.path, load.bodies[place % len(load.bodies)], _HEADERS)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != http.HTTPStatus.OK or load.holds not in body:
                    failed.append(f"{answer.status}: {body[:120]!r}")
            except (OSError, http.client.HTTPException) as error:
                failed.append(type(error).__name__)
                connection.close()
            latencies[place] = 1000 * (time.perf_counter() - due)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return {"latencies": latencies, "failed": failed, "seconds": time.perf_counter() - begin}


def main() -> None:
    """Send what standard input says: a JSON of url, folder of bodies, rate, seconds and what an answer holds."""
    asked = json.load(sys.stdin)
    bodies = [file.read_bytes() for file in sorted(Path(asked["folder"]).glob("*.json"))]
    load = Load(asked["url"], bodies, asked["rate"], asked["seconds"], asked["holds"].encode())
    print(json.dumps(send(load)))


if __name__ == "__main__":
    main()
