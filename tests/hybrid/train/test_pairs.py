"""What training is fed with and what it costs: photos, crops, old photographs, hints, loss and prior."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from training_photos import archive, generator, photos

from hybrid.bins import ab_bins, hull_bins, soft_encode
from hybrid.color import lab_from_linear, srgb_decode
from hybrid.train.augment import hint_planes, lab_of, old_photograph, to_linear, training_pair
from hybrid.train.dataset import open_store, read_archive
from hybrid.train.loop import batches, color_prior
from hybrid.train.losses import SoftCrossEntropy
from hybrid.train.training import TrainSettings
from hybrid.train.wear import compressed, scratched


def test_the_loss_is_the_plain_formula() -> None:
    bins = ab_bins()
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, (2, len(bins), 2, 3)).astype(np.float32)
    ab = random.integers(-70, 70, (2, 2, 2, 3)).astype(np.float32)  # the table's step is one unit
    total = []
    for b, y, x in np.ndindex(2, 2, 3):
        index, weight = soft_encode(ab[b, :, y, x], bins)
        row = logits[b, :, y, x].astype(float)
        total.append(-(weight * (row[index] - np.log(np.exp(row).sum()))).sum())
    loss = SoftCrossEntropy(bins)(torch.from_numpy(logits), torch.from_numpy(ab))
    assert float(loss) == pytest.approx(np.mean(total), rel=1e-5)


def test_the_loss_has_the_gradient_of_the_plain_formula() -> None:
    bins = ab_bins()
    loss_of = SoftCrossEntropy(bins)
    ab = torch.randint(-70, 70, (2, 2, 3, 4), generator=generator()).float()
    index, weight = loss_of.target(ab)
    slopes = []
    for memory in (torch.contiguous_format, torch.channels_last):
        logits = 3 * torch.randn(2, len(bins), 3, 4, generator=generator(1))
        logits = logits.contiguous(memory_format=memory).requires_grad_()
        (2.5 * loss_of(logits, ab)).backward()
        slopes.append(logits.grad)
    plain = logits.detach().double().requires_grad_()
    (-2.5 * (torch.log_softmax(plain, 1).gather(1, index) * weight).sum(1).mean()).backward()
    for slope in slopes:
        torch.testing.assert_close(slope, plain.grad.float(), atol=1e-7, rtol=1e-4)


def test_the_loss_takes_the_nearest_unit_and_colours_beyond_its_table() -> None:
    loss_of = SoftCrossEntropy(ab_bins())
    logits = torch.randn(1, len(ab_bins()), 1, 1, generator=generator())

    def at(a: float, b: float) -> float:
        return float(loss_of(logits, torch.tensor([a, b]).view(1, 2, 1, 1)))

    assert at(12.4, -30.4) == at(12, -30)
    assert at(500, -500) == at(127, -128)


def test_lab_in_tensors_is_lab_in_arrays() -> None:
    codes = np.random.default_rng(2).integers(0, 256, (2, 3, 20, 30)).astype(np.uint8)
    codes[0, :, :2] = codes[0, :1, :2] // 16  # near black, where the curve is a straight line
    linear = to_linear(torch.from_numpy(codes).float() / 255)
    plain = srgb_decode(codes.astype(np.float32) / 255)
    np.testing.assert_allclose(linear.numpy(), plain, atol=1e-5)
    lightness, ab = lab_from_linear(np.moveaxis(plain, 1, -1))
    wanted = np.moveaxis(np.concatenate([lightness[..., None], ab], -1), -1, 1)
    np.testing.assert_allclose(lab_of(linear).numpy(), wanted, atol=0.1)


def test_hints_are_true_colours_under_a_mask_and_nothing_elsewhere() -> None:
    ab = torch.tensor([30.0, -20.0]).view(1, 2, 1, 1).expand(64, 2, 32, 32).contiguous()
    planes = hint_planes(ab, generator())
    mask = planes[:, 2:]
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert (planes[:, :2][mask.expand(-1, 2, -1, -1) == 0] == 0).all()
    torch.testing.assert_close(planes[:, :2], ab * mask)
    has_hints = mask.amax((1, 2, 3)) > 0
    assert 0.25 < float(has_hints.float().mean()) < 0.75
    assert float(mask[has_hints].mean()) < 0.7
    torch.testing.assert_close(hint_planes(ab, generator()), planes)


def test_old_photographs_are_grey_pictures_of_the_same_scene() -> None:
    ramp = torch.linspace(0, 1, 48).view(1, 1, 1, -1).expand(32, 3, 24, -1)
    tone = old_photograph(ramp, generator())
    assert tone.shape == (32, 1, 24, 48)
    assert float(tone.min()) >= 0
    assert float(tone.max()) <= 100
    assert tone.isfinite().all()
    columns = tone.mean((1, 2))
    assert (columns[:, -4:].mean(1) > columns[:, :4].mean(1) + 20).all(), "light stays lighter than dark"
    for flat in (torch.zeros(4, 3, 8, 8), torch.ones(4, 3, 8, 8)):
        assert old_photograph(flat, generator()).isfinite().all()


def test_a_training_pair_is_lightness_hints_and_mean_colours() -> None:
    rgb = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 3, 16, 24)).astype(np.uint8))
    lightness, hints, ab = training_pair(rgb, generator(), 4)
    assert lightness.shape == (6, 1, 16, 24)
    assert hints.shape == (6, 3, 16, 24)
    lab = lab_of(to_linear(rgb.float() / 255))
    torch.testing.assert_close(ab, lab[:, 1:].unflatten(2, (4, 4)).unflatten(4, (6, 4)).mean((3, 5)))
    is_true = (lightness == lab[:, :1]).flatten(1).all(1)
    assert 0 < int(is_true.sum()) < 6
    for old, count in ((0.0, 6), (1.0, 0)):
        lightness, _, _ = training_pair(rgb, generator(), 4, old)
        assert int((lightness == lab[:, :1]).flatten(1).all(1).sum()) == count


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_archive_is_decoded_once_and_cropped(tmp_path: Path, kind: str) -> None:
    pictures = photos()
    source = archive(tmp_path / "train-0.zip", pictures, kind)
    store = open_store([source], tmp_path / "cache")
    assert len(store) == len(pictures) == len(read_archive(source))
    for number, picture in enumerate(read_archive(source)):
        assert (store[number] == picture).all()
    if kind == "PNG":
        assert all((store[i] == pictures[i]).all() for i in range(8))
    random = np.random.default_rng(0)
    for number in range(8):
        crop = store.crop(number, 32, random)
        assert crop.shape == (32, 32, 3)
        assert crop.dtype == np.uint8
    source.write_bytes(b"gone")  # what is decoded is not read again
    assert (open_store([source], tmp_path / "cache")[3] == store[3]).all()
    with pytest.raises(FileNotFoundError, match=r"no training data found; wanted train-\*\.zip"):
        open_store([], tmp_path / "cache")


def test_crops_are_mirrored_parts_of_the_photo(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(60, dtype=np.uint8)[None, :, None] * 4, 60, 0).repeat(3, 2)
    store = open_store([archive(tmp_path / "train-0.zip", [ramp])], tmp_path / "cache")
    steps = []
    for seed in range(20):
        columns = store.crop(0, 40, np.random.default_rng(seed)).astype(int).mean((0, 2))
        steps.append((columns[-1] - columns[0]) / 39)
    assert min(steps) < 0 < max(steps)
    assert all(4 * 0.7 * 60 / 40 - 0.5 < abs(s) < 4 * 60 / 40 + 0.5 for s in steps)


def test_a_mosaic_of_thumbnails_is_cut_up(tmp_path: Path) -> None:
    mosaic = np.zeros((128, 192, 3), np.uint8)
    for i, j in np.ndindex(2, 3):
        mosaic[64 * i : 64 * i + 64, 64 * j : 64 * j + 64] = (10 + i, 20 + j, 30)
    Image.fromarray(mosaic).save(tmp_path / "tiny.png")
    store = open_store([tmp_path / "tiny.png"], tmp_path / "cache")
    assert store.shapes.tolist() == [[64, 64]] * 6
    assert [store[n][5, 5].tolist() for n in range(6)] == [[10 + i, 20 + j, 30] for i in range(2) for j in range(3)]


def test_the_prior_is_how_often_colours_occur(tmp_path: Path) -> None:
    red = np.full((40, 40, 3), (255, 0, 0), np.uint8)
    store = open_store([archive(tmp_path / "train-0.zip", [red, red])], tmp_path / "cache")
    for bins, cell in ((ab_bins(), 4), (hull_bins(), 1)):
        prior = color_prior(store, SoftCrossEntropy(bins), 32, cell)
        assert prior.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(prior @ bins, [80.1, 67.2], atol=5)


def test_the_prior_is_taken_over_cells(tmp_path: Path) -> None:
    """Columns of red and of grey are pink where a cell holds both, and never where it is a pixel."""
    striped = np.full((40, 40, 3), 120, np.uint8)
    striped[:, ::2] = (255, 0, 0)
    store = open_store([archive(tmp_path / "train-0.zip", [striped] * 4)], tmp_path / "cache")
    loss_of = SoftCrossEntropy(ab_bins())
    vivid = (ab_bins() ** 2).sum(1) > 80**2
    by_pixel, by_cell = (color_prior(store, loss_of, 40, cell)[vivid].sum() for cell in (1, 4))
    assert by_pixel > 0.15
    assert by_cell < 0.01


def test_a_jpeg_is_what_pillow_writes_to_half_a_step_or_so() -> None:
    """Against libjpeg, whose transform rounds to whole numbers: a share of coefficients may fall to the next step."""
    smooth = np.random.default_rng(0).normal(0, 1, (2, 45, 61)).cumsum(1).cumsum(2)
    codes = np.clip(128 + 60 * smooth / np.abs(smooth).max(), 0, 255).astype(np.uint8)
    for quality in (30, 80):
        wanted = []
        for picture in codes:
            data = io.BytesIO()
            Image.fromarray(picture).save(data, "JPEG", quality=quality)
            wanted.append(np.asarray(Image.open(data)))
        tone = torch.from_numpy(codes[:, None] / np.float32(255))
        found = compressed(tone, torch.full((2,), float(quality)))[:, 0].numpy() * 255
        assert np.abs(found - np.stack(wanted)).mean() < 0.6
        assert np.abs(found - codes).mean() > np.abs(found - np.stack(wanted)).mean()


def test_scratches_are_few_thin_lines_on_a_share_of_the_pictures() -> None:
    tone = torch.full((200, 1, 64, 64), 0.5)
    worn = scratched(tone, generator(), share=0.5)
    changed = (worn != tone).float().mean((1, 2, 3))
    assert 0.25 < float((changed > 0).float().mean()) < 0.6
    assert float(changed.max()) < 0.3
    assert torch.equal(scratched(tone, generator(), share=0.0), tone)
    assert float(worn.min()) >= 0
    assert float(worn.max()) <= 1
    assert bool((worn > 0.6).any() and (worn < 0.4).any())


def test_shares_of_the_photos_are_drawn_from_all_of_them_and_nested(tmp_path: Path) -> None:
    pictures = [np.full((40, 40, 3), 6 * i, np.uint8) for i in range(40)]
    store = open_store([archive(tmp_path / "train-0.zip", pictures)], tmp_path / "cache")

    def seen(share: float, seed: int) -> set[int]:
        settings = TrainSettings("lite", tmp_path, tmp_path, 60, batch=2, size=32, share=share)
        stream = batches(store, settings, np.random.default_rng(seed))
        return {int(value) for _ in range(30) for value in next(stream)[:, 0, 0, 0]}

    half = seen(0.5, 0)
    assert len(half) == 20
    assert half != set(range(0, 120, 6)), "archives may be sorted"
    assert seen(0.5, 1) == half
    assert len(seen(0.1, 0)) == 4
    assert seen(0.1, 0) < half
