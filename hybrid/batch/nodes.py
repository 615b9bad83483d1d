"""Machines of a cluster: how many workers each is given, and which of them may begin a photo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybrid.batch.crew import DEFAULT, fits_beside
from hybrid.memory import FIXED, Plan


@dataclass(frozen=True)
class Node:
    """A machine.

    Parameters
    ----------
    id, name : the cluster's for it, and its address, for people
    cpus, gpus : that it offers, whole ones
    memory : bytes that it offers
    """

    id: str
    name: str
    cpus: int
    gpus: int
    memory: float


@dataclass(frozen=True)
class Share:
    """What a node's workers get: how many they are, and the processors and GPUs of each."""

    workers: int
    cpus: int
    gpus: int


def nodes_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Node]:
    """The machines that are up, by their id, of what `ray.nodes()` lists."""
    found = {}
    for row in rows:
        if row["Alive"]:
            offers = row["Resources"]
            cpus, gpus = int(offers.get("CPU", 0)), int(offers.get("GPU", 0))
            memory = float(offers.get("memory", "inf"))
            found[row["NodeID"]] = Node(row["NodeID"], row["NodeManagerAddress"], cpus, gpus, memory)
    return found


def share_of(node: Node, most: int | None = None, device: str = "auto") -> Share:
    """How a node is shared out: a worker a GPU; where it has none, or none is wanted, a few by processors.

    Parameters
    ----------
    most : workers at most; None: one a GPU, or two
    device : "cuda" leaves nodes without a GPU alone, "cpu" leaves GPUs alone
    """
    gpus = 0 if device == "cpu" else node.gpus
    places = 0 if device.startswith("cuda") else node.cpus
    workers = min(gpus, most or gpus) if gpus else min(places, most or DEFAULT)
    return Share(workers, node.cpus // max(1, workers), int(gpus > 0))


def may_begin(node: Node, nodes: Iterable[Node], pixels: int, working: Sequence[int], idle: int, plan: Plan) -> bool:
    """Whether a photo may be begun on a node: as `fits_beside`, but what fits on no node is tried on the largest.

    Parameters
    ----------
    nodes : all there are
    pixels : of the photo
    working : pixels of the photos that the node works on
    idle : the node's further workers that wait, and hold memory
    plan : bytes that a photo of so many pixels needs
    """
    is_largest = node.memory >= max(other.memory for other in nodes)
    fits_alone = plan(pixels) + FIXED <= node.memory
    return (is_largest or fits_alone) and fits_beside(pixels, working, idle, node.memory, plan)
