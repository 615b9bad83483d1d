"""Networks that others trained: what their answers become."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from external_files import OF_HINTS, Float, Writer, as_onnx, colors, decoded, halves, photo_file, run, save_script
from skimage.color import rgb2lab

from hybrid.bins import ab_bins, annealed_mean, hull_bins, vividness_weight
from hybrid.models.external import bump, pooled_logits, wide_bins
from hybrid.models.weights import ModelError, load_model
from hybrid.photo import read_photo
from hybrid.predict import Predictor


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


@pytest.mark.gpu
def test_a_cuda_device_answers_as_the_processor_does(write: Writer) -> None:
    model, light = load_model(str(write())), halves(64, 64)
    on_cpu = Predictor(model, "cpu").predict(light).log_probability
    np.testing.assert_allclose(Predictor(model, "cuda").predict(light).log_probability, on_cpu, atol=1e-3)
