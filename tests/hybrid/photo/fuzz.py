"""Feed the readers damaged files: `python -m tests.hybrid.photo.fuzz --minutes 60 --seed 1`.

Small valid files of every kind are mutated: bits flipped, bytes overwritten, length fields set to extremes, pieces cut,
doubled, moved in from another file. `read_size`, `read_photo` and `read_overlay` then run in a process under a limit of
memory and time. Reported are: crashes, hangs, memory out of proportion to the picture, exceptions that are no
`PhotoError`, warnings, messages of several lines, and a size said that is not the size read. Every input follows from
seed and number alone; those reported are kept in --out. Exit code 1 if anything was.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from seeds import seeds  # noqa: E402

from hybrid.photo import PhotoError, read_overlay, read_photo, read_size  # noqa: E402

MEMORY = 3 << 30
SECONDS = 20
SLACK, BYTES_A_PIXEL = 300e6, 100
"""Memory that reading may take: fixed, and a pixel that the header says."""
MOST_PIXELS = 20_000_000
"""Pictures said to be larger are read one time in ten: reading them is slow, and rightly so."""
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """`content` with one to four kinds of damage; `other` lends pieces."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if len(data) < 8:
            break
        reach = len(data) if rng.random() < 0.35 else min(len(data), 600)  # most of the meaning stands at the front
        at = int(rng.integers(reach))
        match rng.integers(8):
            case 0:
                data[at] ^= 1 << rng.integers(8)
            case 1:
                for place in rng.integers(reach, size=rng.integers(1, 9)):
                    data[place] = rng.integers(256)
            case 2 | 3:
                width = int(rng.choice([1, 2, 4, 8]))
                value = int(rng.choice(EXTREMES)) if rng.random() < 0.8 else len(data) - at
                order = "big" if rng.random() < 0.5 else "little"
                piece = (value & (1 << 8 * width) - 1).to_bytes(width, order)
                data[at : at + width] = piece
            case 4:
                del data[int(rng.integers(4, len(data))) :]
            case 5:
                del data[at : at + int(rng.integers(1, 65))]
            case 6:
                piece = bytes(data[at : at + int(rng.integers(1, 200))])
                place = int(rng.integers(len(data)))
                data[place:place] = piece
            case 7:
                start = int(rng.integers(len(other)))
                piece = other[start : start + int(rng.integers(1, 200))]
                data[at : at + len(piece)] = piece
    if data.startswith(b"\x89PNG") and rng.random() < 0.8:
        data = with_checksums(data)
    return bytes(data)


def with_checksums(data: bytearray) -> bytearray:
    """A PNG whose chunks' checksums are right again, so that damage gets past them."""
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + size > len(data):
            break
        data[at + 8 + size : at + 12 + size] = zlib.crc32(data[at + 4 : at + 8 + size]).to_bytes(4, "big")
        at += 12 + size
    return data


def input_of(number: int, seed: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """Name of the seed file, and the bytes of an input."""
    rng = np.random.default_rng([seed, number])
    names = list(files)
    name, other = names[rng.integers(len(names))], names[rng.integers(len(names))]
    return name, mutated(files[name], files[other], rng)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fault(path: Path, force: bool, readers: tuple[Callable, ...] = (read_photo, read_overlay)) -> tuple[str, str]:
    """What is wrong with how a file is read ("" if nothing), and what became of it."""
    warnings.simplefilter("error")
    before = peak()
    outcome = "large"
    try:
        height, width = read_size(path)
        if height * width > MOST_PIXELS and not force:
            return "", outcome
        for read in readers:
            try:
                found = read(path)
                shape = found.lightness.shape if hasattr(found, "lightness") else found[0].shape[:2]
                if shape != (height, width):
                    return f"size: said {height, width}, read {shape}", "read"
                outcome = "read"
            except PhotoError as error:
                outcome = "refused"
                if "\n" in str(error):
                    return f"message: {error!s}", outcome
                if "does not fit in memory" in str(error) and height * width * BYTES_A_PIXEL < MEMORY / 2:
                    return f"memory: {height, width} did not fit", outcome
    except Exception:
        return "exception: " + traceback.format_exc(limit=-6), "failed"
    allowed = before + SLACK + BYTES_A_PIXEL * height * width
    if peak() > allowed:
        return f"memory: {peak() / 1e6:.0f} MB for {height, width}", outcome
    return "", outcome


def child(seed: int, start: int, step: int) -> None:
    """Work through inputs from `start`; tell each number before, and each outcome after, on stdout."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = seeds()
    with tempfile.TemporaryDirectory() as folder:
        number = start
        while True:
            print(number, flush=True)
            name, content = input_of(number, seed, files)
            path = Path(folder, f"{number % 7}{Path(name).suffix}")
            path.unlink(missing_ok=True)  # a new file: an old one may still be mapped
            path.write_bytes(content)
            print(json.dumps([name, *fault(path, number % 10 == 0)]), flush=True)
            number += step


@contextlib.contextmanager
def started(seed: int, start: int) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, str(Path(__file__)), "--child", "--seed", str(seed), "--start", str(start)]
    surroundings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, env=surroundings, bufsize=0) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[bytes], until: float) -> Iterator[bytes]:
    """What a process prints, line by line; ends when it ends, is silent for `SECONDS`, or at `until`."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        patience = 120.0  # the first line waits for imports
        while time.monotonic() < until:
            if not selector.select(patience):
                return
            patience = SECONDS
            data = process.stdout.read(65536)
            if not data:
                return
            *whole, rest = (rest + data).split(b"\n")
            yield from whole


def run(minutes: float, seed: int, out: Path, start: int = 0) -> int:
    """Fuzz for so long; print what happened; how many inputs were at fault."""
    until = time.monotonic() + 60 * minutes
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    faults: collections.Counter[str] = collections.Counter()
    files = seeds()
    number = start

    def found(kind: str, at: int) -> None:
        signature = kind.strip().splitlines()[-1][:160]
        faults[signature] += 1
        if faults[signature] <= 3:
            name, content = input_of(at, seed, files)
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{seed}-{at}-{name}").write_bytes(content)
            print(f"input {at} of seed {seed} ({name}): {kind.strip()}", flush=True)

    while time.monotonic() < until:
        with started(seed, number) as process:
            for line in lines(process, until):
                if line.startswith(b"["):
                    name, kind, outcome = json.loads(line)
                    outcomes[name][outcome] += 1
                    if kind:
                        found(kind, number)
                elif line:
                    number = int(line)
            is_over = time.monotonic() >= until
            process.kill()
            code = process.wait()
        if not is_over:
            found(f"crash or hang: exit {code}, or silent for {SECONDS} s", number)
            number += 1
    for name in sorted(outcomes):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes[name].items()))
        print(f"{name:<24} {counts}")
    total = sum(sum(counts.values()) for counts in outcomes.values())
    print(f"{total} inputs of seed {seed}, numbers {start} to {number}; {sum(faults.values())} at fault")
    for signature, count in faults.most_common():
        print(f"{count:>8} {signature}")
    return sum(faults.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.seed, given.start, 1)
    sys.exit(1 if run(given.minutes, given.seed, given.out, given.start) else 0)
