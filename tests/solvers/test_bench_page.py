"""The bench, file to file: the journal that survives, wrong solvers that are named, the page; and its arithmetic."""

import base64
import json
import re
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from hybrid.cli import app
from solvers import affinity
from solvers.bench import campaign
from solvers.bench.__main__ import main
from solvers.bench.cases import HALF_STEP, WEIGHTS, make_case
from solvers.bench.figures import draw_precision, draw_profile, draw_time
from solvers.bench.guides import gallery_guide
from solvers.bench.lead import duels, losses, passes, profiles, repeats, stroke_seconds
from solvers.bench.one_stroke import resolved, with_stroke
from solvers.bench.page import page_of, write_page
from solvers.bench.photos import photo_guide, photo_names, photographs_of_skimage
from solvers.bench.plates import PLATES
from solvers.bench.records import append, read_records
from solvers.bench.references import reference
from solvers.bench.residuals import residual
from solvers.bench.runs import factory, measured
from solvers.bench.stream import triad
from solvers.bench.tables import residual_at_bound
from solvers.bench.traces import MOST_POINTS, Follower, thinned, together
from tests.solvers.made_up_records import made_up, stroked

SMALL = 0.004


PLANTED = """
import os
from solvers import SOLVERS

class Early:
    guide = "stencil"
    def __init__(self, stencil):
        self.method = SOLVERS["multigrid"](stencil)
    def solve(self, problem):
        object.__setattr__(problem, "tolerance", 40 * problem.tolerance)
        return self.method.solve(problem)

class Dies(Early):
    def solve(self, problem):
        os.abort()
"""


@pytest.fixture(scope="module")
def problem():
    case = make_case(gallery_guide("grain", SMALL), "A", "s02")
    return case, reference(case, "superlu")[0]


def test_planted_solvers_are_failures_in_file_and_page_and_a_killed_run_goes_on(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    out = tmp_path / "bench.jsonl"
    names = ["multigrid", "planted:Early", "planted:Dies"]
    command = ["bench", "run", "--gallery", "grain", "--megapixels", str(SMALL), "--patterns", "A", "--repeats", "1"]
    command += ["--out", str(out), "--solvers", *names]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    written = {record.get("solver"): record for record in read_records([out])}
    assert {name: written[name]["status"] for name in names} == dict(
        zip(names, ("ok", "wrong", "crashed"), strict=True)
    )
    assert written["planted:Dies"]["reason"].startswith("signal 6")
    assert "[3/3] gallery grain, 0.004 MP, pattern A, weights s02, planted:Dies: crashed" in result.output
    page = tmp_path / "bench.html"
    result = CliRunner().invoke(app, ["bench", "report", str(out)])
    assert result.exit_code == 0, result.output
    assert str(page) in result.output.split()
    text = page.read_text(encoding="utf-8")
    for name, status in (("planted:Early", "wrong"), ("planted:Dies", "crashed")):
        assert f"<td>{name}</td><td>{status}</td><td>–</td>" in text

    lines = out.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b"planted:Dies" not in line and b"planted:Early" not in line]
    out.write_bytes(b"".join(kept) + b'{"kind": "mea')  # killed while it wrote
    launched = []
    monkeypatch.setattr(campaign, "launched", lambda job, *_: launched.append(job) or {"status": "ok", "reason": ""})
    monkeypatch.setattr(campaign, "measured_jobs", lambda _, jobs, *__: iter([{"jobs": jobs}]))
    with pytest.raises(KeyError):  # the planted answer is no record; what was asked for is what counts
        main([*command[1:], "--resume"])
    assert out.read_bytes().startswith(b"".join(kept))
    assert json.loads(out.read_bytes().splitlines()[-1])["jobs"] == [["planted:Early", 1, 0], ["planted:Dies", 1, 0]]
    assert launched == []  # STREAM was measured before


def test_the_photographs_of_skimage_are_found():
    paths = photographs_of_skimage()
    assert len(paths) >= 4
    names = photo_names(paths, 0.25, 3)
    assert len(names) == 3
    assert photo_guide(paths, names[0], 0.01).luminance.size == pytest.approx(1e4, rel=0.02)


def test_a_factory_that_is_not_there_is_named():
    for name, why in (
        ("no_such_module:Solver", "No module named 'no_such_module'"),
        ("solvers:NoSuchSolver", "no attribute 'NoSuchSolver'"),
        ("abacus", "wanted one of multigrid, .* or module:factory"),
    ):
        with pytest.raises(ValueError, match=why):
            factory(name)
    assert factory("solvers.multigrid:Hierarchy").__name__ == "Hierarchy"


def test_one_stroke_more_changes_the_problem_and_is_solved(problem):
    case, exact = problem
    drawn = with_stroke(case)
    added = set(drawn.seeds.index) - set(case.seeds.index)
    held = drawn.seeds.weight == 1e6
    assert added
    assert np.all(drawn.seeds.chroma[held] == np.float32([0.9, 0.1]))
    after = reference(drawn, "superlu")[0][0]
    assert np.abs(after - exact[0]).max() > 50 * HALF_STEP
    for name, ways in (
        ("multigrid", {"edited"}),
        ("superlu", {"set up anew"}),
        ("jacobi", {"set up anew", "set-up kept"}),
    ):
        result = resolved(case, exact[0], after, name, 1, 2)
        assert result["status"] == "ok", result
        assert result["way"] in ways
        assert len(result["seconds"]) == 2
        assert min(result["seconds"]) > 0
    assert resolved(case, exact[0], exact[0], "multigrid", 1, 1)["status"] == "wrong"
    assert resolved(case, exact[0], exact[0], "superlu", 1, 1)["status"] == "wrong"
    with pytest.raises(ValueError, match="without stages"):
        with_stroke(make_case(gallery_guide("grain", SMALL), "recipe", "power"))


@pytest.mark.parametrize("name", ["multigrid", "jacobi", "superlu"])
def test_traces_say_what_is_true(name, problem):
    case, exact = problem
    result = measured(case, exact, name, 1, 1, 30)
    trace = result["trace"]
    assert len({len(values) for values in trace.values()}) == 1
    assert trace["seconds"] == sorted(trace["seconds"])
    assert trace["errors"][-1] < 1
    if name == "superlu":
        assert trace["iterations"] == [1]
        assert trace["residuals"][0] < 1e-12
    else:
        assert trace["errors"][0] > 1
        assert residual_at_bound(result) < 1e-3
    if name == "jacobi":
        within = next(step for step, error in zip(trace["iterations"], trace["errors"], strict=True) if error <= 1)
        assert within == pytest.approx(result["iterations"], rel=0.1)


def test_the_residual_in_a_trace_is_that_of_the_iterate(problem):
    case, exact = problem
    stencil = affinity(case.luminance, "gaussian", **WEIGHTS["s02"][1])
    size = np.linalg.norm(case.seeds.weight[:, None] * case.seeds.chroma)
    off = exact[0] + np.float32(1e-3)
    wanted = np.sqrt(sum(np.square(residual(stencil, case, None, off[..., c], c)).sum() for c in range(2))) / size
    # A constant leaves the Laplacian alone, so that the residual is what the seeds feel.
    assert wanted == pytest.approx(1e-3 * np.sqrt(2 * len(case.seeds)) * 1000 / size, rel=1e-3)


def test_a_follower_stops_the_clock_and_knows_the_first_within_the_bound():
    errors = iter([9.0, 3.0, 0.8, 1.2, 0.5, 0.09, 0.01])
    follower = Follower(lambda _: next(errors), lambda _: 2.0, goes_on=True)
    assert [follower(np.zeros(2)) for _ in range(6)] == [False] * 5 + [True]
    assert follower.first == 3
    other = Follower(lambda _: 4.0, lambda _: 1.0)
    other(np.zeros(2))
    trace = together([follower, other], 10.0)
    assert trace["errors"] == [9, 4, 4, 4, 4, 4]
    assert trace["residuals"] == pytest.approx([np.sqrt(5) / 10] * 6)
    impatient = Follower(lambda _: 9.0, patience=0.0)
    assert impatient(np.zeros(2))
    assert impatient.first == -1


def test_long_traces_are_thinned():
    steps = thinned(4000)
    assert (steps[0], steps[-1]) == (1, 4000)
    assert len(steps) <= MOST_POINTS
    assert thinned(7) == [1, 2, 3, 4, 5, 6, 7]


def test_the_triad_is_a_bandwidth():
    result = triad(threads=2, repeats=3, megabytes=8)
    assert len(result["gb_per_s"]) == 3
    assert 0.1 < result["median_gb_per_s"] < 5000


def test_ours_meets_the_fastest_other_on_every_problem():
    records = [made_up(1), made_up(1, "quick", scale=2), made_up(1, "slow", scale=9)]
    records += [made_up(1, hash="h2", image="b"), made_up(1, "slow", scale=4, hash="h2", image="b")]
    (duel,) = duels(records)
    assert (duel.images, duel.names, duel.ratio) == (2, ("quick", "slow"), pytest.approx(3))
    assert duel.processor == pytest.approx(3)
    assert (duel.least, duel.most) == (pytest.approx(2 * 0.9 / 1.2), pytest.approx(4 * 1.2 / 0.9))
    assert not losses(records)
    assert not duels([record for record in records if record["solver"] != "multigrid"])


def test_losses_stand_first():
    records = [made_up(1, **stroked(3.0)), made_up(1, "swift", scale=0.5, **stroked(1.0)), made_up(1, "slow", scale=2)]
    ((_, other, factor),) = losses(records)
    assert (other["solver"], factor) == ("swift", pytest.approx(2))
    page = page_of(records, [])
    verdict = page[page.index("Where ours loses") : page.index("</section>")]
    assert "1 of 1 cases another solver was faster" in verdict
    assert "after one stroke more: on 1 of 1 cases" in verdict
    assert page.index("Where ours loses") < page.index("Ours against the fastest other")
    swift = page_of([made_up(1), made_up(1, "slow", scale=2)], [])
    assert "on none of the problems measured here" in swift


def test_a_wrong_stroke_has_no_time():
    bad = {
        "stroke": {"status": "wrong", "reason": "largest error 3 bounds", "seconds": [0.01], "error": 3.0, "way": "x"}
    }
    records = [made_up(1, **stroked(1.0)), made_up(1, "hasty", scale=2, **bad)]
    assert stroke_seconds(records[1]) == []
    assert not losses(records, stroke_seconds)
    assert "after a stroke: largest error 3 bounds" in page_of(records, [])


def test_profiles_count_failures_as_infinite():
    records = [made_up(1), made_up(1, "a", scale=2), made_up(4, hash="h4"), made_up(4, "a", hash="h4", status="wrong")]
    records.append(made_up(16))  # only ours was tried there
    found = profiles(records)
    assert found["multigrid"] == [1, 1]
    assert found["a"] == [pytest.approx(2), np.inf]


def test_passes_are_multiples_of_the_stream_of_the_same_run():
    memory = {"kind": "stream", "run": "1", "threads": 1, "status": "ok", "median_gb_per_s": 16.0}
    record = made_up(1)
    assert passes(record, [record, memory], ("solve",)) == pytest.approx(0.5 / (32e6 / 16e9))
    assert passes(record, [record, memory | {"run": "2"}], ("solve",)) is None


def test_a_second_run_is_compared_with_the_first():
    first = [made_up(1), made_up(1, "peer", scale=3)]
    again = [record | {"run": "2"} for record in first]
    other = [made_up(1, run="2"), made_up(1, "peer", scale=9, run="2")]
    (same,), (differs,) = repeats(first + again), repeats(first + other)
    assert same.agrees
    assert not differs.agrees
    assert "1 of 1 ratios to ours agree" in page_of(first + again, [])
    assert "0 of 1 ratios to ours agree" in page_of(first + other, [])
    steady = [{**record, "seconds": [{**repeat, "cpu": 1.0} for repeat in record["seconds"]]} for record in other]
    assert "in processor time 0 of 1." in page_of(first + steady, [])
    assert "in processor time 1 of 1." in page_of(first + again, [])
    assert repeats(first) == []


def full_set():
    trace = {
        "iterations": [1.0, 2.0, 3.0],
        "seconds": [0.1, 0.2, 0.3],
        "errors": [9.0, 2.0, 0.5],
        "residuals": [1e-2, 1e-4, 1e-6],
    }
    memory = {
        "kind": "stream",
        "image": "photo",
        "threads": 1,
        "status": "ok",
        "gb_per_s": [9.0, 11.0],
        "megapixels": 1,
    }
    memory |= {"run": "1", "machine": made_up(1)["machine"], "median_gb_per_s": 10.0}
    records = [memory]
    for name, scale in (("multigrid", 1), ("jacobi", 5), ("<b>odd</b>", 7)):
        records += [made_up(size, name, scale=scale, trace=trace, **stroked(0.1 * scale)) for size in (1, 4)]
    return records


def test_the_page_needs_nothing_else_and_every_figure_is_there(tmp_path):
    written = write_page(full_set(), tmp_path / "p.html")
    assert [path.name for path in written] == ["p.html", *(f"p-{plate.name}.png" for plate in PLATES)]
    text = written[0].read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", text)
    images = re.findall(r"data:image/png;base64,([^\"]+)", text)
    assert [base64.b64decode(image) for image in images] == [path.read_bytes() for path in written[1:]]
    assert "<b>odd</b>" not in text
    assert "&lt;b&gt;odd&lt;/b&gt;" in text
    assert "10.0 GB/s on 1 thread (9.0–11.0)" in text
    assert not list(tmp_path.glob("*.unfinished"))


def test_figures_draw_what_the_records_hold():
    records = full_set()
    axis = draw_time(records).axes[0]
    ours = next(line for line in axis.get_lines() if len(line.get_xdata()) == 2)
    assert list(ours.get_xdata()) == [1, 4]
    assert list(ours.get_ydata()) == pytest.approx([1, 4])
    assert any("to the 1.00" in text.get_text() for text in axis.texts)
    curve = draw_precision(records).axes[0].get_lines()[0]
    assert list(curve.get_xdata()) == pytest.approx([2.1, 2.2, 2.3])  # half of 4 s went before the solve
    assert draw_profile([made_up(1)]) is None
    assert draw_time([]) is None


def test_a_page_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="hold no measurement"):
        write_page([record for record in full_set() if record["kind"] == "stream"], tmp_path / "p.html")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_one_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    out = tmp_path / "bench.jsonl"
    append(out, made_up(1))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for name in ("figures", "plates", "page"):
        monkeypatch.delitem(sys.modules, f"solvers.bench.{name}", raising=False)
    assert main(["report", str(out)]) == 2
    said = capsys.readouterr().err
    assert "pip install 'hybrid-colorizer[bench]'; or add --markdown" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["edits", "--help"], ["report", "--help"]])
def test_help_explains_every_option(words):
    text = CliRunner().invoke(app, ["bench", *words]).output
    assert "hybrid bench" in text
    rows = re.findall(r"^  (?:-\w, )?(--[a-z-]+)(.*(?:\n {10,}.*)*)", text, flags=re.MULTILINE)
    assert rows
    for name, rest in rows:
        assert re.search(r" [a-z]+ .*[a-z]{2}", rest), f"{name} has no help"
