"""What a batch leaves for the next: manifest, lock, and the hash of settings."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from batches import touched

from hybrid.batch.error import BatchError
from hybrid.batch.identity import settings_hash
from hybrid.batch.lock import HIDDEN, workplace
from hybrid.batch.manifest import Manifest, Row, line_of, read_history, row_of
from hybrid.batch.shard import WHOLE, Shard

ROW = Row("../in/Zür\udcffich.png", "a.tif", "ok", "5" * 64, "1" * 64, 7, 10**18, "2" * 64, 9, 0.5, 0, "", "2026")


def test_a_last_line_that_was_cut_off_is_ignored_and_taken_away(tmp_path: Path) -> None:
    whole, last = line_of(ROW) + b"not ours\n[1]\n", line_of(replace(ROW, output="b.tif"))
    path = tmp_path / "manifest.jsonl"
    for cut in range(len(last) + 1):
        path.write_bytes(whole + last[:cut])
        is_there = cut >= len(last) - 1  # only the end of the line may be missing
        before = read_history(tmp_path)
        assert before.last("a.tif") == ROW
        assert (before.last("b.tif") is not None) == is_there
        with Manifest(tmp_path, WHOLE) as manifest:
            manifest.add(replace(ROW, output="c.tif"))
        assert sorted(read_history(tmp_path).outputs) == ["a.tif", *["b.tif"] * is_there, "c.tif"]
        lines = path.read_bytes().splitlines()
        assert [row_of(line) is None for line in lines] == [False, True, True, *[False] * is_there, False]


def test_manifests_of_all_shards_are_read_and_the_latest_line_counts(tmp_path: Path) -> None:
    for number, finished in ((1, "2026-02"), (2, "2026-03"), (3, "2026-01")):
        with Manifest(tmp_path, Shard(number, 3)) as manifest:
            manifest.add(replace(ROW, finished=finished, output_sha256=str(number)))
    history = read_history(tmp_path)
    assert history.last("a.tif") == replace(ROW, finished="2026-03", output_sha256="2")
    assert history.written("a.tif") == {"1", "2", "3"}


def test_another_batch_in_the_folder_is_refused_a_dead_one_is_not(tmp_path: Path) -> None:
    with workplace(tmp_path, Shard(1, 2)) as first, workplace(tmp_path, Shard(2, 2)) as second:
        assert first != second
        for shard in (Shard(1, 2), Shard(2, 2), Shard(2, 3), WHOLE):
            with pytest.raises(BatchError, match=f"another batch is at work there .process {os.getpid()} "):
                workplace(tmp_path, shard).__enter__()
        assert first.is_dir()
    assert not list(tmp_path.iterdir())
    left = tmp_path / HIDDEN / "1-of-1.abc.work"
    touched(left / "0.tif", tmp_path / HIDDEN / "1-of-1.lock")  # of one that was killed
    with workplace(tmp_path, WHOLE):
        assert not left.exists()


def test_the_settings_hash_tells_apart_all_that_shapes_a_picture(tmp_path: Path) -> None:
    weights, hints = tmp_path / "net.safetensors", tmp_path / "x.hints.json"
    hashes = [settings_hash({"depth": depth}, model) for depth in (8, 16) for model in ("lite", "none")]
    for content in ("1", "2"):
        weights.write_text(content)
        hints.write_text(content)
        hashes += [settings_hash({}, str(weights)), settings_hash({}, "none", None, hints)]
        hashes += [settings_hash({}, "none", hints, None)]
    assert len(set(hashes)) == len(hashes)
    assert settings_hash({"a": 1, "b": 2}, "lite") == settings_hash({"b": 2, "a": 1}, "lite")
