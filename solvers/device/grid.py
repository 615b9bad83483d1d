"""The finest level: an image as four planes of a colour each, so that every sweep reads and writes whole rows.

Pixel (y, x) has colour (y % 2, x % 2) and stands at (y // 2, x // 2) of that colour's plane, inside a ring of zeros. No
two pixels of a colour are neighbours in the 8-neighbour stencil, so a colour is relaxed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers.stencil import OFFSETS, Stencil

Colour = tuple[int, int]
COLOURS: tuple[Colour, ...] = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Layout:
    """Where the pixels of an (H, W) image stand in split tensors, (..., 2, 2, h + 2, w + 2)."""

    shape: tuple[int, int]

    @property
    def planes(self) -> tuple[int, int, int, int]:
        height, width = self.shape
        return 2, 2, (height + 1) // 2 + 2, (width + 1) // 2 + 2

    @property
    def size(self) -> int:
        """Places in a split tensor of one channel, the rings included."""
        return 4 * self.planes[2] * self.planes[3]

    def split(self, image: Tensor) -> Tensor:
        """(..., H, W) to (..., 2, 2, h + 2, w + 2), zero where there is no pixel."""
        result = image.new_zeros((*image.shape[:-2], *self.planes))
        for down, right in COLOURS:
            part = image[..., down::2, right::2]
            result[..., down, right, 1 : 1 + part.shape[-2], 1 : 1 + part.shape[-1]] = part
        return result

    def joined(self, planes: Tensor) -> Tensor:
        """(..., 2, 2, h + 2, w + 2) to (..., H, W)."""
        result = planes.new_empty((*planes.shape[:-4], *self.shape))
        for down, right in COLOURS:
            part = result[..., down::2, right::2]
            part[...] = planes[..., down, right, 1 : 1 + part.shape[-2], 1 : 1 + part.shape[-1]]
        return result

    def place(self, index: Tensor) -> Tensor:
        """Flat pixel indices (row-major) to flat places in a split tensor."""
        y, x = index // self.shape[1], index % self.shape[1]
        _, _, rows, columns = self.planes
        return (((y % 2) * 2 + x % 2) * rows + y // 2 + 1) * columns + x // 2 + 1

    def seen(self, values: Tensor, colour: Colour, offset: tuple[int, int] = (0, 0)) -> Tensor:
        """View (..., h, w) of what the pixels of a colour see at an offset (down, right) of at most 1."""
        down, right = colour[0] + offset[0], colour[1] + offset[1]
        top, left = 1 + down // 2, 1 + right // 2
        _, _, rows, columns = self.planes
        return values[..., down % 2, right % 2, top : top + rows - 2, left : left + columns - 2]

    def links(self, planes: Tensor, colour: Colour) -> Iterator[tuple[Tensor, tuple[int, int]]]:
        """Weights (h, w) of the links of a colour's pixels, and the offset of the neighbour, in 8 directions."""
        for plane, (down, right) in zip(planes, OFFSETS.values(), strict=True):
            yield self.seen(plane, colour), (down, right)
            yield self.seen(plane, colour, (-down, -right)), (-down, -right)

    def pull(self, planes: Tensor, u: Tensor, colour: Colour) -> Tensor:
        """``sum_s w_rs (u_s - u_r)`` at the pixels r of a colour, (..., h, w).

        In difference form: what float32 rounds is then small against the flow between strongly tied pixels, and the
        links at the floor are not lost in it.
        """
        own = self.seen(u, colour)
        total = torch.zeros_like(own, memory_format=torch.contiguous_format)
        for weight, offset in self.links(planes, colour):
            total.addcmul_(weight, self.seen(u, colour, offset) - own)
        return total

    def gathered(self, planes: Tensor, u: Tensor, colour: Colour, from_: tuple[Colour, ...], out: Tensor) -> None:
        """out (..., h, w) += ``sum_s w_rs u_s`` at the pixels r of a colour, over neighbours s of some colours."""
        for weight, (down, right) in self.links(planes, colour):
            if ((colour[0] + down) % 2, (colour[1] + right) % 2) in from_:
                out.addcmul_(weight, self.seen(u, colour, (down, right)))

    def laplacian(self, planes: Tensor, u: Tensor) -> Tensor:
        """Q u, of u's shape."""
        result = torch.zeros_like(u)
        for colour in COLOURS:
            torch.neg(self.pull(planes, u, colour), out=self.seen(result, colour))
        return result

    def neighbour_sums(self, planes: Tensor, values: Tensor) -> Tensor:
        """``sum_s w_rs values_s``, of values' shape."""
        result = torch.zeros_like(values)
        for colour in COLOURS:
            self.gathered(planes, values, colour, COLOURS, self.seen(result, colour))
        return result


def split_stencil(layout: Layout, stencil: Stencil, device: torch.device) -> Tensor:
    """The four planes of a stencil on a device, (4, 2, 2, h + 2, w + 2), in the order of OFFSETS."""
    result = torch.empty((4, *layout.planes), dtype=torch.float32, device=device)
    for number, plane in enumerate(stencil.planes):
        result[number] = layout.split(torch.from_numpy(plane).to(device))
    return result
