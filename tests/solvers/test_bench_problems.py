"""Problems of the benchmark: photos, patterns of seeds, and how they are kept."""

import numpy as np
import pytest

from solvers.bench.cases import CELLS, HALF_STEP, MOST_SHADING, PATTERNS, WEIGHTS, Case, make_case
from solvers.bench.guides import Guide, gallery_guide
from solvers.bench.photos import photo_files, photo_guide, photo_names

SMALL = 0.004


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_case_comes_back_from_its_folder(pattern, weights, tmp_path):
    case = make_case(gallery_guide("noise", SMALL), pattern, weights)
    case.save(tmp_path)
    again = Case.load(tmp_path, weights, pattern)
    assert again.hash() == case.hash()
    assert again.stages == (3 if pattern == "recipe" else 1)


def test_patterns_are_what_they_are_called():
    guide = gallery_guide("grain", 0.5)
    dots, strokes, one, cells = (make_case(guide, pattern, "power") for pattern in PATTERNS)
    assert 0.95 * 9 * 4096 < len(dots.seeds) <= 1.05 * 9 * 4096
    assert set(dots.seeds.weight) == {1000}
    assert set(strokes.seeds.weight) == {1e6}
    assert len(np.unique(strokes.seeds.chroma, axis=0)) == 12
    assert len(np.unique(one.seeds.chroma, axis=0)) == 1
    for case in (dots, strokes):
        assert (case.seeds.chroma.min(), case.seeds.chroma.max(), case.bound) == (0, 1, HALF_STEP)
    assert cells.cells.weight.shape == (48, 72)
    assert cells.cells.weight.size == CELLS
    assert cells.cells.weight.max() == pytest.approx(2)
    assert cells.bound == 0.5 / MOST_SHADING
    field = cells.field(np.ones((*guide.shape, 2), np.float32))
    assert np.allclose(field[..., 0], np.sqrt(116 * (100 * guide.luminance + 16)))


def test_hashes_tell_problems_apart():
    guide = gallery_guide("grain", SMALL)
    other = Guide("other", np.clip(guide.luminance + np.float32(1e-3), 0, 1), guide.ab)
    cases = [make_case(guide, p, w) for p in PATTERNS for w in WEIGHTS] + [make_case(other, "A", "s02")]
    assert len({case.hash() for case in cases}) == len(cases)


@pytest.fixture
def photos(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, (height, width) in {"a.png": (40, 60), "b.png": (20, 50)}.items():
        ramp = np.linspace(0, 255, height * width * 3).reshape(height, width, 3).astype(np.uint8)
        image.fromarray(ramp).save(tmp_path / name)
    return photo_files(tmp_path)


def test_photos_are_cropped_and_never_resampled(photos):
    assert photo_names(photos, 0.002, 5) == ["a.png"]
    assert photo_names(photos, 0.001, 5) == ["a.png", "b.png"]
    assert photo_names(photos, 1, 5) == ["mosaic"]
    whole = photo_guide(photos, "a.png", 0.0024).luminance
    assert whole.shape == (40, 60)
    assert whole[0, 0] == pytest.approx(0, abs=1e-3)
    assert whole[-1, -1] == pytest.approx(1, abs=5e-3)
    assert np.array_equal(photo_guide(photos, "a.png", 0.0006).luminance, whole[10:30, 15:45])
    mosaic = photo_guide(photos, "mosaic", 0.0096).luminance
    assert mosaic.shape == (80, 120)
    assert np.array_equal(mosaic[:20, :60], whole[:20])  # as high as the lowest photo of the shelf


def test_neutral_pixels_have_no_chroma(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.full((9, 9, 3), 119, np.uint8)).save(tmp_path / "grey.png")
    guide = photo_guide(photo_files(tmp_path), "grey.png", 1)
    assert np.abs(guide.ab).max() < 0.02
    assert guide.luminance == pytest.approx(np.full((9, 9), 0.5), abs=1e-3)  # sRGB 119 is L* 50
