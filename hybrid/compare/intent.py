"""Edges judged without the truth's colours: a network's answer as it was meant, with the true picture's borders.

What the network says of a region of the true colour picture is taken as the region's one colour, cells that straddle a
border weighing little. How far a method's picture is from that shows bleeding, however wrong the colours are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import felzenszwalb

from hybrid.compare.scene import Scene
from hybrid.compare.scores import band_scores, difference, lattice
from hybrid.scale import L_OFFSET, shrink
from hybrid.segments import overlap

Float = NDArray[np.float32]
SCALE, LEAST = 100.0, 60
"""Felzenszwalb's scale on Lab / 100, and the fewest pixels of a region at 1 MP."""
SOLID = 0.6
"""Share of some cell that a region must cover to have a colour of its own."""
PURITY = 4
"""A cell's weight for a region is the share of it that the region covers, to this power."""


def intents(scene: Scene, cells: Float) -> dict[str, Float]:
    """The network's answer as meant, (H, W, 2) ab, its regions even in ab ("plain") or in ab / (L* + 16) ("relative").

    Parameters
    ----------
    scene : with the true colours, which alone say where borders are
    cells : (h, w, 2) float32, the network's answer, CIELAB units
    """
    labels = solid_regions(scene, cells.shape)
    weight = overlap(labels, (cells.shape[0], cells.shape[1])).power(PURITY)
    total = np.maximum(weight.sum(1), 1e-12)[:, None]

    def meant(chroma: Float) -> Float:
        mean = (weight @ chroma.reshape(-1, 2)) / total
        return mean.astype(np.float32)[labels]

    light, of_cells = (
        plane[..., None] + np.float32(L_OFFSET) for plane in (scene.lightness, shrink(scene.lightness, cells.shape[:2]))
    )
    return {"plain": meant(cells), "relative": meant(cells / of_cells) * light}


def solid_regions(scene: Scene, cells: tuple[int, ...]) -> NDArray[np.int64]:
    """Regions of even true colour, (H, W) labels; what fills no cell by SOLID goes to the nearest region that does.

    So the soft pixels along a border, often regions of their own, are split between its two sides.
    """
    lab = np.concatenate([scene.lightness[..., None], scene.ab], -1) / 100
    least = max(2, round(LEAST * scene.lightness.size / 1e6))
    labels = felzenszwalb(lab, scale=SCALE, sigma=0, min_size=least, channel_axis=-1)
    purest = overlap(labels, (cells[0], cells[1])).max(axis=1).toarray().ravel()
    is_solid = (purest >= SOLID)[labels]
    if not is_solid.any():
        return np.zeros_like(labels)
    rows, columns = distance_transform_edt(~is_solid, return_distances=False, return_indices=True)
    return labels[rows, columns]


def intent_scores(ab: Float, meant: dict[str, Float], band: NDArray[np.bool_]) -> dict[str, float | None]:
    """CIEDE2000 of a picture (H, W, 2) from each intent: mean of the whole, 95th percentile and mean in the band."""
    found: dict[str, float | None] = {}
    for name, wanted in meant.items():
        whole = difference(lattice(ab).reshape(-1, 2), lattice(wanted).reshape(-1, 2))
        found[f"intent_{name}"] = float(whole.mean())
        found |= {f"intent_{name}_{key}": value for key, value in band_scores(ab, wanted, band).items()}
    return found
