"""Runs: settings, checkpoints, schedules, several ranks."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from training_photos import ALONE, CPU, archive, photos

from hybrid.bins import hull_bins
from hybrid.models.weights import SHIPPED, load_model
from hybrid.train.__main__ import budget_of, export, main, origin
from hybrid.train.dataset import open_store
from hybrid.train.history import draw_history, rows_of
from hybrid.train.loop import bins_of, color_prior, train
from hybrid.train.losses import SoftCrossEntropy
from hybrid.train.ranks import joined
from hybrid.train.training import Training, TrainSettings, running_average, schedule


def test_bins_and_cells_are_kept_from_the_first_step_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid.train.__main__.evaluate", lambda *_: {})  # slow with a cell a pixel
    data, out = tmp_path / "data", tmp_path / "own.safetensors"
    data.mkdir()
    archive(data / "train-0.zip", photos())
    settings = TrainSettings("compact", data, tmp_path / "run", 1e-3, batch=2, size=32, thumbnails=0, bins="hage247")
    checkpoint = train(settings, ALONE)
    store = open_store([data / "train-0.zip"], tmp_path / "run" / "cache")
    prior = torch.load(checkpoint, weights_only=True)["prior"].numpy()
    np.testing.assert_allclose(prior, color_prior(store, SoftCrossEntropy(hull_bins()), 32, cell=1), rtol=1e-5)
    export(checkpoint, out, photos(2))
    model = load_model(str(out))
    assert (model.bins == hull_bins()).all()
    with pytest.raises(ValueError, match=r"trained on bins 'hage247', not 'grid10'; choose --bins as it has them"):
        train(replace(settings, bins="grid10"), ALONE)
    begun = Training(replace(settings, start=out), CPU).model
    assert torch.equal(begun.head.bias, model.network.get_parameter("head.bias"))
    for other in (replace(settings, start=out, bins="grid10"), replace(settings, start=out, model="zhang")):
        with pytest.raises(ValueError, match=r"a 'compact' of 247 bins; wanted a .* choose --model and --bins"):
            Training(other, CPU)
    state = torch.load(checkpoint, weights_only=True)
    del state["settings"]["bins"]  # as checkpoints were before there was a choice
    assert bins_of(state) == "grid10"


def test_an_encoder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    settings = TrainSettings("compact", tmp_path, tmp_path, 60, encoder=tmp_path / "vgg16.pth")
    with pytest.raises(ValueError, match="Compact has no trunk that ImageNet weights would fit"):
        Training(settings, CPU)
    assert origin({"encoder": "vgg16.pth", "model": "zhang"}) == "VGG16, ImageNet"
    assert origin({"encoder": "lite0.pth", "model": "lite"}) == "EfficientNet-Lite0, ImageNet (Apache-2.0)"


def test_unknown_bins_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="bins 'lab'; wanted one of grid10, hage247"):
        main(tmp_path, bins="lab")


def test_the_schedule_rises_then_falls_and_the_average_forgets_its_start() -> None:
    assert schedule(0, 0) == pytest.approx(1 / 200)
    assert schedule(0, 199) == pytest.approx(1)
    assert schedule(1, 10_000) == pytest.approx(0.02)
    assert schedule(7, 10_000) == pytest.approx(0.02)
    shares = [schedule(s, 10_000) for s in np.linspace(0, 1, 30)]
    assert shares == sorted(shares, reverse=True)
    old, new = torch.tensor([0.0]), torch.tensor([1.0])
    assert float(running_average(old, new, 0)) == pytest.approx(0.9)
    assert float(running_average(old, new, 10**6)) == pytest.approx(0.002, rel=1e-3)


def test_a_run_goes_on_from_its_checkpoint_and_gives_weights_that_load(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "own.safetensors"
    data.mkdir()
    archive(data / "train-0.zip", photos())
    settings = TrainSettings("lite", data, tmp_path / "run", 1e-3, batch=2, size=32, thumbnails=0)
    checkpoint = train(settings, ALONE)
    first = torch.load(checkpoint, weights_only=True)["training"]
    assert first["step"] == 1
    assert torch.load(train(settings, ALONE), weights_only=True)["training"]["step"] == 1, "the budget is spent"
    by_steps = replace(settings, run=tmp_path / "steps", seconds=np.inf, steps=3)
    assert torch.load(train(by_steps, ALONE), weights_only=True)["training"]["step"] == 3
    longer = replace(settings, seconds=first["spent"] + 1e-3)
    state = torch.load(train(longer, ALONE), weights_only=True)
    assert state["training"]["step"] == 2
    assert state["training"]["spent"] > first["spent"]
    moved = [k for k, v in first["model"].items() if not torch.equal(v, state["training"]["model"][k])]
    assert "head.weight" in moved
    assert "encoder._conv_stem.weight" in moved
    export(checkpoint, out, photos(2))
    model = load_model(str(out))
    assert model.card["training"]["steps"] == 2
    assert model.card["training"]["photos_seen"] == 4
    assert model.card["training"]["started_from"] == "random weights"
    assert model.card["scores"]["photos"] == 1, "the other half calibrated it"
    assert 0.2 <= model.card["temperature"] <= 5
    assert json.loads(out.with_suffix(".json").read_text()) == model.card
    average = state["training"]["average"]["module.head.bias"]
    torch.testing.assert_close(model.network.state_dict()["head.bias"], average, atol=1e-4, rtol=1e-3)
    np.testing.assert_allclose(model.prior.sum(), 1, rtol=1e-5)
    assert not list(tmp_path.rglob("*.part"))


def test_two_trainings_of_one_seed_take_the_same_step(tmp_path: Path) -> None:
    settings = TrainSettings("lite", tmp_path, tmp_path, 60, batch=2, size=32, thumbnails=0)
    rgb = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32)).astype(np.uint8))
    losses = []
    for _ in range(2):
        training = Training(settings, CPU)
        training.model.train()
        losses.append([training.update(rgb, coarse) for coarse in (False, True)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert np.isfinite(losses).all()


def test_a_shipped_model_can_be_trained_on(tmp_path: Path) -> None:
    settings = TrainSettings("lite", tmp_path, tmp_path, 60, start=SHIPPED / "lite.safetensors")
    begun, shipped = Training(settings, CPU).model.state_dict(), load_model("lite").network.state_dict()
    assert all(torch.equal(begun[name], shipped[name]) for name in shipped)
    begun_from = origin({"start": str(SHIPPED / "lite.safetensors"), "encoder": ""})
    assert begun_from == load_model("lite").card["training"], "so that all photos ever seen are counted"


def test_budgets_are_read_and_refused() -> None:
    assert [budget_of(text) for text in ("90s", "60m", "1.5h")] == [(90, None), (3600, None), (5400, None)]
    assert budget_of("500steps") == (np.inf, 500)
    for text in ("60", "m", "-1m", "1d", "", "0steps", "1.5steps", "steps"):
        with pytest.raises(typer.BadParameter, match="wanted a number and s, m, h or steps, as in 60m or 500steps"):
            budget_of(text)


def test_the_history_of_a_run_is_drawn_from_its_log(tmp_path: Path) -> None:
    log, out = tmp_path / "lite.jsonl", tmp_path / "lite.png"
    rows = [{"step": 50 * i, "minutes": i, "loss": 4 - i / 10} for i in range(1, 9)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 4')
    assert rows_of(log) == rows
    draw_history(log, out)
    with Image.open(out) as picture:
        assert picture.size == (840, 480)
    log.write_text("")
    with pytest.raises(ValueError, match="no rows yet"):
        draw_history(log, out)


def gradient_of_rank(number: int, folder: Path) -> None:
    """One step of two ranks, each on its own photos; leaves the weights it came to."""
    os.environ.update(
        WORLD_SIZE="2", RANK=str(number), MASTER_ADDR="127.0.0.1", MASTER_PORT=(folder / "port").read_text()
    )
    torch.set_num_threads(1)
    settings = TrainSettings("compact_dilation", folder, folder, 60, batch=2, size=32, thumbnails=0)
    with joined(CPU) as rank:
        training = Training(settings, rank.device)
        training.share(rank)
        training.model.train()
        rgb = torch.from_numpy(np.random.default_rng(number).integers(0, 256, (2, 3, 32, 32)).astype(np.uint8))
        loss = training.update(rgb, False)
        clock = rank.agreed(float(number + 5))
    weights = [p.detach() for p in training.model.parameters()]
    torch.save({"weights": weights, "loss": loss, "clock": clock}, folder / f"{number}.pt")


def test_two_ranks_take_one_step_together(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        (tmp_path / "port").write_text(str(free.getsockname()[1]))
    torch.multiprocessing.spawn(gradient_of_rank, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{i}.pt", weights_only=True) for i in range(2))
    assert first["loss"] != second["loss"], "each has photos of its own"
    assert first["clock"] == second["clock"] == 5
    begun = list(Training(TrainSettings("compact_dilation", tmp_path, tmp_path, 60), CPU).model.parameters())
    assert all(torch.equal(one, other) for one, other in zip(first["weights"], second["weights"], strict=True))
    assert any(not torch.equal(one, before) for one, before in zip(first["weights"], begun, strict=True))
