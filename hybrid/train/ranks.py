"""Several processes that train one model together, as torchrun starts them; one process alone is a rank of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Rank:
    """This process among those that train.

    Parameters
    ----------
    number : 0..count - 1; 0 writes the log and the checkpoints
    count : of processes
    device : this process's own
    """

    number: int
    count: int
    device: torch.device

    def parallel(self, step: nn.Module) -> nn.Module:
        """`step` with gradients averaged over all processes; its forward has to be what is differentiated."""
        return step if self.count == 1 else DistributedDataParallel(step)

    def agreed(self, value: float) -> float:
        """Rank 0's value, in every process: so that all follow one clock."""
        if self.count == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(said, 0)
        return float(said)


@contextmanager
def joined(device: torch.device) -> Iterator[Rank]:
    """Join the processes that torchrun started, on GPUs by NCCL and on CPUs by Gloo; alone without torchrun."""
    count, number = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if count == 1:
        yield Rank(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Rank(number, count, device)
    finally:
        distributed.destroy_process_group()
