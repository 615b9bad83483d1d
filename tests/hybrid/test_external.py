"""Colorizers of other programs: their colours come through, from file to file, and what does not fit is refused."""

import io
import json
import re
import sys
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
from skimage.color import rgb2lab
from torch import nn
from typer.testing import CliRunner

from hybrid.bins import ab_bins, annealed_mean, hull_bins, vividness_weight
from hybrid.cli import app
from hybrid.models.external import bump, load_external, pooled_logits, wide_bins
from hybrid.models.weights import ModelError, load_model
from hybrid.photo import read_photo
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


@pytest.fixture(params=["onnx", "pt"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Writer:
    """Writes the 1 × 1 convolution as a file of either kind."""
    by_kind = {"onnx": as_onnx, "pt": as_script}[request.param]
    return lambda *words, **named: by_kind(tmp_path / f"own.{request.param}", *words, **named)


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


@pytest.mark.parametrize(("temperature", "most"), [(1.0, 0.11), (0.7, 0.11), (0.38, 0.11), (0.3, 0.11), (0.2, 0.5)])
@pytest.mark.parametrize("vividness", [0.0, 0.15, 1.0])
def test_a_regressions_colour_comes_back_from_its_distribution(
    temperature: float, most: float, vividness: float
) -> None:
    cube = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3), -1).reshape(1, -1, 3)
    ab, bins = rgb2lab(cube)[..., 1:].astype(np.float32), wide_bins()
    logits = bump(torch.from_numpy(np.moveaxis(ab, -1, 0)[None].copy()), torch.from_numpy(bins))[0].numpy()
    lift = np.log(vividness_weight(np.full(len(bins), 1 / len(bins), np.float32), vividness))
    back = annealed_mean(logits + lift[:, None, None], bins, temperature)
    assert np.abs(back - ab).max() < most


def test_a_colour_that_no_photo_has_is_made_paler_and_keeps_its_hue() -> None:
    wild = torch.tensor([[150.0, -30.0], [75.0, -120.0]]).view(1, 2, 1, 2)
    bins = wide_bins()
    back = annealed_mean(bump(wild, torch.from_numpy(bins))[0].numpy(), bins, 0.38)
    np.testing.assert_allclose(back[0], [[110, 55], [-27.5, -110]], atol=0.1)


def test_logits_are_pooled_as_probabilities() -> None:
    share = torch.tensor([[0.9, 0.1], [0.5, 0.5]]).view(1, 2, 1, 2)  # [bin, cell]
    pooled = pooled_logits((share * 7).log(), (1, 1)).softmax(1)
    torch.testing.assert_close(pooled.flatten(), torch.tensor([0.9 / 1.4 + 0.1 / 0.6, 0.5 / 1.4 + 0.5 / 0.6]) / 2)


def test_colours_of_a_free_size_follow_the_photo(write: Writer) -> None:
    path = write()
    predictor = Predictor(load_model(str(path)), "cpu")
    assert predictor.input_shape((300, 600)) == (192, 352)
    assert predictor.input_shape((1, 2000)) == (32, 768)
    light = halves(300, 600)
    got = decoded(path, light)
    assert got.shape == (48, 88, 2), "a cell for 4 × 4 pixels, though the file answers for every one"
    np.testing.assert_allclose(got[:, :43], np.broadcast_to(colors(30), (48, 43, 2)), atol=0.3)
    np.testing.assert_allclose(got[:, 45:], np.broadcast_to(colors(80), (48, 43, 2)), atol=0.3)


@pytest.mark.parametrize("shape", [(90, 61), (400, 1000), (1, 1)])
def test_a_fixed_size_is_kept_and_its_answer_stretched_back(write: Writer, shape: tuple[int, int]) -> None:
    path = write(size=(64, 96))
    model = load_model(str(path))
    assert model.card["input_size"] == [64, 96]
    assert Predictor(model, "cpu", side=500).input_shape(shape) == (64, 96)
    light = halves(*shape)
    got = decoded(path, light)
    assert got.shape == (16, 24, 2)
    np.testing.assert_allclose(got[:, :10], np.broadcast_to(colors(light[0, 0]), (16, 10, 2)), atol=0.3)
    np.testing.assert_allclose(got[:, 14:], np.broadcast_to(colors(light[0, -1]), (16, 10, 2)), atol=0.3)


def test_a_graph_of_one_fixed_edge_takes_the_other_from_the_card(tmp_path: Path) -> None:
    path = as_onnx(tmp_path / "own.onnx", size=(64, "W"), texts={"card": '{"input_side": 96}'})
    assert load_model(str(path)).card["input_size"] == [64, 96]


def test_hints_are_heard_where_there_is_an_input_for_them(write: Writer) -> None:
    path = write(OF_HINTS, (0.0, 0.0), size=(32, 32))
    assert load_model(str(path)).card["hints"] is True
    light, hints = halves(32, 32), np.zeros((32, 32, 3), np.float32)
    assert np.abs(decoded(path, light)).max() < 0.1, "no hints are hints of zero"
    hints[:, 16:] = (60, -20, 1)
    got = decoded(path, light, hints)
    np.testing.assert_allclose(got[:, 4:], np.broadcast_to((30.0, -10.0), (8, 4, 2)), atol=0.1)
    assert np.abs(got[:, :4]).max() < 0.1


def test_hints_for_a_file_without_an_input_for_them_change_nothing(write: Writer) -> None:
    path, light = write(size=(32, 32)), halves(32, 32)
    assert load_model(str(path)).card["hints"] is False
    assert (decoded(path, light, np.ones((32, 32, 3), np.float32)) == decoded(path, light)).all()


@pytest.mark.parametrize("table", [ab_bins, hull_bins])
def test_logits_over_our_bins_are_a_distribution(write: Writer, table: Callable[[], Float]) -> None:
    bins = table()
    slope, offset = np.zeros((len(bins), 1)), np.full(len(bins), -9.0)
    slope[3], offset[3], offset[200] = 0.2, 0.0, 10.0  # bin 3 wins where L* is above 50
    prediction = Predictor(load_model(str(write(slope, offset, size=(64, 64)))), "cpu").predict(halves(64, 64))
    assert (prediction.bins == bins).all()
    np.testing.assert_allclose(np.exp(prediction.log_probability).sum(0), 1, atol=1e-4)
    winner = prediction.log_probability.argmax(0)
    assert (winner[:, :7] == 200).all()
    assert (winner[:, 9:] == 3).all()


def test_a_file_brings_bins_of_its_own(write: Writer) -> None:
    own = [[10.0, 20.0], [-30.0, 5.0]]  # two of them: no regression, since the file says so
    path = write(((0.0,), (0.2,)), (10.0, 0.0), texts={"ab_bins": json.dumps(own)})
    model = load_model(str(path))
    assert (model.bins == np.array(own)).all()
    assert model.card["answers"] == "logits over 2 bins"
    got = decoded(path, halves(64, 64), temperature=0.0)
    np.testing.assert_allclose(got[0, [0, -1]], own)


def test_the_card_of_a_file_is_heeded_and_told(write: Writer) -> None:
    said = {"input_side": 64, "temperature": 2.0, "data": "a hundred postcards"}
    model = load_model(str(write(texts={"card": json.dumps(said)})))
    kind = "ONNX" if model.name.endswith(".onnx") else "TorchScript"
    ours = {"architecture": kind, "hints": False, "input_multiple": 32, "answers": "a*b*"}
    assert model.card == {**said, **ours}
    assert Predictor(model, "cpu").input_shape((500, 500)) == (64, 64)
    mild = Predictor(model, "cpu").predict(halves(64, 64)).log_probability
    sharp = Predictor(load_model(str(write())), "cpu", side=64).predict(halves(64, 64)).log_probability
    np.testing.assert_allclose(np.ptp(mild, 0) * 2, np.ptp(sharp, 0), rtol=1e-3)


def test_no_more_cells_than_128_a_side(write: Writer) -> None:
    assert decoded(write(size=(600, 40)), halves(50, 50)).shape == (128, 10, 2)


def test_our_network_as_torchscript_answers_as_itself(tmp_path: Path) -> None:
    network = load_model("lite").network
    light, hints = 100 * torch.rand(1, 1, 64, 96), torch.zeros(1, 3, 64, 96)
    hints[:, :, 8:24, 8:24] = torch.tensor([40.0, -30.0, 1.0]).view(1, 3, 1, 1)
    text = {"card": '{"input_size": [64, 96]}'}
    external = load_model(str(save_script(tmp_path / "lite.pt", network, light, hints, texts=text)))
    with torch.inference_mode():
        torch.testing.assert_close(external.network(light, hints), network(light, hints), atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(external.network(light), network(light), atol=1e-3, rtol=1e-3)


def run(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_colours_come_through_the_whole_program(write: Writer, tmp_path: Path) -> None:
    model, grey, target = write(), photo_file(tmp_path / "grey.tif"), tmp_path / "color.tif"
    result = run("colorize", grey, "-o", target, "--model", model, "--device", "cpu", "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    report = json.loads(result.stdout)
    assert report["model"]["name"] == str(model)
    assert report["model"]["card"]["answers"] == "a*b*"
    photo, color = read_photo(grey), read_photo(target, keep_color=True)
    assert color.ab is not None
    for side in (np.s_[:, :24], np.s_[:, 40:]):
        wanted = colors(photo.lightness[side].mean())
        np.testing.assert_allclose(color.ab[side].mean((0, 1)), wanted, atol=1.5)
    np.testing.assert_allclose(color.lightness, photo.lightness, atol=0.05)


def test_vividness_leaves_a_regression_alone(write: Writer, tmp_path: Path) -> None:
    model, grey = write(), photo_file(tmp_path / "grey.tif")
    written = []
    for vividness in (0, 1):
        target = tmp_path / f"{vividness}.tif"
        assert run("colorize", grey, "-o", target, "--model", model, "--vividness", vividness).exit_code == 0
        written.append(tifffile.imread(target).astype(int))
    assert np.abs(written[0] - written[1]).max() <= 8  # of 65535


def test_a_batch_is_coloured_by_one_file(write: Writer, tmp_path: Path) -> None:
    photos = [photo_file(tmp_path / f"{name}.tif") for name in "ab"]
    (tmp_path / "out").mkdir()
    result = run("colorize", *photos, "-o", tmp_path / "out", "--model", write(), "--device", "cpu", "--json")
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == ["ok", "ok", "summary"]
    first, second = (tifffile.imread(tmp_path / "out" / photo.name).astype(int) for photo in photos)
    assert np.abs(first - second).max() <= 4, "workers may have different numbers of threads"


def test_a_report_names_no_model_where_there_is_none(tmp_path: Path) -> None:
    grey, target = photo_file(tmp_path / "grey.tif"), tmp_path / "color.tif"
    assert json.loads(run("colorize", grey, "-o", target, "--model", "none", "--json").stdout)["model"] is None


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


def test_the_help_tells_of_both_kinds() -> None:
    text = " ".join(re.sub("[│ \n]+", " ", run("colorize", "--help").stdout).split())
    for word in (".onnx", "extra onnx", "TorchScript", ".pt", "a*, b*", "only files that you trust"):
        assert word in text


def test_an_answer_may_turn_bad_later(write: Writer) -> None:
    model = load_model(str(write(OF_HINTS, (0.0, 0.0), size=(32, 32))))
    hints = np.full((32, 32, 3), 1000, np.float32)
    with pytest.raises(ModelError, match=r"own\.\w+: answers a\*b\* up to 500; wanted CIELAB units within ±200"):
        Predictor(model, "cpu").predict(halves(32, 32), hints)
    hints[0, 0, 0] = np.nan
    with pytest.raises(ModelError, match="answers NaN or infinite numbers; wanted finite ones"):
        Predictor(model, "cpu").predict(halves(32, 32), hints)


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


@pytest.mark.gpu
def test_a_cuda_device_answers_as_the_processor_does(write: Writer) -> None:
    model, light = load_model(str(write())), halves(64, 64)
    on_cpu = Predictor(model, "cpu").predict(light).log_probability
    np.testing.assert_allclose(Predictor(model, "cuda").predict(light).log_probability, on_cpu, atol=1e-3)
