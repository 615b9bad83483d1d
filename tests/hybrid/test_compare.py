"""Upsampling side by side: each method on what can be known beforehand, the scores, the sources, the whole program."""

import json
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from hybrid.bins import annealed_mean
from hybrid.cli import app
from hybrid.color import lab_from_linear, luminance_from_lightness
from hybrid.compare import sources, tune
from hybrid.compare.bilateral_solver import bilateral_grid, solve_on_grid
from hybrid.compare.filters import CLEAN, FILTERS, NOISY, joint_bilateral
from hybrid.compare.inconsistent import simulated
from hybrid.compare.intent import intent_scores, intents
from hybrid.compare.interpolate import bicubic, bilinear, nearest
from hybrid.compare.methods import METHODS, chosen_methods
from hybrid.compare.run import Plan, compared
from hybrid.compare.scene import Scene, picture_of, scene_of
from hybrid.compare.scores import APART, BAND, UNIT, bleed, difference, edge_band, judge_of, scores
from hybrid.compare.sheet import CROP, places
from hybrid.compare.sources import NOISE, SHIFT, Source, degrade, degraded, inconsistent, model, oracle
from hybrid.compare.spread import DISK, sparse_cells
from hybrid.compare.table import summary
from hybrid.metrics import ciede2000
from hybrid.models.weights import load_model
from hybrid.photo import Photo
from hybrid.predict import Predictor
from hybrid.session import colorize

BLUE, ORANGE = (5.0, -35.0), (30.0, 40.0)
NEED_NO_NETWORK = [name for name in METHODS if name not in ("network_full_size", "recipe_unfused")]


def even(shape: tuple[int, int] = (45, 61), ab: tuple[float, float] = BLUE) -> Scene:
    lightness = np.full(shape, 50, np.float32)
    return Scene(lightness, np.broadcast_to(np.float32(ab), (*shape, 2)).copy(), lightness)


def step(shape: tuple[int, int] = (96, 128), column: int = 69) -> Scene:
    """Two colours on two surfaces of fine grain; 16 cells are 8 pixels wide, so that the edge lies inside of one."""
    lightness = np.full(shape, 40, np.float32)
    lightness[:, column:] = 70
    lightness += np.random.default_rng(0).normal(0, 0.3, shape).astype(np.float32)
    ab = np.empty((*shape, 2), np.float32)
    ab[:, :column], ab[:, column:] = BLUE, ORANGE
    return Scene(lightness, ab, lightness)


def error_of(ab: np.ndarray, scene: Scene) -> float:
    return float(np.linalg.norm(ab - scene.ab, axis=-1)[edge_band(scene.ab)].mean())


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_model("lite"), "cpu", side=64)


@pytest.mark.parametrize("name", NEED_NO_NETWORK)
def test_one_colour_stays_one_colour(name: str) -> None:
    scene = even()
    ab = METHODS[name](scene.seen, oracle(scene, 9))
    assert ab.shape == scene.ab.shape
    assert ab.dtype == np.float32
    np.testing.assert_allclose(ab, scene.ab, atol=0.05)


@pytest.mark.parametrize("settings", [CLEAN, NOISY], ids=["clean", "noisy"])
@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_bleeds_less_than_bicubic_where_lightness_shows_the_edge(name: str, settings: Any) -> None:
    scene = step()
    cells = oracle(scene, 16).colors.ab
    found = FILTERS[name](scene.seen, cells, **settings[name])
    assert error_of(found, scene) < 0.95 * error_of(bicubic(cells, scene.lightness.shape), scene)


def test_the_recipe_beats_what_does_not_look_at_the_photo_by_far() -> None:
    scene = step()
    source = oracle(scene, 16)
    ours = error_of(METHODS["recipe"](scene.seen, source), scene)
    for name in ("nearest", "bilinear", "bicubic", "bicubic_relative"):
        assert ours < 0.4 * error_of(METHODS[name](scene.seen, source), scene)


def test_the_recipe_is_what_the_product_makes(predictor: Predictor) -> None:
    scene = step()
    source = oracle(scene, 16)
    assert (METHODS["recipe"](scene.seen, source) == colorize(Photo(scene.seen), source.colors).ab).all()
    told = model(scene, 128, predictor)
    assert (METHODS["recipe"](scene.seen, told) == colorize(Photo(scene.seen), predictor).ab).all()
    assert told.colors.confidence.shape == told.colors.ab.shape[:2]


def test_nearest_keeps_to_cells_and_straight_ramps_stay_straight() -> None:
    cells = np.stack(np.meshgrid(np.arange(6), np.arange(4)), -1).astype(np.float32)
    by_cell = nearest(cells, (20, 33))
    assert by_cell[0, 0].tolist() == [0, 0]
    assert by_cell[-1, -1].tolist() == [5, 3]
    np.testing.assert_array_equal(by_cell[0, :, 0], np.floor((np.arange(33) + 0.5) * 6 / 33))
    where = (np.arange(33) + 0.5) * 6 / 33 - 0.5
    inside = (where >= 1.1) & (where <= 3.9)
    for enlarged in (bilinear(cells, (20, 33)), bicubic(cells, (20, 33))):
        np.testing.assert_allclose(enlarged[10, inside, 0], where[inside], atol=0.03)


def test_shading_is_followed_on_relative_chroma() -> None:
    lightness = np.tile(50 + 30 * np.sin(np.arange(90, dtype=np.float32) / 4), (60, 1))
    scene = Scene(lightness, (lightness[..., None] + 16) * np.float32([0.3, -0.2]), lightness)
    source = oracle(scene, 15)
    off = {
        name: float(np.abs(METHODS[name](scene.seen, source) - scene.ab).mean())
        for name in METHODS
        if name in ("bicubic", "bicubic_relative", "recipe")
    }
    assert off["bicubic_relative"] < 0.2 * off["bicubic"]
    assert off["recipe"] < 0.2 * off["bicubic"]


def test_joint_bilateral_is_the_weighted_mean_that_it_says() -> None:
    random = np.random.default_rng(3)
    lightness = random.uniform(20, 80, (12, 18)).astype(np.float32)
    cells = random.normal(0, 20, (4, 6, 2)).astype(np.float32)
    near, like, (y, x) = 0.8, 9.0, (5, 10)
    small = lightness.reshape(4, 3, 6, 3).mean((1, 3))
    at = (y + 0.5) / 3 - 0.5, (x + 0.5) / 3 - 0.5
    total, weights = np.zeros(2), 0.0
    for row in range(round(at[0]) - 2, round(at[0]) + 3):
        for column in range(round(at[1]) - 2, round(at[1]) + 3):
            place = min(max(row, 0), 3), min(max(column, 0), 5)
            far = ((row - at[0]) ** 2 + (column - at[1]) ** 2) / (2 * near**2)
            weight = np.exp(-far) * (np.exp(-((lightness[y, x] - small[place]) ** 2) / (2 * like**2)) + 1e-4)
            total, weights = total + weight * cells[place], weights + weight
    np.testing.assert_allclose(joint_bilateral(lightness, cells, near, like)[y, x], total / weights, rtol=1e-4)


def test_the_bilateral_solver_goes_from_box_means_to_one_mean() -> None:
    random = np.random.default_rng(4)
    grid = bilateral_grid(random.uniform(0, 30, (20, 20)).astype(np.float32), 5, 10)
    wanted = random.normal(0, 10, (400, 2))
    boxes = np.array([wanted[grid.box == box].mean(0) for box in range(grid.blur.shape[0])])
    np.testing.assert_allclose(solve_on_grid(grid, wanted, 1e-9), boxes[grid.box], atol=1e-3)
    smooth = solve_on_grid(grid, wanted, 1e4)
    np.testing.assert_allclose(smooth, np.broadcast_to(wanted.mean(0), smooth.shape), atol=0.2)
    assert (abs(grid.blur - grid.blur.T)).max() == 0


def test_levin_holds_every_cell_at_its_central_pixel() -> None:
    scene = step()
    source = oracle(scene, 16)
    ab = METHODS["levin"](scene.seen, source)
    np.testing.assert_allclose(ab[4::8, 4::8], source.colors.ab, atol=1e-4)


def test_sparse_seeds_keep_their_distance_and_leave_no_gap() -> None:
    random = np.random.default_rng(5)
    lightness = random.normal(50, 0.5, (120, 160)).astype(np.float32)
    lightness[:60] += random.normal(0, 20, (60, 160)).astype(np.float32)
    chosen = sparse_cells(lightness, np.ones((30, 40), np.float32))
    rows, columns = np.nonzero(chosen)
    apart = np.maximum(abs(rows[:, None] - rows), abs(columns[:, None] - columns)) + 99 * np.eye(len(rows))
    assert apart.min() > DISK // 2
    every = np.indices((30, 40)).reshape(2, -1)
    reach = np.maximum(abs(every[0][:, None] - rows), abs(every[1][:, None] - columns)).min(1)
    assert reach.max() == DISK // 2
    unsure = np.ones((30, 40), np.float32)
    unsure[:, :8] = 0.1
    assert not sparse_cells(lightness, unsure)[:, :7].any()


def test_the_truth_scores_nothing_wrong() -> None:
    scene = step()
    figures = scores(scene.ab, judge_of(scene))
    assert [figures[key] for key in ("edge_p95", "edge_mean", "bleed", "delta_e", "psnr_ab_db")] == [0, 0, 0, 0, None]
    wrong = scores(scene.ab + np.float32(3), judge_of(scene))
    assert wrong["psnr_ab_db"] == pytest.approx(20 * np.log10(255 / 3), abs=1e-3)
    assert min(wrong[key] or 0 for key in ("edge_p95", "edge_mean", "delta_e")) > 0.5


def test_colour_difference_at_equal_lightness_does_not_depend_on_it() -> None:
    random = np.random.default_rng(6)
    ab, truth = random.normal(0, 25, (2, 300, 2)).astype(np.float32)
    light = random.uniform(0, 100, 300).astype(np.float32)
    np.testing.assert_allclose(difference(ab, truth), ciede2000(light, ab, light, truth), rtol=1e-4)


def test_the_edge_band_lies_where_the_edge_is_and_scales_with_the_photo() -> None:
    for scale in (1, 2):
        scene = step((60 * scale, 1000 * scale), 400 * scale)
        columns = np.flatnonzero(edge_band(scene.ab).all(0)) / scale
        reach = BAND * UNIT * 1000
        assert columns.min() == pytest.approx(400 - reach, abs=5)
        assert columns.max() == pytest.approx(400 + reach, abs=5)
        assert edge_band(scene.ab).any(0).sum() == len(columns)
    assert not edge_band(even().ab).any()
    assert scores(even().ab, judge_of(even()))["edge_p95"] is None


def test_bleed_is_the_share_of_the_way_to_the_surroundings() -> None:
    truth = np.zeros((40, 600, 2), np.float32)
    truth[:, 300:] = 40
    band = edge_band(truth)
    mixed = np.full_like(truth, 20)
    assert bleed(truth, truth, band) == 0
    assert bleed(mixed, truth, band) == pytest.approx(1, abs=0.35)
    half = bleed((mixed + truth) / 2, truth, band)
    assert half == pytest.approx((bleed(mixed, truth, band) or 0) / 2, rel=1e-3)
    noise = np.random.default_rng(7).normal(0, 5, truth.shape).astype(np.float32)
    assert bleed(truth + noise, truth, band) == pytest.approx(0, abs=0.05)
    assert bleed(truth / 40 * APART / 4, truth / 40 * APART / 4, band) is None


def test_degraded_cells_are_moved_and_noisy_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.full((80, 120, 2), 10, np.float32)
    noise = degrade(flat) - flat
    assert noise.std() == pytest.approx(NOISE, rel=0.03)
    assert (degrade(flat) == degrade(flat)).all()
    monkeypatch.setattr(sources, "NOISE", 0.0)
    ramp = np.stack(np.indices((80, 120)), -1).astype(np.float32)
    moved = (degrade(ramp) - ramp)[8:-8, 8:-8]
    assert np.sqrt((moved**2).sum(-1).mean()) == pytest.approx(SHIFT, rel=0.25)


def test_inconsistent_cells_hold_their_colour_as_the_second_mode() -> None:
    shape = (96, 128)
    lightness = np.full(shape, 30, np.float32)
    lightness[:48] += 20
    lightness[:, 64:] += 25
    ab = np.zeros((*shape, 2), np.float32)
    ab[:48, :64], ab[48:, :64], ab[:48, 64:], ab[48:, 64:] = (40, 0), (0, 40), (-40, 0), (0, -40)
    cells = oracle(Scene(lightness, ab, lightness), 32).colors.ab
    prediction = simulated(lightness, ab, cells)
    probability = np.exp(prediction.log_probability)
    np.testing.assert_allclose(probability.sum(0), 1, atol=1e-4)
    first = annealed_mean(prediction.log_probability, prediction.bins, 0)
    flipped = np.linalg.norm(first - cells, axis=-1) > 25
    assert 0.05 < flipped.mean() < 0.5
    around = np.linalg.norm(prediction.bins[:, None, None] - cells, axis=-1) < 20
    own = (probability * around).sum(0)
    assert own[flipped].min() > 0.25
    assert own[~flipped].min() > 0.5
    source = inconsistent(Scene(lightness, ab, lightness), 32)
    assert source.prediction is not None
    fused, alone = (METHODS[name](lightness, source) for name in ("recipe", "recipe_unfused"))
    truth = Scene(lightness, ab, lightness).ab
    assert np.linalg.norm(fused - truth, axis=-1).mean() < 0.8 * np.linalg.norm(alone - truth, axis=-1).mean()


def test_the_intent_has_the_true_borders_and_the_cells_colours() -> None:
    scene = step()
    source = oracle(scene, 16)
    meant = intents(scene, source.colors.ab)
    assert np.abs(meant["plain"] - scene.ab).mean() < 1
    band = edge_band(scene.ab)
    exact = intent_scores(meant["plain"], meant, band)
    assert exact["intent_plain"] == exact["intent_plain_edge_p95"] == 0
    assert exact["intent_relative"] != 0
    sharp, soft = (intent_scores(METHODS[name](scene.seen, source), meant, band) for name in ("recipe", "bilinear"))
    for key in ("intent_plain_edge_mean", "intent_relative_edge_mean"):
        assert (sharp[key] or 9) < 0.7 * (soft[key] or 0)


def test_a_soft_border_is_split_between_its_sides_in_the_intent() -> None:
    scene = step()
    scene.ab[:, 67:71], scene.lightness[:, 67:71] = (15, 0), 55
    meant = intents(scene, oracle(scene, 16).colors.ab)["plain"]
    np.testing.assert_allclose(meant[:, :69], np.broadcast_to(np.float32(BLUE), (96, 69, 2)), atol=3)
    np.testing.assert_allclose(meant[:, 69:], np.broadcast_to(np.float32(ORANGE), (96, 59, 2)), atol=3)


def test_photos_are_averaged_in_linear_light_and_grain_is_seen_alone() -> None:
    rows, columns = np.indices((40, 60))
    checks = np.where((rows + columns) % 2, 100, 0).astype(np.float32)
    scene = scene_of(Photo(checks, np.zeros((40, 60, 2), np.float32)), 20 * 30 / 1e6)
    assert scene.lightness.shape == (20, 30)
    np.testing.assert_allclose(luminance_from_lightness(scene.lightness), 0.5, atol=1e-4)
    whole = step()
    grainy = scene_of(Photo(whole.lightness, whole.ab), 1.0, grain=0.04)
    assert (grainy.lightness == whole.lightness).all()
    assert (grainy.seen - grainy.lightness).std() == pytest.approx(4, rel=0.05)


def test_a_method_without_its_library_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    report, pictures = compared(step(), Plan(grid=16, methods=chosen_methods("guided,wls,wls_relative,recipe_unfused")))
    assert report["skipped"].keys() == {"wls", "wls_relative", "recipe_unfused"}
    assert "install the extra compare" in report["skipped"]["wls"]
    assert report["scores"].keys() == pictures.keys() == {"bicubic", "guided"}


def test_the_network_is_fed_with_the_photo_itself_where_it_is_the_source(predictor: Predictor) -> None:
    report, _ = compared(
        step(), Plan(source="model", methods=chosen_methods("network_full_size,recipe"), predictor=predictor)
    )
    assert report["network_input"] == [128, 96]
    assert report["cells"] == [19, 14]
    assert report["scores"]["recipe"]["intent_plain"] is not None
    other, _ = compared(step(), Plan(grid=16, methods=["bicubic", "network_full_size"]))
    assert other["skipped"]["network_full_size"] == "for source model alone"
    with pytest.raises(ValueError, match="no network given; name one with --model"):
        compared(step(), Plan(source="model"))


def test_crops_lie_where_methods_differ() -> None:
    band = np.ones((600, 900), bool)
    pictures = {name: np.zeros((600, 900, 2), np.float16) for name in "abc"}
    pictures["b"][300:340, 700:740] = 5
    pictures["c"][100:120, 50:70] = 30
    first, second, _ = places(pictures, band)
    assert all(s.stop - s.start == CROP for s in first + second)
    for window, inside in ((first, (110, 60)), (second, (320, 720))):
        assert all(s.start <= at < s.stop for s, at in zip(window, inside, strict=True))
    assert places(pictures, np.ones((600, 900), bool))[0] == first
    (only, *_) = places({"a": np.zeros((50, 700, 2), np.float16)}, np.zeros((50, 700), bool))
    assert only[0] == slice(0, 50)


def test_the_summary_counts_ratios_and_wins() -> None:
    def report(**p95: float) -> dict[str, Any]:
        rest = {
            "edge_mean": 2.0,
            "delta_e": 1.0,
            "bleed": 0.5,
            "psnr_ab_db": 30.0,
            "colorfulness": 20.0,
            "seconds": 1.0,
        }
        return {"scores": {name: {"edge_p95": value, **rest} for name, value in p95.items()}}

    rows = summary(
        [report(bicubic=10, wls=8, recipe=6, recipe_soft=5), report(bicubic=10, wls=4, recipe=7, recipe_soft=9)]
    )
    assert rows["recipe"]["edge_p95"] == {"median": 0.65, "mean": 0.65, "worst": 0.7}
    assert rows["recipe"]["edge_mean"]["mean"] == 1
    assert [rows[name]["wins"] for name in ("bicubic", "wls", "recipe", "recipe_soft")] == [0, 1, 0, 1]
    assert rows["recipe"]["ahead"] == 1
    without_edges = summary([{"scores": {"bicubic": {**report(bicubic=1)["scores"]["bicubic"], "edge_p95": None}}}])
    assert "edge_p95" not in without_edges["bicubic"]
    assert without_edges["bicubic"]["wins"] == 0


def color_png(path: Path, scene: Scene) -> Path:
    path.write_bytes(imagecodecs.png_encode(picture_of(scene.lightness, scene.ab)))
    return path


def run(*words: Any) -> Result:
    return CliRunner().invoke(app, ["compare", *(str(word) for word in words)])


def test_from_file_to_json_and_sheet(tmp_path: Path) -> None:
    photo, out = color_png(tmp_path / "step.png", step()), tmp_path / "new" / "out"
    result = run(photo, "--grid", 16, "--methods", "recipe,bilinear", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    report, total = (json.loads(line) for line in result.stdout.splitlines())
    assert (report["status"], report["input"], report["cells"]) == ("ok", str(photo), [16, 12])
    assert list(report["scores"]) == ["bilinear", "bicubic", "recipe"]
    assert report["scores"]["recipe"]["edge_p95"] < 0.8 * report["scores"]["bicubic"]["edge_p95"]
    assert total["methods"]["recipe"]["wins"] == total["methods"]["recipe"]["ahead"] == 1
    assert sorted(path.name for path in out.iterdir()) == ["compare.jsonl", "step.compare-oracle-16.png"]
    assert json.loads((out / "compare.jsonl").read_text())["scores"] == report["scores"]
    sheet = np.asarray(Image.open(report["sheet"]))
    truth = lab_from_linear((sheet / np.float32(255)) ** np.float32(2.2))[1]
    assert np.abs(truth).max() > 20
    grey = sheet[34:120, 8:120].astype(int)
    assert (grey.max(-1) == grey.min(-1)).all()


def test_a_person_reads_a_table(tmp_path: Path) -> None:
    photo = color_png(tmp_path / "step.png", step())
    result = run(photo, "--grid", 16, "--methods", "recipe,recipe_unfused")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "oracle, 1 of 1 photos" in lines[0]
    (row,) = (line.split() for line in lines if line.strip().startswith("recipe "))
    assert float(row[1]) < 0.8
    assert lines[-1].startswith("skipped recipe_unfused: ")
    assert list(tmp_path.iterdir()) == [photo]


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path) -> None:
    photo, grey = color_png(tmp_path / "step.png", step()), color_png(tmp_path / "grey.png", even(ab=(0, 0)))
    few = ("--grid", 16, "--methods", "bilinear")
    for words, code, said in (
        ((grey,), 3, f"cannot compare on {grey}: it is grey; wanted a colour photo"),
        ((tmp_path / "none.png",), 3, "there is no such file"),
        ((photo, tmp_path / "none.png", *few), 4, "there is no such file"),
        ((photo, "--methods", "magic"), 2, "method 'magic' is unknown; wanted some of nearest"),
        ((photo, "--source", "luck"), 2, "source 'luck'; wanted one of oracle"),
        ((photo, "--source", "model", "--model", "grand"), 5, "shipped are"),
        ((photo, "--out", photo), 2, f"cannot write to folder {photo}"),
    ):
        result = run(*words)
        assert result.exit_code == code, result.output
        (line,) = result.stderr.splitlines()
        assert said in line


def test_tuning_prints_the_best_settings_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = [color_png(tmp_path / f"{n}.png", step(column=66 + n)) for n in range(2)]
    tune.main(photos, "oracle", 16, 1.0, "joint_bilateral,guided")
    printed = capsys.readouterr()
    assert printed.err == "0.png …\n"
    lines = [line for line in printed.out.splitlines() if line.startswith("joint_bilateral")]
    ratios = [float(line.rpartition("}: ")[2].partition(",")[0]) for line in lines]
    assert len(ratios) == 5
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.9
    with pytest.raises(typer.BadParameter, match="'luck'; wanted joint_bilateral"):
        tune.main(photos, "luck", 16, 1.0, "guided")
    with pytest.raises(typer.BadParameter, match="there is no such file"):
        tune.main([tmp_path / "none.png"], "oracle", 16, 1.0, "guided")
    assert {name: set(searched) for name, searched in tune.SEARCHED.items()} == {n: set(v) for n, v in CLEAN.items()}
    assert CLEAN.keys() == NOISY.keys() == FILTERS.keys()


def test_degraded_sources_are_noisy_and_the_oracle_is_not() -> None:
    scene = step()
    kinds: list[Source] = [oracle(scene, 16), degraded(scene, 16), inconsistent(scene, 16)]
    assert [source.is_noisy for source in kinds] == [False, True, True]
    assert [source.prediction is None for source in kinds] == [True, True, False]
