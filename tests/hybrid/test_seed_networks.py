"""The ten networks of the 2016 study: sizes as counted there, reach, conventions, repairs, and one-colour answers."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from hybrid.bins import BINS, ab_bins, annealed_mean, hull_bins
from hybrid.models import MODELS, build, vgg16
from hybrid.models.blocks import Regressor, SeedNetwork
from hybrid.models.vgg16 import FEATURES, VggTrunk, load_trunk
from hybrid.models.weights import load_model, save_model
from hybrid.predict import Predictor
from hybrid.train.losses import squared_error
from hybrid.train.training import Training, TrainSettings

SEED = sorted(set(MODELS) - {"lite"})
ONE_COLOUR = ["compact", "compact_wide", "dahl"]
C128 = 64 * 128 * 9 + 128
FINAL = 512 * 256
"""Repairs that add parameters: the layer before compact_classifier's head, and the trained projection of dahl*."""

PUBLISHED = {
    "compact": ("0.926", 0),
    "compact_wide": ("0.933", 0),
    "compact_classifier": ("0.957", C128 + (128 - 64) * 247),
    "compact_dilation": ("0.848", 0),
    "compact_dilation_concat": ("0.819", 0),
    "dahl_zhang_small": ("0.953", 0),
    "dahl": ("1.96", FINAL),
    "dahl_classifier": ("1.97", FINAL),
    "dahl_zhang": ("1.02", 0),
}
"""Millions of trained parameters counted in the published networks at 247 bins, and what repairs add to them."""

REACH = {
    "compact": 100,
    "compact_wide": 98,
    "compact_classifier": 98,
    "compact_dilation": 215,
    "compact_dilation_concat": 221,
    "dahl": 122,
    "dahl_classifier": 120,
    "dahl_zhang": 228,
    "dahl_zhang_small": 217,
    "zhang": 208,
}
"""Pixels across that an answer sees: 1 + sum of (kernel - 1) × dilation × stride so far, along the longest way."""


def lightness(batch: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return 100 * torch.rand(batch, 1, height, width, generator=torch.Generator().manual_seed(seed))


def made(name: str, bins: int = 13) -> SeedNetwork:
    torch.manual_seed(0)
    network = build(name, ab_bins()[:bins]).eval()
    assert isinstance(network, SeedNetwork)
    return network


def outside_trunk(network: nn.Module) -> int:
    return sum(p.numel() for name, p in network.named_parameters() if not name.startswith("body.trunk."))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_each_has_the_published_parameters_and_those_of_its_repair(name: str) -> None:
    published, repair = PUBLISHED[name]
    digits = len(published) - 2
    assert f"{(outside_trunk(MODELS[name](247)) - repair) / 1e6:.{digits}f}" == published


def test_the_repairs_are_in_use() -> None:
    classifier = made("compact_classifier")
    assert classifier.head.in_channels == 128
    convolutions = [m for m in classifier.body.modules() if isinstance(m, nn.Conv2d)]
    assert sum(p.numel() for p in convolutions[-1].parameters()) == C128
    for name in ("dahl", "dahl_classifier"):
        final = made(name).get_parameter("body.final.0.weight")
        assert final.requires_grad
        assert final.numel() == FINAL


@pytest.mark.parametrize("name", sorted(REACH))
def test_an_answer_sees_as_far_as_the_layers_reach(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In a network of positive weights fed black, a bright pixel raises every answer that sees it, and no other.

    How far depends on where the pixel lies under the poolings; the mean over those places is the reach.
    """
    monkeypatch.setattr(vgg16, "IMAGENET_MEAN", 0.0)  # black is zero for VGG16, too
    network = made(name)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    width, phases = 256, network.STRIDE
    lit = torch.zeros(phases, 1, phases, width)
    for phase in range(phases):
        lit[phase, :, :, width // 2 + phase] = 100
    with torch.inference_mode():
        assert not network._planes(torch.zeros_like(lit[:1])).any()
        seen = [row.nonzero().flatten() for row in network._planes(lit).amax((1, 2))]
    assert all(int(places[0]) > 0 and int(places[-1]) < width - 1 for places in seen), "the picture is too narrow"
    spans = [int(places[-1] - places[0]) + 1 for places in seen]
    assert np.mean(spans) == REACH[name], spans


@pytest.mark.parametrize("name", SEED)
def test_a_size_between_strides_is_the_photo_with_its_border_repeated(name: str) -> None:
    network = made(name)
    planes = lightness(1, 9, 15)
    stride = network.STRIDE
    padded = functional.pad(planes, (0, -15 % stride, 0, -9 % stride), mode="replicate")
    assert padded.shape != planes.shape
    with torch.inference_mode():
        answer = network(planes)
        assert answer.shape == (1, 13, 9, 15)
        torch.testing.assert_close(answer, network(padded)[..., :9, :15], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", SEED)
def test_no_parameter_is_idle(name: str) -> None:
    """Rounding gives a gradient to a bias before a normalisation, too: it has to be one that matters."""
    network = made(name).train()
    logits = network(lightness(2, 32, 32))
    (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    slopes = {n: 0.0 if p.grad is None else float(p.grad.abs().max()) for n, p in network.named_parameters()}
    assert min(slopes.values()) > 1e-4 * max(slopes.values()), min(slopes, key=lambda n: slopes[n])


@pytest.mark.parametrize("name", SEED)
def test_convolutions_follow_the_listed_conventions(name: str) -> None:
    network = made(name)
    in_trunk = {module for trunk in network.modules() if isinstance(trunk, VggTrunk) for module in trunk.modules()}
    modules = list(network.modules())
    for module, following in zip(modules, [*modules[1:], None], strict=True):
        if isinstance(module, nn.Conv2d):
            inside = module.in_channels, module.out_channels
            largest = float(module.weight.detach().abs().max())
            limit = (6 / (sum(inside) * module.kernel_size[0] ** 2)) ** 0.5
            assert largest <= limit
            assert module.weight.numel() < 1000 or largest > 0.97 * limit, "Glorot-uniform"
            assert module in in_trunk or (module.bias is None) == isinstance(following, nn.BatchNorm2d)
            assert module.bias is None or not module.bias.any()
            assert module.padding_mode == "zeros"
        if isinstance(module, nn.BatchNorm2d):
            assert (module.eps, module.momentum) == (1e-4, 0.1)
            assert isinstance(following, nn.ReLU)


@pytest.mark.parametrize(("name", "times"), [("compact_dilation", 2), ("zhang", 4)])
def test_the_last_enlargement_may_follow_the_head(name: str, times: int) -> None:
    network = made(name)
    planes = lightness(1, 16, 24)
    with torch.inference_mode():
        raised = network.body(planes / 100).repeat_interleave(times, 2).repeat_interleave(times, 3)
        torch.testing.assert_close(network(planes), network.head(raised), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ONE_COLOUR)
def test_one_colour_is_answered_as_a_bump_around_it(name: str) -> None:
    torch.manual_seed(0)
    network, bins = build(name, ab_bins()).eval(), torch.from_numpy(ab_bins().copy())
    assert isinstance(network, Regressor)
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([0.45, -0.33]))  # type: ignore[union-attr]
        ab, logits = network.chroma(lightness(1, 8, 16)), network(lightness(1, 8, 16))
    assert ab.shape == (1, 2, 8, 16)
    squared = ((bins[None, :, :, None, None] - ab[:, None]) ** 2).sum(2)
    torch.testing.assert_close(logits, -squared / 50, atol=1e-3, rtol=1e-4)
    is_inside = (ab - torch.tensor([22.5, -16.5]).view(1, 2, 1, 1)).abs().amax(1) < 20
    assert is_inside.any()
    mean = np.moveaxis(annealed_mean(logits[0].numpy(), ab_bins(), 1.0), -1, 0)
    np.testing.assert_allclose(mean[:, is_inside[0]], ab[0][:, is_inside[0]], atol=1.0)


def test_a_bump_lies_on_the_bins_of_the_file(tmp_path: Path) -> None:
    """Tables of equal length too: the file's places count, not the number of them."""
    others = [hull_bins(), ab_bins()[::-1].copy(), ab_bins()[40:57] + np.float32(3)]
    for bins in others:
        torch.manual_seed(0)
        network = build("compact", bins).eval()
        path = tmp_path / "own.safetensors"
        prior = np.ones(len(bins), np.float32)
        save_model(path, network, bins, prior, {"architecture": "compact", "input_side": 32})
        back = load_model(str(path))
        assert isinstance(back.network, Regressor)
        assert (back.bins == bins).all()
        with torch.inference_mode():
            ab, logits = back.network.chroma(lightness(1, 8, 8)), back.network(lightness(1, 8, 8))
        squared = ((torch.from_numpy(bins.copy())[None, :, :, None, None] - ab[:, None]) ** 2).sum(2)
        torch.testing.assert_close(logits, -squared / 50, atol=1e-3, rtol=1e-4)


def test_bins_by_number_alone_are_those_of_a_named_table_or_refused() -> None:
    for table in (make() for make in BINS.values()):
        network = MODELS["compact"](len(table))
        assert isinstance(network, Regressor)
        assert (network.positions.numpy() == table).all()
    unknown = MODELS["compact"](19).eval()
    with pytest.raises(ValueError, match=r"^19 bins at unknown places; make the network by .*build\(name, bins\)$"):
        unknown(lightness(1, 8, 8))
    with pytest.raises(ValueError, match=re.escape("bins of shape (18, 2); wanted (19, 2)")):
        unknown.use_bins(ab_bins()[:18])
    unknown.use_bins(ab_bins()[:19])
    assert unknown(lightness(1, 8, 8)).shape == (1, 19, 8, 8)


def vgg16_state() -> dict[str, torch.Tensor]:
    """Random weights in the names and shapes of torchvision's vgg16, and some that the trunk leaves out."""
    random = torch.Generator().manual_seed(3)
    state = {"classifier.6.bias": torch.zeros(1000)}
    into = 3
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512]
    for number, out in zip((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24), widths, strict=True):
        state[f"features.{number}.weight"] = torch.randn(out, into, 3, 3, generator=random) / (3 * into**0.5)
        state[f"features.{number}.bias"] = torch.randn(out, generator=random) / 10
        into = out
    return state


@pytest.mark.parametrize("name", ["dahl", "zhang"])
def test_imagenet_weights_answer_grey_as_they_answer_three_equal_planes(tmp_path: Path, name: str) -> None:
    state = vgg16_state()
    torch.save(state, tmp_path / "vgg16.pth")
    network = made(name)
    load_trunk(network, tmp_path / "vgg16.pth")
    trunk = network.get_submodule("body.trunk")
    grey = torch.rand(1, 1, 16, 24, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        found = trunk(grey)
        x = ((grey - 0.449) / 0.226).expand(-1, 3, -1, -1)
        for block, raw in zip(FEATURES, found, strict=False):
            for number in block:
                kernel, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
                last = functional.conv2d(x, kernel, bias, padding=1)
                x = last.relu()
            if name == "zhang" and block[-1] == 14:
                last = last - bias[:, None, None]  # only a normalisation reads it
            torch.testing.assert_close(raw, last, atol=1e-4, rtol=1e-3)
            x = functional.max_pool2d(x, 2)
    assert len(found) == {"dahl": 4, "zhang": 3}[name]
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {f"body.trunk.{n}" for n, _ in trunk.named_parameters()}


def test_a_file_that_is_no_vgg16_is_refused(tmp_path: Path) -> None:
    def refuses(network: nn.Module, message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            load_trunk(network, path)
        assert "\n" not in str(caught.value)

    path, network = tmp_path / "vgg16.pth", made("zhang")
    refuses(network, f"{path}: not a readable PyTorch state dict")
    path.write_bytes(b"garbage" * 9)
    refuses(network, f"{path}: not a readable PyTorch state dict")
    state = vgg16_state()
    state["features.12.bias"] = torch.zeros(3)
    torch.save(state, path)
    refuses(network, f"{path}: no features.12.bias of (256,) in it; wanted the state dict of torchvision's vgg16")
    torch.save([1, 2], path)
    refuses(network, f"{path}: no features.0.weight of (64, 1, 3, 3) in it")
    refuses(made("compact"), "Compact has no trunk that ImageNet weights would fit")
    assert all(p.requires_grad for p in network.parameters())
    assert not [m for m in made("compact_dilation").modules() if isinstance(m, VggTrunk)]


@pytest.mark.parametrize("name", ["compact_dilation_concat", "compact"])
def test_training_lowers_the_loss_with_a_cell_a_pixel(tmp_path: Path, name: str) -> None:
    settings = TrainSettings(name, tmp_path, tmp_path, 60, batch=2, size=32, thumbnails=0, bins="hage247")
    training = Training(settings, torch.device("cpu"))
    training.model.train()
    rgb = torch.full((2, 3, 32, 32), 40, dtype=torch.uint8)
    rgb[:, 0, :, 16:] = 200
    training.step = 199  # past the warming up
    losses = [training.update(rgb, coarse) for coarse in (False, True, False, True, False)]
    assert losses[-1] < 0.95 * losses[0], losses
    assert training.model.head.out_channels == (2 if name == "compact" else 247)


def test_squared_error_is_the_plain_formula() -> None:
    random = torch.Generator().manual_seed(0)
    chroma, ab = torch.randn(2, 2, 3, 4, generator=random), 40 * torch.randn(2, 2, 3, 4, generator=random)
    wanted = np.mean([((chroma - ab)[b, :, y, x] / 50).pow(2).sum() for b, y, x in np.ndindex(2, 3, 4)])
    assert float(squared_error(chroma, ab)) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("name", ["compact_classifier", "compact"])
def test_photos_are_answered_pixel_by_pixel(tmp_path: Path, name: str) -> None:
    path = tmp_path / "own.safetensors"
    prior = np.ones(len(hull_bins()), np.float32)
    torch.manual_seed(0)
    save_model(path, build(name, hull_bins()), hull_bins(), prior, {"architecture": name, "input_side": 32})
    predictor = Predictor(load_model(str(path)), "cpu")
    prediction = predictor.predict(np.random.default_rng(0).uniform(0, 100, (30, 47)).astype(np.float32))
    assert prediction.log_probability.shape == (247, *predictor.input_shape((30, 47)))
    np.testing.assert_allclose(np.exp(prediction.log_probability).sum(0), 1, atol=1e-4)
