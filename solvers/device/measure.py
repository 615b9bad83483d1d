"""`python -m solvers.device.measure --device cuda`: what a solve takes on a device, beside what the device could do."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from solvers.affinity import affinity
from solvers.device.hierarchy import DOUBLE, SWEEPS, Hierarchy
from solvers.device.levels import DEGREE
from solvers.device.solve import DeviceMultigrid, checked_device
from solvers.gallery import grain, scattered
from solvers.krylov import REFRESH
from solvers.problem import Problem

HEAD = "     MP  set-up ms/MP  reseed  solve ms/MP  ms/iteration  iterations  peak B/px   GB/s  of triad"
KINDS: dict[str, dict[str, float]] = {"power": {}, "gaussian": {"sigma": 0.02, "floor": 1e-6}, "levin": {}}


def traffic(hierarchy: Hierarchy, channels: int) -> float:
    """Bytes that one iteration reads and writes, counted from its tensor operations, every operand once.

    Seeds only; caches may save some of it. An update ``out += w u`` moves 3 C + 1 values, a difference 3 C.
    """
    update, difference = 3 * channels + 1, 3 * channels
    sweeps = 8 * update * (2 * SWEEPS - 0.5) + 2 * SWEEPS * (4 * channels + 1)
    laplacian = 8 * (update + difference) + 4 * channels
    pixels = hierarchy.links.numel() * (sweeps + laplacian * (2 + 1 / REFRESH) + 45 * channels) * 4.0
    coarse = 0.0
    for depth, level in enumerate(hierarchy.levels[:-1]):
        corrections = 2 ** min(depth + 1, DOUBLE)
        nodes, links = len(level.links), level.matrix.values().numel()
        product = links * (8 + 4 * channels) + nodes * 4 * 12 * channels
        coarse += corrections * (2 * DEGREE + 1) * product
    return pixels + coarse


def triad(device: torch.device, values: int = 1 << 25, repeats: int = 10) -> float:
    """Bytes a second of ``a = b + s c`` on vectors of float32, the best of some."""
    b, c = (torch.ones(values, device=device) for _ in range(2))
    a = torch.empty_like(b)
    best = np.inf
    for _ in range(repeats):
        _wait(device)
        began = perf_counter()
        torch.add(b, c, alpha=0.5, out=a)
        _wait(device)
        best = min(best, perf_counter() - began)
    return 12 * values / best


def guide(megapixels: float, photo: Path | None) -> NDArray[np.float32]:
    """A luminance of that many pixels, 3:2: a photo's middle, mirrored outward if it is smaller, or a made-up one."""
    width = max(round((1.5e6 * megapixels) ** 0.5), 1)
    shape = max(round(1e6 * megapixels / width), 1), width
    if photo is None:
        return grain(shape)
    from PIL import Image

    with Image.open(photo) as opened:
        image = np.asarray(opened.convert("L"), np.float32) / np.float32(255)
    for axis, wanted in enumerate(shape):
        index = np.arange(wanted) + (image.shape[axis] - wanted) // 2
        period = index % (2 * image.shape[axis])
        image = np.take(image, np.minimum(period, 2 * image.shape[axis] - 1 - period), axis=axis)
    return np.ascontiguousarray(image, np.float32)


def measured(image: NDArray[np.float32], device: torch.device, kind: str, seeds: int, rate: float) -> str:
    """One row of the table; the solve is the second one, with everything warm. rate is that of `triad`."""
    stencil = affinity(image, kind, **KINDS[kind])
    solver = DeviceMultigrid(stencil, device)
    problem = Problem.checked(stencil.shape, scattered(stencil.shape, seeds), None, None, 0.5 / 255, 100)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    first = solver.solve(problem)
    again = solver.solve(problem)
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert solver.hierarchy is not None
    megapixels, each = image.size / 1e6, again.seconds["solve"] / max(again.iterations, 1)
    speed = traffic(solver.hierarchy, 2) / each
    return (
        f"{megapixels:7.2f}  {first.seconds['setup'] * 1e3 / megapixels:12.1f}"
        f"  {again.seconds['reseed'] * 1e3 / megapixels:6.2f}  {again.seconds['solve'] * 1e3 / megapixels:11.1f}"
        f"  {each * 1e3:12.2f}  {again.iterations:10d}  {peak / image.size:9.0f}"
        f"  {speed / 1e9:5.0f}  {speed / rate:8.0%}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m solvers.device.measure", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 16, 36, 100])
    parser.add_argument("--photo", type=Path, help="a picture to take the luminance from; else one with made-up grain")
    parser.add_argument("--kind", choices=KINDS, default="gaussian")
    parser.add_argument("--seeds", type=int, default=4096)
    chosen = parser.parse_args(arguments)
    device = checked_device(chosen.device)
    measured(guide(0.05, chosen.photo), device, chosen.kind, chosen.seeds, 1.0)  # libraries load at their first use
    rate = triad(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    print(f"{name}: triad {rate / 1e9:.0f} GB/s; weights {chosen.kind}, {chosen.seeds} seeds, 2 channels")
    if device.type != "cuda":
        print("peak is the whole process's")
    print(HEAD)
    for megapixels in chosen.megapixels:
        print(measured(guide(megapixels, chosen.photo), device, chosen.kind, chosen.seeds, rate), flush=True)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
