"""Trained weights: a safetensors file in half precision, with a card of the same name beside it.

`load_model` also opens the network files of other programs; see `hybrid.models.external`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from hybrid.hints import sha256_of
from hybrid.models import MODELS, build
from hybrid.models.external import load_external
from hybrid.models.graphs import GRAPHS
from hybrid.models.trained import ModelError, TrainedModel, on_one_line

SHIPPED = Path(__file__).parent
PRIOR = "prior"


def shipped_models() -> dict[str, dict[str, Any]]:
    """Name -> card of every model that is part of the package."""
    return {
        path.stem: json.loads(path.with_suffix(".json").read_text()) for path in sorted(SHIPPED.glob("*.safetensors"))
    }


def load_model(name: str) -> TrainedModel:
    """Load a shipped model by name, any file that `save_model` wrote, or an ONNX or TorchScript file.

    Raises
    ------
    ModelError
        No such name or file, an unreadable file, or weights that do not fit the architecture they name.
    """
    if Path(name).suffix.lower() in GRAPHS:
        return load_external(name)
    path = Path(name) if name.endswith(".safetensors") else SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        known = ", ".join(shipped_models()) or "none"
        raise ModelError(
            f"model {name!r}: not found; shipped are: {known}; a FILE must end in .safetensors, .onnx or .pt"
        )
    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "null"))
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"model {path}: not a readable safetensors file ({error})") from None
    architecture = card.get("architecture") if isinstance(card, dict) else None
    if not isinstance(architecture, str) or architecture not in MODELS or not {PRIOR, "bins"} <= state.keys():
        raise ModelError(f"model {path}: no card of a known architecture in it; wanted one of {', '.join(MODELS)}")
    prior, bins = state.pop(PRIOR).numpy(), state.pop("bins").numpy()
    try:
        network = build(architecture, bins)
        missing = network.load_state_dict(state, strict=False)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"model {path}: its weights do not fit {architecture!r} ({on_one_line(str(error))})") from None
    absent = [key for key in missing.missing_keys if not key.endswith("num_batches_tracked")]
    if absent or missing.unexpected_keys:
        raise ModelError(f"model {path}: weights missing or unknown: {(absent + missing.unexpected_keys)[:3]}")
    return TrainedModel(network.eval().requires_grad_(False), bins, prior / prior.sum(), card, name, sha256_of(path))


def save_model(
    path: Path, network: nn.Module, bins: NDArray[np.float32], prior: NDArray[np.float32], card: dict[str, Any]
) -> None:
    """Write weights in half precision with the card inside, and the card again as JSON beside; whole or not at all."""
    state = {
        key: value.detach().half().contiguous()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    state[PRIOR], state["bins"] = torch.from_numpy(prior).float(), torch.from_numpy(bins.copy()).float()
    temporary = path.with_suffix(".part")
    save_file(state, temporary, metadata={"card": json.dumps(card)})
    temporary.replace(path)
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
