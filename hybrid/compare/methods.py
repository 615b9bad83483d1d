"""The methods that are compared. Adding one is one function and one row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hybrid.compare.filters import CLEAN, FILTERS, NOISY
from hybrid.compare.interpolate import bicubic, bilinear, nearest, relative, shaded
from hybrid.compare.sources import Source
from hybrid.compare.spread import drawn_again, levin, network_at_full_size, recipe, recipe_soft, recipe_unfused, sparse

Float = NDArray[np.float32]
Method = Callable[[Float, Source], Float]
"""From (H, W) L* and a source to (H, W, 2) ab; raises `Unavailable` where it cannot."""


def _tuned(name: str) -> Method:
    def method(lightness: Float, source: Source) -> Float:
        settings = (NOISY if source.is_noisy else CLEAN)[name]
        return FILTERS[name](lightness, source.colors.ab, **settings)

    return method


def _bicubic_relative(lightness: Float, source: Source) -> Float:
    return shaded(bicubic(relative(source.colors.ab, lightness), lightness.shape), lightness)


REFERENCE = "bicubic"
"""Ratios are to this method."""
METHODS: dict[str, Method] = {
    "nearest": lambda lightness, source: nearest(source.colors.ab, lightness.shape),
    "bilinear": lambda lightness, source: bilinear(source.colors.ab, lightness.shape),
    REFERENCE: lambda lightness, source: bicubic(source.colors.ab, lightness.shape),
    "bicubic_relative": _bicubic_relative,
    **{name: _tuned(name) for name in FILTERS},
    "levin": levin,
    "sparse": sparse,
    "network_full_size": network_at_full_size,
    "recipe": recipe,
    "recipe_unfused": recipe_unfused,
    "recipe_soft": recipe_soft,
    "drawn_again": drawn_again,
}
OURS = ("recipe", "recipe_unfused", "recipe_soft", "drawn_again")
"""Of these, ways of the product; all others are baselines."""


def chosen_methods(names: str | None) -> list[str]:
    """Names of METHODS in a comma-separated list, in the registry's order and with the reference; all if None.

    Raises
    ------
    ValueError
        An unknown name.
    """
    wanted = list(METHODS) if names is None else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in METHODS:
            raise ValueError(f"method {name!r} is unknown; wanted some of {', '.join(METHODS)}")
    return [name for name in METHODS if name in wanted or name == REFERENCE]
