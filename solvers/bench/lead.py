"""What the records say together: who leads by how much, who loses where, and whether a second run says the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from solvers.bench.records import Record
from solvers.bench.report import OURS, grouped, totals
from solvers.bench.stream import PASS_BYTES

PROBLEM = ("run", "image", "megapixels", "pattern", "weights", "threads")
KIND = ("megapixels", "pattern", "weights", "threads")
Seconds = Callable[[Record], Sequence[float]]


@dataclass(frozen=True)
class Duel:
    """Ours against the fastest other on one problem, or on several of a kind.

    Parameters
    ----------
    problem : values of KIND
    images : number of problems
    own, other : median seconds
    names : who was fastest, most often first
    ratio : median over problems of their medians' ratio; above 1 ours is faster
    least, most : of any two repeats on any problem
    processor : the ratio in processor time, which other programs disturb less; None where that was not measured
    """

    problem: tuple[Any, ...]
    images: int
    own: float
    other: float
    names: tuple[str, ...]
    ratio: float
    least: float
    most: float
    processor: float | None


def measures(records: Iterable[Record]) -> list[Record]:
    """Records of solvers that ran, or should have."""
    return [record for record in records if record["kind"] == "measure" and record["status"] != "missing"]


def stroke_seconds(record: Record) -> list[float]:
    """Of solving again after a stroke; none if that was not measured, or came out wrong."""
    stroke = record.get("stroke", {})
    return stroke["seconds"] if stroke.get("status") == "ok" else []


def duels(records: Iterable[Record], seconds: Seconds = totals) -> list[Duel]:
    """Ours against the fastest other, by size, pattern, weights and threads; problems without both do not count."""
    right = [record for record in measures(records) if record["status"] == "ok" and seconds(record)]
    single = []
    for _, group in grouped(right, *PROBLEM):
        ours = next((record for record in group if record["solver"] == OURS), None)
        others = [record for record in group if record["solver"] != OURS]
        if ours is not None and others:
            fastest = min(others, key=lambda record: median(seconds(record)))
            single.append((ours, fastest))
    found = []
    keys = {tuple(ours[key] for key in KIND) for ours, _ in single}
    for key in sorted(keys, key=lambda k: (k[1], k[2], k[3], k[0])):
        pairs = [pair for pair in single if tuple(pair[0][name] for name in KIND) == key]
        ratios = [_ratio(seconds(other), seconds(ours)) for ours, other in pairs]
        names = Counter(other["solver"] for _, other in pairs)
        middle, least, most = zip(*ratios, strict=True)
        own, their = (median(median(seconds(pair[side])) for pair in pairs) for side in (0, 1))
        ordered = tuple(name for name, _ in names.most_common())
        processor = median(work(other) / work(ours) for ours, other in pairs) if seconds is totals else None
        found.append(Duel(key, len(pairs), own, their, ordered, median(middle), min(least), max(most), processor))
    return found


def work(record: Record) -> float:
    """Median processor time of all steps that count."""
    return median(works(record))


def works(record: Record) -> list[float]:
    """Processor time of every repeat."""
    return [repeat["cpu"] for repeat in record["seconds"]]


def _ratio(theirs: Sequence[float], own: Sequence[float]) -> tuple[float, float, float]:
    return median(theirs) / median(own), min(theirs) / max(own), max(theirs) / min(own)


def losses(records: Sequence[Record], seconds: Seconds = totals) -> list[tuple[Record, Record, float]]:
    """Problems on which another was faster by the medians: ours, the other, how many times as long ours took."""
    right = [record for record in measures(records) if record["status"] == "ok" and seconds(record)]
    found = []
    for _, group in grouped(right, *PROBLEM):
        for ours in (record for record in group if record["solver"] == OURS):
            for other in group:
                factor = median(seconds(ours)) / median(seconds(other))
                if other["solver"] != OURS and factor > 1:
                    found.append((ours, other, factor))
    return sorted(found, key=lambda loss: -loss[2])


def profiles(records: Iterable[Record]) -> dict[str, list[float]]:
    """Performance profiles (Dolan and Moré, 2002): of each solver its time over the best, a problem, in order.

    Only problems that most solvers were tried on count, and failing one is infinite; what was said to be over a limit
    has failed.
    """
    groups = [group for _, group in grouped(measures(records), *PROBLEM)]
    widest = max((len({record["solver"] for record in group}) for group in groups), default=0)
    full = [group for group in groups if len({record["solver"] for record in group}) == widest]
    found: dict[str, list[float]] = {}
    for group in full:
        times = {r["solver"]: median(totals(r)) if r["status"] == "ok" else float("inf") for r in group}
        best = min(times.values())
        for name, seconds in times.items():
            found.setdefault(name, []).append(seconds / best if np.isfinite(best) else float("inf"))
    return {name: sorted(values) for name, values in found.items()}


def passes(record: Record, records: Iterable[Record], steps: Sequence[str]) -> float | None:
    """Seconds of some steps as multiples of streaming PASS_BYTES a pixel once; None where STREAM was not measured."""
    rates = [
        other["median_gb_per_s"]
        for other in records
        if other["kind"] == "stream"
        and other["status"] == "ok"
        and (other["run"], other["threads"]) == (record["run"], record["threads"])
    ]
    if not rates:
        return None
    seconds = median(sum(repeat.get(step, 0.0) for step in steps) for repeat in record["seconds"])
    return seconds / (PASS_BYTES * record["pixels"] / (1e9 * median(rates)))


@dataclass(frozen=True)
class Repeat:
    """One ratio to ours in two runs of the same problem: (ratio, least, most) in each."""

    problem: tuple[Any, ...]
    solver: str
    first: tuple[float, float, float]
    second: tuple[float, float, float]

    @property
    def agrees(self) -> bool:
        """Whether each median lies within the other's spread, or the spreads meet."""
        return self.first[1] <= self.second[2] and self.second[1] <= self.first[2]


def repeats(records: Iterable[Record], seconds: Seconds = totals) -> list[Repeat]:
    """Ratios to ours that two runs have measured, the first run and the last one that has them."""
    right = [record for record in measures(records) if record["status"] == "ok"]
    found: dict[tuple[Any, ...], list[tuple[float, float, float]]] = {}
    for _, group in grouped(right, *PROBLEM):
        ours = next((record for record in group if record["solver"] == OURS), None)
        for other in group:
            if ours is not None and other["solver"] != OURS:
                key = (other["hash"], *(other[name] for name in ("image", *KIND)), other["solver"])
                found.setdefault(key, []).append(_ratio(seconds(other), seconds(ours)))
    return [Repeat(key[1:-1], key[-1], every[0], every[-1]) for key, every in found.items() if len(every) > 1]
