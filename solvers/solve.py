"""The front door: a photo's solver, its methods, and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from numpy.typing import ArrayLike

from solvers.affinity import affinity as make_affinity
from solvers.affinity import checked_luminance
from solvers.edits import changed_pixels, part_of_links, window_around
from solvers.levin import Levin
from solvers.method import Method, Multigrid
from solvers.problem import Problem, Solution, Watch
from solvers.seeds import CellMeans, Seeds
from solvers.stencil import Stencil
from solvers.windows import EXACT, STILL, Asked, patched

SOLVERS: dict[str, Callable[[Any], Method]] = {"multigrid": Multigrid, "levin": Levin}


class ChromaSolver:
    """Spreads chroma from seeds and cells over one photo, along its luminance.

    Minimises ``sum w_rs |u_r - u_s|^2 + sum c_r |u_r - s_r|^2 + sum_k weight_k |(B M u)_k - chroma_k|^2`` (method
    "levin": the published reference instead). What depends on the photo alone is built by the first solve and kept, so
    keep the solver and call `solve` for every edit.

    With cells give the affinity a floor of 1e-3 or so of its median, as "power" has: what islands of pixels joined only
    by weaker links exchange inside a cell is almost undetermined, and single precision may miss it.

    Parameters
    ----------
    luminance : (H, W) in [0, 1]
    method : str or callable
        A name in SOLVERS, or a factory like those in ``solvers.peers.PEERS``.
    affinity : str, optional
        A kind of `solvers.affinity`; "power" unless the method brings its own weights.
    threads : int, optional
        Of method "multigrid"; as many as the process may use if left out.
    device : str, optional
        A torch device ("cuda", "cuda:1", "cpu") on which "multigrid" is to run; needs PyTorch.
    **options
        Of the affinity.

    Raises
    ------
    ValueError
        A luminance that is not (H, W), finite and in [0, 1]; an unknown method or affinity; an affinity for a method
        that brings its own.
    """

    def __init__(
        self,
        luminance: ArrayLike,
        method: str | Callable[[Any], Method] = "multigrid",
        affinity: str | None = None,
        *,
        threads: int | None = None,
        device: str | None = None,
        **options: float,
    ) -> None:
        build = _factory(method, threads, device)
        self.stencil: Stencil | None = None
        if _guide(build) == "luminance":
            if affinity is not None or options:
                raise ValueError(f"{method}: brings its own weights; leave the affinity and its options out")
            image = checked_luminance(luminance)
            self.shape = (image.shape[0], image.shape[1])
            self._method = build(image)
        else:
            self.stencil = make_affinity(luminance, "power" if affinity is None else affinity, **options)
            self.shape = self.stencil.shape
            self._method = build(self.stencil)

    @classmethod
    def from_stencil(
        cls,
        stencil: Stencil,
        method: str | Callable[[Any], Method] = "multigrid",
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> ChromaSolver:
        """A solver for link weights made elsewhere, by `reweight` for example."""
        build = _factory(method, threads, device)
        if _guide(build) == "luminance":
            raise ValueError(f"{method}: brings its own weights; make it from a luminance")
        solver = cls.__new__(cls)
        solver.stencil, solver.shape, solver._method = stencil, stencil.shape, build(stencil)
        return solver

    def solve(
        self,
        seeds: Seeds | None = None,
        cells: CellMeans | None = None,
        start: ArrayLike | None = None,
        tolerance: float = 0.5 / 255,
        max_iterations: int = 100,
        watch: Watch | None = None,
    ) -> Solution:
        """Chroma at every pixel.

        Parameters
        ----------
        seeds : Seeds, optional
            Weights from 1e-3 or so (a hint) to 1e6 (exact to half an 8-bit step and far below).
        cells : CellMeans, optional
            Channels as the seeds'.
        start : (H, W, C), optional
            A first guess, the chroma before an edit for example. Never changes the answer beyond the tolerance.
        tolerance : float
            Largest error allowed at any pixel against the exact minimum, by estimate, in the chroma's own unit. The
            default is half an 8-bit step of chroma that spans about 1.
        max_iterations : int
        watch : callable, optional
            ``watch(chroma, estimate)`` after every iteration with what there is so far, (C, H, W), as a preview; if it
            returns True the solve is cancelled.

        Returns
        -------
        Solution

        Raises
        ------
        ValueError
            Seeds outside the image, channels that differ, more cells than pixels, neither a seed nor a weighted cell, a
            region that no link joins to a seed.
        SolverError
            The tolerance was not reached. An unconverged answer is never returned.
        Cancelled
            By watch.
        MemoryError
            The machine has less memory free than the solve takes.
        """
        return self._method.solve(Problem.checked(self.shape, seeds, cells, start, tolerance, max_iterations, watch))

    def edit(
        self,
        before: Solution,
        seeds_before: Seeds,
        seeds: Seeds,
        cells: CellMeans | None = None,
        tolerance: float = 0.5 / 255,
        max_iterations: int = 100,
        watch: Watch | None = None,
    ) -> Solution:
        """Chroma after seeds were added, taken away or changed; what `solve` gives, within the tolerance.

        A window around the change is solved while the rest is held, and grown until its rim stands still. With cells
        that have a blur, and where the window would be a large part of the photo, the whole photo is solved from the
        old answer.

        Parameters
        ----------
        before : Solution
            Of ``solve(seeds_before, cells)`` or of an edit; it is left as it is.
        seeds_before, seeds : Seeds
            Before and after the edit.
        cells, tolerance, max_iterations, watch
            As of `solve`; the cells must be those of before.

        Returns
        -------
        Solution
            ``estimated_error`` adds up over edits solved in windows. When it reaches the tolerance the whole photo is
            solved, to half the tolerance, and it starts anew: begin with such an answer.
        """
        changed = changed_pixels(seeds_before, seeds)
        if not len(changed):
            return before
        problem = Problem.checked(self.shape, seeds, cells, None, tolerance, max_iterations)
        still = STILL * tolerance
        if self._can_patch(problem) and before.estimated_error + still + EXACT * tolerance < tolerance:
            began = perf_counter()
            assert self.stencil is not None
            links = partial(part_of_links, self.stencil)
            old, new = (Asked(links, each, problem.cells) for each in (seeds_before, seeds))
            core = window_around(changed, self.shape)
            exact = EXACT * tolerance
            patch = patched(before.chroma, old, new, core, still, exact, max_iterations=max_iterations, watch=watch)
            if patch is not None:
                chroma = before.chroma.copy()
                chroma[patch.window.slices] = patch.chroma
                # By the maximum principle a window is as wrong as its surroundings and what its solve and its rim add.
                error = before.estimated_error + patch.estimated_error + patch.moved
                seconds = {"setup": 0.0, "reseed": 0.0, "solve": perf_counter() - began}
                return Solution(chroma, patch.iterations, (), error, seconds)
        return self.solve(seeds, cells, before.chroma, tolerance / 2, max_iterations, watch)

    def _can_patch(self, problem: Problem) -> bool:
        """Whether windows of the photo can be solved on their own."""
        hangs_together = problem.cells is not None and problem.cells.is_blurred
        return self.stencil is not None and isinstance(self._method, Multigrid) and not hangs_together


def _factory(method: str | Callable[[Any], Method], threads: int | None, device: str | None) -> Callable[[Any], Method]:
    name = getattr(method, "__name__", str(method))
    if method not in ("multigrid", Multigrid) and not (threads is None and device is None):
        raise ValueError(f'{name}: threads and device are for method "multigrid"; leave them out')
    if not callable(method) and method not in SOLVERS:
        raise ValueError(f"method: {method!r} is unknown; wanted one of {', '.join(SOLVERS)}, or a factory of PEERS")
    if device is not None:
        if threads is not None:
            raise ValueError("multigrid: threads are for the CPU; leave them out with a device")
        from solvers.device import DeviceMultigrid

        return partial(DeviceMultigrid, device=device)
    if threads is not None:
        return partial(Multigrid, threads=threads)
    return method if callable(method) else SOLVERS[method]


def _guide(build: Callable[[Any], Method]) -> str:
    return getattr(build, "guide", "stencil")
