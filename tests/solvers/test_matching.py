"""Pairs, aggregates, and the graphs between them."""

from itertools import pairwise

import numpy as np
import pytest
from random_problems import KINDS, random_stencil
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from solvers import Stencil, affinity, grouping, pairing
from solvers.gallery import GALLERY, constant
from solvers.graph import NEAR, Graph
from solvers.matching import GRAPH_LIMIT, LIMIT, QUALITY, Groups, aggregate_graph, aggregate_grid
from solvers.stencil import OFFSETS
from solvers.team import Team, cut, phases
from solvers.transfer import prolongation

SHAPES = [(1, 1), (1, 40), (33, 1), (2, 2), (25, 31)]


def laplacian(links):
    return sparse.diags_array(links.sum(axis=1)) - links


def link_between(stencil, y, x, row, column):
    """Weight of the link between two neighbours."""
    if (row - y, column - x) in OFFSETS.values():
        k = list(OFFSETS.values()).index((row - y, column - x))
        return stencil.planes[k][y, x]
    return stencil.planes[list(OFFSETS.values()).index((y - row, x - column))][row, column]


def paired(stencil, low, high, quality=QUALITY):
    height, width = stencil.shape
    diagonal, partner = np.full((height, width), np.nan, np.float32), np.full((height, width), 99, np.uint8)
    pairing.diagonals(stencil.planes, 0, height, diagonal)
    np.testing.assert_allclose(diagonal, stencil.diagonal(), rtol=1e-6)
    pairing.pair_strip(stencil.planes, diagonal, pairing.jitter(width), low, high, np.float32(quality), partner)
    assert (partner[:low] == 99).all()
    assert (partner[high:] == 99).all()
    return diagonal, partner


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_mutual_strong_and_within_their_strip(shape, kind):
    stencil = random_stencil(np.random.default_rng(2), shape, kind)
    for low, high in {(0, shape[0]), (0, (shape[0] + 1) // 2), (shape[0] // 3, shape[0])}:
        diagonal, partner = paired(stencil, low, high)
        for y, x in np.ndindex(high - low, shape[1]):
            y, k = y + low, partner[y + low, x]
            if k == pairing.ALONE:
                continue
            assert k < 8
            row, column = y + pairing.DOWN[k], x + pairing.RIGHT[k]
            assert low <= row < high
            assert 0 <= column < shape[1]
            w = link_between(stencil, y, x, row, column)
            there = diagonal[row, column]
            back = partner[row, column]
            if back != (k + 4) % 8:  # it joins a pair: a mutual one
                assert back < 8
                third = row + pairing.DOWN[back], column + pairing.RIGHT[back]
                assert partner[third] == (back + 4) % 8
                there = max(there, diagonal[third])
            assert w > 0
            assert w >= np.float32(QUALITY) * min(diagonal[y, x], there)


def test_nearly_every_pixel_of_a_flat_image_is_in_a_pair():
    _, partner = paired(affinity(constant((60, 60)), "gaussian"), 0, 60)
    assert (partner != pairing.ALONE).mean() > 0.9


@pytest.mark.parametrize(("ratio", "expected"), [(2, [0, 4, 0, 4]), (8, [0, 0, 4])])
def test_a_pixel_takes_its_strongest_link(ratio, expected):
    """Links in a row that grow to the right: pairs from the right; if they grow fast, the next joins the pair."""
    planes = [np.zeros((1, 12), np.float32) for _ in range(4)]
    planes[0][0, :11] = float(ratio) ** np.arange(11)
    _, partner = paired(Stencil(*planes), 0, 1)
    assert partner[0, -len(expected) :].tolist() == expected


def check_lists(groups, owner, links, limit):
    """Linked lists, sizes and tails say what owner says; every group is connected and not too large."""
    seen = np.full(owner.size, -1)
    for group in range(groups.count):
        members, at = [], groups.head[group]
        while at >= 0:
            members.append(at)
            at = groups.following[at]
            assert len(members) <= owner.size
        assert (seen[members] == -1).all()
        seen[members] = group
        assert groups.tail[group] == members[-1]
        assert groups.size[group] == len(members) <= limit
        assert connected_components(links[members][:, members], directed=False)[0] == 1
    assert (seen == owner).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_groups_of_pixels_partition_a_strip(shape, kind):
    stencil = random_stencil(np.random.default_rng(3), shape, kind)
    width, low, high = shape[1], shape[0] // 3, shape[0]
    diagonal, partner = paired(stencil, low, high)
    owner, groups = np.full(shape, -7, np.int32), Groups.room((high - low) * width)
    flat = tuple(plane.ravel() for plane in stencil.planes), width
    lists = groups.following, groups.head, groups.tail, groups.size, groups.largest
    groups.count = grouping.list_pairs(flat, partner, diagonal, low, high, LIMIT, np.float32(QUALITY), owner, *lists)
    operator = stencil.to_csr()
    links = (sparse.diags_array(operator.diagonal()) - operator).tocsr()
    links.eliminate_zeros()
    links = links[low * width :, low * width :]
    own, here = owner[low:].ravel(), diagonal[low:].ravel()
    counts = [(own >= 0).sum()]
    for _ in range(3):
        check_lists(groups, own, links, LIMIT)
        assert ((own >= 0) == (here > 0)).all()
        assert (owner[:low] == -7).all()
        largest = np.zeros(groups.count)
        np.maximum.at(largest, own[own >= 0], here[own >= 0])
        assert (groups.largest[: groups.count] == largest).all()
        counts.append(groups.count)
        groups.merge(flat, owner.ravel(), low * width, high * width, LIMIT, QUALITY)
    if shape == (25, 31) and kind in ("power", "gaussian"):
        assert counts[3] < counts[2] < counts[1] < counts[0]


def random_graph(random, n=300):
    """A graph of many degrees, with a node without links and one linked to most others."""
    row, column = random.integers(0, n - 1, (2, 3 * n))
    row, column = np.append(row, np.full(n // 2, 7)), np.append(column, random.permutation(n - 1)[: n // 2])
    kept = row != column
    weight = 10 ** random.uniform(-6, 0, kept.sum())
    upper = sparse.coo_array((weight, (row[kept], column[kept])), shape=(n, n)).tocsr()
    return graph_of((upper + upper.T).tocsr())


def graph_of(links):
    n = links.shape[0]
    near, weight = np.repeat(np.arange(n, dtype=np.uint32)[:, None], NEAR, axis=1), np.zeros((n, NEAR), np.float32)
    first, far, far_weight = [0], [], []
    for i in range(n):
        columns = links.indices[links.indptr[i] : links.indptr[i + 1]]
        values = links.data[links.indptr[i] : links.indptr[i + 1]]
        near[i, : len(columns[:NEAR])], weight[i, : len(columns[:NEAR])] = columns[:NEAR], values[:NEAR]
        far += list(columns[NEAR:])
        far_weight += list(values[NEAR:])
        first.append(len(far))
    return Graph(near, weight, *(np.array(a, t) for a, t in ((first, "u4"), (far, "u4"), (far_weight, "f4"))))


def test_a_graph_is_its_matrix():
    graph = random_graph(np.random.default_rng(0))
    links = graph.to_csr()
    assert links.shape == (300, 300)
    assert abs(links - links.T).max() == 0
    np.testing.assert_allclose(graph.degree(), links.sum(axis=1), rtol=1e-5)
    assert not graph.degree()[-1]
    assert links[[7]].nnz > 100


def test_groups_of_nodes_partition_a_strip():
    graph = random_graph(np.random.default_rng(1))
    low, high = 40, 260
    owner, groups = np.full(300, -7, np.int32), Groups.room(high - low)
    lists = groups.following, groups.head, groups.tail, groups.size, groups.largest
    groups.count = grouping.list_nodes(graph.degree(), low, high, owner, *lists)
    links, own, before = graph.to_csr()[low:high, low:high], owner[low:high], high - low
    for _ in range(3):
        check_lists(groups, own, links, GRAPH_LIMIT)
        assert groups.count <= before
        before = groups.count
        groups.merge(graph.arrays, owner, low, high, GRAPH_LIMIT, 0.01)
    assert (owner[:low] == -7).all()
    assert groups.count < 0.6 * (high - low)


def check_level(operator, owner, graph, first, strips):
    """owner partitions the linked nodes, the graph is the Galerkin product, numbers follow the strips' order."""
    degree = operator.diagonal()
    assert ((owner >= 0) == (degree > 0)).all()
    assert (np.unique(owner[owner >= 0]) == np.arange(len(graph))).all()
    p = prolongation(owner, len(graph))
    coarse = laplacian(graph.to_csr())
    difference = abs(p.T @ operator @ p - coarse)
    assert difference.nnz == 0 or difference.max() <= 1e-5 * degree.max()
    ends = np.append(first, len(graph))
    for strip, begin, end in zip(strips, ends[:-1], ends[1:], strict=True):
        inside = owner[strip]
        assert (np.unique(inside[inside >= 0]) == np.arange(begin, end)).all()
    return coarse.tocsr()


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize("shape", [(40, 51), (1, 90), (70, 1), (2, 2), (1, 1)])
@pytest.mark.parametrize("threads", [1, 2])
def test_coarse_levels_are_galerkin_products(name, shape, threads):
    stencil, team = affinity(GALLERY[name](shape), "gaussian", sigma=0.02, floor=1e-6), Team(threads)
    bounds = cut(shape[0], 8)
    owner, graph, first = aggregate_grid(stencil, bounds, team)
    order = np.concatenate(phases(len(bounds) - 1))
    strips = [slice(bounds[s] * shape[1], bounds[s + 1] * shape[1]) for s in order]
    operator = check_level(stencil.to_csr(), owner.ravel(), graph, first, strips)
    for _ in range(2):
        nodes = np.append(first, len(graph))
        owner, graph, first = aggregate_graph(graph, nodes, team)
        strips = [slice(low, high) for low, high in pairwise(nodes)]
        operator = check_level(operator, owner, graph, first, strips)


@pytest.mark.parametrize("leaves", [100, 2000])
def test_a_node_linked_to_all_others_loses_no_link(leaves):
    """More neighbours than any table has room for."""
    hub = np.zeros(leaves, int)
    upper = sparse.coo_array((np.full(leaves, 0.5), (hub, 1 + np.arange(leaves))), shape=(leaves + 1, leaves + 1))
    graph = graph_of((upper + upper.T).tocsr())
    operator = laplacian(graph.to_csr()).tocsr()
    owner, below, first = aggregate_graph(graph, np.array([0, leaves + 1]), Team(1))
    check_level(operator, owner, below, first, [slice(None)])
    assert len(below) < leaves + 1
