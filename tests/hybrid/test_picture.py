"""A colour picture beside the photo: where it lies, which of it is believed, and what becomes of the rest."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from hybrid.agreement import agreement
from hybrid.color import lab_from_linear, srgb_decode
from hybrid.compare import altered as command
from hybrid.compare.alter import ALTERATIONS, Alteration, altered
from hybrid.compare.altered import cell_shares, misplaced
from hybrid.compare.scene import Scene, picture_of
from hybrid.photo import Photo, PhotoError
from hybrid.picture import MOST, MUCH, as_it_is, completed, matched
from hybrid.register import positions, register, rescaled
from hybrid.scale import shrink
from hybrid.scribbles import CellColors, cells_of, colors_of_picture, noise_of
from hybrid.session import Session

SHAPE = (96, 128)


def scene(seed: int = 0, shape: tuple[int, int] = SHAPE) -> Scene:
    """Surfaces of different size, lightness and colour, one over the other, some with texture."""
    random = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    lightness, ab = np.full(shape, 60.0), np.full((*shape, 2), 5.0)
    for size in (40, 30, 24, 20, 16, 14, 12, 10, 9, 8, 7, 6) * 2:
        middle, tone, color = random.uniform(0, shape), random.uniform(20, 90), random.uniform(-30, 30, 2)
        inside = np.hypot(rows - middle[0], (columns - middle[1]) * random.uniform(0.6, 1.6)) < size
        texture = gaussian_filter(random.standard_normal(shape), 1.5) * random.choice([0, 30])
        lightness, ab = np.where(inside, tone + texture, lightness), np.where(inside[..., None], color, ab)
    soft = gaussian_filter(lightness, 0.7).clip(3, 97).astype(np.float32)
    return Scene(soft, ab.astype(np.float32), soft)


def picture_like(made: Scene) -> Photo:
    return Photo(made.lightness, made.ab)


@pytest.mark.parametrize(
    ("alteration", "rms"),
    [
        (Alteration(shift=(2, 0)), 0.1),
        (Alteration(shift=(-9, 6.5)), 0.1),
        (Alteration(turn=1), 0.1),
        (Alteration(turn=-5, shift=(3, 2)), 0.15),
        (Alteration(size=1.06, shift=(0, -4)), 0.1),
        (Alteration(size=0.93, turn=2), 0.15),
        (Alteration(shift=(3, -2), turn=1, blur=1.5, gamma=1.6), 0.2),
        (Alteration(shift=(2, 1), turn=-1, is_orthochromatic=True), 0.2),
        (Alteration(crop=0.08), 0.15),
        (Alteration(shift=(2, -1), turn=1, paint="content"), 0.6),
    ],
    ids=lambda value: "".join(f"{value}".split("(", 1)[1:]) if isinstance(value, Alteration) else "",
)
def test_a_picture_is_found_where_it_lies(alteration: Alteration, rms: float) -> None:
    """In cells of 1/256 of the long side; here half a pixel."""
    photo = scene()
    made = altered(photo, alteration, scene(1))
    found = matched(made.picture, photo.lightness)
    assert found.placement.is_moved
    assert misplaced(found.placement, made) < rms
    assert found.placement.after > found.placement.before


def test_the_report_names_shift_turn_and_size_as_they_were() -> None:
    photo = scene()
    made = altered(photo, Alteration(shift=(6, -4), turn=2, size=1.05), scene(1))
    report = matched(made.picture, photo.lightness).report
    assert report["cells"] == [128, 96]
    assert report["shift"] == pytest.approx([3, -2], abs=0.1)  # its cells are twice as large
    assert report["rotation"] == pytest.approx(2, abs=0.1)
    assert report["scale"] == pytest.approx(1.05, abs=0.004)
    assert report["moved"] is True
    assert 0.03 < report["outside"] < 0.15


@pytest.mark.parametrize(
    "alteration", [Alteration(), Alteration(blur=3), Alteration(gamma=1.7), Alteration(paint="content")]
)
def test_a_picture_in_place_is_not_touched(alteration: Alteration) -> None:
    photo = scene()
    made = altered(photo, alteration, scene(1))
    found = matched(made.picture, photo.lightness)
    assert not found.placement.is_moved
    assert found.placement.matrix.tolist() == np.eye(2, 3).tolist()
    assert made.picture.ab is not None
    assert (found.colors.ab == colors_of_picture(made.picture.ab).ab).all()
    assert found.outside == 0
    if alteration.paint is None:
        assert found.colors.weight is None
        assert found.rejected == 0


def test_an_aligned_picture_colours_as_it_does_unmatched_to_the_bit() -> None:
    photo = scene()
    grey, picture = Photo(photo.lightness), picture_like(photo)
    assert (
        Session(grey, None, picture=matched(picture, photo.lightness).colors).edit().ab
        == (Session(grey, as_it_is(picture, photo.lightness)).edit().ab)
    ).all()


def test_what_is_painted_over_is_rejected_and_little_else() -> None:
    shares = []
    for seed in range(3):
        photo = scene(seed)
        made = altered(photo, Alteration(paint="content"), scene(seed + 10), seed)
        shares.append(cell_shares(matched(made.picture, photo.lightness), made))
    assert np.mean([share["bad_rejected"] for share in shares]) > 0.9
    assert np.mean([share["good_lost"] for share in shares]) < 0.12


def test_another_hue_of_the_same_luminance_cannot_be_seen() -> None:
    photo = scene()
    made = altered(photo, Alteration(paint="hue"), scene(1))
    found = matched(made.picture, photo.lightness)
    assert made.painted.mean() == pytest.approx(1 / 3, abs=0.01)
    assert found.rejected < 0.02


@pytest.mark.parametrize("grain", [0.0, 2.0])
def test_even_surfaces_are_believed_where_their_tone_agrees(grain: float) -> None:
    """Half the photo is a sky without structure but for grain, which the picture does not share."""
    photo = scene()
    photo.lightness[:48] = 70
    picture = photo.lightness.copy()
    seen = photo.lightness + np.random.default_rng(0).normal(0, grain, SHAPE).astype(np.float32)
    assert (agreement(picture, seen)[:40] > 1.5).all()
    picture[5:35, 20:60] = 40
    odds = agreement(picture, seen)
    assert (odds[12:28, 28:52] < 0).all()
    assert (odds[5:35, 75:] > 1).all()


def test_a_picture_of_something_else_is_neither_moved_nor_used() -> None:
    found = matched(picture_like(scene(7)), scene(0).lightness)
    assert not found.placement.is_moved
    assert not found.is_used
    assert found.rejected > MOST
    assert found.colors.weight is not None
    assert not found.colors.weight.any()
    assert found.doubt is not None
    assert "no colours are taken from it" in found.doubt
    assert "--colors-as-is" in found.doubt


def test_doubt_is_told_from_a_third_on() -> None:
    photo = scene()
    made = altered(photo, Alteration(paint="content"), scene(1))
    found = matched(made.picture, photo.lightness)
    assert MUCH < found.rejected < MOST
    assert found.is_used
    assert found.doubt is not None
    assert "these parts get no colours from it" in found.doubt
    assert matched(picture_like(photo), photo.lightness).doubt is None


@pytest.mark.parametrize("tone", [0.0, 50.0])
def test_an_even_picture_cannot_be_judged_and_is_taken_as_it_is(tone: float) -> None:
    ab = np.broadcast_to(np.float32([8, 12]), (*SHAPE, 2))
    found = matched(Photo(np.full(SHAPE, tone, np.float32), ab), scene().lightness)
    assert not found.placement.is_moved
    assert found.colors.weight is None
    np.testing.assert_allclose(found.colors.ab, ab, atol=1e-4)


def test_a_photo_of_one_tone_moves_nothing() -> None:
    found = matched(picture_like(scene()), np.full(SHAPE, 50, np.float32))
    assert not found.placement.is_moved


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 4), (23, 30)])
def test_tiny_and_narrow_pictures_are_taken_where_they_are(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    lightness = gaussian_filter(random.uniform(10, 90, shape), 0.5).astype(np.float32)
    picture = Photo(lightness, np.full((*shape, 2), 7, np.float32))
    found = matched(picture, np.repeat(np.repeat(lightness, 2, 0), 2, 1))
    assert not found.placement.is_moved
    assert found.rejected < 0.1
    assert found.colors.ab.shape == (*shape, 2)


def test_a_picture_larger_than_the_photo_is_matched_on_the_photos_pixels() -> None:
    photo = scene()
    small = shrink(photo.lightness, (36, 48))
    found = matched(picture_like(photo), small)
    assert not found.placement.is_moved
    assert found.rejected == 0
    assert np.isfinite(Session(Photo(small), None, picture=found.colors).edit().ab).all()


def test_another_shape_needs_a_place() -> None:
    photo = scene()
    cropped = Photo(photo.lightness[:, :116], photo.ab[:, :116])
    found = matched(cropped, photo.lightness)
    assert found.placement.is_moved
    assert found.outside == pytest.approx(12 / 128, abs=0.02)
    unlike = picture_like(scene(7, (96, 96)))
    with pytest.raises(PhotoError, match=r"96×96 pixels, of another shape than the photo \(128×96\).*crop it alike"):
        matched(unlike, photo.lightness)
    with pytest.raises(PhotoError, match="another shape"):
        as_it_is(cropped, photo.lightness)


def test_placements_carry_over_to_other_grids() -> None:
    matrix = np.array([[1.02, 0.05, 3.0], [-0.04, 0.97, -2.0]])
    fine, coarse = positions(rescaled(matrix, (48, 64), (96, 128)), (96, 128)), positions(matrix, (48, 64))
    mean = fine.reshape(2, 48, 2, 64, 2).mean((2, 4))
    np.testing.assert_allclose((mean + 0.5) / 2 - 0.5, coarse, atol=1e-9)


def test_what_is_not_believed_is_coloured_from_around_and_lightly_pulled() -> None:
    """A disc that the picture has wrong: its own colour goes, that of its surface comes in."""
    lightness = np.full(SHAPE, 50, np.float32)
    ab = np.broadcast_to(np.float32([20, 10]), (*SHAPE, 2)).copy()
    weight = np.ones(SHAPE, np.float32)
    weight[40:60, 50:80], ab[40:60, 50:80] = 0, (-40, -40)
    picture = CellColors(ab, np.ones(SHAPE, np.float32), weight=weight)
    got = Session(Photo(lightness), None, picture=picture).edit().ab
    np.testing.assert_allclose(got[50, 65], (20, 10), atol=2)
    np.testing.assert_allclose(got[5, 5], (20, 10), atol=0.1)
    weight[:] = 0
    assert (Session(Photo(lightness), None, picture=picture).edit().ab == 0).all()


def test_a_network_fills_what_no_believed_cell_is_near() -> None:
    guess = CellColors(np.full((6, 8, 2), -9, np.float32), np.ones((6, 8), np.float32), recolored=0.25)
    weight = np.zeros(SHAPE, np.float32)
    weight[:, :64] = 1
    picture = CellColors(np.full((*SHAPE, 2), 30, np.float32), np.ones(SHAPE, np.float32), weight=weight)
    both = completed(picture, guess, firmness=10)
    np.testing.assert_allclose(both.ab[:, :64], 30)
    np.testing.assert_allclose(both.ab[:, 64:], -9)
    assert both.weight is not None
    assert both.weight[:, :64].min() == 1
    assert 0 < both.weight[:, 64:].max() < 0.01
    assert both.recolored == 0.25
    whole = CellColors(picture.ab, picture.confidence)
    assert completed(whole, guess, firmness=10) is whole


def test_noise_is_measured_where_a_picture_is_believed() -> None:
    random = np.random.default_rng(0)
    ab = np.zeros((*SHAPE, 2), np.float32)
    ab[:, :40] = random.normal(0, 6, (96, 40, 2))
    weight = np.ones(SHAPE, np.float32)
    weight[:, :44] = 0
    light = np.full(SHAPE, 50, np.float32)
    assert noise_of(ab, light, weight) < 0.1
    assert noise_of(ab, light, 1 - weight) > 4
    assert noise_of(ab, light, np.zeros(SHAPE, np.float32)) == 0


def test_altered_pictures_are_what_they_say() -> None:
    photo, other = scene(), scene(1)
    plain = altered(photo, Alteration(), other)
    np.testing.assert_allclose(plain.matrix, np.eye(2, 3), atol=1e-12)
    np.testing.assert_allclose(plain.picture.lightness, photo.lightness, atol=0.8)
    moved = altered(photo, Alteration(shift=(4, 2)), other)  # two pixels and one
    np.testing.assert_allclose(moved.picture.lightness[11:80, 12:110], plain.picture.lightness[10:79, 10:108], atol=1)
    np.testing.assert_allclose(moved.matrix, [[1, 0, 1 / 96], [0, 1, 2 / 128]], atol=1e-12)
    cropped = altered(photo, Alteration(crop=0.25), other)
    assert cropped.picture.lightness.shape == (72, 96)
    np.testing.assert_allclose(cropped.picture.lightness, plain.picture.lightness[24:, :96], atol=1e-4)
    corner = cropped.matrix @ [0.25, 0.75, 1]
    np.testing.assert_allclose(corner, [0, 1], atol=1e-12)
    painted = altered(photo, Alteration(paint="content"), other)
    is_over = painted.painted > 0.5
    np.testing.assert_allclose(painted.picture.lightness[is_over], other.lightness[is_over], atol=0.8)
    np.testing.assert_allclose(painted.picture.lightness[~is_over], photo.lightness[~is_over], atol=0.8)


def test_the_command_prints_a_row_for_each_alteration(tmp_path: Path) -> None:
    import imagecodecs
    import typer

    photos = []
    for seed in range(2):
        made = scene(seed)
        photos.append(tmp_path / f"{seed}.png")
        photos[-1].write_bytes(imagecodecs.png_encode(picture_of(made.lightness, made.ab)))
    app = typer.Typer()
    app.command()(command.main)
    words = [*map(str, photos), "--kinds", "aligned,painted", "--out", str(tmp_path / "all.jsonl")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| aligned", "| painted"]
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 4
    cells = [cell.strip() for cell in lines[3].split("|")[2:-1]]
    row = dict(zip(command.COLUMNS, cells, strict=True))
    assert float(row["ab_after"]) < 0.7 * float(row["ab_before"])
    result = CliRunner().invoke(app, [str(photos[0]), "--kinds", "torn"])
    assert result.exit_code == 2
    assert "'torn'; wanted some of aligned" in result.output


def test_every_alteration_has_a_name_and_differs() -> None:
    assert len(set(ALTERATIONS.values())) == len(ALTERATIONS)
    code = picture_of(scene().lightness, scene().ab)
    assert lab_from_linear(srgb_decode(code / np.float32(255)))[0].shape == SHAPE
    assert cells_of((512, 300)) == (256, 150)
    assert register(scene().lightness, scene().lightness).after == pytest.approx(1, abs=1e-3)
