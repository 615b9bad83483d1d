"""Ways of spreading colours: what each is by its formula."""

from typing import Any

import numpy as np
import pytest
from made_scenes import NEED_NO_NETWORK, error_of, even, step

from hybrid.compare.bilateral_solver import bilateral_grid, solve_on_grid
from hybrid.compare.filters import CLEAN, FILTERS, NOISY, joint_bilateral
from hybrid.compare.interpolate import bicubic, bilinear, nearest
from hybrid.compare.methods import METHODS
from hybrid.compare.scene import Scene
from hybrid.compare.sources import model, oracle
from hybrid.compare.spread import DISK, sparse_cells
from hybrid.photo import Photo
from hybrid.predict import Predictor
from hybrid.scale import shading
from hybrid.session import colorize


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
    scene = Scene(lightness, shading(lightness)[..., None] * np.float32([0.3, -0.2]), lightness)
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
