"""What memory the machine has free, and the refusal of what does not fit."""

from __future__ import annotations

from pathlib import Path


def available_bytes() -> float:
    """Memory that can be had without swapping; infinite where the system does not say."""
    try:
        rows = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    found = [row.split()[1] for row in rows if row.startswith("MemAvailable:")]
    return float(found[0]) * 1024 if found else float("inf")


def check_fits(pixels: int, bytes_per_pixel: float, name: str) -> None:
    """Refuse work on so many pixels before any of it, if it takes more memory than is free.

    Raises
    ------
    MemoryError
        With what is needed, what is free and how many pixels would fit.
    """
    needed, available = pixels * bytes_per_pixel, available_bytes()
    if needed > available:
        raise MemoryError(
            f"{name}: {pixels / 1e6:.0f} MP need {needed / 1e9:.1f} GB of memory beyond the image's own, "
            f"{available / 1e9:.1f} GB are free; about {available / bytes_per_pixel / 1e6:.0f} MP would fit: close "
            "other programs or make the image smaller"
        )
