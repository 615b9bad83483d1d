"""Where the colours of a session come from, and how far each source is believed."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from halves import BLUE, HEIGHT, RED, WIDTH, settled, stroke, two_halves

from hybrid.models.weights import load_model
from hybrid.photo import Photo
from hybrid.predict import Prediction, Predictor
from hybrid.scale import shrink
from hybrid.scribbles import CellColors, noise_of, trust_of
from hybrid.session import Session
from hybrid.settings import Settings
from hybrid.spreading import LEAST_LINK
from hybrid.strokes import Stroke, covered
from solvers import ChromaSolver


class Certain(Predictor):
    """Sure of blue on the dark half and of yellow on the light one, whatever the weights say."""

    def __init__(self) -> None:
        self.bins = np.array([[0, 0], [10, -40], [0, 50]], np.float32)

    def predict(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> Prediction:
        assert hints is None
        is_light = lightness[2::4, 2::4] > 50
        log_probability = np.full((3, *is_light.shape), np.log(0.01), np.float32)
        log_probability[1][~is_light] = log_probability[2][is_light] = np.log(0.98)
        return Prediction(
            log_probability, self.bins, np.full(3, 1 / 3, np.float32), np.ones(is_light.shape, np.float32)
        )


def test_a_network_that_is_certain_is_believed() -> None:
    settings = Settings(vividness=0.0)
    result = settled(Session(two_halves(), Certain(), settings).edit())
    np.testing.assert_allclose(result.ab[:, :35].mean((0, 1)), [10, -40], atol=2)
    np.testing.assert_allclose(result.ab[:, 45:].mean((0, 1)), [0, 50], atol=2)
    assert result.report["regions"] >= 2
    vivid = Session(two_halves(), Certain(), replace(settings, saturation=0.5)).edit()
    np.testing.assert_allclose(vivid.ab, result.ab / 2, atol=1)
    warm = Session(two_halves(), Certain(), replace(settings, warmth=0.5)).edit()
    light = (two_halves().lightness + 16)[..., None] / 116
    np.testing.assert_allclose(warm.ab - result.ab, light * np.float32([2.5, 10]), atol=1)
    hard = Session(two_halves(), Certain(), replace(settings, warmth=0.5)).edit(
        [Stroke([[5, 5], [20, 30]], radius=2.0, ab=(9, 9))]
    )
    np.testing.assert_array_equal(hard.ab.reshape(-1, 2)[hard.painted.index], hard.painted.ab)


def test_a_clean_picture_s_colours_end_where_local_contrast_does() -> None:
    photo = two_halves(left=50, right=50)  # one lightness, two textures
    photo.lightness[:, WIDTH // 2 :] += np.random.default_rng(1).normal(0, 4, (HEIGHT, WIDTH // 2)).astype(np.float32)
    truth = np.full((HEIGHT, WIDTH, 2), (5, 40), np.float32)
    truth[:, WIDTH // 2 :] = (5, -40)
    grid = tuple(edge // 7 for edge in photo.lightness.shape)  # cells that the edge runs through
    ab = np.stack([shrink(np.ascontiguousarray(truth[..., c]), grid) for c in range(2)], -1)
    clean = CellColors(ab, np.ones(grid, np.float32))

    def off(contrast: float | None) -> float:
        found = settled(Session(photo, clean, Settings(contrast=contrast)).edit()).ab
        return float(np.abs(found - truth).mean())

    assert off(None) == off(0.15) < 0.9 * off(0.0)
    assert (Session(photo, Certain()).edit().ab == Session(photo, Certain(), Settings(contrast=0.0)).edit().ab).all()


class Banded(Certain):
    """Blue everywhere, but of other bins in the middle third of the photo than on both sides of it."""

    def __init__(self) -> None:
        self.bins = np.stack([BLUE, BLUE, -BLUE, -BLUE])

    def predict(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> Prediction:
        assert hints is None
        shape = tuple(edge // 4 for edge in lightness.shape)
        probability = np.full((4, *shape), 0.02, np.float32)
        middle = slice(shape[1] // 3, -(shape[1] // 3))
        probability[0] = 0.9
        probability[:2, :, middle] = np.array([0.02, 0.9])[:, None, None]
        probability /= probability.sum(0)
        return Prediction(np.log(probability), self.bins, np.full(4, 1 / 4, np.float32), np.ones(shape, np.float32))


def test_a_stroke_recolours_what_looks_alike_to_the_network_unless_it_is_local() -> None:
    photo, mark = two_halves(left=50, right=50), stroke(7.5)
    settings = Settings(vividness=0.0, temperature=0.1, reach="wide")
    near, middle, far = slice(12, 20), slice(33, 47), slice(62, 80)
    session = Session(photo, Banded(), settings)
    before, after = session.edit(), session.edit([mark])
    np.testing.assert_allclose(before.ab.mean((0, 1)), BLUE, atol=2)
    change = np.linalg.norm(after.ab - before.ab, axis=-1)
    whole = np.linalg.norm(BLUE - RED)
    assert change[:, near].mean() > 0.7 * whole
    assert change[:, far].mean() > 0.1 * whole, "the other side, which no edge but the middle parts from the stroke"
    assert change[:, middle].mean() < 0.05 * whole
    assert (session.edit().ab == before.ab).all()
    local = Session(photo, Banded(), replace(settings, reach="local")).edit([mark])
    assert np.linalg.norm(local.ab - before.ab, axis=-1)[:, far].max() < 1


@pytest.mark.parametrize("noise", [0.0, 1.0, 4.0])
def test_noise_is_measured_beside_edges_and_texture(noise: float) -> None:
    random = np.random.default_rng(0)
    photo = two_halves(noise=2.0).lightness
    ab = np.zeros((40, 53, 2), np.float32)
    ab[:, 26:] = RED
    found = noise_of(ab + noise * random.standard_normal(ab.shape).astype(np.float32), photo)
    assert found == pytest.approx(noise, rel=0.12, abs=1e-6)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_texture_whose_colours_change_from_cell_to_cell_is_no_noise(noise: float) -> None:
    random = np.random.default_rng(1)
    leaves = random.random((60, 80)).astype(np.float32)
    leaves[:, 60:] = 0.5  # a quarter is sky
    ab = leaves[..., None] * np.array([40, -30], np.float32)
    photo = np.kron(20 + 60 * leaves, np.ones((3, 3), np.float32))
    found = noise_of(ab + noise * random.standard_normal(ab.shape).astype(np.float32), photo)
    assert found == pytest.approx(noise, rel=0.12, abs=0.1)


def test_trust_falls_with_the_noise_of_a_picture() -> None:
    assert trust_of(0.0) == (100, 0)
    assert trust_of(1.0) == (30, 0)
    assert trust_of(2.0) == (2.5, 2)
    firm = [trust_of(noise)[0] for noise in np.linspace(0, 12, 60)]
    assert firm == sorted(firm, reverse=True)
    assert firm[-1] >= 0.3
    assert noise_of(np.ones((3, 3, 2), np.float32), np.ones((9, 9), np.float32)) == 0


def test_a_noisy_picture_is_smoothed_within_objects_and_not_across_them() -> None:
    photo, random = two_halves(), np.random.default_rng(0)
    clean = np.zeros((30, 40, 2), np.float32)
    clean[:, 20:] = RED
    noisy = CellColors(clean + random.normal(0, 6, clean.shape).astype(np.float32), np.ones((30, 40), np.float32))
    truth = np.where(np.arange(WIDTH)[:, None] < WIDTH // 2, 0, np.array(RED))
    errors = {}
    for name, settings in (("by noise", Settings()), ("firm", Settings(firmness=100.0, reweightings=0))):
        session = Session(photo, noisy, settings)
        errors[name] = np.abs(settled(session.edit()).ab - truth).mean()
        assert session.edit().report["source_noise"] == pytest.approx(6, rel=0.15)
    assert errors["by noise"] < 0.5 * errors["firm"]


def test_no_link_is_weakened_beyond_what_the_solver_can_settle() -> None:
    """Claimed by a stroke and then reweighted, links once came to 1e-6 of the median, and the solve to no end."""
    marks = [stroke(), stroke(60.5), Stroke(points=[[30.5, 30.5]], radius=2, ab=(-60.0, 60.0))]
    session = Session(two_halves(), Banded())
    session.edit()
    with mock.patch("hybrid.spreading.ChromaSolver.from_stencil", wraps=ChromaSolver.from_stencil) as made:
        session.edit(marks)
    weakest = [float(call.args[0].east[:, :-1].min()) for call in made.call_args_list]
    assert len(weakest) == 3, "once for the strokes' claims, twice for the chroma"
    assert min(weakest) == pytest.approx(LEAST_LINK)


def test_the_shipped_network_colours_a_photo() -> None:
    random = np.random.default_rng(0)
    lightness = np.clip(50 + random.normal(0, 12, (64, 96)).cumsum(1) / 3, 0, 100).astype(np.float32)
    mark = Stroke(points=[[20, 20]], radius=3, ab=RED)
    session = Session(Photo(lightness), Predictor(load_model("lite"), "cpu"))
    first, marked = settled(session.edit()), settled(session.edit([mark]))
    assert np.abs(first.ab).max() < 130
    assert (marked.ab.reshape(-1, 2)[covered(mark, lightness.shape)] == np.float32(RED)).all()
    assert (session.edit().ab == first.ab).all()
