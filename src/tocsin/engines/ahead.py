"""Runs an iterator ahead of its consumer in a thread of its own: reading and the door work while the timeline grades."""

import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import TypeVar

Item = TypeVar("Item")
_POLL_S = 0.1


class _End:
    """What the thread sends last: the error that ended it, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[Item], depth: int = 2) -> Iterator[Item]:
    """Yield the items, up to `depth` of them made in advance; an error in the making is raised here, in its turn.

    >>> list(ahead(iter(range(3))))
    [0, 1, 2]
    """
    waiting: Queue[Item | _End] = Queue(depth)
    stop = threading.Event()

    def put(item: Item | _End) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=_POLL_S)
                return
            except Full:
                continue

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
        except BaseException as raised:
            error = raised
        put(_End(error))

    maker = threading.Thread(target=make, name="tocsin-ahead", daemon=True)
    maker.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        maker.join()
        close = getattr(items, "close", None)
        if close is not None:
            close()  # a reader that was left half-way gives back what it holds
