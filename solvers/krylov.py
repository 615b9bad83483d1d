"""Flexible conjugate gradients with the one stopping test, on the system that seeds and cells make of a stencil."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.cells import CellOperator
from solvers.seeds import Seeds
from solvers.stencil import Stencil, apply_planes

Vector = NDArray[np.float32]
REFRESH = 5  # iterations after which the residual is computed anew, since float32 lets the updated one drift


@dataclass(frozen=True)
class System:
    """``A = Q + diag(c) + M' B' W B M`` and its right-hand side, for up to two channels; vectors are (C, H, W)."""

    stencil: Stencil
    seeds: Seeds
    cells: CellOperator | None

    def apply(self, u: Vector, out: Vector) -> None:
        """out = A u."""
        apply_planes(self.stencil.planes, u, out)
        _add_seeds(self.seeds.index, self.seeds.weight, u, out)
        if self.cells is not None:
            self.cells.spread(self.cells.weight * self.cells.means(u), out)

    def residual(self, u: Vector, out: Vector) -> None:
        """out = b - A u, every term as a difference."""
        apply_planes(self.stencil.planes, u, out)
        np.negative(out, out=out)
        _add_misfit(self.seeds.index, self.seeds.weight, self.seeds.chroma, u, out)
        if self.cells is not None:
            self.cells.spread(self.cells.weight * (self.cells.wanted - self.cells.means(u)), out)


@dataclass(frozen=True)
class Progress:
    """How an iteration went: residual norms |b - Ax| (2-norm over pixels and channels), the last error estimate."""

    converged: bool
    iterations: int
    residuals: tuple[float, ...]
    estimate: float


class Stop:
    """Stop on an estimate of the largest error at any pixel, from the lengths of the last steps.

    With d_k the largest change of any pixel in step k and ``rate = clip(sqrt(d_k / d_{k-2}), 0.5, 0.9)`` the error left
    is about ``max(d_k, d_{k-1}) rate / (1 - rate)``. Two estimates running have to be below the tolerance.
    """

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.steps: list[float] = []
        self.estimate = np.inf
        self._below = 0

    def refuse(self) -> None:
        """The answer is known to be worse than the steps make it look: start counting again."""
        self._below = 0

    def reached(self, step: float) -> bool:
        """Take in the largest change of the newest step."""
        self.steps.append(step)
        if len(self.steps) >= 3 and self.steps[-3] > 0:
            rate = float(np.clip(np.sqrt(step / self.steps[-3]), 0.5, 0.9))
        else:
            rate = 0.5 if step == 0 else 0.9
        self.estimate = max(self.steps[-2:]) * rate / (1 - rate)
        self._below = self._below + 1 if self.estimate < self.tolerance else 0
        return self._below >= 2


def conjugate_gradients(
    system: System,
    precondition: Callable[[Vector, Vector], None],
    x: Vector,
    diagonal: Vector,
    tolerance: float,
    max_iterations: int,
) -> Progress:
    """Solve ``A x = b`` in place, every channel with its own step lengths.

    Notay, "Flexible conjugate gradients" (2000): each new direction is made orthogonal to the last one explicitly, so
    that the preconditioner need not be linear. Short steps alone do not end it: the true residual must agree, by
    ``max |e| >= max |r_i| / (2 d_i)``, which holds for any error e since row i of A sums to at most 2 d_i in modulus.

    Parameters
    ----------
    system : System
    precondition : callable
        ``precondition(r, z)`` writes an approximation of ``A^-1 r`` to z.
    x : (C, H, W) float32
        First guess, overwritten by the solution.
    diagonal : (H, W) float32
        d: links, seeds' weights and the cells' row sums together.
    tolerance : float
        Bound on the estimated error of any pixel.
    """
    r, z, p, q = (np.empty_like(x) for _ in range(4))
    system.residual(x, r)
    norms = [_norm(r)]
    stop = Stop(tolerance)
    if norms[0] == 0:
        return Progress(True, 0, (0.0,), 0.0)
    energy = np.zeros(len(x))
    for iteration in range(1, max_iterations + 1):
        precondition(r, z)
        _next_direction(z, q, energy, p)
        system.apply(p, q)
        step = _advance(p, q, r, x, energy)
        is_short = stop.reached(step)
        if is_short or iteration % REFRESH == 0:
            system.residual(x, r)
        norms.append(_norm(r))
        if not np.isfinite(norms[-1]):
            return Progress(False, iteration, tuple(norms), float("nan"))
        if is_short:
            least = _least_error(r, diagonal)
            if least < tolerance:
                return Progress(True, iteration, tuple(norms), max(stop.estimate, least))
            stop.refuse()
    return Progress(False, max_iterations, tuple(norms), stop.estimate)


@njit(cache=True)
def _least_error(r, diagonal):  # type: ignore[no-untyped-def]
    """The largest |r| / (2 diagonal): no smaller error leaves this residual."""
    largest = 0.0
    for channel in range(r.shape[0]):
        for y in range(r.shape[1]):
            for x in range(r.shape[2]):
                if diagonal[y, x] > 0:
                    largest = max(largest, abs(r[channel, y, x]) / (2 * diagonal[y, x]))
    return largest


def _norm(r: Vector) -> float:
    return float(np.sqrt(_square(r.ravel())))


@njit(cache=True, fastmath={"reassoc", "contract"})
def _square(r):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(r.size):
        total += np.float64(r[i]) * r[i]
    return total


@njit(cache=True, fastmath={"reassoc", "contract"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            total += np.float64(a[y, x]) * b[y, x]
    return total


@njit(cache=True, fastmath={"contract"})
def _next_direction(z, q, energy, p):  # type: ignore[no-untyped-def]
    """p = z made A-orthogonal to the last p, of which q = A p and energy = p'q."""
    for channel in range(z.shape[0]):
        share = np.float32(0)
        if energy[channel] > 0:
            share = np.float32(_dot(z[channel], q[channel]) / energy[channel])
        if share == 0:
            p[channel] = z[channel]
        else:
            for y in range(z.shape[1]):
                for x in range(z.shape[2]):
                    p[channel, y, x] = z[channel, y, x] - share * p[channel, y, x]


@njit(cache=True, fastmath={"contract"})
def _advance(p, q, r, x, energy):  # type: ignore[no-untyped-def]
    """x += a p, r -= a q with the best a of each channel; returns the largest change of any pixel."""
    largest = np.float32(0)
    for channel in range(p.shape[0]):
        energy[channel] = _dot(p[channel], q[channel])
        if not energy[channel] > 0:
            continue
        step = np.float32(_dot(p[channel], r[channel]) / energy[channel])
        for y in range(p.shape[1]):
            for column in range(p.shape[2]):
                change = step * p[channel, y, column]
                x[channel, y, column] += change
                r[channel, y, column] -= step * q[channel, y, column]
                largest = max(largest, abs(change))
    return float(largest)


@njit(cache=True)
def _add_seeds(index, weight, u, out):  # type: ignore[no-untyped-def]
    width = u.shape[2]
    for channel in range(u.shape[0]):
        for k in range(index.size):
            y, x = index[k] // width, index[k] % width
            out[channel, y, x] += weight[k] * u[channel, y, x]


@njit(cache=True)
def _add_misfit(index, weight, wanted, u, out):  # type: ignore[no-untyped-def]
    width = u.shape[2]
    for channel in range(u.shape[0]):
        for k in range(index.size):
            y, x = index[k] // width, index[k] % width
            out[channel, y, x] += weight[k] * (wanted[k, channel] - u[channel, y, x])


@njit(cache=True, fastmath={"reassoc", "contract"})
def first_step(f, first, image):  # type: ignore[no-untyped-def]
    """Step length and energy of the first direction; f becomes the residual, left its share of the norm before."""
    energy, work, before = np.zeros(2), np.zeros(2), np.zeros(2)
    for i in range(f.shape[0]):
        for k in range(2):
            energy[k] += first[i, k] * image[i, k]
            work[k] += first[i, k] * f[i, k]
            before[k] += f[i, k] * f[i, k]
    step = np.zeros(2)
    for k in range(2):
        if energy[k] > 0:
            step[k] = work[k] / energy[k]
    after = np.zeros(2)
    for i in range(f.shape[0]):
        for k in range(2):
            f[i, k] -= np.float32(step[k]) * image[i, k]
            after[k] += f[i, k] * f[i, k]
    left = 0.0
    for k in range(2):
        if before[k] > 0:
            left = max(left, np.sqrt(after[k] / before[k]))
    return step, energy, left


@njit(cache=True, fastmath={"reassoc", "contract"})
def second_step(f, second, image, other, step, energy):  # type: ignore[no-untyped-def]
    """Shares of the two directions in the minimiser over both."""
    mixed, own, work = np.zeros(2), np.zeros(2), np.zeros(2)
    for i in range(f.shape[0]):
        for k in range(2):
            mixed[k] += second[i, k] * image[i, k]
            own[k] += second[i, k] * other[i, k]
            work[k] += second[i, k] * f[i, k]
    second_share = np.zeros(2)
    for k in range(2):
        if energy[k] > 0:
            rest = own[k] - mixed[k] * mixed[k] / energy[k]
            if rest > 1e-6 * own[k]:
                second_share[k] = work[k] / rest
                step[k] -= second_share[k] * mixed[k] / energy[k]
    return step, second_share


@njit(cache=True, fastmath={"contract"})
def combine(first_share, first, second_share, second, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        for k in range(2):
            out[i, k] = np.float32(first_share[k]) * first[i, k] + np.float32(second_share[k]) * second[i, k]
