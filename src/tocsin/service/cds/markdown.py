"""Text into GitHub-flavoured Markdown: nothing that came from a record can become a link, a picture or markup."""

import re
from typing import Final

from tocsin.service.unseen import seen

# What starts markup inside a line; a mark that only counts at the start of a line never stands there.
_MARKS: Final = re.compile(r"([\\`*_\[\]<>~|#&@])")
_AUTOLINKS: Final = re.compile(
    r"(?i)(?<=\b(?:http|mail|xmpp))(s|to)?:|(?<=\bhttps):|(?<=\bftp):|(?<=\bwww)\."
)
_BLANKS: Final = re.compile(r"\s+")


def plain(text: str) -> str:
    """Return a text as Markdown that shows just that text, on one line."""
    marked = _MARKS.sub(r"\\\1", _one_line(text))
    return _AUTOLINKS.sub(lambda match: match[0][:-1] + "\\" + match[0][-1], marked)


def short(text: str, most: int) -> str:
    """Return a text on one line, of at most so many characters: cut at a word, the cut marked."""
    one_line = _one_line(text)
    if len(one_line) <= most:
        return one_line
    return one_line[: most - 3].rsplit(" ", 1)[0].rstrip(" ,;:.") + "..."


def _one_line(text: str) -> str:
    return seen(_BLANKS.sub(" ", text)).strip()
