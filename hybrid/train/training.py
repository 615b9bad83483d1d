"""One model in training: its settings, its objective, and all that a checkpoint holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hybrid.bins import named_bins
from hybrid.models import build
from hybrid.models.blocks import Regressor
from hybrid.models.colorizer import Colorizer
from hybrid.models.lite import LiteColorizer
from hybrid.models.vgg16 import load_trunk
from hybrid.models.weights import load_model
from hybrid.train.augment import training_pair
from hybrid.train.losses import SoftCrossEntropy, squared_error
from hybrid.train.ranks import Rank


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
    bins : name in hybrid.bins.BINS, the colours that answers range over
    share : of the photos and thumbnails that are trained on, for learning curves
    half : compute in bfloat16; None: where that is faster, by `has_fast_half`
    steps : budget of optimiser steps in place of that of time, or None
    old : share of the photos that are seen as an old photograph would show them
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
    bins: str = "grid10"
    share: float = 1.0
    half: bool | None = None
    steps: int | None = None
    old: float = 0.5


class Objective(nn.Module):
    """A network and what its answers cost: the forward pass that is differentiated.

    Parameters
    ----------
    model : Colorizer
    loss_of : SoftCrossEntropy
        Of a network that answers a distribution; one of a single colour is trained by its squared error.
    """

    model: Colorizer
    loss_of: SoftCrossEntropy

    def __init__(self, model: Colorizer, loss_of: SoftCrossEntropy) -> None:
        super().__init__()
        self.model, self.loss_of = model, loss_of

    def forward(self, lightness: Tensor, hints: Tensor, ab: Tensor) -> Tensor:
        """Loss against ab (B, 2, h, w), which may have cells a whole number of times as wide as the answer's."""
        model = self.model
        answer = model.chroma(lightness) if isinstance(model, Regressor) else model(lightness, hints)
        if answer.shape[-1] != ab.shape[-1]:
            answer = nn.functional.avg_pool2d(answer, answer.shape[-1] // ab.shape[-1])
        return (squared_error if isinstance(model, Regressor) else self.loss_of)(answer.float(), ab)


class Training:
    """Model, its running average, optimiser and progress: everything that a checkpoint holds."""

    def __init__(self, settings: TrainSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.device = device
        self.bins = named_bins(settings.bins)
        self.model: Colorizer = build(settings.model, self.bins).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss_of = SoftCrossEntropy(self.bins).to(device)
        if settings.encoder is not None:
            (load_imagenet if isinstance(self.model, LiteColorizer) else load_trunk)(self.model, settings.encoder)
        if settings.start is not None:
            self._start_from(settings.start)
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
        self.half = has_fast_half(device) if settings.half is None else settings.half
        self._objective: nn.Module = Objective(self.model, self.loss_of)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
        self.average = torch.optim.swa_utils.AveragedModel(self.model, avg_fn=running_average, use_buffers=True)
        self.random = torch.Generator(device).manual_seed(settings.seed)
        self.step = 0
        self.spent = 0.0

    def _start_from(self, path: Path) -> None:
        started = load_model(str(path))
        architecture = started.card.get("architecture")
        if architecture != self.settings.model or not np.array_equal(started.bins, self.bins):
            raise ValueError(
                f"{path}: a {architecture!r} of {len(started.bins)} bins; wanted a {self.settings.model!r} of the "
                f"{len(self.bins)} bins {self.settings.bins!r}; choose --model and --bins as it has them"
            )
        self.model.load_state_dict(started.network.state_dict())

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

    @property
    def progress(self) -> float:
        """Share of the budget that is spent."""
        steps = self.settings.steps
        return self.spent / self.settings.seconds if steps is None else self.step / steps

    def share(self, rank: Rank) -> None:
        """Train together with the other ranks."""
        self._objective = rank.parallel(self._objective)
        self.random.manual_seed(self.settings.seed + rank.number)

    def update(self, rgb: Tensor, coarse: bool) -> float:
        """One optimiser step; `coarse` compares cells of twice the size, for blurred thumbnails."""
        cell = self.model.CELL * (2 if coarse else 1)
        lightness, hints, ab = training_pair(rgb, self.random, cell, self.settings.old)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss = self._objective(lightness.contiguous(memory_format=torch.channels_last), hints, ab)
        factor = schedule(self.progress, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        return float(loss.detach())


def has_fast_half(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32: on CUDA, and on processors with AMX (others take twice as long)."""
    if device.type == "cpu":
        return getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return device.type == "cuda"


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
