"""The recipe taken apart: what `Session` does with the colours of cells, every ingredient to be had or left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.colorized import HALF_STEP
from hybrid.compare.interpolate import bicubic
from hybrid.compare.sources import Source
from hybrid.compare.spread import centres
from hybrid.contrast import local_contrast
from hybrid.grain import without_grain
from hybrid.scale import L_OFFSET, MOST_SHADING, lift, shading, shrink, working_shape
from hybrid.scribbles import CellColors, cell_means, colors_of_prediction, limited, noise_of, trust_of
from hybrid.segments import regions
from hybrid.session import CONTRAST, NETWORK_TRUST
from hybrid.settings import Settings
from hybrid.spreading import LEAST_LINK, Spreading, Wishes, weakened
from solvers import CellMeans, ChromaSolver, Seeds
from solvers.affinity import affinity
from solvers.stencil import Stencil

Float = NDArray[np.float32]
CLEAN_TRUST = 100.0, 0
"""Firmness and reweightings for cells without any noise."""


@dataclass(frozen=True)
class Way:
    """Every choice that is made for one source on one photo.

    Parameters
    ----------
    firmness : weight of a cell against links whose median is 1
    reweightings : how often links are weakened where chroma changes
    contrast : softness of the cue of local contrast, 0 for none
    fusion : share of a region's joint answer; None where the source has no distributions, as of the next two
    temperature : of the annealed mean
    vividness : how far rare colours are favoured
    megapixels : size at which colours are spread
    lifted : "lines" or "bicubic"; None where they are spread at the photo's own size
    is_grainless : whether links are judged by the photo without its grain
    shading : power of L* + 16 that chroma is spread relative to: 1/2, 1, or 0 for a and b themselves
    has_means : whether a cell speaks of its mean, else of its central pixel, as firmly
    links : from lightness, "power" or "levin", or "even": none weaker than its neighbours
    is_limited : whether chroma is kept within what the cells around ask for, with some room
    """

    firmness: float
    reweightings: int
    contrast: float
    fusion: float | None = None
    temperature: float | None = None
    vividness: float | None = None
    megapixels: float = Settings().megapixels
    lifted: str | None = "lines"
    is_grainless: bool = True
    shading: float = 0.5
    has_means: bool = True
    links: str = "power"
    is_limited: bool = True


def way_of(source: Source, lightness: Float, megapixels: float = Settings().megapixels) -> Way:
    """The way that `Session` goes with this source on a photo (H, W) when it solves at so many megapixels."""
    choice = Settings()
    shape = working_shape(lightness.shape, megapixels)
    lifted = None if shape == lightness.shape else "lines"
    if source.prediction is not None:
        told = choice.fusion, choice.temperature, choice.vividness
        return Way(*NETWORK_TRUST, 0.0, *told, megapixels=megapixels, lifted=lifted)
    firmness, reweightings = trust_of(noise_of(source.colors.ab, shrink(lightness, shape), source.colors.weight))
    contrast = 0.0 if reweightings else CONTRAST
    return Way(firmness, reweightings, contrast, megapixels=megapixels, lifted=lifted)


def _with(**changes: Any) -> Callable[[Way], Way]:
    """A way with other values, but for what plays no part in it."""
    return lambda way: replace(way, **{k: v for k, v in changes.items() if getattr(way, k) is not None})


ABLATIONS: dict[str, Callable[[Way], Way]] = {
    "recipe": _with(),
    "plain_ab": _with(shading=0.0),
    "full_shading": _with(shading=1.0),
    "cell_centres": _with(has_means=False),
    "levin_links": _with(links="levin"),
    "even_links": _with(links="even"),
    "no_reweighting": _with(reweightings=0),
    "with_grain": _with(is_grainless=False),
    "no_contrast": _with(contrast=0.0),
    "no_limit": _with(is_limited=False),
    "no_fusion": _with(fusion=0.0),
    "not_vivid": _with(vividness=0.0),
    "mean_color": _with(temperature=1.0, vividness=0.0),
    "clean_trust": _with(firmness=CLEAN_TRUST[0], reweightings=CLEAN_TRUST[1], contrast=CONTRAST),
    "network_trust": _with(firmness=NETWORK_TRUST[0], reweightings=NETWORK_TRUST[1], contrast=0.0),
    "bicubic_lift": _with(lifted="bicubic"),
    "full_size": lambda way: replace(way, megapixels=float("inf"), lifted=None) if way.lifted else way,
}
"""Name -> the way without an ingredient, or with what would stand in its place; the same where it plays no part."""


def colored(lightness: Float, source: Source, way: Way) -> Float:
    """Spread the source's colours over a photo, (H, W) L* -> (H, W, 2) ab; by `way_of` exactly as the product does."""
    shape = working_shape(lightness.shape, way.megapixels)
    guide = shrink(lightness, shape)
    cells, tolerance = _cells(_colors(source, guide, way), guide, way), HALF_STEP / MOST_SHADING
    even = without_grain(guide) if way.is_grainless else guide
    solver = ChromaSolver.from_stencil(_links(even, way.links))
    if way.contrast:
        solver = weakened(solver, local_contrast(even)[..., None], way.contrast)
    seeds, means = (Seeds.none(), cells) if way.has_means else (_at_centres(cells, shape), None)
    spreading = Spreading(solver, _shade(guide, way), Settings().softness, way.reweightings, tolerance)
    chroma = spreading.whole(Wishes(seeds, means, None), is_last=True).chroma[-1]
    chroma = limited(chroma, cells, way.firmness) if way.is_limited else chroma
    if way.lifted == "lines":
        ab = lift(chroma, guide, lightness)
        return ab if way.shading == 0.5 else ab / shading(lightness)[..., None] * _shade(lightness, way)
    return (chroma if way.lifted is None else bicubic(chroma, lightness.shape)) * _shade(lightness, way)


def _shade(lightness: Float, way: Way) -> Float:
    """What chroma is multiplied by to be ab, (..., 1)."""
    if way.shading == 0.5:
        return shading(lightness)[..., None]
    return MOST_SHADING * ((lightness + np.float32(L_OFFSET)) / np.float32(MOST_SHADING))[..., None] ** np.float32(
        way.shading
    )


def _colors(source: Source, guide: Float, way: Way) -> CellColors:
    if source.prediction is None or way.temperature is None or way.vividness is None:
        return source.colors
    labels = regions(guide) if way.fusion else None
    return colors_of_prediction(source.prediction, labels, way.temperature, way.vividness, way.fusion or 0.0)


def _cells(colors: CellColors, guide: Float, way: Way) -> CellMeans:
    cells = cell_means(colors, guide, way.firmness)
    if way.shading == 0.5:
        return cells
    mean_light = shrink(guide, cells.weight.shape)
    ab = cells.chroma * shading(mean_light)[..., None]
    return CellMeans((ab / _shade(mean_light, way)).astype(np.float32), cells.weight)


def _at_centres(cells: CellMeans, shape: tuple[int, int]) -> Seeds:
    return Seeds(centres(shape, cells.weight.shape).ravel(), cells.chroma.reshape(-1, 2), cells.weight.ravel())


def _links(guide: Float, kind: str) -> Stencil:
    """Links whose median is 1."""
    luminance = np.clip(guide / 100, 0, 1)
    if kind != "levin":
        return affinity(luminance if kind == "power" else np.zeros_like(luminance))
    links = affinity(luminance, "levin", floor=LEAST_LINK)  # weaker ones leave islands that cells do not determine
    positive = np.concatenate([plane[plane > 0] for plane in links.planes])
    middle = np.median(positive) if positive.size else np.float32(1)
    return Stencil(*(plane / middle for plane in links.planes))
