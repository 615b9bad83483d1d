"""The K-cycle on the coarse levels, compiled whole: all levels lie one after the other in the same arrays.

K-cycle: Notay, "An aggregation-based algebraic multigrid method" (2010), two steps of flexible conjugate gradients on
every coarse level. Chroma has two channels, so the kernels carry two values a node.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ENOUGH = 0.25  # residual reduction at which the second K-cycle step is left out


@njit(inline="always")
def pulled(near, weight, first, far, far_weight, i, u, a, b):  # type: ignore[no-untyped-def]
    """(a, b) plus ``sum w (u_j - u_i)`` over the links of node i, of both values.

    Put in place by numba: a call for every node would cost three times the work.
    """
    here, there = u[i, 0], u[i, 1]
    for k in range(np.uint32(8)):
        j, w = near[i, k], weight[i, k]
        a += w * (u[j, 0] - here)
        b += w * (u[j, 1] - there)
    for k in range(first[i], first[i + np.uint32(1)]):
        j, w = far[k], far_weight[k]
        a += w * (u[j, 0] - here)
        b += w * (u[j, 1] - there)
    return a, b


@njit(cache=True, nogil=True, fastmath={"contract"})
def relax(low, high, graph, held, inverse, f, u, backward):  # type: ignore[no-untyped-def]
    """One Gauss-Seidel sweep over the nodes low..high."""
    near, weight, first, far, far_weight = graph
    for step in range(high - low):
        i = np.uint32(high - 1 - step if backward else low + step)
        a, b = pulled(
            near, weight, first, far, far_weight, i, u, f[i, 0] - held[i] * u[i, 0], f[i, 1] - held[i] * u[i, 1]
        )
        u[i, 0] += inverse[i] * a
        u[i, 1] += inverse[i] * b


@njit(cache=True, nogil=True, fastmath={"contract"})
def restrict(low, high, graph, held, owner, f, u, coarse):  # type: ignore[no-untyped-def]
    """coarse += P' (f - A u) over the nodes low..high."""
    near, weight, first, far, far_weight = graph
    for i in range(np.uint32(low), np.uint32(high)):
        group = owner[i]
        if group >= 0:
            a, b = pulled(
                near, weight, first, far, far_weight, i, u, f[i, 0] - held[i] * u[i, 0], f[i, 1] - held[i] * u[i, 1]
            )
            coarse[group, 0] += a
            coarse[group, 1] += b


@njit(cache=True, nogil=True)
def prolong(low, high, owner, coarse, u):  # type: ignore[no-untyped-def]
    """u += P coarse for the nodes low..high."""
    for i in range(low, high):
        if owner[i] >= 0:
            u[i, 0] += coarse[owner[i], 0]
            u[i, 1] += coarse[owner[i], 1]


@njit(cache=True, nogil=True, fastmath={"contract"})
def apply(low, high, graph, held, u, out):  # type: ignore[no-untyped-def]
    """out = (L + diag(held)) u for the nodes low..high, L the graph's Laplacian."""
    near, weight, first, far, far_weight = graph
    for i in range(np.uint32(low), np.uint32(high)):
        a, b = pulled(near, weight, first, far, far_weight, i, u, -held[i] * u[i, 0], -held[i] * u[i, 1])
        out[i, 0] = -a
        out[i, 1] = -b


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def first_step(f, first, image, step, energy):  # type: ignore[no-untyped-def]
    """Step length and energy of the first direction; f becomes the residual. Returns its share of the norm before."""
    e0, e1, w0, w1, n0, n1 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(f.shape[0]):
        e0 += first[i, 0] * image[i, 0]
        e1 += first[i, 1] * image[i, 1]
        w0 += first[i, 0] * f[i, 0]
        w1 += first[i, 1] * f[i, 1]
        n0 += f[i, 0] * f[i, 0]
        n1 += f[i, 1] * f[i, 1]
    energy[0], energy[1] = e0, e1
    step[0], step[1] = w0 / e0 if e0 > 0 else 0.0, w1 / e1 if e1 > 0 else 0.0
    a, b = np.float32(step[0]), np.float32(step[1])
    m0, m1 = 0.0, 0.0
    for i in range(f.shape[0]):
        f[i, 0] -= a * image[i, 0]
        f[i, 1] -= b * image[i, 1]
        m0 += f[i, 0] * f[i, 0]
        m1 += f[i, 1] * f[i, 1]
    left = 0.0
    if n0 > 0:
        left = max(left, np.sqrt(m0 / n0))
    if n1 > 0:
        left = max(left, np.sqrt(m1 / n1))
    return left


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def second_step(f, second, image, other, step, energy, share):  # type: ignore[no-untyped-def]
    """Shares of the two directions in the minimiser over both: step is corrected, share is the second's."""
    for k in range(2):
        mixed, own, work = 0.0, 0.0, 0.0
        for i in range(f.shape[0]):
            mixed += second[i, k] * image[i, k]
            own += second[i, k] * other[i, k]
            work += second[i, k] * f[i, k]
        share[k] = 0
        if energy[k] > 0:
            rest = own - mixed * mixed / energy[k]
            if rest > 1e-6 * own:
                share[k] = work / rest
                step[k] -= share[k] * mixed / energy[k]


@njit(cache=True, nogil=True, fastmath={"contract"})
def combine(step, first, share, second, out):  # type: ignore[no-untyped-def]
    a, b, c, d = np.float32(step[0]), np.float32(step[1]), np.float32(share[0]), np.float32(share[1])
    for i in range(out.shape[0]):
        out[i, 0] = a * first[i, 0] + c * second[i, 0]
        out[i, 1] = b * first[i, 1] + d * second[i, 1]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def solve_dense(inverse, f, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        a, b = np.float32(0), np.float32(0)
        for j in range(out.shape[0]):
            a += inverse[i, j] * f[j, 0]
            b += inverse[i, j] * f[j, 1]
        out[i, 0], out[i, 1] = a, b


@njit(cache=True)
def graph_of(levels, depth):  # type: ignore[no-untyped-def]
    """Arrays of one level's graph."""
    base, near, weight, first, far, far_weight = levels
    low, high = base[depth], base[depth + 1]
    return near[low:high], weight[low:high], first[low : high + 1], far, far_weight


@njit(cache=True, nogil=True)
def k_cycle(top, levels, held, inverse, owner, work, dense, enough):  # type: ignore[no-untyped-def]
    """An approximate solution on level `top`: work[1] of it from the right-hand side in work[0], which is used up.

    levels is (base, near, weight, first, far, far_weight): base[l] is the first node of level l; columns and owner
    count from the first node of their level and of the next. work is (6, nodes, 2).
    """
    base = levels[0]
    last = base.size - 2
    step, energy, share = np.zeros((last + 1, 2)), np.zeros((last + 1, 2)), np.zeros((last + 1, 2))
    is_second = np.zeros(last + 1, np.bool_)
    depth = top
    while True:
        while depth < last:
            low, high = base[depth], base[depth + 1]
            n, graph, h = high - low, graph_of(levels, depth), held[low:high]
            f, u = work[0, low:high], work[3 if is_second[depth] else 2, low:high]
            u[:] = 0
            relax(0, n, graph, h, inverse[low:high], f, u, False)
            depth += 1
            right = work[0, high : base[depth + 1]]
            right[:] = 0
            restrict(0, n, graph, h, owner[low:high], f, u, right)
            is_second[depth] = False
        low = base[last]
        solve_dense(dense, work[0, low:], work[1, low:])
        while depth > top:
            depth -= 1
            low, high = base[depth], base[depth + 1]
            n, graph, h = high - low, graph_of(levels, depth), held[low:high]
            f, u = work[0, low:high], work[3 if is_second[depth] else 2, low:high]
            image = work[5 if is_second[depth] else 4, low:high]
            prolong(0, n, owner[low:high], work[1, high : base[depth + 2]], u)
            relax(0, n, graph, h, inverse[low:high], f, u, True)
            apply(0, n, graph, h, u, image)
            if is_second[depth]:
                second_step(f, u, work[4, low:high], image, step[depth], energy[depth], share[depth])
            elif first_step(f, u, image, step[depth], energy[depth]) > enough[depth]:
                is_second[depth] = True
                break
            else:
                share[depth] = 0
            combine(step[depth], work[2, low:high], share[depth], work[3, low:high], work[1, low:high])
        else:
            return
