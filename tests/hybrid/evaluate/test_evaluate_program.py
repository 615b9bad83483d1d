"""Damaged copies, sheets, old photographs, and the whole program from photos to files."""

import io
import json
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import typer
from known_colors import GREY, knowing, quarters, smooth
from PIL import Image

from hybrid.color import lab_from_linear, srgb_decode
from hybrid.models.weights import load_model, save_model
from hybrid.photo import Photo
from hybrid.predict import Prediction, Predictor
from hybrid.train.dataset import read_archive
from hybrid.train.evaluate import __main__ as program
from hybrid.train.evaluate import pictures, sheets, variants
from hybrid.train.evaluate.hint_sweep import hint_sweep
from hybrid.train.evaluate.old import is_true_color, small_scene, small_shape
from hybrid.train.evaluate.pictures import Decoding, decoded, scene_of, stretched
from hybrid.train.evaluate.sheets import TILE, Row, extremes, sheet


def test_variants_are_what_film_and_time_do() -> None:
    scene = scene_of(quarters(64))
    damaged = {name: make(scene, np.random.default_rng(0)) for name, make in variants.VARIANTS.items()}
    assert (damaged["clean"] == scene.lightness).all()
    red, blue = (slice(0, 32), slice(0, 32)), (slice(32, 64), slice(0, 32))
    change = damaged["orthochromatic"] - scene.lightness
    assert change[red].mean() < -10 < 10 < change[blue].mean()
    assert damaged["faded"].min() >= 22
    assert damaged["faded"].max() <= 82
    noise = (damaged["grainy"] - scene.lightness)[4:28, 4:28]
    assert float(noise.std()) == pytest.approx(variants.GRAIN, rel=0.1)
    assert np.abs(np.diff(damaged["blurred"])).max() < np.abs(np.diff(scene.lightness)).max() / 3
    np.testing.assert_allclose(damaged["blurred"].mean(), scene.lightness.mean(), rtol=1e-3)
    white = scene_of(np.full((4, 4, 3), 255, np.uint8))
    np.testing.assert_allclose(variants.orthochromatic(white), 100, atol=1e-3)


def test_damage_costs_what_the_network_no_longer_recognises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", 64)
    scores = variants.variant_scores(knowing(side=64), [quarters(64)], GREY)
    assert scores["clean"]["psnr_db"] is None  # type: ignore[index]
    assert scores["faded"]["ab_error"] > scores["clean"]["ab_error"]  # type: ignore[index]
    unsure = [variants.variant_scores(knowing(sharpness=0.002, side=64), [quarters(64)], GREY) for _ in range(2)]
    assert unsure[0]["clean"]["cost_db"] == 0  # type: ignore[index]
    assert unsure[0]["orthochromatic"]["cost_db"] > 0.5  # type: ignore[index]
    assert unsure[0] == unsure[1]


def test_decoding_keeps_the_lightness_and_takes_the_most_likely_colour() -> None:
    scene = stretched(quarters())
    prediction = knowing().predict(scene.lightness)
    assert (decoded(prediction, Decoding(0.0, 0.0), scene.lightness) == scene.rgb).all()
    certain = np.log(np.array([1e-30, 1], np.float32)).reshape(2, 1, 1)
    red = Prediction(certain, np.array([[0, 0], [50, 30]], np.float32), np.full(2, 0.5, np.float32), np.ones((1, 1)))  # type: ignore[arg-type]
    shown = scene_of(decoded(red, Decoding(1.0, 0.0), np.full((4, 4), 50, np.float32)))
    np.testing.assert_allclose(shown.lightness, 50, atol=0.4)
    np.testing.assert_allclose(shown.ab, np.broadcast_to([50, 30], (4, 4, 2)), atol=0.6)


def test_sheets_hold_their_pictures_and_extremes_are_in_order() -> None:
    wide = np.full((20, 40, 3), (10, 200, 30), np.uint8)
    image = np.asarray(sheet(("left", "right"), [Row([wide, wide[:, ::-1]], "first"), Row([wide, wide], "second")]))
    green = (image == (10, 200, 30)).all(-1)
    assert green.sum() == 4 * TILE * (TILE // 2)
    assert (image[:20] < 100).any(), "the headings are written"
    best, worst = extremes([5.0, 1.0, 9.0, 3.0, 2.0, 8.0, 7.0])
    assert best == [1, 4, 3, 0, 6, 5]
    assert worst == [2, 5, 6, 0, 3, 4]


def test_colours_of_a_scene_are_told_from_the_tone_of_paper() -> None:
    assert is_true_color(scene_of(smooth(3)))
    assert not is_true_color(scene_of(sepia_print()))
    assert small_shape((2000, 3000)) == (256, 384)
    assert small_shape((100, 300)) == (100, 300)
    lightness, ab = lab_from_linear(srgb_decode(quarters(64) / np.float32(255)))
    assert (small_scene(Photo(lightness, ab)).rgb == quarters(64)).all()
    with pytest.raises(ValueError, match="read without its colours; use"):
        small_scene(Photo(lightness))


def sepia_print() -> np.ndarray:
    tone = smooth(9, (60, 80)).mean(-1, keepdims=True) / 255
    return (tone * (250, 225, 180) + (1 - tone) * (30, 15, 5)).astype(np.uint8)


def data_folder(folder: Path, count: int) -> Path:
    (folder / "bw").mkdir(parents=True)
    with zipfile.ZipFile(folder / "val.zip", "w") as archive:
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(smooth(number)).save(file, "PNG")
            archive.writestr(f"{number}.png", file.getvalue())
    Image.fromarray(smooth(20)).save(folder / "bw" / "plate.jpg", quality=95)
    Image.fromarray(sepia_print()).save(folder / "bw" / "street.jpg", quality=95)
    return folder


def quick_model(path: Path) -> str:
    """A copy of the shipped model that looks at photos very small."""
    model = load_model("lite")
    save_model(path, model.network, model.bins, model.prior, {**model.card, "input_side": 48})
    return str(path)


def test_the_whole_program_from_photos_to_report_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", 48)
    monkeypatch.setattr(sheets, "EXTREMES", 2)
    monkeypatch.setattr(program, "hint_sweep", partial(hint_sweep, counts=(0, 5)))
    data, out, copy = data_folder(tmp_path / "data", 7), tmp_path / "out", tmp_path / "new" / "own.safetensors"
    model = quick_model(tmp_path / "quick.safetensors")
    program.main(data, model, out, 6, hints=1, variants=2, out_model=copy, device="cpu")
    report = json.loads((out / "report.json").read_text())
    assert (report["photos"], report["hints"]["photos"], report["variants"]["photos"]) == (6, 1, 2)
    for part in ("table", "artifacts"):
        assert {"truth", "grey", "sepia", "T 0.0 vividness 0.0", "T 0.5 vividness 0.15"} <= report[part].keys()
    assert report["artifacts"]["truth"] == report["artifacts"]["grey"]
    assert report["old"].keys() == {"plate"}
    assert (report["calibration"]["fitted_on"], report["calibration"]["reported_on"]) == (3, 3)
    assert {"grey", "sepia"} <= report["variants"].keys() & report["old"]["plate"].keys()
    assert (out / "report.md").read_text().count("|---|") >= 10
    for name in ("fixed", "best", "worst", "old", "plates", "curves"):
        with Image.open(out / f"{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 10, name
    assert not list(tmp_path.rglob("*.part"))
    fitted = report["calibration"]["temperature"]
    calibrated = load_model(str(copy))
    assert calibrated.card["temperature"] == fitted
    assert calibrated.card["scores"]["photos"] == 3
    again, _ = program.measured(Predictor(calibrated, "cpu"), read_archive(data / "val.zip")[:6], {})
    assert again["calibration"]["card_temperature"] == fitted
    assert again["calibration"]["temperature"] == pytest.approx(fitted, rel=5e-3), "it is fitted to the raw logits"
    for name in ("before", "after"):
        old, new = report["calibration"][name], again["calibration"][name]
        assert new["cross_entropy"] == pytest.approx(old["cross_entropy"], rel=1e-3)
    assert again["distribution"]["T 1.0 vividness 0.0"] != report["distribution"]["T 1.0 vividness 0.0"]


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data", 3)
    with pytest.raises(typer.BadParameter, match=r"no val\.zip in it; wanted a folder with an archive"):
        program.main(tmp_path)
    with pytest.raises(typer.BadParameter, match="3 photos; wanted at least 4, half of them to fit on"):
        program.main(data, out=tmp_path / "out")
    with pytest.raises(typer.BadParameter, match="model 'none': not found; shipped are"):
        program.main(data, "none")
    with pytest.raises(typer.BadParameter, match=r"wanted a name that ends in \.safetensors"):
        program.main(data, out_model=tmp_path / "copy.pt")
    assert not (tmp_path / "out").exists()
