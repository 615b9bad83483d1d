"""The recipe taken apart: whole it is the product's, each ingredient does what it says, the tables count right."""

import gc
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import typer
from PIL import Image

from hybrid.compare import ablate, failures, fused
from hybrid.compare.ingredients import ABLATIONS, CLEAN_TRUST, colored, way_of
from hybrid.compare.interpolate import bicubic
from hybrid.compare.scene import Scene, picture_of
from hybrid.compare.sheet import write_sheet
from hybrid.compare.sources import SOURCES
from hybrid.compare.spread import Replayed
from hybrid.metrics import ab_distance
from hybrid.models.weights import load_model
from hybrid.photo import Photo, WriteError
from hybrid.predict import Predictor
from hybrid.scale import L_OFFSET
from hybrid.session import colorize
from hybrid.settings import Settings
from solvers.resident import peak_bytes, reset_peak, resident_bytes

SHAPE = 96, 128
SMALL = 0.004
"""Megapixels: a solve at a third of the scene's size."""


def quarters() -> Scene:
    """Four colours on four surfaces of fine grain; the borders lie inside of cells."""
    lightness = np.random.default_rng(0).normal(0, 0.3, SHAPE).astype(np.float32)
    ab = np.empty((*SHAPE, 2), np.float32)
    for row, column, light, color in (
        (0, 0, 30, (40, 0)),
        (0, 1, 45, (0, 40)),
        (1, 0, 60, (-40, 0)),
        (1, 1, 75, (0, -40)),
    ):
        place = (slice(51) if not row else slice(51, None)), (slice(69) if not column else slice(69, None))
        lightness[place] += light
        ab[place] = color
    return Scene(lightness, ab, lightness)


@pytest.mark.parametrize("megapixels", [1.0, SMALL])
@pytest.mark.parametrize("kind", ["oracle", "degraded", "inconsistent"])
def test_the_whole_recipe_is_what_the_product_does(kind: str, megapixels: float) -> None:
    scene = quarters()
    source = SOURCES[kind](scene, 16, None)
    given = source.colors if source.prediction is None else Replayed(source.prediction)
    expected = colorize(Photo(scene.seen), given, settings=Settings(megapixels=megapixels)).ab
    way = way_of(source, scene.seen, megapixels)
    assert (colored(scene.seen, source, way) == expected).all()
    assert (way.lifted is None) == (megapixels == 1)


def test_an_ingredient_without_a_part_changes_nothing_and_each_other_does() -> None:
    scene = quarters()
    idle = {
        "oracle": {"no_reweighting", "no_fusion", "not_vivid", "mean_color", "clean_trust"},
        "degraded": {"no_contrast", "no_fusion", "not_vivid", "mean_color"},
        "inconsistent": {"no_contrast", "network_trust"},
    }
    for kind, expected in idle.items():
        source = SOURCES[kind](scene, 16, None)
        way = way_of(source, scene.seen, SMALL)
        ways = {name: change(way) for name, change in ABLATIONS.items()}
        assert {name for name, own in ways.items() if own == way} == expected | {"recipe"}
        if kind == "inconsistent":
            whole = colored(scene.seen, source, way)
            same = [
                n
                for n, own in ways.items()
                if own != way and np.abs(colored(scene.seen, source, own) - whole).max() < 0.05
            ]
            assert same == ["not_vivid"], "its prior is uniform"
    still = way_of(SOURCES["oracle"](scene, 16, None), scene.seen)
    assert ABLATIONS["full_size"](still) == ABLATIONS["bicubic_lift"](still) == still


def test_ingredients_do_what_they_say() -> None:
    scene = quarters()
    source = SOURCES["oracle"](scene, 16, None)
    way = replace(way_of(source, scene.seen), contrast=0.0)
    blind = replace(way, links="even", shading=0.0)
    flat = np.full(SHAPE, 50, np.float32)
    np.testing.assert_allclose(colored(scene.seen, source, blind), colored(flat, source, blind), atol=1e-3)
    exact = replace(blind, has_means=False, firmness=1e4, is_limited=False)
    np.testing.assert_allclose(colored(flat, source, exact)[4::8, 4::8], source.colors.ab, atol=0.1)
    shaded = Scene(
        scene.lightness, (scene.lightness[..., None] + np.float32(L_OFFSET)) ** 0.5 * np.float32([3, -2]), flat
    )
    of_shaded = SOURCES["oracle"](shaded, 16, None)
    off = {
        power: float(ab_distance(colored(scene.seen, of_shaded, replace(way, shading=power)), shaded.ab).mean())
        for power in (0.0, 0.5, 1.0)
    }
    assert off[0.5] < 0.4 * min(off[0.0], off[1.0])
    firm = ABLATIONS["clean_trust"](way_of(SOURCES["degraded"](scene, 16, None), scene.seen))
    assert (firm.firmness, firm.reweightings) == CLEAN_TRUST


def test_figures_are_ratios_to_bicubic_and_none_without_a_part() -> None:
    scene = quarters()
    source = SOURCES["oracle"](scene, 16, None)
    found = ablate.measured(scene, source, 1.0, ["recipe", "no_fusion", "even_links"], 2)
    assert found["no_fusion"] is None
    assert found["recipe"]["edge_mean"] < 0.6 * found["even_links"]["edge_mean"] < 0.9
    assert found["recipe"]["seconds"] > 0
    error = ab_distance(colored(scene.seen, source, way_of(source, scene.seen)), scene.ab).mean()
    assert error < 0.6 * ab_distance(bicubic(source.colors.ab, SHAPE), scene.ab).mean()


def test_the_table_has_medians_losses_and_what_is_saved() -> None:
    def row(p95: float, seconds: float) -> dict[str, float]:
        return {"edge_p95": p95, "edge_mean": 0.5, "delta_e": 0.25, "colorfulness": 20 * p95, "seconds": seconds}

    reports = [
        {"recipe": row(0.5, 2.0), "no_limit": row(0.6, 1.5), "no_fusion": None},
        {"recipe": row(0.7, 2.0), "no_limit": row(0.6, 1.0), "no_fusion": None},
        {"recipe": row(0.9, 2.0), "no_limit": row(1.0, 1.0), "no_fusion": None},
    ]
    head, _, whole, limit, fusion = ablate.table(reports).splitlines()
    assert head == "| left out | edge p95 | edge mean | mean ΔE | CF | edges worse on | s/MP | saved |"
    assert whole == "| recipe | 0.700 | 0.500 | 0.250 | 14.0 |  | 2.00 |  |"
    assert limit == "| no_limit | 0.600 | 0.500 | 0.250 | 14.7 | 2 of 3 | 1.17 | +0.83 |"
    assert fusion == "| no_fusion | | | | | | | |"


def color_png(path: Path, scene: Scene) -> Path:
    path.write_bytes(imagecodecs.png_encode(picture_of(scene.lightness, scene.ab)))
    return path


def ablated(photos: list[Path], **options: Any) -> None:
    given = {
        "source": "oracle",
        "grid": 16,
        "megapixels": 1.0,
        "solve_at": 1.0,
        "grain": 0.0,
        "repeats": 1,
        "model": "lite",
    }
    ablate.main(photos, **{**given, "ablations": "no_limit,no_fusion", "out": None, **options})  # type: ignore[arg-type]


def test_ablations_from_file_to_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, out = color_png(tmp_path / "four.png", quarters()), tmp_path / "all.jsonl"
    ablated([photo], out=out)
    printed = capsys.readouterr()
    assert printed.err == "four.png …\n"
    assert [line.split(" | ")[0] for line in printed.out.splitlines()[2:]] == ["| recipe", "| no_limit", "| no_fusion"]
    (record,) = (json.loads(line) for line in out.read_text().splitlines())
    assert (record["photo"], record["source"], list(record["ablations"])) == (
        "four.png",
        "oracle",
        ["recipe", "no_limit", "no_fusion"],
    )
    for options, said in (
        ({"ablations": "no_luck"}, "'no_luck'; wanted some of recipe, plain_ab"),
        ({"source": "luck"}, "source 'luck'; wanted one of oracle"),
    ):
        with pytest.raises(typer.BadParameter, match=said):
            ablated([photo], **options)
    with pytest.raises(typer.BadParameter, match="there is no such file"):
        ablated([tmp_path / "none.png"])


def test_objects_flipped_in_part_come_nearer_to_the_truth_and_are_outlined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = quarters()
    (rank, first), (less, _) = fused.objects_of("four.png", scene, "inconsistent", 32, None)
    assert 0.02 < less <= rank < 0.2, "a quarter of the photo, flipped by a fifth to a half"
    assert first.after < first.before
    outlined = (first.tiles["outlined"] == fused.OUTLINE).all(-1)
    assert 0 < outlined.mean() < 0.2
    assert (first.tiles["truth"] == picture_of(scene.lightness, scene.ab)).all()
    photo, out = color_png(tmp_path / "four.png", scene), tmp_path / "sheet.png"
    fused.main([photo], out, "inconsistent", 2, 32, 1.0, "lite")
    *lines, total = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].split() for line in lines] == [[n, "four.png", "at", "0,", "0"] for n in ("1", "2")]
    assert total.startswith("2 better, 0 worse, 0 within 1; mean +")
    with Image.open(out) as sheet:
        assert sheet.width > 4 * SHAPE[1]
    for source, target, said in (
        ("luck", out, "source 'luck'; wanted"),
        ("model", tmp_path / "a.gif", "use .png or .jpg"),
    ):
        with pytest.raises(typer.BadParameter, match=said):
            fused.main([photo], target, source, 2, 32, 1.0, "lite")


def test_the_regions_that_changed_most_come_first() -> None:
    scene = quarters()
    change = np.zeros(SHAPE, np.float32)
    change[60:, 80:] = 4
    source = SOURCES["oracle"](scene, 16, None)
    (rank, mask), *_ = sorted(fused.changed_regions(scene, source, change), key=lambda pair: -pair[0])
    assert 2 < rank <= 4
    assert mask[80, 110]
    assert not mask[20, 20]


@pytest.mark.parametrize("number", [1, 2])
def test_what_helps_a_failure_helps(number: int) -> None:
    wrong, helped, truth = list(
        failures.panels(failures.FAILURES[number], Predictor(load_model("lite"), "cpu")).values()
    )[1:]
    assert wrong.shape == truth.shape == (failures.SIDE, failures.SIDE, 3)
    off = [np.abs(panel.astype(float) - truth).mean() for panel in (wrong, helped)]
    assert off[0] > 1.5, "it is a failure"
    assert off[1] < 0.98 * off[0]


def test_the_sheet_of_failures_has_a_row_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tile = np.full((failures.SIDE, failures.SIDE, 3), 90, np.uint8)
    monkeypatch.setattr(failures, "panels", lambda *_: dict.fromkeys(("grey", "truth"), tile))
    failures.main(tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert (sheet.format, sheet.size) == ("JPEG", (2 * 198 + 6, 3 * 212 + 6))
    with pytest.raises(typer.BadParameter, match=r"sheet\.gif: a sheet is a PNG or a JPEG; use \.png or \.jpg"):
        failures.main(tmp_path / "sheet.gif")
    with pytest.raises(WriteError, match="choose another place"):
        write_sheet(tmp_path / "none" / "sheet.png", Image.fromarray(tile))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak can be forgotten on Linux alone")
def test_what_a_step_holds_is_seen_apart_from_what_came_before() -> None:
    np.ones(30_000_000)
    gc.collect()  # what others left would go in the middle
    reset_peak()
    held = resident_bytes()
    assert peak_bytes() - held < 20e6
    np.ones(25_000_000)
    assert 150e6 < peak_bytes() - held < 220e6
