"""Edge-aware spreading of chroma over images by multigrid; knows luminance and seeds, nothing of photographs."""

from solvers.affinity import affinity
from solvers.problem import Cancelled, Solution, SolverError
from solvers.seeds import CellMeans, Seeds
from solvers.solve import SOLVERS, ChromaSolver
from solvers.stencil import Stencil
from solvers.weakening import reweight

__all__ = [
    "SOLVERS",
    "Cancelled",
    "CellMeans",
    "ChromaSolver",
    "Seeds",
    "Solution",
    "SolverError",
    "Stencil",
    "affinity",
    "reweight",
]
