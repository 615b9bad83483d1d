"""The training loop: resumable, averaged weights, a schedule over the share of the budget that is spent."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hybrid.bins import ab_bins
from hybrid.models import MODELS
from hybrid.models.weights import load_model
from hybrid.train.augment import lab_of, to_linear, training_pair
from hybrid.train.dataset import PhotoStore, open_store
from hybrid.train.losses import SoftCrossEntropy

CELL = 4


@dataclass(frozen=True)
class TrainSettings:
    """What one training run is made of.

    Parameters
    ----------
    model : name in MODELS
    data : folder with train-*.zip and tiny/*.avif
    run : folder for checkpoints, the log and the decoded photos
    seconds : budget of training time, earlier parts of a resumed run counted in
    batch, size : photos a step and pixels a side of each
    rate, encoder_rate : largest AdamW step for new layers and for a pretrained encoder
    thumbnails : share of the steps, in the first two thirds of the budget, that see enlarged thumbnails
    encoder : file with ImageNet weights for the encoder, or None for random ones
    start : weights of a whole model to train on from, or None
    seed : of every random draw
    """

    model: str
    data: Path
    run: Path
    seconds: float
    batch: int = 32
    size: int = 128
    rate: float = 1e-3
    encoder_rate: float = 4e-4
    thumbnails: float = 0.3
    encoder: Path | None = None
    start: Path | None = None
    seed: int = 0


class Training:
    """Model, its running average, optimiser and progress: everything that a checkpoint holds."""

    def __init__(self, settings: TrainSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.device = device
        self.bins = ab_bins()
        self.model = MODELS[settings.model](len(self.bins)).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.encoder is not None:
            load_imagenet(self.model, settings.encoder)
        if settings.start is not None:
            self.model.load_state_dict(load_model(str(settings.start)).network.state_dict())
        encoder = list(getattr(self.model, "encoder", nn.Identity()).parameters())
        known = {id(p) for p in encoder}
        fresh = [p for p in self.model.parameters() if id(p) not in known]
        groups = [{"params": fresh, "peak": settings.rate}]
        if encoder:
            groups.append(
                {
                    "params": encoder,
                    "peak": settings.encoder_rate if settings.encoder or settings.start else settings.rate,
                }
            )
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
        self.average = torch.optim.swa_utils.AveragedModel(self.model, avg_fn=running_average, use_buffers=True)
        self.random = torch.Generator(device).manual_seed(settings.seed)
        self.step = 0
        self.spent = 0.0

    def state(self) -> dict[str, object]:
        """Everything that `restore` needs to go on."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "step": self.step,
            "spent": self.spent,
        }

    def restore(self, state: dict) -> None:
        """Go on from a checkpoint's `state`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.step, self.spent = state["step"], state["spent"]

    def update(self, rgb: Tensor, loss_of: SoftCrossEntropy, coarse: bool) -> float:
        """One optimiser step; `coarse` compares cells of twice the size, for blurred thumbnails."""
        cell = 2 * CELL if coarse else CELL
        lightness, hints, ab = training_pair(rgb, self.random, cell)
        logits = self.model(lightness.contiguous(memory_format=torch.channels_last), hints)
        loss = loss_of(nn.functional.avg_pool2d(logits, 2) if coarse else logits, ab)
        factor = schedule(self.spent / self.settings.seconds, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        return float(loss.detach())


def running_average(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Exponential average over about 500 steps that forgets its random start quickly."""
    decay = min(0.998, (1 + float(count)) / (10 + float(count)))
    return torch.lerp(current.to(average.dtype), average, decay) if average.is_floating_point() else current


def schedule(share: float, step: int) -> float:
    """Factor on the learning rate: 200 steps up, then half a cosine down over the budget."""
    return min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def load_imagenet(model: nn.Module, path: Path) -> None:
    """Start the encoder from a published EfficientNet-Lite0 checkpoint; the stem's colour planes become one of grey."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    stem = state["_conv_stem.weight"]
    own = model.encoder.state_dict()  # type: ignore[union-attr]
    grey = torch.zeros_like(own["_conv_stem.weight"])
    grey[:, :1] = stem.sum(1, keepdim=True)
    state["_conv_stem.weight"] = grey
    model.encoder.load_state_dict({name: state[name] for name in own})  # type: ignore[union-attr]


def batches(store: PhotoStore, settings: TrainSettings, random: np.random.Generator) -> Iterator[Tensor]:
    """Endless random crops, (batch, 3, size, size) uint8, prepared one batch ahead."""

    def make(numbers: np.ndarray, seed: int) -> Tensor:
        own = np.random.default_rng(seed)
        crops = np.stack([store.crop(int(n), settings.size, own) for n in numbers])
        return torch.from_numpy(crops).permute(0, 3, 1, 2)

    with ThreadPoolExecutor(1) as pool:
        ahead = None
        while True:
            order = random.permutation(len(store))
            for start in range(0, len(order) - settings.batch + 1, settings.batch):
                following = pool.submit(make, order[start : start + settings.batch], int(random.integers(2**31)))
                if ahead is not None:
                    yield ahead.result()
                ahead = following


def color_prior(store: PhotoStore, loss_of: SoftCrossEntropy, size: int, photos: int = 4000) -> np.ndarray:
    """How often each bin occurs in the photos: mean soft encoding over cells, (Q,) float32, sums to 1."""
    random = np.random.default_rng(1)
    counts = torch.zeros(len(ab_bins()))
    for number in random.permutation(len(store))[:photos]:
        rgb = torch.from_numpy(store.crop(int(number), size, random).copy()).permute(2, 0, 1)[None]
        ab = nn.functional.avg_pool2d(lab_of(to_linear(rgb.float() / 255))[:, 1:], CELL)
        index, weight = loss_of.target(ab)
        counts.scatter_add_(0, index.flatten(), weight.flatten())
    return (counts / counts.sum()).numpy()


def train(settings: TrainSettings, device: torch.device) -> Path:
    """Train until the budget is spent; returns the checkpoint. A checkpoint in `settings.run` is gone on from."""
    cache = settings.run / "cache"
    photos = open_store(sorted(settings.data.glob("train-*.zip")), cache)
    thumbnails = open_store(sorted((settings.data / "tiny").glob("*.avif")), cache) if settings.thumbnails else None
    training = Training(settings, device)
    checkpoint = settings.run / f"{settings.model}.pt"
    if checkpoint.exists():
        training.restore(torch.load(checkpoint, map_location=device, weights_only=True)["training"])
    loss_of = SoftCrossEntropy(training.bins).to(device)
    prior = color_prior(photos, loss_of.cpu(), settings.size)
    loss_of.to(device)
    draw = np.random.default_rng([settings.seed, training.step])
    sharp = batches(photos, settings, draw)
    blurred = batches(thumbnails, settings, draw) if thumbnails is not None else sharp
    log = (settings.run / f"{settings.model}.jsonl").open("a")
    recent: list[float] = []
    started = saved = time.monotonic()
    before = training.spent
    training.model.train()
    while training.spent < settings.seconds:
        coarse = training.spent < settings.seconds * 2 / 3 and draw.random() < settings.thumbnails
        value = training.update(next(blurred if coarse else sharp).to(device), loss_of, coarse)
        if not coarse:
            recent.append(value)
        now = time.monotonic()
        training.spent = before + now - started
        if len(recent) == 50:
            row = {"step": training.step, "minutes": round(training.spent / 60, 2), "loss": round(np.mean(recent), 4)}
            print(json.dumps(row), file=log, flush=True)
            recent.clear()
        if now - saved > 300 or training.spent >= settings.seconds:
            save(checkpoint, training, prior)
            saved = now
    log.close()
    return checkpoint


def save(path: Path, training: Training, prior: np.ndarray) -> None:
    """Write a checkpoint whole or not at all."""
    plain = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(training.settings).items()}
    temporary = path.with_suffix(".part")
    torch.save({"training": training.state(), "prior": torch.from_numpy(prior), "settings": plain}, temporary)
    temporary.replace(path)
