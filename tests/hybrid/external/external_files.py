"""Networks of ours as files of other programs."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from typer.testing import CliRunner

from hybrid.bins import annealed_mean
from hybrid.cli import app
from hybrid.models.weights import ModelError, load_model
from hybrid.predict import Predictor

Float = NDArray[np.float32]
SLOPE, OFFSET = ((0.6,), (-0.2,)), (-30.0, 25.0)
"""The colorizer of most tests: a* = .6 L* - 30, b* = -.2 L* + 25, pixel by pixel."""
OF_HINTS = ((0.0, 0.5, 0.0, 0.0), (0.0, 0.0, 0.5, 0.0))


def colors(lightness: Any) -> Float:
    """What that colorizer answers to L*."""
    light = np.asarray(lightness, np.float32)[..., None]
    return (light * np.array(SLOPE, np.float32)[:, 0] + np.array(OFFSET, np.float32)).astype(np.float32)


def edge_of(edges: Any, name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(edges))


def save_onnx(
    path: Path,
    inputs: list[Any],
    nodes: list[Any],
    tables: dict[str, Any],
    outputs: tuple[str, ...] = ("ab",),
    texts: dict[str, str] | None = None,
) -> Path:
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    weights = [numpy_helper.from_array(np.array(table, np.float32), name) for name, table in tables.items()]
    graph = helper.make_graph(nodes, "colorizer", inputs, results, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, texts or {})
    onnx.save(model, path)
    return path


def as_onnx(
    path: Path, weight: Any = SLOPE, bias: Any = OFFSET, texts: dict[str, str] | None = None, size: Any = ("H", "W")
) -> Path:
    """A 1 × 1 convolution of L*, or of L* and hints where `weight` has four columns, as an ONNX file."""
    columns = np.array(weight, np.float32)
    inputs, nodes = [edge_of((1, 1, *size), "L")], []
    if columns.shape[1] == 4:
        inputs.append(edge_of((1, 3, *size), "hints"))
        nodes.append(helper.make_node("Concat", ["L", "hints"], ["planes"], axis=1))
    nodes.append(helper.make_node("Conv", [nodes[0].output[0] if nodes else "L", "weight", "bias"], ["ab"]))
    return save_onnx(path, inputs, nodes, {"weight": columns[:, :, None, None], "bias": bias}, texts=texts)


def save_script(path: Path, module: nn.Module, *examples: torch.Tensor, texts: dict[str, str] | None = None) -> Path:
    """Write TorchScript; only what writing it warns of is not heard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module.eval(), examples) if examples else torch.jit.script(module)
        torch.jit.save(traced, str(path), _extra_files={f"{key}.json": text for key, text in (texts or {}).items()})
    return path


class Pixelwise(nn.Module):
    def __init__(self, weight: Any, bias: Any) -> None:
        super().__init__()
        table = torch.tensor(np.array(weight, np.float32))
        self.conv = nn.Conv2d(table.shape[1], len(table), 1)
        self.conv.weight.data.copy_(table[:, :, None, None])
        self.conv.bias.data.copy_(torch.tensor(bias))  # type: ignore[union-attr]

    def forward(self, *planes: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.cat(planes, 1))


def as_script(
    path: Path, weight: Any = SLOPE, bias: Any = OFFSET, texts: dict[str, str] | None = None, size: Any = None
) -> Path:
    """The same network as TorchScript; a fixed size goes into its card."""
    examples = [torch.zeros(1, 1, 8, 8), torch.zeros(1, 3, 8, 8)][: 1 + (np.array(weight).shape[1] == 4)]
    card = {"card": json.dumps({"input_size": list(size)})} if size else {}
    return save_script(path, Pixelwise(weight, bias), *examples, texts={**card, **(texts or {})})


Writer = Callable[..., Path]


def halves(height: int, width: int) -> Float:
    """L* 30 on the left, 80 on the right."""
    return np.where(np.arange(width) < width / 2, 30.0, 80.0).astype(np.float32)[None].repeat(height, 0)


def decoded(path: Path, lightness: Float, hints: Float | None = None, temperature: float = 0.38) -> Float:
    prediction = Predictor(load_model(str(path)), "cpu").predict(lightness, hints)
    return annealed_mean(prediction.log_probability, prediction.bins, temperature)


def photo_file(path: Path) -> Path:
    values = np.full((48, 64), 16000, np.uint16)
    values[:, 32:] = 45000
    tifffile.imwrite(path, values, photometric="minisblack")
    return path


def refusal(name: Any) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(str(name))
    text = str(caught.value)
    assert "\n" not in text
    assert str(name) in text
    return text


def run(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])
