"""Where a colour picture of the scene lies on the photo, from the luminance of both: an affine placement, or none."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter, map_coordinates

from hybrid.scale import shrink

Float = NDArray[np.float32]
Matrix = NDArray[np.float64]
SMALLEST = 24
"""Cells a side below which a picture is not placed: too little to go by."""
COARSE = 64
"""Pixels along at which all turns, sizes and shifts are tried."""
TURNS = np.deg2rad(np.arange(-6.0, 6.1, 2.0))
SIZES = np.exp(0.026 * np.arange(-5, 6))
"""Turns and sizes tried, sizes along both sides apart, since a crop may change the shape: 6 degrees, 0.88 to 1.14."""
FARTHEST = 0.15
"""Largest shift tried, as a share of each side."""
CANDIDATES = 3
"""So many of the best are refined."""
WINDOW = 6.0
"""Pixels: standard deviation of the Gaussian over which luminance is brought to mean 0 and variance 1."""
FLOOR = 0.15
"""Local contrast, as a share of the picture's whole, that counts as none."""
STEPS, STILL = 15, 0.01
"""Steps of a refinement at most; it ends when no corner moves by more pixels than STILL."""
FAINT = 1e-3
"""Damping of a step, as a share of its mean curvature: a picture of stripes is not to slide along them."""
BLOCK = 16
LEAST_GAIN, SURE = 0.01, 3.0
"""Correlation that a placement must gain, and how many standard errors of its mean over blocks of BLOCK cells."""
LEAST_CORRELATION = 0.4
"""Correlation below which a placement is chance: of pictures of two scenes, small ones reach 0.38."""
SOFTER = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Blurs tried to make the sharper of the two as soft as the other, in cells."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a picture lies on a photo.

    Parameters
    ----------
    matrix : (2, 3) float64
        From (row, column) on the photo to (row, column) on the picture, both from the middle and in cells of one grid
        laid over either; identity where the picture covers the photo as it is.
    grid : (h, w) of those cells
    before, after : correlation of locally normalised luminance, of the picture as it is and as placed
    is_moved : False where no placement was clearly better than none
    """

    matrix: Matrix
    grid: tuple[int, ...]
    before: float
    after: float
    is_moved: bool

    def on(self, grid: tuple[int, ...]) -> Matrix:
        """The matrix in cells of another grid laid over the two."""
        return rescaled(self.matrix, self.grid, grid)

    @property
    def shift(self) -> tuple[float, float]:
        """(right, down) in cells, how far off the picture's content is in the middle of the photo."""
        return float(self.matrix[1, 2]), float(self.matrix[0, 2])

    @property
    def rotation(self) -> float:
        """Degrees by which the picture's content is turned clockwise."""
        (a, b), (c, d) = self.matrix[:, :2]
        return float(np.rad2deg(np.arctan2(b - c, a + d)))

    @property
    def scale(self) -> float:
        """Size of the scene in the picture against that in the photo."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))


def register(picture: Float, photo: Float) -> Placement:
    """Find where a picture lies on a photo.

    Turns of some degrees, sizes of some per cent and all shifts are tried on a small version; the best are refined by
    Gauss-Newton steps on an affine motion, coarse to fine (Lucas & Kanade 1981; Baker & Matthews 2004). Compared is
    locally normalised luminance, which stays when tones change; places that agree with nothing count little.

    Parameters
    ----------
    picture, photo : (h, w) float32, L* of both on one grid of cells laid over either

    Returns
    -------
    Placement
    """
    shape = picture.shape
    identity = np.eye(2, 3)
    levels = [] if min(shape) < SMALLEST else _levels(picture, photo)
    if not levels:
        return Placement(identity, shape, 0.0, 0.0, False)
    tried, last = [identity, *_searched(*levels[0])], levels[0][0].shape
    matrix = max((_refined(*levels[0], matrix) for matrix in tried), key=lambda m: _correlation(_blocks(*levels[0], m)))
    for moving, fixed in levels[1:]:
        matrix = _refined(moving, fixed, rescaled(matrix, last, moving.shape))
        last = moving.shape
    moving, fixed = _equally_soft(picture, photo, matrix)
    matrix = _refined(moving, fixed, matrix)
    still, placed = _blocks(moving, fixed, identity), _blocks(moving, fixed, matrix)
    before, after = _correlation(still), _correlation(placed)
    if after < LEAST_CORRELATION or not _is_clear(still, placed):
        return Placement(identity, shape, before, before, False)
    return Placement(matrix, shape, before, after, True)


def rescaled(matrix: Matrix, old: tuple[int, ...], new: tuple[int, ...]) -> Matrix:
    """The same placement on a grid of another size, (2, 3) -> (2, 3)."""
    ratio = np.array(new) / np.array(old)
    return np.column_stack([ratio[:, None] * matrix[:, :2] / ratio, ratio * matrix[:, 2]])


def positions(matrix: Matrix, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Row and column on the picture, as array indices, of each cell of the photo; (2, h, w)."""
    middle = (np.array(shape) - 1) / 2
    rows, columns = (np.arange(n) - m for n, m in zip(shape, middle, strict=True))
    return matrix[:, :1, None] * rows[:, None] + matrix[:, 1:2, None] * columns + (matrix[:, 2] + middle)[:, None, None]


def is_inside(place: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which positions (2, h, w) lie on a picture of `shape`, its outer half pixels included."""
    limit = np.array(shape)[:, None, None]
    return np.asarray(((place >= -0.5) & (place <= limit - 0.5)).all(0))


def _levels(picture: Float, photo: Float) -> list[tuple[Float, Float]]:
    """Normalised luminance of both, small to large, each twice the size of the one before; none for even pictures."""
    shape = np.array(picture.shape)
    sizes = [shape]
    while sizes[0].max() >= 2 * COARSE and sizes[0].min() >= 2 * SMALLEST:
        sizes.insert(0, -(-sizes[0] // 2))
    pairs = [(_normalised(shrink(picture, tuple(size))), _normalised(shrink(photo, tuple(size)))) for size in sizes]
    return pairs if all(plane.any() for plane in pairs[0]) else []


def _normalised(lightness: Float) -> Float:
    """Luminance with local mean 0 and local variance 1, where it has contrast worth the name; (h, w)."""
    centred = lightness - gaussian_filter(lightness, WINDOW, mode="nearest")
    whole = float(lightness.std())
    if whole < 1e-3:
        return np.zeros_like(lightness)
    variance = gaussian_filter(centred**2, WINDOW, mode="nearest")
    return centred / np.sqrt(variance + np.float32(FLOOR * whole) ** 2)


def _searched(moving: Float, fixed: Float) -> list[Matrix]:
    """The best placements over TURNS, SIZES and all shifts, by correlation of the whole."""
    shape = np.array(fixed.shape)
    padded = [next_fast_len(int(n * (1 + FARTHEST)) + 1, real=True) for n in shape]
    spectrum = np.conj(rfft2(fixed, padded))
    reach = np.maximum((shape * FARTHEST).astype(int), 1)
    rows, columns = (np.r_[0 : r + 1, -r:0] for r in reach)
    tried = []
    for turn, tall, wide in product(TURNS, SIZES, SIZES):
        matrix = np.array([[np.cos(turn) * tall, np.sin(turn) * wide], [-np.sin(turn) * tall, np.cos(turn) * wide]])
        warped = _warped(moving, np.column_stack([matrix, np.zeros(2)]))
        surface = irfft2(rfft2(warped, padded) * spectrum, padded)[np.ix_(rows, columns)]
        row, column = np.unravel_index(surface.argmax(), surface.shape)
        score = float(surface[row, column] / np.sqrt((warped**2).sum() + 1e-9))
        # content at x in `fixed` is at x + d in `warped`, which samples the picture at matrix (x + d)
        tried.append((score, np.column_stack([matrix, matrix @ np.array([rows[row], columns[column]])])))
    return [matrix for _, matrix in sorted(tried, key=lambda pair: -pair[0])[:CANDIDATES]]


def softness(picture: Float, photo: Float) -> float:
    """Standard deviation in cells of the Gaussian that makes a photo as soft as its picture; below 0 where it is the
    picture that is sharper.

    Parameters
    ----------
    picture, photo : (h, w) float32, L* on one grid, the picture in its place
    """
    first, second = _normalised(picture), _normalised(photo)
    found = {0.0: _cosine(first, second)}
    for sigma in SOFTER:
        found[sigma] = _cosine(first, _normalised(softened(photo, sigma)))
        found[-sigma] = _cosine(_normalised(softened(picture, sigma)), second)
    return max(found, key=lambda sigma: found[sigma])


def softened(plane: Float, sigma: float) -> Float:
    """The plane blurred; as it is where sigma is not above 0."""
    return gaussian_filter(plane, sigma, mode="nearest") if sigma > 0 else plane


def correlation(picture: Float, photo: Float) -> float:
    """Correlation of locally normalised luminance, (h, w) and (h, w), which other tones leave alone."""
    return _cosine(_normalised(picture), _normalised(photo))


def _cosine(first: Float, second: Float) -> float:
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum() + 1e-9))


def _equally_soft(picture: Float, photo: Float, matrix: Matrix) -> tuple[Float, Float]:
    """Normalised luminance of both, the sharper one softened."""
    seen = map_coordinates(picture, positions(matrix, photo.shape), order=1, mode="nearest")
    sigma = softness(seen, photo)
    return _normalised(softened(picture, -sigma)), _normalised(softened(photo, sigma))


def _warped(moving: Float, matrix: Matrix) -> Float:
    """The picture as the photo's cells see it; 0 beyond it."""
    return map_coordinates(moving, positions(matrix, moving.shape), order=1, mode="constant").astype(np.float32)


def _refined(moving: Float, fixed: Float, matrix: Matrix) -> Matrix:
    """Gauss-Newton steps on the six numbers of an affine placement, places weighted by how well they agree."""
    shape = np.array(fixed.shape)
    middle = (shape - 1) / 2
    rows, columns = ((np.arange(n) - m) / m.clip(1) for n, m in zip(shape, middle, strict=True))
    across = np.stack(np.broadcast_arrays(rows[:, None], columns, np.ones(1)))
    slopes = np.gradient(moving)
    for _ in range(STEPS):
        place = positions(matrix, moving.shape)
        weight = is_inside(place, moving.shape) * _weight(_warped(moving, matrix), fixed)
        seen = map_coordinates(moving, place, order=1, mode="nearest")
        steepest = np.concatenate([across * map_coordinates(s, place, order=1, mode="nearest") for s in slopes])
        flat = (steepest * weight).reshape(6, -1)
        curvature = flat @ steepest.reshape(6, -1).T
        damping = FAINT * np.trace(curvature) / 6 + 1e-9
        step = np.linalg.solve(curvature + damping * np.eye(6), flat @ (fixed - seen).ravel()).reshape(2, 3)
        matrix = matrix + step / np.append(middle.clip(1), 1)
        if np.abs(step).sum(1).max() < STILL:
            break
    return matrix


def _weight(seen: Float, fixed: Float) -> Float:
    """How far places count: the square of their local correlation, and little where that is none."""
    mean = [gaussian_filter(plane, WINDOW, mode="nearest") for plane in (seen * fixed, seen**2, fixed**2)]
    local = mean[0] / np.sqrt(mean[1] * mean[2] + 1e-6)
    return np.clip(local, 0.1, 1) ** 2


def _blocks(moving: Float, fixed: Float, matrix: Matrix) -> NDArray[np.float64]:
    """For each block of BLOCK cells a side: products and squares of both, over what lies on the picture; (3, n)."""
    weight = is_inside(positions(matrix, moving.shape), moving.shape)
    seen = _warped(moving, matrix)
    rows, columns = (np.arange(n) // BLOCK for n in fixed.shape)
    block = (rows[:, None] * (columns[-1] + 1) + columns).ravel()
    planes = (seen * fixed, seen**2, fixed**2)
    return np.stack([np.bincount(block, (weight * plane).ravel()) for plane in planes])


def _correlation(blocks: NDArray[np.float64]) -> float:
    products, seen, fixed = blocks.sum(1)
    return float(products / np.sqrt(seen * fixed + 1e-9))


def _is_clear(still: NDArray[np.float64], placed: NDArray[np.float64]) -> bool:
    """Whether a placement gains clearly: by more than chance, judged from how blocks differ."""
    scale = [np.sqrt(blocks[1].mean() * blocks[2].mean()) + 1e-9 for blocks in (still, placed)]
    gain = placed[0] / scale[1] - still[0] / scale[0]
    return bool(gain.mean() > max(LEAST_GAIN, SURE * gain.std() / np.sqrt(gain.size)))
