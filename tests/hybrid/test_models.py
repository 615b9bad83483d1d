"""Contracts that every network of MODELS keeps, weights in and out of files, and what the package ships."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hybrid.bins import ab_bins
from hybrid.models import MODELS, build
from hybrid.models.colorizer import Colorizer
from hybrid.models.weights import SHIPPED, ModelError, load_model, save_model, shipped_models
from hybrid.predict import Predictor, input_shape, pick_device

BINS = 19


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> Colorizer:
    torch.manual_seed(0)
    return build(request.param, ab_bins()[:BINS]).eval()


def lightness(batch: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return 100 * torch.rand(batch, 1, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (33, 70), (64, 32), (4, 129)])
def test_any_size_is_answered_in_whole_cells(model: Colorizer, shape: tuple[int, int]) -> None:
    with torch.inference_mode():
        logits = model(lightness(2, *shape))
    assert logits.shape == (2, BINS, -(-shape[0] // model.CELL), -(-shape[1] // model.CELL))
    assert logits.isfinite().all()


def test_every_parameter_learns(model: Colorizer) -> None:
    model.train()
    try:
        hints = torch.zeros(2, 3, 64, 64)
        hints[:, :, 8:16, 8:16] = torch.tensor([40.0, -30.0, 1.0]).view(1, 3, 1, 1)
        logits = model(lightness(2, 64, 64), hints)
        (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
        idle = [
            n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()
        ]
        assert idle == []
    finally:
        model.zero_grad()
        model.eval()


def test_an_answer_does_not_depend_on_the_rest_of_the_batch(model: Colorizer) -> None:
    batch = lightness(3, 33, 70)
    with torch.inference_mode():
        together, alone = model(batch)[1:2], model(batch[1:2])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-3)


def test_no_hints_are_hints_of_zero_and_hints_are_heard_by_who_says_so(model: Colorizer) -> None:
    batch, none = lightness(1, 40, 60), torch.zeros(1, 3, 40, 60)
    hints = none.clone()
    hints[:, :, 10:20, 10:20] = torch.tensor([60.0, 40.0, 1.0]).view(1, 3, 1, 1)
    with torch.inference_mode():
        without = model(batch)
        assert torch.equal(without, model(batch, none))
        is_heard = not torch.allclose(without, model(batch, hints), atol=1e-3)
    assert is_heard == (model.HINT_CHANNELS == 3)
    assert model.HINT_CHANNELS in (0, 3)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_weights_come_back_from_their_file(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    bins = ab_bins()[:BINS]
    network = build(name, bins).eval()
    prior = np.arange(1, BINS + 1, dtype=np.float32)
    path = tmp_path / "own.safetensors"
    save_model(path, network, bins, prior, {"architecture": name, "input_side": 96})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["own.json", "own.safetensors"]
    back = load_model(str(path))
    assert back.card == json.loads(path.with_suffix(".json").read_text()) == {"architecture": name, "input_side": 96}
    assert (back.bins == bins).all()
    np.testing.assert_allclose(back.prior, prior / prior.sum(), rtol=1e-6)
    assert not back.network.training
    assert not any(p.requires_grad for p in back.network.parameters())
    own = network.state_dict()
    for key, value in back.network.state_dict().items():
        torch.testing.assert_close(value, own[key], atol=1e-4, rtol=1e-3)
    with torch.inference_mode():
        torch.testing.assert_close(
            back.network(lightness(1, 32, 32)), network(lightness(1, 32, 32)), atol=0.05, rtol=0.05
        )


def test_files_that_are_no_model_are_refused_in_words(tmp_path: Path) -> None:
    def refuses(name: str, message: str) -> None:
        with pytest.raises(ModelError, match=re.escape(message)) as caught:
            load_model(name)
        assert "\n" not in str(caught.value)

    path = tmp_path / "own.safetensors"
    refuses("grand", "model 'grand': not found; shipped are: lite")
    refuses(str(path), "own.safetensors': not found; shipped are: lite")
    refuses(str(tmp_path / "weights.pth"), "a FILE must end in .safetensors")
    for garbage in (b"", b"garbage" * 50, (1 << 40).to_bytes(8, "little") + b"{}"):
        path.write_bytes(garbage)
        refuses(str(path), f"model {path}: not a readable safetensors file")
    save_file({"x": torch.zeros(2)}, path)
    refuses(str(path), f"model {path}: no card of a known architecture in it; wanted one of lite")
    tables = {"bins": torch.zeros(BINS, 2), "prior": torch.ones(BINS)}
    save_file(tables, path, metadata={"card": json.dumps({"architecture": "grand"})})
    refuses(str(path), "no card of a known architecture in it")
    save_file(tables, path, metadata={"card": "{"})
    refuses(str(path), "not a readable safetensors file")
    card = {"card": json.dumps({"architecture": "lite"})}
    save_file(tables, path, metadata=card)
    refuses(str(path), "weights missing or unknown")
    save_file({**tables, "head.weight": torch.zeros(3, 3)}, path, metadata=card)
    refuses(str(path), "its weights do not fit 'lite'")


def test_a_card_that_is_no_card_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    tables = {"bins": torch.zeros(BINS, 2), "prior": torch.ones(BINS)}
    for card in ("null", "{}", '["lite"]', '"lite"', '{"architecture": ["lite"]}'):
        save_file(tables, path, metadata={"card": card})
        with pytest.raises(ModelError, match="no card of a known architecture in it"):
            load_model(str(path))


def test_a_cut_off_model_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    path.write_bytes((SHIPPED / "lite.safetensors").read_bytes()[:200_000])
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load_model(str(path))


def test_every_shipped_model_loads_and_has_a_card() -> None:
    models = shipped_models()
    assert "lite" in models
    for name, card in models.items():
        model = load_model(name)
        assert model.card == card, "the card beside the weights is the card inside them"
        assert card["architecture"] in MODELS
        assert card.keys() >= {"architecture", "input_side", "training", "data", "limits", "scores"}
        assert card["training"].keys() >= {"steps", "photos_seen", "minutes", "started_from"}
        assert card["scores"]["photos"] > 0
        assert (model.bins == ab_bins()).all()
        assert float(model.prior.sum()) == pytest.approx(1, abs=1e-5)
        assert (model.prior >= 0).all()
        assert all(p.isfinite().all() for p in model.network.parameters())


def test_the_shipped_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.glob("*.safetensors")) < 20e6


@pytest.mark.parametrize(
    ("shape", "side", "wanted"),
    [((400, 400), 192, (192, 192)), ((300, 600), 192, (136, 272)), ((1, 1000), 100, (1, 300)), ((1, 1), 64, (64, 64))],
)
def test_the_network_looks_at_a_size_of_the_photos_aspect(
    shape: tuple[int, int], side: int, wanted: tuple[int, int]
) -> None:
    assert input_shape(shape, side) == wanted


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (90, 61)])
def test_a_prediction_is_a_distribution_with_a_confidence(shape: tuple[int, int]) -> None:
    predictor = Predictor(load_model("lite"), "cpu", side=64)
    planes = np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32)
    prediction = predictor.predict(planes)
    cells = tuple(-(-n // 4) for n in input_shape(shape, 64))
    assert prediction.log_probability.shape == (len(ab_bins()), *cells)
    np.testing.assert_allclose(np.exp(prediction.log_probability).sum(0), 1, atol=1e-4)
    assert prediction.confidence.shape == cells
    assert ((prediction.confidence >= 0) & (prediction.confidence <= 1)).all()
    assert (predictor.predict(planes).log_probability == prediction.log_probability).all()


def test_devices_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == pick_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="device 'cuda': no CUDA device found; use --device cpu"):
        pick_device("cuda")
    with pytest.raises(ValueError, match="device 'gpu'; wanted auto, cpu or cuda"):
        pick_device("gpu")
