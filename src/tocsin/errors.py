"""The one error a user can cause; the command line prints it on one line and exits with status 2."""


class UserError(Exception):
    """Something the user can put right: the message says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InternalError(Exception):
    """A promise of ours is broken: a bug to report, never the user's mistake."""
