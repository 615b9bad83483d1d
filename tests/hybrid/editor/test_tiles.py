"""Tiles of the grey photo: whole at every level, true to the photo, made when asked for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hybrid.color import lab_from_linear, luminance_from_lightness, srgb_decode, srgb_encode
from hybrid.editor.tiles import SIDE, Pyramid, codes_of, halved, thumbnail
from hybrid.scale import shading


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "L"
        return np.asarray(picture).astype(float)


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (50 + 30 * np.sin(x / 90) * np.cos(y / 70)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (512, 512), (513, 1030), (1100, 700), (2, 1500)])
def test_the_tiles_of_a_level_are_the_photo(shape: tuple[int, int]) -> None:
    lightness = smooth(*shape)
    pyramid = Pyramid(lightness)
    for level in range(pyramid.levels):
        height, width = pyramid.shape(level)
        whole = np.full((height, width), np.nan)
        for row in range(-(-height // SIDE)):
            for column in range(-(-width // SIDE)):
                tile = decoded(pyramid.tile(level, column, row))
                whole[row * SIDE : row * SIDE + SIDE, column * SIDE : column * SIDE + SIDE] = tile
        y, x = (
            np.minimum((np.arange(n) + 0.5) * 2**level - 0.5, edge - 1)
            for n, edge in zip((height, width), shape, strict=True)
        )
        wanted = srgb_encode(luminance_from_lightness(lightness[np.ix_(y.astype(int), x.astype(int))])) * 255
        assert np.abs(whole - wanted).max() < 6
        assert np.abs(whole - wanted).mean() < 1.2
    assert max(pyramid.shape(pyramid.levels - 1)) <= SIDE


def test_levels_made_in_bands_are_those_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lightness = np.random.default_rng(0).uniform(0, 100, (1031, 700)).astype(np.float32)
    at_once = Pyramid(lightness).tile(1, 0, 1)
    monkeypatch.setattr("hybrid.editor.tiles.BAND", 64)
    assert Pyramid(lightness).tile(1, 0, 1) == at_once


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_halving_rounds_the_mean_and_counts_a_last_odd_edge_twice(height: int, width: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    small = halved(codes)
    assert small.shape == (-(-height // 2), -(-width // 2))
    rows, columns = (
        [2 * n, min(2 * n + 1, edge - 1)] for n, edge in zip((len(small) - 1, 0), codes.shape, strict=True)
    )
    assert small[-1, 0] == int(codes[np.ix_(rows, columns)].astype(int).sum() + 2) // 4


def test_codes_are_those_of_srgb() -> None:
    lightness = np.linspace(0, 100, 2001, dtype=np.float32)
    exact = srgb_encode(luminance_from_lightness(lightness)) * 255
    assert np.abs(codes_of(lightness) - exact).max() < 0.56
    assert codes_of(np.array([-3, 104], np.float32)).tolist() == [0, 255]


def test_a_tile_beyond_the_photo_is_refused() -> None:
    pyramid = Pyramid(smooth(600, 600))
    for place in [(0, 2, 0), (0, 0, -1), (2, 0, 0), (-1, 0, 0), (1, 1, 0)]:
        assert not pyramid.has(*place)
        with pytest.raises(IndexError, match="no such tile"):
            pyramid.tile(*place)


def test_a_thumbnail_has_the_colours_and_the_aspect() -> None:
    guide = np.full((300, 600), 60, np.float32)
    chroma = np.broadcast_to(np.array([40, -30], np.float32) / shading(guide[0, 0]), (300, 600, 2))
    with Image.open(io.BytesIO(thumbnail(guide, chroma, 64))) as picture:
        assert picture.size == (91, 45)
        rgb = np.asarray(picture.convert("RGB")).astype(float) / 255
    lightness, ab = lab_from_linear(srgb_decode(rgb))
    np.testing.assert_allclose([lightness.mean(), *ab.mean((0, 1))], [60, 40, -30], atol=2)
