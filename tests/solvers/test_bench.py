"""The bench: what it solves, that it is not fooled, that it survives what it measures, and its arithmetic."""

import json
from functools import partial

import numpy as np
import pytest
from scipy import sparse

from solvers import SOLVERS, ChromaSolver, SolverError, affinity
from solvers.bench import campaign, launch, references, refinement
from solvers.bench.__main__ import main
from solvers.bench.cases import HALF_STEP, WEIGHTS, make_case
from solvers.bench.edits import EDITORS, measured_edits
from solvers.bench.guides import gallery_guide
from solvers.bench.launch import Limits, launched
from solvers.bench.page import page_of
from solvers.bench.references import error_floor, largest_error, reference, reference_methods
from solvers.bench.refinement import refined
from solvers.bench.report import fitted_exponent, ratio, report
from solvers.bench.runs import measured, solver_names
from solvers.peers import PEERS, Peer, Prepared
from solvers.problem import Solution
from tests.solvers.made_up_records import made_up

SMALL = 0.004


OURS = SOLVERS["multigrid"]


ROOMY = Limits(60, 8e9)


@pytest.fixture(scope="module")
def problem():
    case = make_case(gallery_guide("grain", SMALL), "A", "s02")
    return case, reference(case, "superlu")[0]


def test_worker_round_trip(tmp_path):
    """Problem, reference and measurement, each in a process of its own."""
    job = {"gallery": "grain", "megapixels": SMALL, "image": "gallery grain", "pattern": "A", "weights": "power"}
    (record,) = campaign.measured_jobs({**job, "folder": str(tmp_path)}, [("multigrid", 1, 0)], 2, ROOMY)
    assert record["status"] == "ok", record
    assert record["error"] <= 1
    assert len(record["seconds"]) == 2
    assert {"weights", "setup", "solve", "cpu"} <= set(record["seconds"][0])
    assert min(record["seconds"][0].values()) >= 0
    assert record["peak_bytes"] >= record["baseline_bytes"] > 0
    assert record["hash"] == make_case(gallery_guide("grain", SMALL), "A", "power").hash()
    assert record["source"]
    assert record["stroke"]["status"] == "ok", record
    assert len(record["stroke"]["seconds"]) == 2
    assert 0 <= record["stroke"]["error"] <= 1


def test_the_recipe_is_three_solves():
    case = make_case(gallery_guide("grain", SMALL), "recipe", "power")
    exact, label = reference(case, "multigrid")
    assert "multigrid refined in double precision to a residual of 1e-1" in label
    assert len(exact) == 3
    assert largest_error(exact[0], exact[2]) > case.bound
    for solver in ("multigrid", "jacobi"):
        result = measured(case, exact, solver, 1, 1, 60)
        assert result["status"] == "ok", result
        assert result["iterations"] >= 3


@pytest.mark.parametrize("name", solver_names())
def test_everything_installed_is_measured_to_the_bound(name, problem):
    case, exact = problem
    result = measured(case, exact, name, 1, 1, 30)
    assert result["status"] == "ok", result
    assert result["iterations"] > 0 or name in ("superlu", "cholmod", "pardiso")


def test_a_peer_is_timed_to_the_first_iterate_within_the_bound(problem):
    case, exact = problem
    counts = measured(case, exact, "jacobi", 1, 1, 30)["iterations"]

    def error(iterations):
        def prepare(operator, lumped):
            run = PEERS["jacobi"].keywords["prepare"](operator, lumped).run
            return Prepared(lambda right, start, *_: run(right, start, iterations, 0.0), operator)

        solution = ChromaSolver(
            case.luminance, partial(Peer, name="cut", prepare=prepare), "gaussian", **WEIGHTS["s02"][1]
        )
        return largest_error(solution.solve(case.seeds).chroma, exact[0])

    assert error(counts) <= 1.01 * HALF_STEP < error(counts - 1)


class StopsEarly:
    """Ours, content with a fortieth of the accuracy that was asked."""

    guide = "stencil"

    def __init__(self, stencil):
        self.method = OURS(stencil)

    def solve(self, problem):
        object.__setattr__(problem, "tolerance", 40 * problem.tolerance)
        return self.method.solve(problem)


class OtherSystem(StopsEarly):
    """Ours, fast and exact on weights that were not asked for."""

    def __init__(self, stencil):
        self.method = OURS(affinity(np.zeros(stencil.shape), "gaussian"))

    def solve(self, problem):
        return self.method.solve(problem)


class GuessesNan(StopsEarly):
    def solve(self, problem):
        return Solution(np.full((*problem.shape, 2), np.nan, np.float32), 1, (), 0.0, {"setup": 0.0, "solve": 0.0})


class GivesUp(StopsEarly):
    def solve(self, problem, *_):
        raise SolverError(f"given up at {getattr(problem, 'tolerance', 0):.4f}")


@pytest.mark.parametrize("planted", [StopsEarly, OtherSystem, GuessesNan])
def test_a_planted_wrong_solver_is_caught(planted, problem):
    case, exact = problem
    result = measured(case, exact, "planted", 1, 1, 30, {"planted": planted})
    assert result["status"] == "wrong"
    assert result["error"] > 1
    record = made_up(0.001, **result)
    text = report([record])
    assert "| wrong |" in text
    assert "Not measured" in text
    page = page_of([made_up(0.001), record | {"solver": "planted"}], [])
    assert "<td>planted</td><td>wrong</td><td>–</td>" in page
    assert f'<td class="text">{record["reason"]}</td>' in page


def test_a_planted_wrong_peer_is_caught(problem):
    case, exact = problem

    def prepare(operator, lumped):
        return Prepared(lambda right, *_: (right / lumped.diagonal(), 0), operator)

    result = measured(case, exact, "planted", 1, 1, 30, {"planted": partial(Peer, name="planted", prepare=prepare)})
    assert result["status"] == "wrong"


def test_a_solver_that_gives_up_is_recorded(problem):
    result = measured(*problem, "planted", 1, 1, 30, {"planted": GivesUp})
    assert (result["status"], result["reason"]) == ("failed", "given up at 0.0020")


def test_a_wrong_reference_is_refused(problem, monkeypatch):
    case, exact = problem
    stencil = affinity(case.luminance, "gaussian", **WEIGHTS["s02"][1])
    assert error_floor(stencil, case, exact[0]) < 1e-3 * case.bound
    assert error_floor(stencil, case, exact[0] + np.float32(10 * case.bound)) > case.bound
    monkeypatch.setitem(SOLVERS, "multigrid", OtherSystem)
    assert largest_error(reference(case, "multigrid")[0][0], exact[0]) < 1e-3 * case.bound  # what is refined is right
    monkeypatch.setattr(references, "refined", GivesUp.solve)
    with pytest.raises(SolverError, match="wrong by at least"):
        reference(case, "multigrid")


@pytest.mark.parametrize("pattern", ["A", "B", "one"])
def test_refinement_makes_a_poor_answer_exact(pattern):
    case = make_case(gallery_guide("grain", SMALL), pattern, "s02")
    stencil = affinity(case.luminance, "gaussian", **WEIGHTS["s02"][1])
    poor = np.full((*case.luminance.shape, 2), 0.3, np.float32)
    answer, residual, correction = refined(stencil, case, poor)
    assert answer.dtype == np.float64
    assert residual <= 1e-12
    assert correction < 0.1
    assert largest_error(answer, reference(case, "superlu")[0][0]) < 1e-3 * case.bound


def test_refinement_that_does_not_help_is_refused(problem, monkeypatch):
    case, exact = problem
    stencil = affinity(case.luminance, "gaussian", **WEIGHTS["s02"][1])
    monkeypatch.setattr(refinement, "conjugate_gradients", lambda *given: given[2].fill(0.01))
    with pytest.raises(SolverError, match="refinement: relative residual"):
        refined(stencil, case, exact[0] + np.float32(0.1))


@pytest.mark.parametrize("pattern", ["recipe", "one"])
def test_the_residual_of_an_exact_answer_is_nothing(pattern):
    case = make_case(gallery_guide("grain", 0.002), pattern, "levin")
    stencil = affinity(case.luminance, "levin")
    chroma = ChromaSolver.from_stencil(stencil, PEERS["superlu"]).solve(case.seeds, case.cells).chroma
    assert error_floor(stencil, case, chroma) < 1e-3 * case.bound


def test_references_are_direct_where_that_fits():
    assert reference_methods(10**6, "A")[-2:] == ["superlu", "multigrid"]
    assert reference_methods(4 * 10**6, "A") == ["multigrid"]
    assert reference_methods(10**5, "recipe") == ["multigrid"]


def test_a_missing_peer_is_named_and_skipped(monkeypatch, tmp_path):
    monkeypatch.setitem(campaign.MISSING, "hypre", "hypre-for-python")
    monkeypatch.setattr(campaign, "measured_jobs", lambda *_: iter(()))
    out = tmp_path / "records.jsonl"
    assert main(["run", "--gallery", "grain", "--megapixels", "0.001", "--solvers", "hypre", "--out", str(out)]) == 0
    (record,) = map(json.loads, out.read_text().splitlines())
    assert (record["solver"], record["status"]) == ("hypre", "missing")
    assert "hypre: missing: hypre-for-python is not installed" in report([record])


@pytest.mark.parametrize(("limits", "reason"), [(Limits(0.2, 8e9), r"more than 0.2 s"), (Limits(60, 2e7), "GB")])
def test_over_the_limit_is_a_record(limits, reason, tmp_path):
    job = {"kind": "prepare", "gallery": "noise", "megapixels": 1, "pattern": "A", "weights": "s02"}
    result = launched({**job, "folder": str(tmp_path)}, limits)
    assert result["status"] == "over the limit"
    assert reason in result["reason"]


def test_a_crash_is_a_record(tmp_path):
    assert launched({"kind": "unheard of"}, ROOMY)["status"] == "crashed"
    job = {"kind": "prepare", "gallery": "unheard of", "megapixels": 1, "pattern": "A", "weights": "s02"}
    result = launched({**job, "folder": str(tmp_path)}, ROOMY)
    assert result["status"] == "failed"
    assert "'unheard of' is unknown" in result["reason"]


def test_a_problem_that_cannot_be_made_is_one_record(monkeypatch):
    monkeypatch.setattr(campaign, "launched", lambda *_: {"status": "crashed", "reason": "boom"})
    job = {"gallery": "grain", "megapixels": 1, "image": "grain", "pattern": "A", "weights": "s02"}
    (record,) = campaign.measured_jobs(job, [("multigrid", 1, 0)], 1, ROOMY)
    assert (record["kind"], record["status"]) == ("problem", "crashed")
    origin = {key: made_up(1)[key] for key in ("run", "machine")}
    assert "- A, s02, grain, 1 MP: crashed: boom" in report([{**origin, **record}])


def test_threads_reach_the_worker():
    assert launch.environment(2)["NUMBA_NUM_THREADS"] == "2"
    assert launch.environment(1)["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("exponent", [1.0, 1.15])
def test_report_of_made_up_records(exponent):
    sizes = (1, 4, 16)
    records = [made_up(size, exponent=exponent) for size in sizes]
    records += [made_up(size, threads=2, scale=0.5, exponent=exponent) for size in sizes]
    records += [made_up(size, "peer", scale=5, exponent=exponent) for size in sizes]
    text = report(records)
    assert f"| multigrid | 1 | 1–16 | {exponent:.2f} |" in text
    assert "| 1 | 1 | multigrid | 0.100 | 0.400 | 12 | 0.500 | 1.000 (0.900–1.200) | 0.500 (0.450–0.600) |" in text
    assert "5.0 (3.8–6.7)" in text
    assert "| 0.900 | 90 | 140 | 0.25 |" in text
    assert "Errors against: cholmod" in text


def test_ratios_are_of_one_run_and_problem_only():
    ours, peer = made_up(1), made_up(1, "peer", scale=3)
    assert ratio(peer, ours) == pytest.approx((3, 3 * 0.9 / 1.2, 3 * 1.2 / 0.9))
    for change in ({"run": "2"}, {"hash": "other"}, {"threads": 2}):
        assert "3.0 (" not in report([ours, {**peer, **change}])


def test_a_fit_needs_sizes_that_differ():
    assert fitted_exponent([1, 1.2], [1, 2]) is None
    assert fitted_exponent([1], [1]) is None
    assert fitted_exponent([1, 2, 4], [3, 6, 12]) == pytest.approx(1)


def test_wrong_is_never_fast():
    text = report(
        [made_up(1), made_up(1, "hasty", scale=0.1, status="wrong", reason="largest error 9 bounds", error=9.0)]
    )
    assert "0.100 (" not in text
    assert "| 0.1 (" not in text
    assert "hasty, A, s02, photo, 1 MP, 1 thread: wrong: largest error 9 bounds" in text


@pytest.mark.parametrize("pattern", ["A", "recipe"])
def test_edits_are_measured_and_checked(pattern, monkeypatch):
    guide = gallery_guide("grain", SMALL)
    result = measured_edits(guide, pattern, "power", "solve", 2)
    assert result["status"] == "ok", result
    assert {kind: len(seconds) for kind, seconds in result["seconds"].items()} == {"new": 2, "recolour": 2, "erase": 2}
    monkeypatch.setitem(EDITORS, "lazy", lambda *given: given[3])
    assert measured_edits(guide, pattern, "power", "lazy", 1)["status"] == "wrong"


def test_edits_command_and_report(tmp_path, capsys):
    out = tmp_path / "edits.jsonl"
    command = ["edits", "--gallery", "grain", "--megapixels", str(SMALL), "--edits", "2", "--out", str(out)]
    assert main(command) == 0
    assert "recolour" in capsys.readouterr().out
    assert main(["report", "--markdown", str(out)]) == 0
    assert "| 0.004 | gallery grain | A | s02 | solve | 1 | erase | 2 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--out", "-", "--photos", "/nowhere"], "no photo in /nowhere"),
        (["run", "--gallery", "grain", "--solvers", "abacus"], "'abacus' is unknown"),
        (["run", "--patterns", "Z"], "invalid choice: 'Z'"),
        (["run", "--megapixels", "-1"], "wanted a number above 0"),
        (["run", "--repeats", "0"], "wanted 1 or more"),
        (["run", "--threads", "many"], "many"),
        (["run", "--gallery", "grain", "--solvers", "no_module:Solver", "abacus"], "or module:factory"),
        (["report", "/nowhere.jsonl"], "No such file"),
        (["report", __file__], "line 1: no record of this bench"),
        ([], "required"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, message, capsys):
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    assert code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_an_unreadable_photo_is_bad_input(tmp_path, capsys):
    (tmp_path / "broken.jpg").write_text("no photo")
    assert main(["run", "--photos", str(tmp_path)]) == 2
    assert "broken.jpg cannot be read" in capsys.readouterr().err


def test_direct_and_iterative_peers_agree_from_a_start(problem):
    """AMGCL starts from zero; asked for the correction it honours a start like the others."""
    case, exact = problem
    for name in PEERS:
        solver = ChromaSolver(case.luminance, PEERS[name], "gaussian", **WEIGHTS["s02"][1])
        near = solver.solve(case.seeds, start=exact[0], max_iterations=5000)
        assert near.iterations <= solver.solve(case.seeds, max_iterations=5000).iterations
        assert largest_error(near.chroma, exact[0]) < 1e-4


@pytest.mark.parametrize("name", [name for name in ("superlu", "cholmod") if name in PEERS])
def test_a_singular_matrix_is_refused(name):
    nothing = sparse.csr_array((np.zeros(4), (np.arange(4), np.arange(4))), shape=(4, 4))
    with pytest.raises(RuntimeError):
        PEERS[name].keywords["prepare"](nothing, nothing)
