"""How a training went, from its log: loss over steps, as a picture."""

from __future__ import annotations

import json
from pathlib import Path


def rows_of(log: Path) -> list[dict[str, float]]:
    """Rows of a log, each with step, minutes and loss; a last line cut off in the middle is left out."""
    rows = []
    for line in log.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def draw_history(log: Path, out: Path) -> None:
    """Draw the loss of a log (JSON lines) over steps into a PNG, beside it a mean over five rows.

    Raises
    ------
    ValueError
        Nothing in the log yet.
    """
    from matplotlib.figure import Figure

    rows = rows_of(log)
    if not rows:
        raise ValueError(f"{log}: no rows yet; wanted at least one of step, minutes, loss")
    steps, losses = [row["step"] for row in rows], [row["loss"] for row in rows]
    smooth = [sum(losses[max(0, i - 4) : i + 1]) / len(losses[max(0, i - 4) : i + 1]) for i in range(len(losses))]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(steps, losses, color="0.75", label="mean over 50 steps")
    axes.plot(steps, smooth, color="C0", label="the last five of them")
    axes.set(xlabel="step", ylabel="cross-entropy, nats", title=f"{log.stem}: {rows[-1]['minutes']:.0f} minutes")
    axes.grid(alpha=0.3)
    axes.legend()
    temporary = out.with_suffix(".part")
    figure.savefig(temporary, format="png", dpi=120)
    temporary.replace(out)
