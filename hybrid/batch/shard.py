"""A share of a batch, for several machines that know nothing of each other: `--shard 2/4`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hybrid.batch.error import BatchError

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Shard:
    """The `number`-th of `count` shares, counted from 1. Each thing of a list is in one share; sizes differ by one."""

    number: int = 1
    count: int = 1

    def of(self, things: Sequence[Thing]) -> list[Thing]:
        """This share of a list that is the same for all shares."""
        return list(things[self.number - 1 :: self.count])

    @property
    def label(self) -> str:
        """Name of what only this share writes, such as "2-of-4"."""
        return f"{self.number}-of-{self.count}"


WHOLE = Shard()


def parse_shard(text: str) -> Shard:
    """The share that "i/n" names.

    Raises
    ------
    BatchError
        Anything else, or i beyond 1..n.
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, flags=re.ASCII)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise BatchError(f"--shard {text!r}; wanted i/n with i from 1 to n, such as 1/4")
    return Shard(number, count)
