"""What a figure was measured with: machine, versions, source."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import solvers
from solvers.peers import PACKAGES

ROOT = Path(solvers.__file__).parents[1]
"""Folder that `solvers` is imported from."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def description() -> dict[str, Any]:
    """Processor, cores, memory, versions and commit."""
    packages = ("numpy", "scipy", "numba", "llvmlite", *PACKAGES)
    versions = {name: found for name in sorted(set(packages)) if (found := _version(name))}
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "ram_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "versions": {"python": platform.python_version(), **versions},
        "commit": commit(),
    }


def commit() -> str:
    """Short hash of the checkout, with "+" if it was changed since; "unknown" outside of one."""
    hashed, changed = (
        _output("git", "-C", str(ROOT), *arguments)
        for arguments in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", "solvers"))
    )
    return "unknown" if hashed is None else hashed + ("+" if changed else "")


def source_hash() -> str:
    """Hash of the modules of `solvers` themselves, without peers and bench: a commit does not tell what was edited."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "solvers").glob("*.py")):
        if path.name != "peers.py":
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def environment(threads: int) -> dict[str, str]:
    """This process's environment, for one that shall use so many threads."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), "PYTHONPATH": path}


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((row.split(":", 1)[1].strip() for row in rows if row.startswith("model name")), platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
