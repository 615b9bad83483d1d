"""Small random problems with weights over six decades, and their answers by a direct solve in float64."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from solvers import CellMeans, Seeds, Stencil, affinity
from solvers.cells import CellOperator
from solvers.stencil import OFFSETS

KINDS = ("decades", "two", "blocks", "gaussian", "power")


def random_stencil(random, shape, kind="decades"):
    """Weights that are spread over 1e-6..1, are 1 or 1e-6 at random or between blocks, or come from white noise."""
    if kind == "gaussian":
        return affinity(random.random(shape), "gaussian", sigma=10 ** random.uniform(-2, 0), floor=1e-6)
    if kind == "power":
        return affinity(random.random(shape))
    block = random.integers(0, 3, (shape[0] // 5 + 1, shape[1] // 5 + 1))
    block = block.repeat(5, axis=0).repeat(5, axis=1)[: shape[0], : shape[1]]
    planes = []
    for down, right in OFFSETS.values():
        if kind == "decades":
            plane = 10 ** random.uniform(-6, 0, shape)
        elif kind == "two":
            plane = np.where(random.random(shape) < 0.4, 1, 1e-6)
        else:
            there = np.roll(block, (-down, -right), (0, 1))
            plane = np.where(there == block, 1, 1e-6) * random.uniform(0.5, 1, shape)
        if down:
            plane[-1] = 0
        if right:
            plane[:, -1 if right > 0 else 0] = 0
        planes.append(plane)
    return Stencil(*planes)


def random_problem(number, with_cells):
    """Stencil of up to 24×24 pixels, seeds of weights 1e-2..1e6, cells of weights 1e-2..1e2."""
    random = np.random.default_rng(number)
    shape = tuple(int(n) for n in random.integers(1, 25, 2))
    stencil = random_stencil(random, shape, KINDS[number % len(KINDS)])
    size = shape[0] * shape[1]
    index = random.choice(size, min(int(random.integers(1, max(2, min(size, 20)))), size), replace=False)
    seeds = Seeds(index, random.random((len(index), 2)), 10 ** random.uniform(-2, 6, len(index)))
    if not with_cells:
        return stencil, seeds, None
    grid = tuple(int(random.integers(1, min(n, 6) + 1)) for n in shape)
    weight = 10 ** random.uniform(-2, 2, grid) * (random.random(grid) < 0.8)
    return stencil, seeds, CellMeans(random.random((*grid, 2)), weight, float(random.choice([0, 0.8])))


def matrix_of(stencil, seeds, cells=None):
    """A and b of the problem, in float64."""
    held, right = np.zeros(stencil.east.size), np.zeros((stencil.east.size, seeds.chroma.shape[1]))
    held[seeds.index] = seeds.weight
    right[seeds.index] = seeds.weight[:, None].astype(float) * seeds.chroma
    matrix = stencil.to_csr() + sparse.diags_array(held)
    if cells is not None:
        operator = CellOperator(cells, stencil.shape)
        mean, weight = operator.to_csr(), operator.weight.reshape(-1, 1)
        matrix = matrix + mean.T @ (sparse.diags_array(weight.ravel()) @ mean)
        right += mean.T @ (weight * operator.wanted.reshape(len(operator.wanted), -1).T)
    return sparse.csr_array(matrix), right


def exact(stencil, seeds, cells=None):
    """(H, W, C); scaled to a unit diagonal and refined once, since weights of 1e6 meet some of 1e-6."""
    matrix, right = matrix_of(stencil, seeds, cells)
    scale = 1 / np.sqrt(matrix.diagonal())
    scaled, wanted = sparse.csc_array(matrix * scale[:, None] * scale), scale[:, None] * right
    factors = splu(scaled)
    answer = factors.solve(wanted)
    answer += factors.solve(wanted - scaled @ answer)
    return (scale[:, None] * answer).reshape(*stencil.shape, -1)
