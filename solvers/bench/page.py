"""The report as one HTML page that needs nothing else, its figures beside it as PNG. Needs matplotlib."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from statistics import median

from solvers.bench.lead import duels, losses, measures, repeats, stroke_seconds, works
from solvers.bench.plates import PLATES
from solvers.bench.records import Record
from solvers.bench.report import OURS, grouped, totals
from solvers.bench.stream import PASS_BYTES
from solvers.bench.tables import (
    duel_table,
    growth_table,
    loss_table,
    repeat_table,
    solver_table,
    stroke_table,
    trouble_table,
)

STYLE = """
:root { --ink: #1c1d20; --soft: #5c6068; --paper: #fbfbf9; --card: #ffffff; --line: #dcdcd6; --ours: #c8102e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e3; --soft: #a3a6ad; --paper: #17181b; --card: #202226; --line: #3a3d43; --ours: #ff6b7f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 2.5rem 1.5rem 5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; padding-top: .4rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .3rem; }
p { max-width: 46rem; margin: .5rem 0; }
.lead { font-size: 1.08rem; color: var(--soft); }
.note, figcaption { color: var(--soft); font-size: .92rem; }
nav a { margin-right: 1.1rem; color: inherit; }
figure { margin: 1rem 0 0; }
figure img { max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; padding: 8px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th { text-align: right; font-weight: 600; color: var(--soft); vertical-align: bottom;
  border-bottom: 1px solid var(--line); }
td { text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th, td { padding: .26rem .42rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.text, th.text { text-align: left; white-space: normal; min-width: 16rem; }
tr.ours td { color: var(--ours); font-weight: 600; }
tr.lost td { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: .8rem 1.2rem 1rem; margin: 1.2rem 0; }
.card h2 { border: 0; margin: .2rem 0 .4rem; padding: 0; }
code { font-size: .9em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; font-size: .92rem; }
dt { color: var(--soft); } dd { margin: 0; }
"""
DOTS = 170
"""Pixels an inch of the figures, sharp on fine displays too."""


def write_page(records: Sequence[Record], path: Path) -> list[Path]:
    """Write the page and its figures; the paths of all files.

    Raises
    ------
    ValueError
        Records that hold no measurement.
    OSError
        A folder that cannot be written to.
    """
    if not measures(records) and not any(record["kind"] == "edits" for record in records):
        raise ValueError("report: the records hold no measurement; wanted some by run or edits")
    written = []
    figures = []
    for plate in PLATES:
        figure = plate.draw(records)
        if figure is None:
            continue
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", facecolor="white", dpi=DOTS)
        width = round(figure.get_figwidth() * 96)
        beside = path.with_name(f"{path.stem}-{plate.name}.png")
        _write_whole(beside, buffer.getvalue())
        written.append(beside)
        data = base64.b64encode(buffer.getvalue()).decode()
        figures.append(
            f'<h2 id="{plate.name}">{escape(plate.title)}</h2><p>{escape(plate.text)}</p>'
            f'<figure><img alt="{escape(plate.title)}" style="width:{width}px" '
            f'src="data:image/png;base64,{data}"></figure>'
        )
    _write_whole(path, page_of(records, figures).encode())
    return [path, *written]


def page_of(records: Sequence[Record], figures: Iterable[str]) -> str:
    """The page, given its figures."""
    body = "\n".join([_head(records), _verdict(records), _by_size(records), *figures, _tables(records), _end(records)])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Solvers of colour, measured</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _write_whole(path: Path, data: bytes) -> None:
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _head(records: Sequence[Record]) -> str:
    found = measures(records)
    machine = records[-1]["machine"]
    kinds = ("image", "megapixels", "pattern", "weights")
    problems = len({tuple(record[key] for key in kinds) for record in found})
    solvers = len({record["solver"] for record in found})
    sizes = sorted({record["megapixels"] for record in found})
    span = (
        f"{sizes[0]:g} to {sizes[-1]:g} megapixels" if len(sizes) > 1 else f"{sizes[0]:g} megapixels" if sizes else ""
    )
    return (
        "<h1>Solvers of colour, measured</h1>"
        f'<p class="lead">{solvers} solvers on {problems} problems of {span}, on {escape(machine["cpu"])}, each in a '
        "process of its own, all to the same end: no pixel further from the exact answer than half an 8-bit step "
        "(0.5/255).</p>"
        '<nav><a href="#lead">Who leads</a><a href="#time">Figures</a><a href="#tables">All numbers</a>'
        '<a href="#failed">What failed</a><a href="#how">How it was measured</a></nav>'
    )


def _verdict(records: Sequence[Record]) -> str:
    """Losses, before anything else."""
    lost, late = losses(records), losses(records, stroke_seconds)
    wrong = [r for r in measures(records) if r["solver"] == OURS and r["status"] != "ok"]
    wrong += [
        r for r in measures(records) if r["solver"] == OURS and r.get("stroke", {}).get("status") not in (None, "ok")
    ]
    parts = ['<section class="card"><h2>Where ours loses</h2>']
    if lost:
        problems = len({(o["hash"], o["run"], o["threads"]) for o, _, _ in lost})
        parts.append(f"<p>On {problems} of {_count_of_ours(records, totals)} cases another solver was faster:</p>")
        parts.append(loss_table(lost, totals))
    elif duels(records):
        parts.append("<p>From a luminance to finished colours: on none of the problems measured here.</p>")
    else:
        parts.append("<p>Nothing else was measured beside ours.</p>")
    if late:
        problems = len({(o["hash"], o["run"], o["threads"]) for o, _, _ in late})
        total = _count_of_ours(records, stroke_seconds)
        parts.append(f"<p>Solving again after one stroke more: on {problems} of {total} cases another was faster:</p>")
        parts.append(loss_table(late, stroke_seconds))
    elif duels(records, stroke_seconds):
        parts.append("<p>Solving again after one stroke more: on none.</p>")
    if wrong:
        parts.append(f"<p>Ours itself failed on {len(wrong)}: see <a href='#failed'>what failed</a>.</p>")
    return "".join([*parts, "</section>"])


def _count_of_ours(records: Sequence[Record], seconds: object) -> int:
    value = totals if seconds is totals else stroke_seconds
    ours = [r for r in measures(records) if r["solver"] == OURS and r["status"] == "ok" and value(r)]
    return len({(r["hash"], r["run"], r["threads"]) for r in ours})


def _by_size(records: Sequence[Record]) -> str:
    first, again = duels(records), duels(records, stroke_seconds)
    if not first and not again:
        return ""
    parts = ['<h2 id="lead">Ours against the fastest other</h2>']
    if first:
        parts.append(
            "<p>Link weights, set-up and solve, in one run. On each problem the fastest other solver counts, "
            "whichever it "
            "is. A ratio above 1 says how many times as long it took as ours: the median over problems, and in "
            "brackets "
            "from the least to the most that any repeat of the one gives over any repeat of the other. Where "
            "other programs were at work, processor time is the fairer measure.</p>"
        )
        parts.append(duel_table(first))
    if again:
        parts.append("<h3>Solving again after one stroke more</h3>" + duel_table(again))
    twice = repeats(records)
    if twice:
        agree, work = (sum(one.agrees for one in ones) for ones in (twice, repeats(records, works)))
        parts.append(
            f"<h3>Does a second run say the same?</h3><p>{agree} of {len(twice)} ratios to ours agree between two runs "
            f"of the same problem, in that the spreads of their repeats meet; in processor time {work} of {len(twice)}."
            + (" By the clock these do not:</p>" if agree < len(twice) else "</p>")
        )
        if agree < len(twice):
            parts.append(repeat_table([one for one in twice if not one.agrees]))
    return "".join(parts)


def _tables(records: Sequence[Record]) -> str:
    parts = [
        '<h2 id="tables">All numbers</h2>'
        "<p>Nanoseconds and bytes a pixel of the image, medians over repeats and images; in "
        "brackets the fastest and the slowest repeat. “× ours” is the median of the ratios on the same problem in "
        "the same "
        "run, with its spread. Error is that of the worst pixel in half 8-bit steps, at most 1 by the rule; the "
        "residual "
        "is the relative one at the iteration where the error first was. Sorted by time.</p>"
    ]
    found = measures(records)
    for (megapixels, pattern, weights, threads), group in sorted(
        grouped(found, "megapixels", "pattern", "weights", "threads"), key=lambda item: (item[0][1:], item[0][0])
    ):
        images = len({record["image"] for record in group})
        title = f"{megapixels:g} MP, pattern {pattern}, weights {weights}, {threads} thread{'s' * (threads > 1)}"
        many = f"{images} images" if images > 1 else group[0]["image"]
        parts.append(f"<h3>{escape(title)}, {escape(many)}</h3>" + solver_table(group, found))
    growth = growth_table(found)
    if growth:
        parts.append("<h3>Time grows as the size to the power of</h3>" + growth)
    edits = [record for record in records if record["kind"] == "edits"]
    if edits:
        parts.append("<h3>Many strokes, one after the other</h3>" + stroke_table(edits))
    return "".join(parts)


def _end(records: Sequence[Record]) -> str:
    parts = [
        '<h2 id="failed">What failed, was cut or is missing</h2>',
        trouble_table(records) or "<p>Nothing.</p>",
        '<h2 id="how">How it was measured</h2>'
        "<p>The link weights and the colours to spread are the same for all. Ours stops by its own rule; of the "
        "others it is "
        "first found out, unwatched by the clock, after how many iterations the worst pixel is within the bound, and "
        "then "
        "a run of just so many is timed: a courtesy that no user has. Compilation and loading happen before, on a tiny "
        "image. A solver whose answer is further off than the bound is marked wrong and has no time.</p><dl>",
    ]
    for (run,), group in grouped(records, "run"):
        machine = group[0]["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        rates = [record for record in group if record["kind"] == "stream" and record["status"] == "ok"]
        by_threads = "; ".join(
            f"{median(r['median_gb_per_s'] for r in of):.1f} GB/s on {threads} thread{'s' * (threads > 1)} "
            f"({min(min(r['gb_per_s']) for r in of):.1f}–{max(max(r['gb_per_s']) for r in of):.1f})"
            for (threads,), of in grouped(rates, "threads")
        )
        rows = {
            "run": run,
            "machine": f"{machine['cpu']}, {machine['cores']} cores, {machine['ram_gb']:g} GB, {machine['system']}",
            "commit": f"{machine['commit']}, solver {', '.join(sorted({r['source'] for r in group if 'source' in r}))}",
            "versions": versions,
            "STREAM triad": f"{by_threads or 'not measured'}; one pass here is {PASS_BYTES} bytes a pixel",
            "load": _loads(group),
            "errors against": "; ".join(sorted({r["reference"] for r in group if "reference" in r})) or "–",
        }
        parts += [f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items()]
    return "".join([*parts, "</dl>"])


def _loads(group: Sequence[Record]) -> str:
    loads = [record["load"] for record in group if "load" in record]
    if not loads:
        return "–"
    return f"{min(loads):g} to {max(loads):g} processes at work on the machine before each measurement"
