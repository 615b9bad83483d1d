"""The protocol of hints."""

import numpy as np
import pytest
from known_colors import GREY, QUARTERS, knowing, quarters

from hybrid.session import Session
from hybrid.strokes import MarkedPixels
from hybrid.train.evaluate import pictures
from hybrid.train.evaluate.hint_sweep import PATCH, hint_sweep, hints_at, network_picture, places
from hybrid.train.evaluate.pictures import Scene, stretched
from solvers import SolverError


def test_hints_lie_around_the_middle_and_inside() -> None:
    corners = places((256, 256), 20000, np.random.default_rng(0))
    assert (corners.min(), corners.max()) == (0, 256 - PATCH)
    np.testing.assert_allclose(corners.mean(0), 125, atol=1.5)
    is_inside = ((corners > 0) & (corners < 250)).all(1)
    assert 0.885 < is_inside.mean() < 0.915, "within 125 of 64 px, both ways: .949²"
    middle = np.abs(corners - 125) < 64
    np.testing.assert_allclose(middle.mean(0), 0.683, atol=0.02)
    assert (places((256, 256), 5, np.random.default_rng(1)) == places((256, 256), 5, np.random.default_rng(1))).all()


def test_a_hint_is_a_patch_of_its_mean_true_colour() -> None:
    true_ab = np.random.default_rng(0).normal(0, 20, (64, 64, 2)).astype(np.float32)
    hints = hints_at(np.array([[8, 16], [12, 16]]), true_ab)
    assert len(hints.index) == 36 + 24
    picture = np.zeros((64, 64, 2), np.float32)
    picture.reshape(-1, 2)[hints.index] = hints.ab
    np.testing.assert_allclose(picture[13, 17], true_ab[12:18, 16:22].mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(picture[9, 17], true_ab[8:14, 16:22].mean((0, 1)), rtol=1e-5)
    assert hints.shape == (64, 64)
    assert len(hints_at(np.zeros((0, 2), np.int64), true_ab).index) == 0


def test_the_network_is_told_the_hints_at_their_places() -> None:
    scene = stretched(quarters())
    predictor = knowing(sharpness=0.002)
    bare, told = (
        network_picture(scene, predictor, hints_at(np.array(corners, np.int64).reshape(-1, 2), scene.ab))
        for corners in ([], [64, 64])
    )
    rows, columns = np.nonzero((bare != told).any(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (64, 69, 64, 69)
    assert len(rows) == 36


def test_hints_of_a_sweep_are_worth_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", 64)
    predictor, sepia = knowing(cell=4, side=64), np.array([5, 10], np.float32)
    result = hint_sweep(predictor, [quarters(64)], sepia, counts=(0, 3, 50, 60))
    assert result["counts"] == [0, 3, 50, 60]
    assert result["siggraph17"] == [24.43, None, 30.42, None]
    alone = result["solver"]
    assert alone[0] == result["baselines"]["grey"]
    assert result["given_up"] == []
    assert alone[2] > alone[1] + 3
    assert alone[1] > alone[0] + 1
    assert result["local"][2] > result["network"][2]
    assert hint_sweep(predictor, [quarters(64)], sepia, counts=(3,))["solver"] == [alone[1]], "of the same places"


def test_photos_at_which_the_solver_gives_up_are_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(scene: Scene, session: Session, hints: MarkedPixels) -> np.ndarray:
        if session.colors is None and len(hints.index) and scene.ab[0, 0, 0] > 30:
            raise SolverError("not converged")
        return np.clip(scene.rgb, 1, None) - np.uint8(1)

    monkeypatch.setattr("hybrid.train.evaluate.hint_sweep.session_picture", answer)
    red, green = (np.full((8, 8, 3), color, np.uint8) for color in QUARTERS[:2])
    predictor = knowing(side=64)
    monkeypatch.setattr(pictures, "SIDE", 64)
    result = hint_sweep(predictor, [red, green], GREY, counts=(0, 2))
    assert result["given_up"] == [[0, "solver", 2]]
    assert result["photos"] == 1
    assert result["solver"] == result["network_solver"] == [48.13, 48.13]
    none_left = hint_sweep(predictor, [red], GREY, counts=(2,))
    assert (none_left["photos"], none_left["network"], none_left["baselines"]["grey"]) == (0, [None], None)
