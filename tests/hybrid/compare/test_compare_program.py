"""`hybrid compare` from file to table and sheet."""

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import typer
from made_scenes import even, step
from PIL import Image
from typer.testing import CliRunner, Result

from hybrid.cli import app
from hybrid.color import lab_from_linear
from hybrid.compare import tune
from hybrid.compare.filters import CLEAN, FILTERS, NOISY
from hybrid.compare.scene import Scene, picture_of


def color_png(path: Path, scene: Scene) -> Path:
    path.write_bytes(imagecodecs.png_encode(picture_of(scene.lightness, scene.ab)))
    return path


def run(*words: Any) -> Result:
    return CliRunner().invoke(app, ["compare", *(str(word) for word in words)])


def test_from_file_to_json_and_sheet(tmp_path: Path) -> None:
    photo, out = color_png(tmp_path / "step.png", step()), tmp_path / "new" / "out"
    result = run(photo, "--grid", 16, "--methods", "recipe,bilinear", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    report, total = (json.loads(line) for line in result.stdout.splitlines())
    assert (report["status"], report["input"], report["cells"]) == ("ok", str(photo), [16, 12])
    assert list(report["scores"]) == ["bilinear", "bicubic", "recipe"]
    assert report["scores"]["recipe"]["edge_p95"] < 0.8 * report["scores"]["bicubic"]["edge_p95"]
    assert total["methods"]["recipe"]["wins"] == total["methods"]["recipe"]["ahead"] == 1
    assert sorted(path.name for path in out.iterdir()) == ["compare.jsonl", "step.compare-oracle-16.png"]
    assert json.loads((out / "compare.jsonl").read_text())["scores"] == report["scores"]
    sheet = np.asarray(Image.open(report["sheet"]))
    truth = lab_from_linear((sheet / np.float32(255)) ** np.float32(2.2))[1]
    assert np.abs(truth).max() > 20
    grey = sheet[34:120, 8:120].astype(int)
    assert (grey.max(-1) == grey.min(-1)).all()


def test_a_person_reads_a_table(tmp_path: Path) -> None:
    photo = color_png(tmp_path / "step.png", step())
    result = run(photo, "--grid", 16, "--methods", "recipe,recipe_unfused")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "oracle, 1 of 1 photos" in lines[0]
    (row,) = (line.split() for line in lines if line.strip().startswith("recipe "))
    assert float(row[1]) < 0.8
    assert lines[-1].startswith("skipped recipe_unfused: ")
    assert list(tmp_path.iterdir()) == [photo]


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path) -> None:
    photo, grey = color_png(tmp_path / "step.png", step()), color_png(tmp_path / "grey.png", even(ab=(0, 0)))
    few = ("--grid", 16, "--methods", "bilinear")
    for words, code, said in (
        ((grey,), 3, f"cannot compare on {grey}: it is grey; wanted a colour photo"),
        ((tmp_path / "none.png",), 3, "there is no such file"),
        ((photo, tmp_path / "none.png", *few), 4, "there is no such file"),
        ((photo, "--methods", "magic"), 2, "method 'magic' is unknown; wanted some of nearest"),
        ((photo, "--source", "luck"), 2, "source 'luck'; wanted one of oracle"),
        ((photo, "--source", "model", "--model", "grand"), 5, "shipped are"),
        ((photo, "--out", photo), 2, f"cannot write to folder {photo}"),
    ):
        result = run(*words)
        assert result.exit_code == code, result.output
        (line,) = result.stderr.splitlines()
        assert said in line


def test_tuning_prints_the_best_settings_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = [color_png(tmp_path / f"{n}.png", step(column=66 + n)) for n in range(2)]
    tune.main(photos, "oracle", 16, 1.0, "joint_bilateral,guided")
    printed = capsys.readouterr()
    assert printed.err == "0.png …\n"
    lines = [line for line in printed.out.splitlines() if line.startswith("joint_bilateral")]
    ratios = [float(line.rpartition("}: ")[2].partition(",")[0]) for line in lines]
    assert len(ratios) == 5
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.9
    with pytest.raises(typer.BadParameter, match="'luck'; wanted joint_bilateral"):
        tune.main(photos, "luck", 16, 1.0, "guided")
    with pytest.raises(typer.BadParameter, match="there is no such file"):
        tune.main([tmp_path / "none.png"], "oracle", 16, 1.0, "guided")
    assert {name: set(searched) for name, searched in tune.SEARCHED.items()} == {n: set(v) for n, v in CLEAN.items()}
    assert CLEAN.keys() == NOISY.keys() == FILTERS.keys()
