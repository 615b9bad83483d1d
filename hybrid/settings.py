"""How a photo is coloured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How a photo is coloured.

    Parameters
    ----------
    temperature : of the annealed mean, 0 (most likely colour) .. 1 (mean colour)
    vividness : 0 takes the network's distribution as it is; towards 1 rare, vivid colours count more
    saturation : factor on the predicted ab; strokes keep theirs
    warmth : of what is predicted, -1 (toward blue) .. 1 (toward amber); strokes keep theirs
    firmness : weight of a cell's mean against affinities whose median is 1; None: 2 for a network, for a picture by
        its noise
    megapixels : size at which colours are spread before they are lifted to full size
    reweightings : how often links are weakened where chroma changes; None: twice for a network or a noisy picture
    softness : change of ab, CIELAB units, at which a link is weakened to 0.7
    contrast : change of log local contrast at which a link is weakened to 0.7, 0 for none; None: 0.15 where a picture
        without noise gives the colours, none where a network does
    fusion : share of a region's joint answer where a cell differs much from it; 0 leaves cells to themselves
    reach : of strokes, besides what they reach along the photo's edges: a name in `hybrid.kriging.REACHES`
    """

    temperature: float = 0.5
    vividness: float = 0.15
    saturation: float = 1.0
    warmth: float = 0.0
    firmness: float | None = None
    megapixels: float = 1.0
    reweightings: int | None = None
    softness: float = 1.0
    contrast: float | None = None
    fusion: float = 0.8
    reach: str = "local"
