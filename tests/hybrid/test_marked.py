"""Pictures of marks: marked copies give exactly their marks, overlays and their outlines come back as they were."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from hybrid.hints import read_hints
from hybrid.marked import HintsError, outlined, overlay, read_marked
from hybrid.photo import Photo, read_photo
from hybrid.strokes import MarkedPixels, Stroke, covered, paint

HEIGHT, WIDTH = 30, 44


def levin_pair(folder: Path, bits: int = 8, share: float = 0.02) -> tuple[Photo, Path, np.ndarray, np.ndarray]:
    """A grey photo, the path of its marked 8-bit copy, flat indices of the marks and their 8-bit colours."""
    random = np.random.default_rng(3)
    top = 2**bits - 1
    grey = random.integers(top // 8, top * 7 // 8, (HEIGHT, WIDTH)).astype(f"uint{bits}")
    (folder / "grey.png").write_bytes(imagecodecs.png_encode(grey))
    copy = np.repeat(np.round(grey / top * 255).astype(np.uint8)[..., None], 3, -1)
    index = np.sort(random.choice(grey.size, int(share * grey.size), replace=False))
    colors = np.stack([random.integers(150, 256, len(index)), random.integers(0, 90, len(index)), index % 90], -1)
    copy.reshape(-1, 3)[index] = colors
    (folder / "marked.png").write_bytes(imagecodecs.png_encode(copy))
    return read_photo(folder / "grey.png"), folder / "marked.png", index, colors.astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_marked_copy_gives_exactly_its_marks(tmp_path: Path, bits: int) -> None:
    photo, path, index, colors = levin_pair(tmp_path, bits)
    (marks,) = read_hints(path, photo)
    assert isinstance(marks, MarkedPixels)
    assert marks.shape == (HEIGHT, WIDTH)
    assert (marks.index == index).all()
    from skimage.color import rgb2lab  # an independent conversion

    np.testing.assert_allclose(marks.ab, rgb2lab(colors[None])[0, :, 1:], atol=0.1)
    painted = paint([marks], (HEIGHT, WIDTH))
    assert (painted.index == index).all()


def test_a_copy_that_differs_almost_everywhere_is_warned_of(tmp_path: Path) -> None:
    photo, path, index, _ = levin_pair(tmp_path, share=0.4)
    with pytest.warns(UserWarning, match="40% of the pixels differ from the photo; was it saved as JPEG"):
        (marks,) = read_hints(path, photo)
    assert isinstance(marks, MarkedPixels)
    assert len(marks.index) == len(index)


def test_a_copy_without_marks_or_of_another_size_is_refused(tmp_path: Path) -> None:
    photo, path, _, _ = levin_pair(tmp_path, share=0)
    with pytest.raises(HintsError, match=r"no pixel differs from .*grey\.png; paint colours onto a lossless copy"):
        read_hints(path, photo)
    path.write_bytes(imagecodecs.png_encode(np.zeros((HEIGHT, WIDTH + 2, 3), np.uint8)))
    with pytest.raises(HintsError, match=r"46×30 pixels; a marked copy of .* has 44×30"):
        read_hints(path, photo)
    with pytest.raises(HintsError, match="this photo was not read from one"):
        read_hints(levin_pair(tmp_path)[1], Photo(photo.lightness))


STROKES = [
    Stroke([[5, 5], [20, 8]], radius=2.5, ab=(20, -15)),
    Stroke([[30, 20]], radius=5.0, ab=(-12, 25), strength=0.5),
    Stroke([[4, 24], [12, 24], [12, 29], [4, 29]], mode="gray", is_region=True),
    Stroke([[30, 20]], radius=1.5, mode="erase"),
    Stroke([[38, 3]], radius=2.0, mode="keep"),
]


def overlaid(folder: Path, lightness: np.ndarray) -> tuple[Photo, Path]:
    path = folder / "strokes.png"
    path.write_bytes(overlay(STROKES, lightness))
    return Photo(lightness, path=folder / "grey.png"), path


def predicted(index: np.ndarray) -> np.ndarray:
    return np.full((len(index), 2), 8, np.float32)


def test_an_overlay_of_strokes_gives_the_same_paint(tmp_path: Path) -> None:
    lightness = np.random.default_rng(0).uniform(45, 60, (HEIGHT, WIDTH)).astype(np.float32)
    photo, path = overlaid(tmp_path, lightness)
    (marks,) = read_hints(path, photo)
    strokes = paint(STROKES[:4], (HEIGHT, WIDTH), predicted)
    found = paint([marks], (HEIGHT, WIDTH), predicted)
    assert (found.index == strokes.index).all()
    np.testing.assert_allclose(found.ab, strokes.ab, atol=0.02)


@pytest.mark.parametrize("factor", [2, 3])
def test_an_overlay_may_be_smaller_than_the_photo(tmp_path: Path, factor: int) -> None:
    shape = (HEIGHT * factor, WIDTH * factor)
    _, path = overlaid(tmp_path, np.full((HEIGHT, WIDTH), 50, np.float32))
    marks = read_marked(path, Photo(np.full(shape, 50, np.float32)))
    small = read_marked(path, Photo(np.full((HEIGHT, WIDTH), 50, np.float32)))
    mask = np.zeros(shape, bool)
    mask.ravel()[marks.index] = True
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted.ravel()[small.index] = True
    assert (mask == wanted.repeat(factor, 0).repeat(factor, 1)).all()


def test_the_soft_rim_of_a_mark_does_not_shut_it_in(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., 0] = 200
    far = np.hypot(*(np.indices((HEIGHT, WIDTH)) - np.array([[[15]], [[20]]])))
    pixels[..., 3] = (np.clip(1.5 - far / 8, 0, 0.8) * 255).astype(np.uint8)
    (tmp_path / "soft.png").write_bytes(imagecodecs.png_encode(pixels))
    marks = read_marked(tmp_path / "soft.png", Photo(np.full((HEIGHT, WIDTH), 50, np.float32)))
    assert marks.strength is not None
    assert np.ptp(marks.strength) == 0
    assert marks.strength[0] == pytest.approx(0.8)
    np.testing.assert_array_equal(np.sort(far.ravel()[marks.index]), np.sort(far[pixels[..., 3] >= 102]))


@pytest.mark.parametrize(
    ("shape", "words"),
    [((HEIGHT, WIDTH + 4), "48×30 pixels; an overlay has the shape of the photo, 44×30"), (None, "transparent every")],
)
def test_an_overlay_that_cannot_be_meant_is_refused(tmp_path: Path, shape: tuple[int, int] | None, words: str) -> None:
    pixels = np.zeros((*(shape or (HEIGHT, WIDTH)), 4), np.uint8)
    pixels[0, 0, 3] = 255 if shape else 0
    (tmp_path / "bad.png").write_bytes(imagecodecs.png_encode(pixels))
    with pytest.raises(HintsError, match=words):
        read_marked(tmp_path / "bad.png", Photo(np.full((HEIGHT, WIDTH), 50, np.float32)))


def test_partly_transparent_marks_need_a_prediction() -> None:
    marks = MarkedPixels(np.array([3]), np.ones((1, 2), np.float32), (5, 5), np.array([0.5], np.float32))
    with pytest.raises(ValueError, match="partly transparent"):
        paint([marks], (5, 5))


@pytest.mark.parametrize("seed", range(6))
def test_outlines_cover_exactly_what_was_painted(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (40, 50)
    ab = np.full((*shape, 2), np.nan, np.float32)
    for color in ((20, 5), (-15, 12), (3, -30), (60, 40)):
        index = covered(Stroke(random.uniform(0, 45, (3, 2)), radius=2.0 + seed, ab=color), shape)
        ab.reshape(-1, 2)[index] = color + random.normal(0, 0.3, (len(index), 2))
    ab[18:22, 20:24] = np.nan  # a hole
    index = np.flatnonzero(np.isfinite(ab[..., 0]))
    marks = MarkedPixels(index, ab.reshape(-1, 2)[index], shape)
    found = paint(outlined(marks), shape)
    missing = np.setdiff1d(index, found.index)
    assert not len(missing)
    assert len(found.index) <= 1.02 * len(index)  # where a bridge to a hole runs through a pixel's centre
    there = np.isin(found.index, index)
    np.testing.assert_allclose(found.ab[there], marks.ab, atol=2)


def test_neighbouring_colours_become_marks_of_their_own() -> None:
    ab = np.zeros((6, 9, 2), np.float32)
    ab[:, 3:] = (30, 0)
    ab[:, 6:] = (0, 40)
    regions = outlined(MarkedPixels(np.arange(54), ab.reshape(-1, 2), (6, 9)))
    assert sorted(region.ab for region in regions if region.ab) == [(0, 0), (0, 40), (30, 0)]
    gradient = np.linspace(0, 60, 200, dtype=np.float32)
    row = MarkedPixels(np.arange(200), np.stack([gradient, gradient], -1), (1, 200))
    painted = paint(outlined(row), (1, 200))
    np.testing.assert_allclose(painted.ab, row.ab, atol=7)


def test_too_many_marks_are_refused() -> None:
    random = np.random.default_rng(0)
    marks = MarkedPixels(np.arange(10000), random.uniform(-90, 90, (10000, 2)).astype(np.float32), (100, 100))
    with pytest.raises(HintsError, match="separate marks; at most 1000"):
        outlined(marks)
