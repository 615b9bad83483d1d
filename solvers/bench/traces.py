"""Error, residual and seconds after every iteration, with the clock stopped while they are worked out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEYOND = 10
"""A trace goes on to this fraction of the bound, or half as many iterations again: enough to see the slope."""
MOST_POINTS = 60
TRACED_PIXELS = 4.2e6
"""Above, residuals in double precision would take longer than what is measured."""


class Follower:
    """Watches the iterates of one channel, or of all at once.

    Parameters
    ----------
    error : callable
        Largest error of an iterate, in bounds.
    residual : callable, optional
        2-norm of its residual.
    goes_on : bool
        Whether to watch beyond the bound.
    patience : float
        Seconds after which to give up.

    Attributes
    ----------
    first : number of the first iterate within the bound, -1 until then
    answer : a copy of that iterate
    seconds, errors, residuals : of every iterate, from the last `start`
    """

    def __init__(
        self,
        error: Callable[[NDArray[Any]], float],
        residual: Callable[[NDArray[Any]], float] | None = None,
        goes_on: bool = False,
        patience: float = float("inf"),
    ) -> None:
        self._error, self._residual, self._goes_on, self._patience = error, residual, goes_on, patience
        self.first = -1
        self.answer: NDArray[Any] | None = None
        self.seconds: list[float] = []
        self.errors: list[float] = []
        self.residuals: list[float] = []
        self._spent = 0.0
        self.start()

    def start(self) -> None:
        """Let the clock run."""
        self._mark = time.perf_counter()

    def __call__(self, answer: NDArray[Any]) -> bool:
        """Take in an iterate; True when enough was seen."""
        self._spent += time.perf_counter() - self._mark
        error = self._error(answer)
        self.seconds.append(self._spent)
        self.errors.append(error)
        if self._residual is not None:
            self.residuals.append(self._residual(answer))
        count = len(self.errors)
        if self.first < 0 and error <= 1:
            self.first, self.answer = count, answer.copy()
        found = self.first >= 0
        if self._spent > self._patience:
            return True
        self.start()
        return found and (not self._goes_on or error * BEYOND <= 1 or count >= 1.5 * self.first + 3)


def together(channels: Sequence[Follower], size: float) -> dict[str, list[float]]:
    """One trace of channels solved in turn: the worst error, the whole residual over `size`, the sum of seconds.

    A channel that was done earlier stays what it was at its end.
    """
    count = max((len(channel.errors) for channel in channels), default=0)
    steps = thinned(count)

    def at(values: Sequence[float], step: int) -> float:
        return values[min(step, len(values)) - 1] if values else 0.0

    trace = {
        "iterations": [float(step) for step in steps],
        "seconds": [sum(at(channel.seconds, step) for channel in channels) for step in steps],
        "errors": [max(at(channel.errors, step) for channel in channels) for step in steps],
    }
    if size and all(channel.residuals for channel in channels):
        squares = [sum(at(channel.residuals, step) ** 2 for channel in channels) for step in steps]
        trace["residuals"] = [float(np.sqrt(square)) / size for square in squares]
    return trace


def thinned(count: int) -> list[int]:
    """The numbers 1 to count, or MOST_POINTS of them in equal ratios."""
    if count <= MOST_POINTS:
        return list(range(1, count + 1))
    return sorted({round(step) for step in np.geomspace(1, count, MOST_POINTS)})
