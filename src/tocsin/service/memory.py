"""How the process holds memory: what a large request needed goes back to the system, not into pools for each thread."""

import ctypes
import sys
from typing import Final

import pyarrow as pa

# The numbers of glibc's mallopt.
_TRIM_THRESHOLD: Final = -1
_ARENAS: Final = -8
_KEPT_BYTES: Final = 128 * 1024
_MOST_ARENAS: Final = 2  # as many as grade at once; by default 8 for each core, each with its own leftovers


def hold_little() -> None:
    """Keep the resident memory near what is in use; where the C library is another one, nothing is changed."""
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENAS, _MOST_ARENAS)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
