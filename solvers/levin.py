"""Levin, Lischinski, Weiss, "Colorization using optimization" (SIGGRAPH 2004), as published, at any size.

After the paper's eq. 1-2 and the exact solver its authors distribute (getColorExact): 3×3 windows, weights
``exp(-dY^2 / v_r)`` with v_r of `affinity.levin_variance`, each row divided by its sum, painted pixels fixed. The rows
make the matrix unsymmetric: this is not the minimum of an energy, unlike every other method here.

How it is solved: the rows are those of a random walk, so any factor a row leaves the answer alone. With the walk's
stationary distribution pi as factors, what flows into a pixel equals what flows out, the symmetric part of the matrix
becomes a graph Laplacian, and the rest a small circulation (Cohen et al., "Faster algorithms for computing the
stationary distribution, simulating random walks, and more", 2016). A hierarchy of the symmetric part is then a good
preconditioner; without the factors it takes several times the iterations. A rough pi does: it changes the number of
iterations, not the answer.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from solvers.affinity import HALF, LOG2_E, checked_luminance, exp2, levin_variance
from solvers.krylov import Progress, Stop
from solvers.multigrid import Hierarchy
from solvers.problem import Problem, Solution, SolverError
from solvers.seeds import Seeds
from solvers.stencil import OFFSETS, Stencil

Vector = NDArray[np.float32]
STEPS = np.array([sign * np.array(step) for step in OFFSETS.values() for sign in (1, -1)])  # plane k ^ 1 looks back
PAIR = 2  # channels the hierarchy carries at once
SWEEPS = 60  # of Gauss-Seidel for pi
NARROW = 16  # pixels of the short side up to which the system is factorised: a rough pi is too rough there
CAUTION = 4.0  # steps have to look so many times shorter than asked
KEPT = 8  # directions against which a new one is made orthogonal
REFRESH = 10  # iterations after which the residual is computed anew, since float32 lets the updated one drift
HARD = 1e6  # weight of a seed in the preconditioner, times the sum of its links
TINY = np.float32(1e-25)  # least pi against the largest


class Levin:
    """Solve ``u_r = sum_s w_rs u_s`` at every pixel without a seed, ``u_r = seed`` at the others.

    Seed weights have no meaning here: every seed is exact. One seed reaches every pixel: v_r is at least 0.6 times the
    variance of a window that holds both ends of a link, hence no weight is below exp(-30). What depends on the photo
    alone is built by the first solve and kept.

    Parameters
    ----------
    luminance : (H, W) in [0, 1]

    Raises
    ------
    ValueError
        In `solve`: cell means, which the published method does not know.
    SolverError
        In `solve`: the tolerance was not reached.

    Notes
    -----
    Bytes a pixel: 32 for the directed weights and 16 for the symmetric ones, what `Hierarchy` takes, and 192 for the
    vectors of two channels, of which 128 for the directions kept.
    """

    guide = "luminance"

    def __init__(self, luminance: NDArray[np.float32]) -> None:
        self.image = checked_luminance(luminance)
        self._built: tuple[NDArray[np.float32], Hierarchy, Vector] | None = None

    def solve(self, problem: Problem) -> Solution:
        if problem.cells is not None:
            raise ValueError("levin: cell means are not part of the published method; give seeds only")
        began = perf_counter()
        if min(self.image.shape) <= NARROW:
            answer = factorised(directed_links(self.image), problem.seeds)
            return Solution(answer, 0, (), float("nan"), {"setup": 0.0, "reseed": 0.0, "solve": perf_counter() - began})
        if self._built is None:
            links = balanced_links(self.image)
            stencil = symmetric_part(links)
            self._built = links, Hierarchy(stencil), stencil.diagonal()
        links, hierarchy, diagonal = self._built
        built = perf_counter()
        seeds = problem.seeds
        hold = np.maximum(HARD * diagonal.ravel()[seeds.index], np.finfo(np.float32).tiny)
        hierarchy.reseed(Seeds(seeds.index, seeds.chroma, hold))
        seeded = perf_counter()
        chroma = np.empty((*problem.shape, problem.channels), np.float32)
        iterations, estimate = 0, 0.0
        residuals: tuple[float, ...] = ()
        for first in range(0, problem.channels, PAIR):
            pair = slice(first, first + PAIR)
            x, wanted = problem.first_guess(pair), seeds.chroma[:, pair].T
            x.reshape(len(x), -1)[:, seeds.index] = wanted
            progress = conjugate_residuals(links, seeds.index, hierarchy, x, problem.tolerance, problem.max_iterations)
            if not progress.converged:
                raise SolverError(
                    f"levin: not converged after {progress.iterations} iterations: estimated error "
                    f"{progress.estimate:.3g}, tolerance {problem.tolerance:.3g}; try more max_iterations, a start "
                    "closer to the answer, or a larger tolerance"
                )
            # Every row is a mean of neighbours, so the answer lies within the seeds: this only takes error away.
            np.clip(x, wanted.min(axis=1)[:, None, None], wanted.max(axis=1)[:, None, None], out=x)
            chroma[..., pair] = np.moveaxis(x, 0, -1)
            iterations, estimate = max(iterations, progress.iterations), max(estimate, progress.estimate)
            residuals = progress.residuals
        seconds = {"setup": built - began, "reseed": seeded - built, "solve": perf_counter() - seeded}
        return Solution(chroma, iterations, residuals, estimate, seconds)


def directed_links(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Levin's weights before a row is divided by its sum: (8, H, W), [k, y, x] toward (y, x) + STEPS[k]; 0 outside."""
    links = np.zeros((len(STEPS), *image.shape), np.float32)
    variance = levin_variance(image)
    for k, (down, right) in enumerate(STEPS):
        _fill_links(image, variance, down, right, links[k])
    return links


def balanced_links(image: NDArray[np.float32], sweeps: int = SWEEPS) -> NDArray[np.float32]:
    """`directed_links` with every row times a factor that makes inflow about equal to outflow."""
    links = directed_links(image)
    factor, outflow = np.ones(image.shape, np.float32), links.sum(axis=0)
    for sweep in range(sweeps):
        _balance(links, outflow, factor, sweep % 2 == 1)
    np.maximum(factor / factor.max(), TINY, out=factor)
    links *= factor
    return links


def symmetric_part(links: NDArray[np.float32]) -> Stencil:
    """Half of what flows both ways, as a stencil."""
    planes = []
    for k in range(0, len(STEPS), 2):
        plane = np.zeros_like(links[0])
        _average_links(links[k], links[k + 1], STEPS[k][0], STEPS[k][1], plane)
        planes.append(plane)
    return Stencil(*planes)


def factorised(links: NDArray[np.float32], seeds: Seeds) -> NDArray[np.float32]:
    """Direct float64 solve, (H, W, C), for images so narrow that nothing fills in."""
    count = links[0].size
    number = np.arange(count).reshape(links[0].shape)
    free = np.ones(count, np.bool_)
    free[seeds.index] = False
    chroma = np.zeros((count, seeds.chroma.shape[1]))
    chroma[seeds.index] = seeds.chroma
    if free.any():
        toward = [number.ravel() + down * number.shape[1] + right for down, right in STEPS]
        row, column, weight = np.tile(number.ravel(), len(STEPS)), np.concatenate(toward), links.ravel().astype(float)
        inside = weight > 0
        shape = (count, count)
        flow = sparse.coo_array((weight[inside], (row[inside], column[inside])), shape=shape).tocsr()[free]
        matrix = sparse.diags_array(flow.sum(axis=1)) - flow[:, free]
        chroma[free] = splu(matrix.tocsc()).solve(flow @ chroma)
    return chroma.astype(np.float32).reshape(*links[0].shape, -1)


def conjugate_residuals(
    links: NDArray[np.float32],
    fixed: NDArray[np.int64],
    hierarchy: Hierarchy,
    x: Vector,
    tolerance: float,
    max_iterations: int,
) -> Progress:
    """Solve ``sum_s w_rs (u_s - u_r) = 0`` in place at all pixels that are not fixed.

    Generalised conjugate residuals with the last KEPT directions (Eisenstat, Elman, Schultz 1983): least residual
    without a transpose, and the preconditioner need not be linear. The lengths of the steps (`Stop`) and what the
    preconditioner makes of the newest residual have to be well below the tolerance, what it makes of |residual| below.

    Parameters
    ----------
    links : (8, H, W)
    fixed : flat indices of pixels that keep their value
    x : (C, H, W) float32
        First guess, overwritten by the solution.
    """
    r, z, q = (np.empty_like(x) for _ in range(3))
    exact = x.astype(np.float64)  # a region behind faint links needs more digits of x than float32 has
    directions, images = np.zeros((KEPT, *x.shape), np.float32), np.zeros((KEPT, *x.shape), np.float32)
    energy = np.zeros((KEPT, len(x)))
    pull(links, exact, r)
    _fix(r, fixed)
    norms = [float(np.linalg.norm(r))]
    stop = Stop(tolerance / CAUTION)
    if norms[0] == 0:
        return Progress(True, 0, (0.0,), 0.0)
    for iteration in range(1, max_iterations + 1):
        hierarchy.cycle(r, z)
        _fix(z, fixed)
        remaining = float(np.abs(z).max())
        pull(links, z, q)
        _fix(q, fixed)
        slot = (iteration - 1) % KEPT
        _orthogonalise(directions, images, energy, slot, z, q)
        is_short = stop.reached(_advance(directions[slot], images[slot], energy[slot], exact, r))
        if is_short or iteration % REFRESH == 0:
            pull(links, exact, r)
            _fix(r, fixed)
        norms.append(float(np.linalg.norm(r)))
        if not np.isfinite(norms[-1]):
            return Progress(False, iteration, tuple(norms), float("nan"))
        if is_short and remaining < tolerance / CAUTION:
            # A pull that is the same all over a region hides in r; no signs cancel in |A^-1 r| <= A^-1 |r|.
            hierarchy.cycle(np.abs(r), z)
            bound = float(np.abs(z).max())
            if bound < tolerance / CAUTION:
                x[:] = exact
                return Progress(True, iteration, tuple(norms), CAUTION * max(stop.estimate, bound))
            stop.refuse()
    return Progress(False, max_iterations, tuple(norms), CAUTION * stop.estimate)


@njit(cache=True, nogil=True)
def _columns(width, right):  # type: ignore[no-untyped-def]
    """First column, and last + 1, of the pixels that have a neighbour so far to the right."""
    first = max(-right, 0)
    return first, max(width - max(right, 0), first)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_links(image, variance, down, right, out):  # type: ignore[no-untyped-def]
    height, width = image.shape
    first, last = _columns(width, right)
    for y in range(max(-down, 0), height - max(down, 0)):
        here, there = image[y, first:last], image[y + down, first + right : last + right]
        _weigh_row(here, there, variance[y, first:last], out[y, first:last])


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _weigh_row(here, there, variance, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        change = there[x] - here[x]
        out[x] = exp2(np.float32(-LOG2_E) * (change * change) / variance[x])


@njit(cache=True, nogil=True)
def _average_links(forth, back, down, right, out):  # type: ignore[no-untyped-def]
    height, width = out.shape
    first, last = _columns(width, right)
    for y in range(height - down):
        for x in range(first, last):
            out[y, x] = HALF * (forth[y, x] + back[y + down, x + right])


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _balance(links, outflow, factor, backward):  # type: ignore[no-untyped-def]
    """One Gauss-Seidel sweep for ``factor_r outflow_r = sum_s factor_s w_sr``, backward in the reverse order."""
    _, height, width = links.shape
    line = np.empty(width, np.float32)
    for step in range(height):
        y = height - 1 - step if backward else step
        line[:] = 0
        for k in range(2, 8):
            down, right = STEPS[k]
            if 0 <= y + down < height:
                first, last = _columns(width, right)
                there = slice(first + right, last + right)
                _add_product(links[k ^ 1, y + down, there], factor[y + down, there], line[first:last])
        row, east, west, total = factor[y], links[0, y], links[1, y], outflow[y]
        for number in range(width):
            x = width - 1 - number if backward else number
            inflow = line[x]
            if x > 0:
                inflow += east[x - 1] * row[x - 1]
            if x + 1 < width:
                inflow += west[x + 1] * row[x + 1]
            if total[x] > 0:
                row[x] = inflow / total[x]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_product(a, b, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        out[x] += a[x] * b[x]


@njit(cache=True, nogil=True)
def pull(links, u, out):  # type: ignore[no-untyped-def]
    """``out = sum_s w_rs (u_s - u_r)``, (C, H, W), summed in u's precision."""
    channels, height, width = u.shape
    line = np.empty((channels, width), u.dtype)
    for y in range(height):
        line[:] = 0
        for k in range(8):
            down, right = STEPS[k]
            if 0 <= y + down < height:
                first, last = _columns(width, right)
                weight = links[k, y, first:last]
                for channel in range(channels):
                    there = u[channel, y + down, first + right : last + right]
                    _pull_row(weight, there, u[channel, y, first:last], line[channel, first:last])
        for channel in range(channels):
            for x in range(width):
                out[channel, y, x] = line[channel, x]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _pull_row(weight, there, here, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        out[x] += weight[x] * (there[x] - here[x])


def _fix(vector: Vector, index: NDArray[np.int64]) -> None:
    vector.reshape(len(vector), -1)[:, index] = 0


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            total += np.float64(a[y, x]) * np.float64(b[y, x])
    return total


@njit(cache=True, nogil=True, fastmath={"contract"})
def _subtract(share, a, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        out[x] -= share * a[x]


@njit(cache=True, nogil=True)
def _orthogonalise(directions, images, energy, slot, z, q):  # type: ignore[no-untyped-def]
    """Put z and its image q = pull(z), with q made orthogonal to the other images, in the slot."""
    for channel in range(z.shape[0]):
        share = np.zeros(len(images), np.float32)
        for k in range(len(images)):
            if k != slot and energy[k, channel] > 0:
                share[k] = _dot(images[k, channel], q[channel]) / energy[k, channel]
        for y in range(z.shape[1]):
            for k in range(len(images)):
                if share[k] != 0:
                    _subtract(share[k], directions[k, channel, y], z[channel, y])
                    _subtract(share[k], images[k, channel, y], q[channel, y])
        directions[slot, channel], images[slot, channel] = z[channel], q[channel]
        energy[slot, channel] = _dot(q[channel], q[channel])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _advance(direction, image, energy, x, r):  # type: ignore[no-untyped-def]
    """Go along the direction to the least |r|; returns the largest change of any pixel."""
    largest = np.float32(0)
    for channel in range(x.shape[0]):
        if not energy[channel] > 0:
            continue
        step = np.float32(-_dot(image[channel], r[channel]) / energy[channel])
        for y in range(x.shape[1]):
            for column in range(x.shape[2]):
                change = step * direction[channel, y, column]
                x[channel, y, column] += change
                r[channel, y, column] += step * image[channel, y, column]
                largest = max(largest, abs(change))
    return float(largest)
