"""Signs that show nothing themselves: NUL and its kind, and those that turn round the direction of what follows them."""

import re
from typing import Final

# A pattern, since a table of signs would be looked up for every letter of a board.
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def seen(text: str) -> str:
    """Return a text without them: what is read is what stands there."""
    return _UNSEEN.sub("", text)
