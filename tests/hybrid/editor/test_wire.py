"""Pictures on the way: a tab that puts together the parts it is sent has the picture, and is sent no more than them."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from hybrid.editor.outbox import Outbox
from hybrid.editor.wire import HEADER, NONE, NOWHERE, QUICK, SETTLED, TILE, Picture, chroma_picture, part_of, spanned

SHAPE = (40, 50, 2)
Message = bytes


def edited(chroma: np.ndarray, *parts: tuple[slice, slice]) -> np.ndarray:
    other = chroma.copy()
    for part in parts:
        other[part] += np.random.default_rng(len(parts)).uniform(0.1, 0.5, other[part].shape)
    return other


def put(texture: np.ndarray | None, edition: int, message: Message) -> tuple[np.ndarray, int]:
    """What a tab makes of a message: its texture, and the edition of that."""
    _, _, kind, _, left, top, width, height, _, _, new, base = HEADER.unpack(message[: HEADER.size])
    dtype, channels = ("u1", 3) if kind == TILE else ("<f2", 2)
    part = np.frombuffer(message, dtype, offset=HEADER.size).reshape(height, width, channels)
    if base == NONE:
        return part.copy(), new
    assert base == edition
    assert texture is not None
    texture[top : top + height, left : left + width] = part
    return texture, new


@pytest.fixture
def pictures() -> list[Picture]:
    """Without strokes, a preview, its colours settled in another place, the same colours once more."""
    plain = np.random.default_rng(0).uniform(-0.5, 0.5, SHAPE).astype(np.float32)
    quick = edited(plain, np.s_[10:20, 5:9])
    settled = edited(quick, np.s_[8:9, 4:6], np.s_[30:31, 12:13])
    found: list[Picture] = []
    for revision, kind, chroma in ((0, SETTLED, plain), (1, QUICK, quick), (1, SETTLED, settled), (2, QUICK, settled)):
        found.append(chroma_picture(found[-1] if found else None, revision, kind, chroma))
    return found


def test_parts_one_after_the_other_give_the_whole_and_carry_only_what_changes(pictures: list[Picture]) -> None:
    texture, edition = None, 0
    for picture, pixels in zip(pictures, (40 * 50, 10 * 4, 23 * 9, 0), strict=True):
        message = picture.packed()
        assert len(message) == HEADER.size + 4 * pixels
        texture, edition = put(texture, edition, message)
        assert np.array_equal(texture, picture.samples)
        assert np.array_equal(put(None, 0, picture.whole().packed())[0], picture.samples)


@pytest.mark.parametrize("waiting", [(1, 2), (1, 2, 3), (0, 1), (2, 3)])
def test_a_slow_tab_misses_no_part_of_the_pictures_that_it_misses(
    pictures: list[Picture], waiting: tuple[int, ...]
) -> None:
    texture, edition = None, 0
    for picture in pictures[: waiting[0]]:
        texture, edition = put(texture, edition, picture.packed())
    box = Outbox()
    for number in waiting:
        box.show("chroma", pictures[number])

    async def next_letter() -> str | bytes:
        async for letter in box.letters():
            return letter
        raise AssertionError

    letter = asyncio.run(next_letter())
    assert isinstance(letter, bytes)
    texture, _ = put(texture, edition, letter)
    assert np.array_equal(texture, pictures[waiting[-1]].samples)


def test_a_picture_that_does_not_build_on_the_one_that_waits_takes_its_place(pictures: list[Picture]) -> None:
    assert pictures[3].since(pictures[0]) is pictures[3]
    assert pictures[2].whole().since(pictures[1]).base == NONE


def test_another_size_is_sent_whole(pictures: list[Picture]) -> None:
    other = chroma_picture(pictures[-1], 3, SETTLED, np.zeros((4, 5, 2), np.float32))
    assert (other.base, other.part) == (NONE, (slice(0, 4), slice(0, 5)))
    assert other.edition > pictures[-1].edition


def test_parts_and_what_spans_them() -> None:
    is_other = np.zeros((9, 8), bool)
    assert part_of(is_other) == NOWHERE
    is_other[3, 2] = is_other[6, 5] = True
    assert part_of(is_other) == (slice(3, 7), slice(2, 6))
    one, other = (slice(3, 5), slice(2, 9)), (slice(1, 4), slice(3, 4))
    assert spanned(one, other) == spanned(other, one) == (slice(1, 5), slice(2, 9))
    assert spanned(one, NOWHERE) == spanned(NOWHERE, one) == one
