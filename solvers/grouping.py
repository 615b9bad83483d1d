"""Aggregates of pixels and of graph nodes, one strip at a time, and the links between them.

A group is a linked list of members. Its links are read off its members' whenever they are needed, so that no graph of
the groups between two passes has to be put together.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from solvers.pairing import ALONE, DOWN, HEAVIER, RIGHT
from solvers.transfer import link

ROOM = 64  # neighbours of a group that are told apart; of more than that the first are as good as any


@njit(cache=True, nogil=True)
def list_pairs(links, partner, diagonal, low, high, limit, quality, owner, following, head, tail, size, largest):  # type: ignore[no-untyped-def]
    """Groups of the paired pixels in rows low..high, numbered from 0 in raster order; returns their number.

    owner is the group of each pixel, following the next member of its group, both counted from the strip's start.
    """
    width = owner.shape[1]
    count = 0
    for y in range(low, high):
        for x in range(width):
            here = (y - low) * width + x
            following[here] = -1
            k = partner[y, x]
            if k == ALONE:
                if not diagonal[y, x] > 0:
                    owner[y, x] = -1
                    continue
            else:
                row, column = y + DOWN[k], x + RIGHT[k]
                if partner[row, column] != (k + 4) % 8 or k > 3:
                    continue
                owner[row, column] = count
            owner[y, x] = count
            head[count] = tail[count] = here
            size[count], largest[count] = 1, diagonal[y, x]
            count += 1
    for y in range(low, high):
        for x in range(width):
            k = partner[y, x]
            if k == ALONE:
                continue
            row, column = y + DOWN[k], x + RIGHT[k]
            if partner[row, column] == (k + 4) % 8:
                if k < 4:
                    continue
            else:
                # Judged again, since several pixels may have picked the same pair, each for itself.
                group, w = owner[row, column], link(links, y * width + x, k)[1]
                if size[group] == limit or w < quality * min(diagonal[y, x], largest[group]):
                    owner[y, x] = count
                    head[count] = tail[count] = (y - low) * width + x
                    size[count], largest[count] = 1, diagonal[y, x]
                    count += 1
                    continue
                owner[y, x] = group
            group, here = owner[y, x], (y - low) * width + x
            following[tail[group]] = here
            tail[group] = here
            size[group] += 1
            largest[group] = max(largest[group], diagonal[y, x])
    return count


@njit(cache=True)
def _relist(count, merged, following, head, tail):  # type: ignore[no-untyped-def]
    """Join the lists of merged groups."""
    new_head, new_tail = np.full(count, -1, np.int32), np.empty(count, np.int32)
    for i in range(merged.size):
        group = merged[i]
        if new_head[group] < 0:
            new_head[group] = head[i]
        else:
            following[new_tail[group]] = head[i]
        new_tail[group] = tail[i]
    head[:count] = new_head
    tail[:count] = new_tail


@njit(cache=True, nogil=True)
def merge_pixels(links, owner, low, high, count, following, head, tail, size, largest, limit, quality):  # type: ignore[no-untyped-def]
    """One more pass over groups of the pixels low..high: they are merged in pairs. Returns their new number.

    Written out in one piece: calls that pass arrays, once a pixel, would double its time.
    """
    (east, south, southeast, southwest), width = links
    names, weights, place = np.empty(ROOM, np.int32), np.empty(ROOM, np.float32), np.zeros(count, np.uint32)
    merged, members, greatest = np.full(count, -1, np.int32), np.zeros(count, np.int32), np.zeros(count, np.float32)
    fresh = 0
    for own in range(count):
        if merged[own] >= 0:
            continue
        used, member = 0, head[own]
        while member >= 0:
            i = low + member
            member = following[member]
            for k in range(8):
                # Links that would leave the image have no weight, so that a flat index cannot wrap round.
                if k < 4:
                    j = i + (1 if k == 0 else width if k == 1 else width + 1 if k == 2 else width - 1)
                    w = east[i] if k == 0 else south[i] if k == 1 else southeast[i] if k == 2 else southwest[i]
                else:
                    j = i - (1 if k == 4 else width if k == 5 else width + 1 if k == 6 else width - 1)
                    if j < low:
                        continue
                    w = east[j] if k == 4 else south[j] if k == 5 else southeast[j] if k == 6 else southwest[j]
                if not w > 0 or j >= high:
                    continue
                other = owner[j]
                if other < 0 or other == own:
                    continue
                at = place[other]
                if at < used and names[at] == other:
                    weights[at] += w
                elif used < names.size:
                    place[other] = used
                    names[used], weights[used] = other, w
                    used += 1
        free, best, joined, strongest = -1, np.float32(0), -1, np.float32(0)
        for k in range(used):
            j, w = names[k], weights[k]
            into = merged[j]
            if into < 0:
                if w > best and size[own] + size[j] <= limit and w >= quality * min(largest[own], largest[j]):
                    free, best = j, w
            elif (
                w > strongest
                and size[own] + members[into] <= limit
                and w >= quality * min(largest[own], greatest[into])
            ):
                joined, strongest = into, w
        if joined >= 0 and strongest > HEAVIER * best:
            merged[own] = joined
            members[joined] += size[own]
            greatest[joined] = max(greatest[joined], largest[own])
            continue
        merged[own] = fresh
        members[fresh], greatest[fresh] = size[own], largest[own]
        if free >= 0:
            merged[free] = fresh
            members[fresh] += size[free]
            greatest[fresh] = max(largest[own], largest[free])
        fresh += 1
    _settle(fresh, merged, members, greatest, following, head, tail, size, largest, owner[low:high])
    return fresh


@njit(cache=True, nogil=True)
def merge_nodes(links, owner, low, high, count, following, head, tail, size, largest, limit, quality):  # type: ignore[no-untyped-def]
    """The same for groups of a graph's nodes."""
    near, weight, first, far, far_weight = links
    names, weights, place = np.empty(ROOM, np.int32), np.empty(ROOM, np.float32), np.zeros(count, np.uint32)
    merged, members, greatest = np.full(count, -1, np.int32), np.zeros(count, np.int32), np.zeros(count, np.float32)
    fresh = 0
    for own in range(count):
        if merged[own] >= 0:
            continue
        used, member = 0, head[own]
        while member >= 0:
            i = low + member
            member = following[member]
            near_and_far = 8 + np.int64(first[i + 1]) - np.int64(first[i])
            for k in range(near_and_far):
                if k < 8:
                    j, w = np.int64(near[i, k]), weight[i, k]
                else:
                    j, w = np.int64(far[first[i] + k - 8]), far_weight[first[i] + k - 8]
                if not w > 0 or j < low or j >= high:
                    continue
                other = owner[j]
                if other < 0 or other == own:
                    continue
                at = place[other]
                if at < used and names[at] == other:
                    weights[at] += w
                elif used < names.size:
                    place[other] = used
                    names[used], weights[used] = other, w
                    used += 1
        free, best, joined, strongest = -1, np.float32(0), -1, np.float32(0)
        for k in range(used):
            j, w = names[k], weights[k]
            into = merged[j]
            if into < 0:
                if w > best and size[own] + size[j] <= limit and w >= quality * min(largest[own], largest[j]):
                    free, best = j, w
            elif (
                w > strongest
                and size[own] + members[into] <= limit
                and w >= quality * min(largest[own], greatest[into])
            ):
                joined, strongest = into, w
        if joined >= 0 and strongest > HEAVIER * best:
            merged[own] = joined
            members[joined] += size[own]
            greatest[joined] = max(greatest[joined], largest[own])
            continue
        merged[own] = fresh
        members[fresh], greatest[fresh] = size[own], largest[own]
        if free >= 0:
            merged[free] = fresh
            members[fresh] += size[free]
            greatest[fresh] = max(largest[own], largest[free])
        fresh += 1
    _settle(fresh, merged, members, greatest, following, head, tail, size, largest, owner[low:high])
    return fresh


@njit(cache=True)
def _settle(fresh, merged, members, greatest, following, head, tail, size, largest, owner):  # type: ignore[no-untyped-def]
    """Make the merged groups the groups: join their lists, rename owners."""
    _relist(fresh, merged, following, head, tail)
    size[:fresh] = members[:fresh]
    largest[:fresh] = greatest[:fresh]
    for i in range(owner.size):
        if owner[i] >= 0:
            owner[i] = merged[owner[i]]


@njit(cache=True, nogil=True)
def list_nodes(degree, low, high, owner, following, head, tail, size, largest):  # type: ignore[no-untyped-def]
    """One group for every linked node; returns their number."""
    count = 0
    for i in range(low, high):
        following[i - low] = -1
        if not degree[i] > 0:
            owner[i] = -1
            continue
        owner[i] = count
        head[count] = tail[count] = i - low
        size[count], largest[count] = 1, degree[i]
        count += 1
    return count


@njit(cache=True, nogil=True)
def pixel_rows(links, owner, low, following, head, begin, count, place, table, starts, further):  # type: ignore[no-untyped-def]
    """Rows of the graph between groups, for the groups begin..begin + count of one strip, columns in no order.

    table is that of the whole graph; starts and further are the strip's own. Returns how much of further is used. place
    has room for all groups; strips that work at the same time need one each.
    """
    (east, south, southeast, southwest), width = links
    names, weights = np.empty(1024, np.int32), np.empty(1024, np.float32)
    (columns, values), (more, more_values) = table, further
    end = 0
    high = owner.size
    for group in range(count):
        own = begin + group
        used, member = 0, head[group]
        while member >= 0:
            if used + 512 > names.size:
                names, weights = _longer(names), _longer(weights)
            i = low + member
            member = following[member]
            for k in range(8):
                # Links that would leave the image have no weight, so that a flat index cannot wrap round.
                if k < 4:
                    j = i + (1 if k == 0 else width if k == 1 else width + 1 if k == 2 else width - 1)
                    w = east[i] if k == 0 else south[i] if k == 1 else southeast[i] if k == 2 else southwest[i]
                else:
                    j = i - (1 if k == 4 else width if k == 5 else width + 1 if k == 6 else width - 1)
                    if j < 0:
                        continue
                    w = east[j] if k == 4 else south[j] if k == 5 else southeast[j] if k == 6 else southwest[j]
                if not w > 0 or j >= high:
                    continue
                other = owner[j]
                if other < 0 or other == own:
                    continue
                at = place[other]
                if at < used and names[at] == other:
                    weights[at] += w
                elif used < names.size:
                    place[other] = used
                    names[used], weights[used] = other, w
                    used += 1
        starts[group] = end
        end = _write_row(own, names, weights, used, columns, values, more, more_values, end)
    return end


@njit(cache=True, nogil=True)
def node_rows(links, owner, low, following, head, begin, count, place, table, starts, further):  # type: ignore[no-untyped-def]
    """The same for groups of a graph's nodes."""
    near, weight, first, far, far_weight = links
    names, weights = np.empty(1024, np.int32), np.empty(1024, np.float32)
    (columns, values), (more, more_values) = table, further
    end = 0
    high = owner.size
    for group in range(count):
        own = begin + group
        used, member = 0, head[group]
        while member >= 0:
            i = low + member
            member = following[member]
            near_and_far = 8 + np.int64(first[i + 1]) - np.int64(first[i])
            while used + near_and_far > names.size:
                names, weights = _longer(names), _longer(weights)
            for k in range(near_and_far):
                if k < 8:
                    j, w = np.int64(near[i, k]), weight[i, k]
                else:
                    j, w = np.int64(far[first[i] + k - 8]), far_weight[first[i] + k - 8]
                if not w > 0 or j >= high:
                    continue
                other = owner[j]
                if other < 0 or other == own:
                    continue
                at = place[other]
                if at < used and names[at] == other:
                    weights[at] += w
                elif used < names.size:
                    place[other] = used
                    names[used], weights[used] = other, w
                    used += 1
        starts[group] = end
        end = _write_row(own, names, weights, used, columns, values, more, more_values, end)
    return end


@njit(cache=True)
def _write_row(own, names, weights, used, columns, values, more, more_values, end):  # type: ignore[no-untyped-def]
    for k in range(8):
        columns[own, k] = names[k] if k < used else own
        values[own, k] = weights[k] if k < used else np.float32(0)
    for k in range(8, used):
        more[end], more_values[end] = names[k], weights[k]
        end += 1
    return end


@njit(cache=True)
def _longer(values):  # type: ignore[no-untyped-def]
    result = np.empty(2 * values.size, values.dtype)
    result[: values.size] = values
    return result
