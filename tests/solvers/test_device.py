"""The device path on CPU tensors: its parts against the NumPy ones, its answers against direct solves, its refusals."""

import numpy as np
import pytest
import torch
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from solvers import CellMeans, ChromaSolver, Seeds, SolverError, Stencil, affinity
from solvers.cells import CellOperator
from solvers.device import DeviceMultigrid, measure
from solvers.device import solve as device_solve
from solvers.device.cells import DeviceCells
from solvers.device.graph import members
from solvers.device.grid import Layout, split_stencil
from solvers.device.hierarchy import Hierarchy
from solvers.device.matching import aggregate_graph, aggregate_grid
from solvers.gallery import GALLERY, grain, scattered, strokes

BOUND = 0.5 / 255
KINDS = {"power": {}, "gaussian": {"sigma": 0.02, "floor": 1e-6}, "levin": {}}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def on_cpu(stencil):
    return DeviceMultigrid(stencil, "cpu")


def exact(stencil, seeds=None, cells=None):
    """The minimiser by a direct float64 solve, cells written out pixel by pixel from the definition in CellMeans."""
    height, width = stencil.shape
    channels = seeds.chroma.shape[1] if seeds else cells.chroma.shape[2]
    matrix, right = stencil.to_csr(), np.zeros((height * width, channels))
    if seeds:
        held = np.zeros(len(right))
        held[seeds.index] = seeds.weight
        right[seeds.index] = seeds.weight[:, None] * seeds.chroma
        matrix = matrix + sparse.diags_array(held)
    if cells is None:
        return spsolve(matrix.tocsc(), right).reshape(height, width, channels)
    rows, columns = cells.weight.shape
    mean = np.zeros((rows, columns, height * width))
    for y, x in np.ndindex(height, width):
        mean[(2 * y + 1) * rows // (2 * height), (2 * x + 1) * columns // (2 * width), y * width + x] = 1
    mean /= mean.sum(axis=2, keepdims=True)
    if cells.blur:
        mean = ndimage.gaussian_filter(mean, (cells.blur, cells.blur, 0), mode="nearest")
    mean, weight = mean.reshape(rows * columns, -1), cells.weight.astype(float).reshape(-1, 1)
    right += mean.T @ (weight * cells.chroma.reshape(-1, channels))
    return np.linalg.solve(matrix.toarray() + mean.T @ (weight * mean), right).reshape(height, width, channels)


def some_cells(shape=(4, 6), weight=10.0, blur=0.0, seed=0):
    random = np.random.default_rng(seed)
    weights = (weight * random.random(shape)).astype(np.float32)
    weights[0, 0] = 0
    return CellMeans(random.random((*shape, 2)), weights, blur)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GALLERY)
def test_true_error_at_the_stop_is_below_the_bound(name, kind):
    shape = (31, 43)
    stencil = affinity(GALLERY[name](shape), kind, **KINDS[kind])
    solver = ChromaSolver.from_stencil(stencil, on_cpu)
    reference = ChromaSolver.from_stencil(stencil)
    for seeds in (scattered(shape, 40), strokes(shape, 4), scattered(shape, 5, weight=0.01, seed=3)):
        answer = solver.solve(seeds)
        assert answer.chroma.dtype == np.float32
        assert np.abs(answer.chroma - exact(stencil, seeds)).max() < BOUND
        assert np.abs(answer.chroma - reference.solve(seeds).chroma).max() < 2 * BOUND
        assert answer.estimated_error < BOUND
        assert answer.iterations <= 20


@pytest.mark.parametrize("blur", [0.0, 0.8])
@pytest.mark.parametrize("weight", [1.0, 100.0])
@pytest.mark.parametrize("name", ["grain", "two halves", "noise"])
def test_true_error_with_cells(name, weight, blur):
    stencil = affinity(GALLERY[name]((30, 41)), "power")
    cells = some_cells((6, 8), weight, blur)
    for seeds in (None, strokes(stencil.shape, 3)):
        answer = ChromaSolver.from_stencil(stencil, on_cpu).solve(seeds, cells)
        assert np.abs(answer.chroma - exact(stencil, seeds, cells)).max() < BOUND
        assert answer.iterations <= 20


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 57), (40, 1), (2, 2), (3, 5), (17, 32)])
def test_every_size_is_solved(shape):
    stencil = affinity(grain(shape), "power")
    seeds = scattered(shape, 3)
    answer = ChromaSolver.from_stencil(stencil, on_cpu).solve(seeds)
    assert np.abs(answer.chroma - exact(stencil, seeds)).max() < BOUND


@pytest.mark.parametrize("name", ["grain", "noise", "stripes"])
def test_levels_below_the_first_are_exact_too_and_iterations_do_not_grow(name):
    counts = []
    for size in (60, 200):
        stencil = affinity(GALLERY[name]((size, size + 1)), "gaussian", **KINDS["gaussian"])
        seeds = strokes(stencil.shape, 6)
        solver = ChromaSolver.from_stencil(stencil, on_cpu)
        answer = solver.solve(seeds)
        counts.append(answer.iterations)
        assert np.abs(answer.chroma - exact(stencil, seeds)).max() < BOUND
    assert len(solver._method.hierarchy.levels) >= 2
    assert counts[1] <= min(counts[0] + 8, 22), counts


def test_cells_on_several_levels():
    stencil = affinity(grain((150, 201)), "power")
    cells, seeds = some_cells((12, 16), 1000.0, 0.8), strokes(stencil.shape, 4)
    answer = ChromaSolver.from_stencil(stencil, on_cpu).solve(seeds, cells)
    tight = ChromaSolver.from_stencil(stencil).solve(seeds, cells, tolerance=BOUND / 50)
    assert np.abs(answer.chroma - tight.chroma).max() < BOUND
    assert answer.iterations <= 15


def test_two_solves_are_equal_to_the_last_bit_whatever_came_between():
    stencil = affinity(grain((40, 61)), "power")
    seeds, cells = strokes(stencil.shape, 4), some_cells()
    kept = ChromaSolver.from_stencil(stencil, on_cpu)
    first = kept.solve(seeds, cells).chroma
    kept.solve(scattered(stencil.shape, 900))
    assert kept.solve(seeds, cells).chroma.tobytes() == first.tobytes()
    assert kept._method.hierarchy is not None
    assert ChromaSolver.from_stencil(stencil, on_cpu).solve(seeds, cells).chroma.tobytes() == first.tobytes()


def test_one_seed_paints_all_and_three_channels_go_together():
    solver = ChromaSolver(grain((21, 34)), on_cpu)
    one = solver.solve(Seeds([100], [[0.25, -0.75, 4.0]], [1e6]))
    assert np.abs(one.chroma - [0.25, -0.75, 4.0]).max() < BOUND


def test_a_start_at_the_answer_ends_at_once():
    solver, seeds = ChromaSolver(grain((33, 44)), on_cpu), strokes((33, 44), 4)
    answer = solver.solve(seeds)
    assert solver.solve(seeds, start=answer.chroma).iterations <= 3


def test_too_few_iterations_raise():
    solver = ChromaSolver(GALLERY["noise"]((40, 50)), on_cpu)
    with pytest.raises(SolverError, match=r"not converged after 1 iterations.*max_iterations"):
        solver.solve(strokes((40, 50), 3), max_iterations=1)


def test_a_region_without_a_seed_is_refused_and_with_one_solved():
    east = np.ones((6, 8), np.float32)
    east[:, [3, 7]] = 0
    south = np.ones((6, 8), np.float32)
    south[-1] = 0
    solver = ChromaSolver.from_stencil(Stencil(east, south, 0 * east, 0 * east), on_cpu)
    with pytest.raises(ValueError, match=r"1 region\(s\) of 24 pixels"):
        solver.solve(Seeds([0], [[1.0, 0.0]], [10.0]))
    both = solver.solve(Seeds([0, 4], [[1.0, 0.0], [0.0, 1.0]], [10.0, 10.0])).chroma
    assert np.abs(both[:, :4] - [1, 0]).max() < BOUND
    assert np.abs(both[:, 4:] - [0, 1]).max() < BOUND


def test_an_image_without_any_link_is_its_seeds():
    nothing = np.zeros((40, 50), np.float32)
    seeds = scattered(nothing.shape, nothing.size)
    answer = ChromaSolver.from_stencil(Stencil(nothing, nothing, nothing, nothing), on_cpu).solve(seeds)
    assert np.abs(answer.chroma.reshape(-1, 2)[seeds.index] - seeds.chroma).max() < BOUND


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", torch.device("cuda")])
def test_a_gpu_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=r"torch\.cuda\.is_available\(\) is False"):
        DeviceMultigrid(affinity(grain((5, 6))), device)


def test_too_little_memory_is_refused_with_figures(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 8 * 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)
    gpu = torch.device("cuda")
    with pytest.raises(SolverError, match=r"10000×8000 pixels need about \d+\.\d GB on cuda.*1\.0 of 8\.0 GB are free"):
        device_solve.check_memory(gpu, (8000, 10000), 2, False)
    device_solve.check_memory(gpu, (1000, 1000), 2, False)
    device_solve.check_memory(CPU, (80000, 100000), 2, False)
    assert device_solve.needed_bytes((8, 8), 2, True) < device_solve.needed_bytes((8, 8), 2, False)


@pytest.mark.parametrize("shape", [(1, 1), (6, 9), (7, 4)])
def test_split_planes_are_the_image_and_its_stencil(shape):
    layout, stencil = Layout(shape), affinity(grain(shape), "gaussian")
    u = np.random.default_rng(0).random((2, *shape), np.float32)
    split = layout.split(torch.from_numpy(u))
    assert np.array_equal(layout.joined(split).numpy(), u)
    flat = layout.place(torch.arange(u[0].size))
    assert np.array_equal(split.reshape(2, -1)[:, flat].numpy(), u.reshape(2, -1))
    planes = split_stencil(layout, stencil, CPU)
    expected = np.moveaxis(stencil.apply(np.moveaxis(u, 0, -1)), -1, 0)
    assert np.abs(layout.joined(layout.laplacian(planes, split)).numpy() - expected).max() < 1e-5


def aggregated(stencil):
    layout = Layout(stencil.shape)
    planes = split_stencil(layout, stencil, CPU)
    owner, graph = aggregate_grid(layout, planes, layout.neighbour_sums(planes, torch.ones(layout.planes)))
    return layout, owner, graph


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["constant", "noise", "grain", "stripes"])
def test_aggregates_are_small_connected_and_their_graph_is_galerkin(name, kind):
    stencil = affinity(GALLERY[name]((30, 41)), kind, **KINDS[kind])
    layout, owner, graph = aggregated(stencil)
    label = layout.joined(owner).numpy().ravel()
    assert np.bincount(label).max() <= 16
    assert graph.size == label.max() + 1 <= (0.4 if name == "noise" else 0.16) * label.size
    matrix = stencil.to_csr()
    prolong = sparse.csr_array((np.ones(label.size), (np.arange(label.size), label)))
    coarse = sparse.diags_array(graph.degree().numpy()) - sparse.csr_array(
        (graph.weight.numpy(), (graph.row.numpy(), graph.column.numpy())), shape=(graph.size, graph.size)
    )
    assert abs(coarse - prolong.T @ matrix @ prolong).max() < 1e-3
    inside = matrix.multiply(label[:, None] == label).tocsr()
    assert sparse.csgraph.connected_components(abs(inside) > 0)[0] == graph.size
    below, coarser = aggregate_graph(graph)
    assert torch.bincount(below).max() <= 6
    assert coarser.size <= 0.7 * graph.size


def test_aggregates_stay_on_their_side_of_an_edge():
    _, owner, _ = aggregated(affinity(GALLERY["two halves"]((30, 41)), "gaussian", **KINDS["gaussian"]))
    label = Layout((30, 41)).joined(owner).numpy()
    assert not np.intersect1d(label[:, :20], label[:, 20:]).size


def test_matching_is_the_same_every_time_and_members_is_its_transpose():
    stencil = affinity(grain((60, 71)), "power")
    (_, owner, graph), (_, again, same) = aggregated(stencil), aggregated(stencil)
    assert torch.equal(owner, again)
    assert torch.equal(graph.weight, same.weight)
    gather = members(owner.reshape(-1), graph.size, torch.float32)
    counted = gather @ torch.ones((owner.numel(), 1))
    assert torch.equal(counted[:, 0].long(), torch.bincount(owner[owner >= 0]))


def test_the_cycle_shrinks_every_error():
    """Against a random u: the cycle applied to A u has to return most of u, in the energy norm."""
    stencil = affinity(grain((60, 71)), "gaussian", **KINDS["gaussian"])
    hierarchy = Hierarchy(stencil, CPU)
    held = hierarchy.layout.split(
        torch.from_numpy((np.random.default_rng(1).random((60, 71)) < 0.01).astype(np.float32))
    )
    hierarchy.reseed(held)
    u = hierarchy.layout.split(
        torch.from_numpy(np.random.default_rng(0).standard_normal((2, 60, 71)).astype(np.float32))
    )
    error = u - hierarchy.cycle(hierarchy.apply(u))
    energy = [(e * hierarchy.apply(e)).sum().item() for e in (error, u)]
    assert energy[0] < 0.01 * energy[1]


@pytest.mark.parametrize("blur", [0.0, 0.8])
def test_cells_are_those_of_the_reference(blur):
    shape = (23, 34)
    layout, reference = Layout(shape), CellOperator(some_cells((5, 7), 10.0, blur), shape)
    cells = DeviceCells(reference, layout, CPU)
    u = np.random.default_rng(0).random((2, *shape), np.float32)
    split = layout.split(torch.from_numpy(u))
    assert np.abs(cells.blurred(cells.means(split)).numpy() - reference.means(u)).max() < 1e-6
    expected = reference.asked(reference.sums(u))[:, reference.row[:, None], reference.column]
    got = layout.joined(cells.spread(cells.weighed(cells.means(split)))).numpy()
    assert np.abs(got - expected).max() < 1e-6
    lumped = reference.lumped()[np.ix_(reference.row, reference.column)]
    assert np.abs(layout.joined(cells.lumped()).numpy() - lumped).max() < 1e-6
    owner = torch.where(layout.split(torch.ones(shape)) > 0, torch.arange(layout.size).reshape(layout.planes) // 5, -1)
    average, spread = cells.averages(owner.int(), layout.size)
    assert torch.equal(average.to_dense(), spread.to_dense().T)
    values = torch.rand((layout.size, 2), dtype=torch.float64)
    grown = values[owner.clamp(min=0)].permute(4, 0, 1, 2, 3) * (owner >= 0)
    assert torch.allclose((average @ values).T.reshape(2, 5, 7), cells.means(grown.float()).double(), atol=1e-6)


def test_measure_prints_a_row_for_each_size(capsys, tmp_path):
    measure.main(["--device", "cpu", "--megapixels", "0.002", "0.003", "--seeds", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert "triad" in lines[0]
    assert [len(line.split()) for line in lines[-2:]] == [9, 9]
    from PIL import Image

    photo = tmp_path / "grey.png"
    Image.fromarray((255 * grain((30, 40))).astype(np.uint8)).save(photo)
    mirrored = measure.guide(0.02, photo)
    assert mirrored.shape == (116, 173)
    assert 0 <= mirrored.min() < mirrored.max() <= 1


@pytest.mark.gpu
def test_cuda_finds_the_same_minimum():
    for kind, options in KINDS.items():
        stencil = affinity(grain((301, 402)), kind, **options)
        seeds, cells = strokes(stencil.shape, 5), some_cells((12, 16), 10.0, 0.8)
        for data in ((seeds, None), (seeds, cells)):
            gpu = ChromaSolver.from_stencil(stencil, DeviceMultigrid).solve(*data)
            cpu = ChromaSolver.from_stencil(stencil, on_cpu).solve(*data)
            assert np.abs(gpu.chroma - cpu.chroma).max() < BOUND
            assert gpu.iterations <= cpu.iterations + 2
