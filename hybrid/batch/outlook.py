"""The time a batch has left, from what the photos before took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hybrid.pace import Left, plan_seconds
from hybrid.photo import read_size

LOOK = 2.0
"""Seconds at most that a batch looks for its photos' sizes before it begins; the others count as their average."""


def sizes_of(
    photos: Sequence[Path], page: int | None = None, clock: Callable[[], float] = time.perf_counter
) -> dict[Path, int]:
    """Pixels of as many photos as headers can be read of in a moment; those that cannot be read have 0."""
    found: dict[Path, int] = {}
    ends = clock() + LOOK
    for photo in photos:
        if clock() > ends:
            break
        found[photo] = pixels_of(photo, page)
    return found


def pixels_of(photo: Path, page: int | None = None) -> int:
    """Pixels that a photo's header says, or a page's; 0 where it says none."""
    height, width = read_size(photo, page)
    return height * width


class Outlook:
    """What is done of a batch, what is being done, and what both say of the rest.

    A photo's weight is what it took on the reference machine; how long that is here the photos of the batch tell.

    Parameters
    ----------
    photos : of the batch
    sizes : pixels of those that are known
    megapixels, has_layers : as of `plan_seconds`
    clock : of seconds
    """

    def __init__(
        self,
        photos: Sequence[Path],
        sizes: Mapping[Path, int],
        megapixels: float = 1.0,
        has_layers: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._how = megapixels, has_layers
        self._waiting = {photo: self._weight(sizes[photo]) if photo in sizes else None for photo in photos}
        self._working: dict[Path, tuple[float, float]] = {}
        self._spent = self._busy = 0.0
        self._done: list[float] = []
        self._began: float | None = None

    def begun(self, photo: Path) -> None:
        """A worker has been given a photo."""
        now = self._clock()
        self._began = now if self._began is None else self._began
        weight = self._waiting.pop(photo, None)
        self._working[photo] = now, self._mean() if weight is None else weight

    def ended(self, photo: Path, pixels: int = 0, seconds: float = 0.0) -> None:
        """A photo needs no more work: `pixels` of it were coloured in so many `seconds`, or none."""
        self._waiting.pop(photo, None)
        begun = self._working.pop(photo, None)
        if begun is not None:
            self._busy += self._clock() - begun[0]
        if pixels and seconds:
            self._spent += seconds
            self._done.append(self._weight(pixels))

    def left(self) -> Left | None:
        """What is left; None until a photo was coloured."""
        if not self._done or self._began is None:
            return None
        now, pace = self._clock(), self._spent / sum(self._done)
        working, waiting = list(self._working.values()), list(self._waiting.values())  # may be asked for by a thread
        passed = [now - began for began, _ in working]
        rest = [max(0.0, weight * pace - (now - began)) for began, weight in working]
        at_a_time = max(1.0, (self._busy + sum(passed)) / max(now - self._began, 1e-9))
        mean = self._mean()
        later = sum(mean if weight is None else weight for weight in waiting) * pace
        seconds = max((sum(rest) + later) / at_a_time, *rest, 0.0)
        return Left(seconds, bool(working) and not any(rest) and not later)

    def _weight(self, pixels: int) -> float:
        return sum(plan_seconds(pixels, *self._how).values()) if pixels else 0.0

    def _mean(self) -> float:
        known = [*self._done, *(weight for weight in list(self._waiting.values()) if weight)]
        return sum(known) / len(known) if known else 0.0
