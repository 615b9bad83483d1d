"""What stops a whole batch, as opposed to one of its photos."""

USAGE, UNREADABLE, UNEXPECTED = 2, 3, 1
"""Exit codes of the `hybrid` command that a batch gives on its own."""


class BatchError(ValueError):
    """A batch that cannot be begun or gone on with: one line with what was got, what was wanted and what to try.

    Parameters
    ----------
    message : for the user
    code : the exit code that it asks for
    """

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code
