"""Scores and sources of `hybrid compare`."""

import sys
from typing import Any

import numpy as np
import pytest
from made_scenes import BLUE, ORANGE, even, step

from hybrid.bins import annealed_mean
from hybrid.color import luminance_from_lightness
from hybrid.compare import sources
from hybrid.compare.inconsistent import simulated
from hybrid.compare.intent import intent_scores, intents
from hybrid.compare.methods import METHODS, chosen_methods
from hybrid.compare.run import Plan, compared
from hybrid.compare.scene import Scene, scene_of
from hybrid.compare.scores import APART, BAND, UNIT, bleed, difference, edge_band, judge_of, scores
from hybrid.compare.sheet import CROP, places
from hybrid.compare.sources import NOISE, SHIFT, Source, degrade, degraded, inconsistent, oracle
from hybrid.compare.table import summary
from hybrid.metrics import ciede2000
from hybrid.photo import Photo
from hybrid.predict import Predictor


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


def test_degraded_sources_are_noisy_and_the_oracle_is_not() -> None:
    scene = step()
    kinds: list[Source] = [oracle(scene, 16), degraded(scene, 16), inconsistent(scene, 16)]
    assert [source.is_noisy for source in kinds] == [False, True, True]
    assert [source.prediction is None for source in kinds] == [True, True, False]
