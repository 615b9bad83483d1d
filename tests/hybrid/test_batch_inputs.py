"""Which photos a batch has and what each becomes: folders, patterns, links, shards, and what is refused."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from batches import touched
from hypothesis import given
from hypothesis import strategies as st

from hybrid.batch.error import BatchError
from hybrid.batch.inputs import is_batch, lay_out, output_folder
from hybrid.batch.shard import Shard, parse_shard


def laid_out(*inputs: Path, folder: Path, own: Iterable[Path] = ()) -> dict[str, Path]:
    return {item.output.as_posix(): item.photo for item in lay_out(inputs, folder, set(own))}


def test_a_folder_is_mirrored_without_what_is_hidden_of_another_kind_or_our_own(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "scans" / "out"
    wanted = [scans / "a.png", scans / "b" / "c.JPG", scans / "b" / "d.e.tiff", scans / "z" / "a.png"]
    touched(*wanted, scans / ".a.png", scans / ".b" / "x.png", scans / "notes.txt", out / "a.tif", scans / "ours.tif")
    os.mkfifo(scans / "pipe.png")
    found = laid_out(scans, folder=out, own=[scans / "ours.tif"])
    assert found == dict(zip(["a.tif", "b/c.tif", "b/d.e.tif", "z/a.tif"], wanted, strict=True))
    assert list(found) == sorted(found)
    assert laid_out(scans / "b" / "c.JPG", scans / "z", folder=out).keys() == {"c.tif", "a.tif"}


def test_a_folder_s_photos_are_of_every_kind_that_is_read(tmp_path: Path) -> None:
    names = "tif tiff png jpg jpeg webp jp2 j2k jxl avif heic heif dng cr2 cr3 nef arw raf rw2 orf"
    kinds = names.split()
    touched(*(tmp_path / f"{kind}.{kind.upper()}" for kind in kinds), tmp_path / "a.gif", tmp_path / "b.xmp")
    assert laid_out(tmp_path, folder=tmp_path / "out").keys() == {f"{kind}.tif" for kind in kinds}


@pytest.mark.parametrize(
    ("pattern", "outputs"),
    [
        ("*.png", ["a.tif"]),
        ("**/*.png", ["a.tif", "b/c.tif", "b/d/e.tif"]),
        ("b/**", ["c.tif", "d/e.tif", "f.tif"]),
        ("*/*.*g", ["b/c.tif", "b/f.tif"]),
        ("*", ["a.tif", "b/c.tif", "b/d/e.tif", "b/f.tif", "g[1].tif"]),
        ("b/[c-e].png", ["c.tif"]),
        ("?/d/*", ["b/d/e.tif"]),
        (".*/*.png", [".h/x.tif"]),
        ("g[1].tif", ["g[1].tif"]),
    ],
)
def test_patterns_are_expanded_below_their_fixed_part(tmp_path: Path, pattern: str, outputs: list[str]) -> None:
    names = ("a.png", "b/c.png", "b/d/e.png", "b/f.jpg", "b/notes.txt", ".h/x.png", "g[1].tif")
    touched(*(tmp_path / "in" / name for name in names))
    assert list(laid_out(tmp_path / "in" / pattern, folder=tmp_path / "out")) == outputs


@pytest.mark.parametrize("given", [".", "**/*.png", "b/../**/*"])
def test_links_in_circles_come_to_an_end(tmp_path: Path, given: str) -> None:
    top = tmp_path / "in"
    touched(top / "a.png", top / "b" / "c.png", tmp_path / "elsewhere" / "e.png")
    for number in range(8):  # each way through these is another path: 8! of them
        (top / "b" / f"round{number}").symlink_to(top)
        (top / f"again{number}").symlink_to(top / "b")
    (top / "z").symlink_to(tmp_path / "elsewhere")
    found = laid_out(top / given, folder=tmp_path / "out")
    assert Counter(photo.name for photo in found.values()) == {"a.png": 1, "c.png": 1, "e.png": 1}
    if given == ".":
        assert found.keys() == {"a.tif", "b/c.tif", "z/e.tif"}


def refusal(*inputs: Path, folder: Path) -> str:
    with pytest.raises(BatchError) as caught:
        lay_out(inputs, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_inputs_that_cannot_be_a_batch_are_refused(tmp_path: Path) -> None:
    one, two, out = tmp_path / "in" / "a.png", tmp_path / "in" / "a.jpg", tmp_path / "out"
    touched(one, two, tmp_path / "in" / "b" / "notes.txt", tmp_path / "scans" / "x.tif")
    for inputs in ([one, two], [one.parent]):
        message = refusal(*inputs, folder=out)
        assert str(one) in message
        assert str(two) in message
    assert "no photo found" in refusal(tmp_path / "in" / "b", folder=out)
    assert "no photo found" in refusal(tmp_path / "*.png", folder=out)
    assert "over the photo" in refusal(tmp_path / "scans", folder=tmp_path / "scans")
    (tmp_path / "link").symlink_to(tmp_path / "scans")
    assert "over the photo" in refusal(tmp_path / "scans" / "x.tif", folder=tmp_path / "link")


def test_what_is_a_batch_and_what_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touched(Path("a.png"), Path("in/b.png"))
    one = [Path("a.png")]
    assert [is_batch(one, output) for output in ("x.tif", "new/", "in", "new")] == [False, True, True, False]
    assert [is_batch([Path(name)], "new") for name in ("in", "*.png", "[a].png")] == [True, True, True]
    assert not is_batch([Path("in")], "x.tif")
    assert is_batch(one * 2, "x.tif")
    assert output_folder("new", 2) == Path("new")
    for output in ("x.tif", "a.png/", "a.png"):
        with pytest.raises(BatchError, match="it is no folder"):
            output_folder(output, 2)


@given(st.integers(0, 200), st.integers(1, 30))
def test_shards_share_out_every_photo_once(photos: int, count: int) -> None:
    shares = [Shard(number, count).of(range(photos)) for number in range(1, count + 1)]
    assert sorted(photo for share in shares for photo in share) == list(range(photos))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_shards_that_are_none_are_refused() -> None:
    assert parse_shard("2/4") == Shard(2, 4)
    for text in ("0/4", "5/4", "1", "a/b", "1/4/2", "-1/4", ""):
        with pytest.raises(BatchError, match="wanted i/n"):
            parse_shard(text)
