"""The front door: known answers, edits, edge cases, refusals."""

import numpy as np
import pytest

from solvers import CellMeans, ChromaSolver, Seeds, Stencil, affinity
from solvers.cells import CellOperator
from solvers.gallery import constant, grain, scattered, strokes, two_halves
from solvers.peers import PEERS

BOUND = 0.5 / 255


def seed(index, chroma, weight=1e6):
    return Seeds(np.atleast_1d(index), np.atleast_2d(chroma), np.full(np.size(index), weight))


def test_two_flat_halves_take_their_seeds_colour():
    image = two_halves((60, 80))
    answer = ChromaSolver(image, affinity="gaussian").solve(seed([30 * 80 + 5, 30 * 80 + 70], [[0.1, 0.9], [0.8, 0.2]]))
    assert np.abs(answer.chroma[:, :40] - [0.1, 0.9]).max() < 0.02  # what leaks through the floor of 1e-5
    assert np.abs(answer.chroma[:, 40:] - [0.8, 0.2]).max() < 0.02
    assert answer.chroma.flags["C_CONTIGUOUS"]


def test_a_line_between_two_seeds_is_linear():
    image = constant((1, 101))
    answer = ChromaSolver(image).solve(seed([0, 100], [[0.0, 1.0], [1.0, 0.0]]))
    ramp = np.linspace(0, 1, 101)
    assert np.abs(answer.chroma[0] - np.stack([ramp, 1 - ramp], axis=1)).max() < BOUND


def test_edits_equal_fresh_solves_from_any_start():
    image = grain((90, 101))
    kept = ChromaSolver(image)
    start = None
    for number in range(4):
        seeds = strokes(image.shape, 3 + 2 * number, seed=number)
        edited = kept.solve(seeds, start=start)
        start = edited.chroma
        fresh = ChromaSolver(image).solve(seeds)
        assert np.abs(edited.chroma - fresh.chroma).max() < 2 * BOUND
        again = kept.solve(seeds, start=edited.chroma)
        assert again.iterations <= 4
        assert np.abs(again.chroma - edited.chroma).max() < BOUND


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 300), (300, 1), (2, 2), (3, 5), (17, 16)])
def test_any_size(shape):
    image = grain(shape)
    answer = ChromaSolver(image).solve(seed(image.size // 2, [0.3, 0.6]))
    assert np.abs(answer.chroma - [0.3, 0.6]).max() < BOUND
    every = Seeds(np.arange(image.size), np.random.default_rng(0).random((image.size, 2)), np.full(image.size, 1e6))
    answer = ChromaSolver(image).solve(every)
    assert np.abs(answer.chroma.reshape(-1, 2) - every.chroma).max() < 1e-4
    cells = CellMeans(np.full((1, 1, 2), 0.7), np.ones((1, 1)))
    assert np.abs(ChromaSolver(image).solve(cells=cells).chroma - 0.7).max() < BOUND


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels(channels):
    image = grain((40, 52))
    seeds = strokes(image.shape, 5)
    chroma = np.random.default_rng(0).random((len(seeds), channels))
    answer = ChromaSolver(image).solve(Seeds(seeds.index, chroma, seeds.weight)).chroma
    assert answer.shape == (40, 52, channels)
    for channel in range(channels):
        alone = ChromaSolver(image).solve(Seeds(seeds.index, chroma[:, [channel]], seeds.weight)).chroma
        assert np.abs(answer[..., channel] - alone[..., 0]).max() < 2 * BOUND


def test_the_unit_of_the_chroma_does_not_matter():
    image, seeds = grain((40, 52)), strokes((40, 52), 5)
    one = ChromaSolver(image).solve(seeds).chroma
    large = ChromaSolver(image).solve(Seeds(seeds.index, 100 * seeds.chroma - 50, seeds.weight), tolerance=50 / 255)
    assert np.abs(large.chroma - (100 * one - 50)).max() < 100 / 255


def test_cell_means_do_not_depend_on_resolution():
    """A weight means the same at any size: the same scene sampled twice as finely gets the same colours."""
    small = grain((48, 64), strength=0)
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    cells = CellMeans(np.random.default_rng(3).random((6, 8, 2)), np.full((6, 8), 10.0), 0.8)
    a, b = (ChromaSolver(image, affinity="gaussian").solve(cells=cells).chroma for image in (small, large))
    b = b.reshape(48, 2, 64, 2, 2).mean(axis=(1, 3))
    assert np.abs(a - b).mean() < 0.02


@pytest.mark.parametrize("blur", [0.0, 0.8, 3.0])
def test_cell_operator_keeps_constants_and_has_its_transpose(blur):
    random = np.random.default_rng(0)
    operator = CellOperator(CellMeans(random.random((5, 7, 2)), random.random((5, 7)), blur), (23, 29))
    u, v, w = random.random((2, 23, 29)), *random.random((2, 2, 5, 7))
    assert np.abs(operator.means(np.full((2, 23, 29), 0.3)) - 0.3).max() < 1e-12
    assert (operator.blurred(v) * w).sum() == pytest.approx((v * operator.blurred(w, transposed=True)).sum(), rel=1e-12)
    mean = operator.to_csr()
    assert np.abs(mean @ u[0].ravel() - operator.means(u)[0].ravel()).max() < 1e-12
    for wanted in (False, True):
        asked = operator.asked(operator.sums(u), wanted)[:, operator.row[:, None], operator.column]
        rest = mean @ u.reshape(2, -1).T - wanted * operator.wanted.reshape(2, -1).T
        expected = mean.T @ (operator.weight.reshape(-1, 1) * rest)
        assert np.abs(asked.reshape(2, -1).T - expected).max() < 1e-12


def test_a_region_behind_the_floor_follows_its_only_way_out():
    image = constant((40, 40)).copy()
    image[10:20, 10:20] = 1.0
    answer = ChromaSolver(image, affinity="gaussian", sigma=0.02, floor=1e-6).solve(seed(0, [0.9, 0.4]))
    assert np.abs(answer.chroma - [0.9, 0.4]).max() < BOUND


def torn():
    """Two halves of 4×6 pixels with no link between them."""
    planes = [plane.copy() for plane in affinity(constant((4, 6))).planes]
    for plane, column in zip(planes, (2, None, 2, 3), strict=True):
        if column is not None:
            plane[:, column] = 0
    return Stencil(*planes)


def test_regions_without_a_link():
    for method in ("multigrid", *PEERS.values()):
        solver = ChromaSolver.from_stencil(torn(), method)
        with pytest.raises(ValueError, match=r"1 region\(s\) of 12 pixels in all have no link to any seed"):
            solver.solve(seed(0, [0.1, 0.2]))
    both = ChromaSolver.from_stencil(torn()).solve(seed([0, 5], [[0.1, 0.2], [0.3, 0.4]])).chroma
    assert np.abs(both[:, :3] - [0.1, 0.2]).max() < BOUND
    assert np.abs(both[:, 3:] - [0.3, 0.4]).max() < BOUND


IMAGE = grain((20, 30))
NO_WEIGHT = CellMeans(np.zeros((2, 2, 2)), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.solve(), r"nothing to solve from: no seed and no cell"),
        (lambda s: s.solve(cells=NO_WEIGHT), r"nothing to solve from"),
        (lambda s: s.solve(seed(600, [0, 0])), r"index 600 lies outside the image of 20×30 pixels"),
        (lambda s: s.solve(seed(0, [0, 0, 0]), NO_WEIGHT), r"cells: 2 channels, but the seeds have 3"),
        (lambda s: s.solve(seed(0, [0, 0]), start=np.zeros((20, 30))), r"start: shape .*; wanted \(20, 30, 2\)"),
        (lambda s: s.solve(seed(0, [0, 0]), start=np.full((20, 30, 2), np.nan)), r"start: holds NaN"),
        (lambda s: s.solve(seed(0, [0, 0]), tolerance=0), r"tolerance: 0; wanted a number above 0"),
        (lambda s: s.solve(seed(0, [0, 0]), max_iterations=0), r"max_iterations: 0; wanted 1 or more"),
        (
            lambda s: s.solve(cells=CellMeans(np.zeros((21, 2, 2)), np.ones((21, 2)))),
            r"a grid of 21×2 cells on 20×30 pixels; wanted at least one pixel a cell",
        ),
        (lambda _: ChromaSolver(IMAGE, "magic"), r"'magic' is unknown; wanted one of multigrid, levin"),
        (lambda _: ChromaSolver(IMAGE, "levin", "power"), r"levin: brings its own weights"),
        (lambda s: ChromaSolver.from_stencil(s.stencil, "levin"), r"make it from a luminance"),
        (
            lambda _: ChromaSolver(IMAGE, "levin").solve(cells=CellMeans(np.zeros((2, 2, 2)), np.ones((2, 2)))),
            r"levin: cell means are not part",
        ),
    ],
)
def test_refusals_say_what_was_got_and_what_wanted(call, message):
    with pytest.raises(ValueError, match=message):
        call(ChromaSolver(IMAGE))


def test_extreme_weights_stay_accurate():
    """A stroke of weight 1e6 beside hints of 1e-3, against the direct peer."""
    hard, soft = strokes(IMAGE.shape, 2), scattered(IMAGE.shape, 40, weight=1e-3)
    soft_only = ~np.isin(soft.index, hard.index)
    seeds = Seeds(
        np.concatenate([hard.index, soft.index[soft_only]]),
        np.concatenate([hard.chroma, soft.chroma[soft_only]]),
        np.concatenate([hard.weight, soft.weight[soft_only]]),
    )
    ours = ChromaSolver(IMAGE).solve(seeds, start=np.ones((20, 30, 2)))
    peer = ChromaSolver(IMAGE, PEERS["superlu"]).solve(seeds)
    assert np.abs(ours.chroma - peer.chroma).max() < BOUND
