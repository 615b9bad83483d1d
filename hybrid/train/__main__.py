"""`python -m hybrid.train`: train a model, score it, and write its weights with a card."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: threads that spin starve other programs

from hybrid.bins import BINS, named_bins
from hybrid.models import MODELS, build
from hybrid.models.weights import load_model, save_model
from hybrid.predict import Predictor, pick_device
from hybrid.train.dataset import read_archive
from hybrid.train.evaluate import evaluate
from hybrid.train.evaluate.calibration import temperature_on
from hybrid.train.history import draw_history
from hybrid.train.loop import bins_of, train
from hybrid.train.ranks import joined
from hybrid.train.training import TrainSettings

LIMITS = (
    "Trained on small photographs of everyday scenes of about 2000-2020, for research use; dull where it has not seen "
    "a thing in colour. Colours are guesses, not evidence of what was there."
)


def budget_of(text: str) -> tuple[float, int | None]:
    """Seconds and steps of "90s", "60m" or "2h" of time, or of "500steps".

    Raises
    ------
    typer.BadParameter
        Anything else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])|([1-9]\d*)steps", text)
    if match is None:
        raise typer.BadParameter(f"budget {text!r}; wanted a number and s, m, h or steps, as in 60m or 500steps")
    if match[3]:
        return math.inf, int(match[3])
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]], None


def main(
    data: Annotated[Path, typer.Option(help="Folder with train-*.zip, tiny/*.avif and val.zip.")],
    model: Annotated[str, typer.Option(help=f"One of: {', '.join(MODELS)}.")] = "lite",
    budget: Annotated[
        str, typer.Option(help="Time or steps (60m, 500steps), earlier parts of a resumed run included.")
    ] = "60m",
    run: Annotated[Path, typer.Option(help="Folder for checkpoints, log and decoded photos; resumed if there.")] = Path(
        "runs"
    ),
    encoder: Annotated[Path | None, typer.Option(help="ImageNet weights of the encoder (.pth) to start from.")] = None,
    start: Annotated[Path | None, typer.Option(help="A .safetensors model to train on from.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where weights and card go; MODEL.safetensors if left out.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.")] = 0,
    seed: Annotated[int, typer.Option(help="Of every random draw.")] = 0,
    bins: Annotated[str, typer.Option(help=f"Colours that answers range over, one of: {', '.join(BINS)}.")] = "grid10",
    batch: Annotated[int, typer.Option(min=2, help="Photos a step, in each process.")] = 32,
    size: Annotated[int, typer.Option(min=32, help="Pixels a side of a photo in training.")] = 128,
    thumbnails: Annotated[float, typer.Option(min=0, max=1, help="Share of steps on thumbnails, at first.")] = 0.3,
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the photos to use, for learning curves.")] = 1.0,
    old: Annotated[float, typer.Option(min=0, max=1, help="Of the photos, those seen as old photographs.")] = 0.5,
) -> None:
    """Train a model on small colour photos and write it as a .safetensors file that `hybrid --model FILE` takes.

    On several GPUs: torchrun --nproc-per-node N -m hybrid.train ...
    """
    if model not in MODELS:
        raise typer.BadParameter(f"model {model!r}; wanted one of {', '.join(MODELS)}")
    if bins not in BINS:
        raise typer.BadParameter(f"bins {bins!r}; wanted one of {', '.join(BINS)}")
    if threads:
        torch.set_num_threads(threads)
    seconds, steps = budget_of(budget)
    settings = TrainSettings(
        model,
        data,
        run,
        seconds,
        batch,
        size,
        encoder=encoder,
        start=start,
        seed=seed,
        bins=bins,
        thumbnails=thumbnails,
        share=share,
        steps=steps,
        old=old,
    )
    photos = read_archive(data / "val.zip")
    with joined(pick_device(device)) as rank:
        checkpoint = train(settings, rank)
    if rank.number == 0:
        log = run / f"{model}.jsonl"
        if log.exists():
            draw_history(log, log.with_suffix(".png"))
        export(checkpoint, out or Path(f"{model}.safetensors"), photos)


def export(checkpoint: Path, out: Path, photos: list) -> None:
    """Write the averaged weights of a checkpoint, calibrated on one half of `photos` and scored on the other.

    Parameters
    ----------
    checkpoint : from `train`
    out : the .safetensors file
    photos : (H, W, 3) uint8 each, never trained on; the first half decides on the temperature, as it did on the size of
        the input
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    name, bins, prior = state["settings"]["model"], named_bins(bins_of(state)), state["prior"].numpy()
    network = build(name, bins)
    network.load_state_dict(
        {k.removeprefix("module."): v for k, v in state["training"]["average"].items() if k != "n_averaged"}
    )
    progress, begun = state["training"], origin(state["settings"])
    earlier = begun["photos_seen"] if isinstance(begun, dict) else 0
    card = {
        "architecture": name,
        "input_side": network.SIDE,
        "training": {
            "steps": progress["step"],
            "photos_seen": earlier + progress["step"] * state["settings"]["batch"],
            "minutes": round(progress["spent"] / 60),
            "started_from": begun,
        },
        "data": "36,488 small photos of public research collections and 81,920 thumbnails; research use",
        "limits": LIMITS,
    }
    half = len(photos) // 2
    save_model(out, network, bins, prior, card)
    card["temperature"] = round(temperature_on(Predictor(load_model(str(out)), "cpu"), photos[:half]), 3)
    save_model(out, network, bins, prior, card)
    card["scores"] = evaluate(Predictor(load_model(str(out)), "cpu"), photos[half:])
    save_model(out, network, bins, prior, card)


def origin(settings: dict[str, Any]) -> str | dict[str, Any]:
    """What a run's first weights were; of a model that was trained on, what its own card says of its training."""
    if settings.get("start"):
        return dict(load_model(settings["start"]).card["training"])
    if not settings["encoder"]:
        return "random weights"
    return "EfficientNet-Lite0, ImageNet (Apache-2.0)" if settings["model"] == "lite" else "VGG16, ImageNet"


if __name__ == "__main__":
    typer.run(main)
