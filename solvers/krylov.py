"""Flexible conjugate gradients with the one stopping test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal

from solvers.system import System

Vector = NDArray[np.float32]
FAST = 0.4  # rate of convergence, by the spectrum seen so far, at which one estimate is believed
LONGEST = 1e3  # step length at which a direction cannot be right: a good preconditioner asks for about 1
REFRESH = 5  # iterations after which the residual is computed anew, since float32 lets the updated one drift


@dataclass(frozen=True)
class Progress:
    """How an iteration went: residual norms |b - Ax| (2-norm over pixels and channels), the last error estimate."""

    converged: bool
    iterations: int
    residuals: tuple[float, ...]
    estimate: float
    cancelled: bool = False


class Stop:
    """Stop on an estimate of the largest error at any pixel, from the lengths of the last steps.

    With d_k the largest change of any pixel in step k and ``rate = clip(sqrt(d_k / d_{k-2}), 0.5, 0.9)`` the error left
    is about ``max(d_k, d_{k-1}) rate / (1 - rate)``. Two estimates running have to be below the tolerance, unless
    the spectrum says that all modes decay fast.
    """

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.steps: list[float] = []
        self.estimate = np.inf
        self._below = 0

    def refuse(self) -> None:
        """The answer is known to be worse than the steps make it look: start counting again."""
        self._below = 0

    def reached(self, step: float, slowest: float = 0.0, enough: int = 2) -> bool:
        """Take in the largest change of the newest step.

        slowest is a rate to assume at least; enough the number of estimates running that have to be below.
        """
        self.steps.append(step)
        if len(self.steps) >= 3 and self.steps[-3] > 0:
            rate = float(np.clip(np.sqrt(step / self.steps[-3]), 0.5, 0.9))
        else:
            rate = 0.5 if step == 0 else 0.9
        rate = min(max(rate, slowest), 0.999)
        self.estimate = max(self.steps[-2:]) * rate / (1 - rate)
        self._below = self._below + 1 if self.estimate < self.tolerance else 0
        return self._below >= enough


class Spectrum:
    """Ritz values of the preconditioned system, from the coefficients of conjugate gradients (Lanczos).

    A mode that the preconditioner misses shows as a small one, long before steps become short.
    """

    def __init__(self) -> None:
        self._work: list[float] = []
        self._step: list[float] = []

    def rate(self, work: float, energy: float) -> float:
        """``(sqrt(k) - 1) / (sqrt(k) + 1)`` for the condition number k seen so far; work = z'r, energy = p'Ap."""
        if not (work > 0 and energy > 0):
            return 0.0
        self._work.append(work)
        self._step.append(work / energy)
        step = np.array(self._step)
        share = np.array(self._work[1:]) / self._work[:-1]
        main = 1 / step
        main[1:] += share / step[:-1]
        values = eigvalsh_tridiagonal(main, np.sqrt(share) / step[:-1])
        root = np.sqrt(max(values[-1], 1e-30) / max(values[0], 1e-12 * values[-1]))
        return float((root - 1) / (root + 1))


def conjugate_gradients(
    system: System,
    precondition: Callable[[Vector, Vector, Vector], NDArray[np.float64]],
    x: Vector,
    tolerance: float,
    max_iterations: int,
    watch: Callable[[Vector, float], bool | None] | None = None,
) -> Progress:
    """Solve ``A x = b`` in place, every channel with its own step lengths.

    Notay, "Flexible conjugate gradients" (2000): each new direction is made orthogonal to the last one explicitly, so
    that the preconditioner need not be linear. Short steps alone do not end it: the true residual must agree, by
    ``max |e| >= max |r_i| / (2 d_i)``, which holds for any error e since row i of A sums to at most 2 d_i in modulus.

    Parameters
    ----------
    system : System
    precondition : callable
        ``precondition(r, z, q)`` writes an approximation of ``A^-1 r`` to z and returns z'r and z'q, (2, C).
    x : (C, H, W) float32
        First guess, overwritten by the solution.
    tolerance : float
        Bound on the estimated error of any pixel.
    watch : callable, optional
        ``watch(x, estimate)`` after every iteration; if it returns True the iteration ends there, unconverged.
    """
    r, z, p, q = (np.zeros_like(x) for _ in range(4))
    square = system.misfit(x, r)
    norms = [float(np.sqrt(square.sum()))]
    stop = Stop(tolerance)
    if norms[0] == 0:
        return Progress(True, 0, (0.0,), 0.0)
    energy = np.zeros(len(x))
    spectrum = [Spectrum() for _ in x]
    for iteration in range(1, max_iterations + 1):
        work, mixed = precondition(r, z, q)
        share = _ratio(-mixed, energy)
        energy = system.search(z, share, p, q)
        if ((work > LONGEST * energy) & (share != 0)).any():
            # z was the last direction over again: what is left of it is rounding, and would be taken a long step along.
            energy = system.search(z, np.zeros_like(share), p, q)
        step, square = system.advance(p, q, _ratio(work, energy), x, r)
        rate = max(s.rate(w, e) for s, w, e in zip(spectrum, work, energy, strict=True))
        # Cells hold sums over islands that only the weakest links join: modes which steps alone do not tell.
        has_cells = system.cells is not None
        is_short = stop.reached(step, rate if has_cells else 0.0, 1 if rate < FAST and not has_cells else 2)
        if is_short or iteration % REFRESH == 0:
            square = system.misfit(x, r)
        norms.append(float(np.sqrt(square.sum())))
        if not np.isfinite(norms[-1]):
            return Progress(False, iteration, tuple(norms), float("nan"))
        if watch is not None and watch(x, stop.estimate):
            return Progress(False, iteration, tuple(norms), stop.estimate, cancelled=True)
        if is_short:
            least = system.least_error(r)
            if least < tolerance:
                return Progress(True, iteration, tuple(norms), max(stop.estimate, least))
            stop.refuse()
    return Progress(False, max_iterations, tuple(norms), stop.estimate)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float32]:
    """above / below, 0 where a channel has come to rest."""
    return np.divide(above, below, where=below > 0, out=np.zeros_like(above)).astype(np.float32)
