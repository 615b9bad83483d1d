"""The memory that a process holds, and the most it held; zero or less exact where the system does not say."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def resident_bytes(process: int | str = "self") -> int:
    """What a process holds now; 0 where the system does not say or the process is gone."""
    return _status(process, "VmRSS:")


def peak_bytes() -> int:
    """The most that this process has held since `reset_peak`, or since it began where that has no effect."""
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("self", "VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak() -> None:
    """Forget the peak so far, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _status(process: int | str, key: str) -> int:
    try:
        rows = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(row.split()[1]) * 1024 for row in rows if row.startswith(key)), 0)
