"""How long colouring takes: stages as they were measured on one machine, scaled by what this one has shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hybrid.photo.bands import each_band
from hybrid.photo.profiles import SRGB
from hybrid.photo.render import exact_renderer

REFERENCE: dict[str, tuple[float, float, float]] = {
    "read": (0.0, 0.035, 0.0),
    "shrink": (0.0, 0.002, 0.0),
    "predict": (0.6, 0.0, 0.0),
    "solve": (0.3, 0.0, 3.3),
    "lift": (0.0, 0.045, 0.0),
    "write": (0.0, 0.15, 0.0),
}
"""Stage -> seconds: fixed, a megapixel of the photo, a megapixel at which colours are spread. Measured on two processor
cores without a GPU, 8 to 37 megapixels and 24 of grey 16-bit TIFF."""
LAYERS = 0.45
"""Seconds more a megapixel to write layers, measured there too."""
RENDERED = 0.13
"""Seconds that this machine took for what `machine_factor` does."""
LEAST = 0.5
"""Seconds of the reference that have to be behind before anything is said."""
TRUSTED = 1.0
"""Seconds of the reference that count with what a run has measured, lest one short stage decide."""
LIMITS = 0.25, 4.0
"""Of the factor that a run's own stages give: compiling the solver, for the first photo of all, shows no slow one."""


def plan_seconds(
    pixels: int, megapixels: float = 1.0, has_layers: bool = False, has_network: bool = True
) -> dict[str, float]:
    """Seconds by stage that colouring took on the reference machine.

    Parameters
    ----------
    pixels : of the photo
    megapixels : at which colours are spread
    has_layers : whether the file gets layers
    has_network : whether a network is asked
    """
    size = pixels / 1e6
    solved = min(size, megapixels)
    plan = {stage: fixed + each * size + of_solve * solved for stage, (fixed, each, of_solve) in REFERENCE.items()}
    plan["write"] += LAYERS * size * has_layers
    plan["predict"] *= has_network
    return plan


def machine_factor(clock: Callable[[], float] = time.perf_counter) -> float:
    """How many times slower than the reference machine this one is now, by a megapixel rendered as for a file."""
    rng = np.random.default_rng(0)
    lightness = rng.uniform(20, 80, (1000, 1000)).astype(np.float32)
    ab = rng.normal(0, 10, (1000, 1000, 2)).astype(np.float32)
    render = exact_renderer(lightness, ab, SRGB, 16)
    spent = []
    for _ in range(3):
        began = clock()
        for _ in each_band(render, *lightness.shape):
            pass
        spent.append(clock() - began)
    return min(spent) / RENDERED


@dataclass(frozen=True)
class Left:
    """Seconds left; `is_least` where a stage takes longer than was estimated, so that more can be said of none."""

    seconds: float
    is_least: bool = False

    def __str__(self) -> str:
        return f"{'at least' if self.is_least else 'about'} {spoken(self.seconds)} left"


class Pace:
    """One photo's stages as they pass, and from them what those to come will take.

    Reading says nothing of the others, since it is the disk's and the format's; so there is no estimate until others
    have ended.

    Parameters
    ----------
    clock : of seconds
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._plan: Mapping[str, float] = {}
        self._stage, self._began = "", clock()
        self._measured = self._planned = 0.0
        self._ended: set[str] = set()

    def expect(self, plan: Mapping[str, float]) -> None:
        """The reference's seconds by stage, as of `plan_seconds`."""
        self._plan = plan

    def begin(self, stage: str) -> None:
        """A stage begins, and the last one is over."""
        now = self._clock()
        planned = self._plan.get(self._stage, 0.0)
        if self._stage != "read" and planned:
            self._measured += now - self._began
            self._planned += planned
        self._ended.add(self._stage)
        self._stage, self._began = stage, now
        self._ended.discard(stage)

    @property
    def factor(self) -> float | None:
        """How many times slower than the reference this run is; None while that is not known."""
        if self._planned < LEAST:
            return None
        found = (self._measured + TRUSTED) / (self._planned + TRUSTED)
        return min(max(found, LIMITS[0]), LIMITS[1])

    def left(self) -> Left | None:
        """What is left, None while nothing can be said."""
        factor = self.factor
        if factor is None:
            return None
        later = sum(spent for stage, spent in self._plan.items() if stage not in {*self._ended, self._stage, "read"})
        here = self._plan.get(self._stage, 0.0) * factor - (self._clock() - self._began)
        return Left(later * factor + max(0.0, here), here < 0 and self._stage in self._plan)


def spoken(seconds: float) -> str:
    """A duration as one says it: 7 s, 40 s, 3 min, 2 h 10 min."""
    if seconds < 9.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 97.5:
        return f"{5 * round(seconds / 5)} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(10 * round(seconds / 600), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
