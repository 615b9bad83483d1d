"""The training loop: resumable, on one clock and one seed, by one process or by several."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hybrid.train.augment import lab_of, to_linear
from hybrid.train.dataset import PhotoStore, open_store
from hybrid.train.losses import SoftCrossEntropy
from hybrid.train.ranks import Rank
from hybrid.train.training import Training, TrainSettings

SAVE_EVERY = 300  # seconds


def batches(store: PhotoStore, settings: TrainSettings, random: np.random.Generator) -> Iterator[Tensor]:
    """Endless random crops, (batch, 3, size, size) uint8, prepared one batch ahead."""

    def make(numbers: np.ndarray, seed: int) -> Tensor:
        own = np.random.default_rng(seed)
        crops = np.stack([store.crop(int(n), settings.size, own) for n in numbers])
        return torch.from_numpy(crops).permute(0, 3, 1, 2)

    with ThreadPoolExecutor(1) as pool:
        ahead = None
        chosen = np.random.default_rng(0).permutation(len(store))  # archives may be sorted by what they show
        chosen = chosen[: max(settings.batch, round(settings.share * len(store)))]
        while True:
            order = random.permutation(chosen)
            for start in range(0, len(order) - settings.batch + 1, settings.batch):
                following = pool.submit(make, order[start : start + settings.batch], int(random.integers(2**31)))
                if ahead is not None:
                    yield ahead.result()
                ahead = following


def color_prior(store: PhotoStore, loss_of: SoftCrossEntropy, size: int, cell: int, photos: int = 4000) -> np.ndarray:
    """How often each bin occurs in the photos: mean soft encoding over cells, (Q,) float32, sums to 1."""
    random = np.random.default_rng(1)
    counts = torch.zeros(loss_of.bins)
    for number in random.permutation(len(store))[:photos]:
        rgb = torch.from_numpy(store.crop(int(number), size, random).copy()).permute(2, 0, 1)[None]
        ab = nn.functional.avg_pool2d(lab_of(to_linear(rgb.float() / 255))[:, 1:], cell)
        index, weight = loss_of.target(ab)
        counts.scatter_add_(0, index.flatten(), weight.flatten())
    return (counts / counts.sum()).numpy()


def train(settings: TrainSettings, rank: Rank) -> Path:
    """Train until the budget is spent; returns the checkpoint. A checkpoint in `settings.run` is gone on from."""
    cache = settings.run / "cache"
    photos = open_store(sorted(settings.data.glob("train-*.zip")), cache)
    thumbnails = open_store(sorted((settings.data / "tiny").glob("*.avif")), cache) if settings.thumbnails else None
    training = Training(settings, rank.device)
    checkpoint = settings.run / f"{settings.model}.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=rank.device, weights_only=True)
        if bins_of(state) != settings.bins:
            raise ValueError(
                f"{checkpoint}: trained on bins {bins_of(state)!r}, not {settings.bins!r}; choose --bins as it has "
                "them, or another --run"
            )
        training.restore(state["training"])
    training.share(rank)
    prior = color_prior(photos, SoftCrossEntropy(training.bins), settings.size, training.model.CELL)
    common = np.random.default_rng([settings.seed, training.step])  # drawn alike by all ranks
    own = np.random.default_rng([settings.seed, training.step, rank.number])
    sharp = batches(photos, settings, own)
    blurred = batches(thumbnails, settings, own) if thumbnails is not None else sharp
    recent: list[float] = []
    started = saved = time.monotonic()
    before = training.spent
    training.model.train()
    while training.progress < 1:
        coarse = training.progress < 2 / 3 and common.random() < settings.thumbnails
        value = training.update(next(blurred if coarse else sharp).to(rank.device), coarse)
        if not coarse:
            recent.append(value)
        now = time.monotonic()
        training.spent = rank.agreed(before + now - started)
        if len(recent) == 50:
            if rank.number == 0:
                note(settings, training, recent)
            recent.clear()
        if rank.number == 0 and (now - saved > SAVE_EVERY or training.progress >= 1):
            save(checkpoint, training, prior)
            saved = now
    return checkpoint


def note(settings: TrainSettings, training: Training, losses: list[float]) -> None:
    """Add a row to the run's log: the mean loss of the last steps on sharp photos."""
    row = {"step": training.step, "minutes": round(training.spent / 60, 2), "loss": round(float(np.mean(losses)), 4)}
    with (settings.run / f"{settings.model}.jsonl").open("a") as log:
        print(json.dumps(row), file=log)


def bins_of(state: dict) -> str:
    """Name of the bins that a checkpoint was trained on; the earliest checkpoints knew one kind and do not name it."""
    return state["settings"].get("bins", "grid10")


def save(path: Path, training: Training, prior: np.ndarray) -> None:
    """Write a checkpoint whole or not at all."""
    plain = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(training.settings).items()}
    temporary = path.with_suffix(".part")
    torch.save({"training": training.state(), "prior": torch.from_numpy(prior), "settings": plain}, temporary)
    temporary.replace(path)
