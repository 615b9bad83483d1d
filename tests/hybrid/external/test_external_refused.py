"""Networks that others trained: what is refused, and in which words."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from external_files import Writer, as_onnx, as_script, edge_of, photo_file, refusal, run, save_onnx, save_script
from onnx import TensorProto, helper
from torch import nn

from hybrid.models.external import load_external
from hybrid.models.weights import load_model


def test_a_file_that_cannot_be_loaded_is_exit_code_5(tmp_path: Path) -> None:
    grey = photo_file(tmp_path / "grey.tif")
    for name in ("broken.onnx", "broken.pt", "gone.onnx"):
        if "broken" in name:
            (tmp_path / name).write_bytes(b"garbage" * 50)
        result = run("colorize", grey, "-o", tmp_path / "color.tif", "--model", tmp_path / name)
        assert result.exit_code == 5
        (line,) = result.stderr.splitlines()
        assert line.startswith("hybrid: model ")
        assert name in line
    assert not (tmp_path / "color.tif").exists()


WRONG_TEXTS = [
    ({"ab_bins": "[[1, 2"}, "its ab_bins is no JSON"),
    ({"ab_bins": "[[1, 2], [3]]"}, "its ab_bins are no list of pairs [a, b] within ±200"),
    ({"ab_bins": "[[1, 2], [3, 900]]"}, "its ab_bins are no list of pairs [a, b] within ±200"),
    ({"ab_bins": "[[1, 2], [3, NaN]]"}, "its ab_bins are no list of pairs [a, b] within ±200"),
    ({"ab_bins": "7"}, "its ab_bins are no list of pairs [a, b] within ±200"),
    (
        {"ab_bins": "[[1, 2], [3, 4], [5, 6]]"},
        "answers (1, 2, 256, 288); wanted (1, 3, h, w), one for each of its ab_bins",
    ),
    ({"card": "{"}, "its card is no JSON"),
    ({"card": "[1]"}, "its card is [1]; wanted a JSON object"),
    ({"card": '{"input_side": 0}'}, "its card says input_side 0; wanted a number of pixels"),
    ({"card": '{"input_size": [64]}'}, "its card says input_size [64]; wanted [rows, columns]"),
    ({"card": '{"input_size": 64}'}, "its card says input_size 64; wanted [rows, columns]"),
    ({"card": '{"temperature": "hot"}'}, "its card says temperature 'hot'; wanted a number above 0"),
]


@pytest.mark.parametrize(("texts", "message"), WRONG_TEXTS)
def test_texts_that_cannot_be_are_refused(write: Writer, texts: dict[str, str], message: str) -> None:
    assert message in refusal(write(texts=texts))


def test_answers_that_cannot_be_are_refused(write: Writer) -> None:
    nothing = np.zeros((313, 1))
    assert refusal(write(nothing, nothing[:, 0])).endswith(
        "answers (1, 313, 256, 288); wanted (1, C, h, w), C 2 for a*b* or 247 or 261 for logits over our bins; "
        'other bins go into the file as "ab_bins"'
    )
    assert "answers a*b* up to 500; wanted CIELAB units within ±200" in refusal(write(((5.0,), (0.0,)), (0.0, 0.0)))
    assert "answers NaN or infinite numbers" in refusal(write(((np.nan,), (0.0,)), (0.0, 0.0)))


ANY = (1, 1, "H", "W")
IDENTITY = [helper.make_node("Identity", ["L"], ["ab"])]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            [edge_of((1, 3, 64, 64), "L")],
            "its inputs are L tensor(float) (1, 3, 64, 64); wanted tensor(float) (1, 1, H",
        ),
        ([edge_of((4, 1, "H", "W"), "L")], "its inputs are L tensor(float) (4, 1, H, W); wanted"),
        ([edge_of((1, 64, 64), "L")], "its inputs are L tensor(float) (1, 64, 64); wanted"),
        ([helper.make_tensor_value_info("L", TensorProto.DOUBLE, ANY)], "its inputs are L tensor(double) (1, 1, H, W)"),
        ([edge_of(ANY, "L"), edge_of(ANY, "mask")], "L tensor(float) (1, 1, H, W), mask tensor(float) (1, 1, H, W); w"),
        ([edge_of(ANY, n) for n in ("L", "m", "n")], "its inputs are L tensor(float) (1, 1, H, W), m tensor(float)"),
    ],
)
def test_inputs_that_we_cannot_give_are_refused(tmp_path: Path, inputs: list[Any], message: str) -> None:
    path = tmp_path / "own.onnx"
    if inputs[0].type.tensor_type.elem_type == TensorProto.DOUBLE:
        nodes = [helper.make_node("Cast", ["L"], ["ab"], to=TensorProto.FLOAT)]
        assert message in refusal(save_onnx(path, inputs, nodes, {}))
    else:
        assert message in refusal(save_onnx(path, inputs, IDENTITY, {}))


def test_graphs_of_another_make_are_refused(tmp_path: Path) -> None:
    path, inputs = tmp_path / "own.onnx", [edge_of(ANY, "L")]
    both = [*IDENTITY, helper.make_node("Neg", ["L"], ["class"])]
    assert "has 2 outputs (class, ab); wanted one" in refusal(save_onnx(path, inputs, both, {}, ("class", "ab")))
    flat = [helper.make_node("Flatten", ["L"], ["ab"])]
    assert "answers (1, 73728); wanted (1, C, h, w)" in refusal(save_onnx(path, inputs, flat, {}))
    picky = [helper.make_node("Concat", ["L", "wall"], ["ab"], axis=1)]
    text = refusal(save_onnx(path, inputs, picky, {"wall": np.zeros((1, 1, 64, 64))}))
    assert "fails on 288×256 pixels" in text
    assert text.endswith('if its size is fixed, its card must say so: {"input_size": [rows, columns]}')
    said = {"card": '{"input_size": [64, 64]}'}
    fixed = load_model(str(save_onnx(path, inputs, picky, {"wall": np.zeros((1, 1, 64, 64))}, texts=said)))
    assert fixed.card["input_size"] == [64, 64]


class Pair(nn.Module):
    def forward(self, light: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return light, light


class Tuned(nn.Module):
    def forward(self, light: torch.Tensor, amount: float) -> torch.Tensor:
        return torch.cat([light, light], 1) * amount


class Walled(nn.Module):
    def forward(self, light: torch.Tensor) -> torch.Tensor:
        return torch.cat([light, light], 1) * 0.1 + torch.zeros(1, 2, 64, 64)


def test_torchscript_of_another_make_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.pt"
    assert "answers with tuple; wanted one tensor" in refusal(save_script(path, Pair()))
    assert "its inputs are (light: Tensor, amount: float); wanted one Tensor" in refusal(save_script(path, Tuned()))
    text = refusal(save_script(path, Walled(), torch.zeros(1, 1, 64, 64)))
    assert "fails on 288×256 pixels (RuntimeError: The size of tensor a" in text
    assert text.endswith('its card must say so: {"input_size": [rows, columns]}')


class Trap:
    """A pickle that runs code when it is opened as one."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return pytest.fail, ("the file was unpickled",)


def test_a_file_of_weights_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    path, held = tmp_path / "own.pt", io.BytesIO()
    for value in ({"weight": torch.zeros(3)}, {"weight": Trap()}):
        torch.save(value, path)
        text = refusal(path)
        assert "not a readable TorchScript file" in text
        assert text.endswith("weights alone are no network: write it with torch.jit.trace(...).save, or as ONNX")
    torch.save({"weight": Trap()}, held, _use_new_zipfile_serialization=False)
    path.write_bytes(held.getvalue())
    assert "not a readable TorchScript file" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 50])
@pytest.mark.parametrize(("name", "kind"), [("own.onnx", "ONNX"), ("own.pt", "TorchScript"), ("OWN.ONNX", "ONNX")])
def test_broken_files_are_refused(tmp_path: Path, name: str, kind: str, content: bytes) -> None:
    path = tmp_path / name
    assert refusal(path) == f"model '{path}': not found; wanted a file"
    path.write_bytes(content)
    assert refusal(path).startswith(f"model {path}: not a readable {kind} file (")


def test_a_half_file_is_refused(write: Writer) -> None:
    path = write()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "not a readable" in refusal(path)


def test_files_of_another_ending_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    path.write_bytes(b"garbage")
    assert refusal(path).endswith("a FILE must end in .safetensors, .onnx or .pt")


def test_without_onnxruntime_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_onnx(tmp_path / "x.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert refusal(path) == f"model {path}: needs onnxruntime; try: pip install 'hybrid-colorizer[onnx]'"
    as_script(tmp_path / "x.pt")
    assert load_external(str(tmp_path / "x.pt")).card["architecture"] == "TorchScript"
