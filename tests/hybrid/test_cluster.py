"""Batches on a cluster: who may begin what, what is refused, and a node killed in the middle."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from hybrid.batch.batch import Batch, run_batch
from hybrid.batch.error import BatchError
from hybrid.batch.lock import HIDDEN
from hybrid.batch.manifest import row_of
from hybrid.batch.nodes import Node, Share, may_begin, nodes_of, share_of
from hybrid.batch.ray_link import _WithoutRay, connected
from hybrid.batch.report import Report
from hybrid.batch.station import Station, Terms, Unfit
from hybrid.batch.worker import Opened
from hybrid.cli import app
from hybrid.memory import FIXED, plan_bytes
from hybrid.photo.provenance import program

HAS_RAY = importlib.util.find_spec("ray") is not None
HERE = Path(__file__)


# ---- without Ray


@pytest.mark.parametrize(
    ("cpus", "gpus", "most", "device", "share"),
    [
        (8, 0, None, "auto", Share(2, 4, 0)),
        (1, 0, None, "auto", Share(1, 1, 0)),
        (0, 0, None, "auto", Share(0, 0, 0)),
        (8, 0, 5, "auto", Share(5, 1, 0)),
        (4, 0, 9, "cpu", Share(4, 1, 0)),
        (16, 4, None, "auto", Share(4, 4, 1)),
        (16, 4, 2, "cuda", Share(2, 8, 1)),
        (2, 4, None, "auto", Share(4, 0, 1)),
        (16, 4, None, "cpu", Share(2, 8, 0)),
        (16, 0, None, "cuda", Share(0, 16, 0)),
    ],
)
def test_a_node_gets_a_worker_a_gpu_or_a_few_by_processors(
    cpus: int, gpus: int, most: int | None, device: str, share: Share
) -> None:
    assert share_of(Node("a", "10.0.0.1", cpus, gpus, 1e9), most, device) == share


def test_nodes_that_are_up_are_read_from_what_ray_lists() -> None:
    row = {"NodeID": "ab", "Alive": True, "NodeManagerAddress": "10.0.0.1"}
    rows = [
        {**row, "Resources": {"CPU": 4.0, "GPU": 1.0, "memory": 8e9}},
        {**row, "NodeID": "cd", "Resources": {}},
        {**row, "NodeID": "ef", "Alive": False, "Resources": {"CPU": 4.0}},
    ]
    assert nodes_of(rows) == {
        "ab": Node("ab", "10.0.0.1", 4, 1, 8e9),
        "cd": Node("cd", "10.0.0.1", 0, 0, float("inf")),
    }


@given(
    st.integers(0, 10**8),
    st.lists(st.integers(0, 10**8), max_size=3),
    st.lists(st.floats(1e9, 2e10), min_size=1),
    st.floats(1, 50),
)
def test_photos_go_where_they_fit_and_else_to_the_largest_node_alone(
    pixels: int, working: list[int], memories: list[float], megapixels: float
) -> None:
    nodes = [Node(str(number), "", 4, 0, memory) for number, memory in enumerate(memories)]
    plan = partial(plan_bytes, megapixels=megapixels)
    needed = sum(plan(count) for count in (pixels, *working))
    for node in nodes:
        is_free_to = may_begin(node, nodes, pixels, working, 0, plan)
        if needed + FIXED <= node.memory:
            assert is_free_to
        elif working:
            assert not is_free_to
        else:
            assert is_free_to == (node.memory == max(memories))


def silence() -> Any:
    raise ValueError("model 'grand': not found")


def test_a_machine_that_cannot_take_part_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def answer(opener: Callable[[], Any], version: str, folder: Path, spot: str) -> Opened | Unfit:
        return Station(opener, lambda _: 5, Terms(version, folder, Path(spot), 0, 1)).open()

    (tmp_path / "spot").mkdir()
    assert answer(lambda: dict, program(), tmp_path, "spot") == Opened()
    assert answer(silence, program(), tmp_path, "spot") == Opened(5, "model 'grand': not found")
    other = answer(lambda: dict, "hybrid 0.0.1", tmp_path, "spot")
    assert isinstance(other, Unfit)
    assert other.reason.startswith(f"it has {program()}, the batch is of hybrid 0.0.1;")
    blind = answer(lambda: dict, program(), tmp_path, "elsewhere")
    assert isinstance(blind, Unfit)
    assert blind.reason.startswith(f"it does not see {tmp_path / 'elsewhere'}; all nodes need the same folders")
    assert isinstance(answer(lambda: dict, program(), tmp_path / "absent", str(tmp_path / "spot")), Opened)


def test_what_ray_s_threads_print_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    import threading

    stream = _WithoutRay(sys.stdout)
    for name in ("ray_listen_error_messages", "another"):
        thread = threading.Thread(target=partial(print, name, file=stream), name=name)
        thread.start()
        thread.join()
    assert capsys.readouterr().out == "another\n"


def refused(tmp_path: Path, *words: str) -> tuple[int, str]:
    tifffile.imwrite(tmp_path / "a.tif", [[1, 2], [3, 4]], dtype="uint16")
    words = ("colorize", str(tmp_path / "a.tif"), "--model", "none", *words)
    found = CliRunner().invoke(app, [*words])
    assert found.stdout == ""
    return found.exit_code, found.stderr


def test_a_missing_ray_a_wrong_address_and_a_single_photo_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    folder = f"{tmp_path / 'out'}/"
    code, said = refused(tmp_path, "-o", folder, "--cluster", "10.0.0.1:6379")
    assert (code, said) == (2, "hybrid: --cluster needs Ray; install it: pip install 'hybrid-colorizer[cluster]'\n")
    assert not (tmp_path / "out" / HIDDEN).exists()
    for address in ("ray://10.0.0.1:10001", "local", "10.0.0.1"):
        code, said = refused(tmp_path, "-o", folder, "--cluster", address)
        assert code == 2
        assert said.startswith(f"hybrid: --cluster {address!r}; wanted HOST:PORT of a running Ray cluster's head")
        assert said.count("\n") == 1
    code, said = refused(tmp_path, "-o", str(tmp_path / "b.tif"), "--cluster", "10.0.0.1:6379")
    assert (code, said) == (2, "hybrid: --cluster is for a batch; name a folder as the output, such as colour/\n")


# ---- with Ray

needs_ray = pytest.mark.skipif(not HAS_RAY, reason="needs Ray: pip install -e '.[cluster]'")


@pytest.mark.slow
@needs_ray
def test_an_address_where_no_ray_answers_is_refused_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(BatchError, match=rf"--cluster {dead}: no Ray cluster answers \(Connection refused\)"):
            connected(dead).__enter__()
        listening.listen()  # takes connections, and never says a word
        monkeypatch.setattr("hybrid.batch.ray_link.ANSWER", 4.0)
        began = time.monotonic()
        with pytest.raises(BatchError, match=r"no answer from Ray in 4 s"):
            connected(dead).__enter__()
        assert time.monotonic() - began < 30
    monkeypatch.setattr("hybrid.batch.ray_link.ANSWER", 40.0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(BatchError, match=r"no Ray cluster answers \(Could not find any running Ray instance"):
        connected("auto").__enter__()


IMPORTED_FROM = [str(HERE.parent), str(HERE.parents[2])]
"""Where workers find these tests and the program under test."""
NODE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100_000_000}
KEEPER = f"""
import os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={{**{NODE}, "include_dashboard": False}})
second = cluster.add_node(**{NODE})
print("READY", cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(second, allow_graceful=False) if line == "kill\\n" else None
    print("KILLED", flush=True)
cluster.shutdown()
"""
"""Keeps two nodes; Ray lives in a process of its own, so that its threads and warnings are not the tests'."""


@pytest.fixture
def two_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Callable[[], None]]]:
    """Address of a cluster of two nodes with a processor each, and what kills the second."""
    told = tmp_path_factory.mktemp("ray") / "stderr"
    with told.open("w") as stderr:
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(IMPORTED_FROM)},
        )
        assert keeper.stdin is not None
        assert keeper.stdout is not None

        def heard(word: str) -> str:
            for line in keeper.stdout:  # type: ignore[union-attr]
                if line.startswith(word):
                    return line.removeprefix(word).strip()
            raise AssertionError(told.read_text())

        def kill() -> None:
            keeper.stdin.write("kill\n")  # type: ignore[union-attr]
            keeper.stdin.flush()  # type: ignore[union-attr]
            heard("KILLED")

        try:
            yield heard("READY"), kill
        finally:
            keeper.stdin.close()
            keeper.wait(60)
            keeper.stdout.close()


def traced(traces: Path, photo: Path, target: Path) -> dict[str, Any]:
    """In place of colouring, with a line a photo begun; "die" kills its worker, "once" only the first time."""
    with (traces / photo.name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    is_first = len((traces / photo.name).read_text().splitlines()) == 1
    if photo.name.startswith("bad"):
        raise ValueError(f"cannot read {photo}: no picture")
    if photo.name.startswith("die") or (photo.name.startswith("once") and is_first):
        target.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(photo.read_text() or 0))
    target.write_bytes(b"colour of " + photo.name.encode())
    return {"input": str(photo), "width": 10, "height": 10}


def open_tracer(traces: Path) -> Callable[[Path, Path], dict[str, Any]]:
    (traces / "opened").open("a").write(f"{os.getpid()}\n")
    return partial(traced, traces)


def exit_code_of(error: Exception) -> int:
    return 3 if isinstance(error, ValueError) else 1


def batch_of(folder: str, address: str) -> None:
    """What the process below does: a batch with `traced`, its summary on stdout."""
    top = Path(folder)
    opener = partial(open_tracer, top / "traces")
    with Report(Console(stderr=True), as_json=True) as report:
        run_batch(Batch([top / "in"], top / "out", opener, exit_code_of, "s", cluster=address), report)
    report.conclude()


def begun(folder: Path, address: str) -> subprocess.Popen[str]:
    code = f"import sys; sys.path[:0] = {IMPORTED_FROM}\n"
    code += f"import test_cluster; test_cluster.batch_of({str(folder)!r}, {address!r})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def oks(out: Path) -> Counter[str]:
    rows = [row_of(line) for line in (out / "manifest.jsonl").read_bytes().splitlines()]
    assert None not in rows
    return Counter(row.output for row in rows if row is not None and row.status == "ok")


def until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not is_so():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def made(folder: Path, seconds: dict[str, float]) -> None:
    for name in ("in", "traces"):
        (folder / name).mkdir(parents=True)
    for name, value in seconds.items():
        (folder / "in" / name).write_text(str(value))


def lines_of(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@pytest.mark.slow
@needs_ray
def test_what_a_lost_node_was_doing_is_done_elsewhere_and_nothing_else_twice(
    tmp_path: Path, two_nodes: tuple[str, Callable[[], None]]
) -> None:
    address, kill = two_nodes
    long = {f"{k}.png": 4.0 for k in range(4)}  # two at a time, so each node is in the middle of one when it is killed
    made(tmp_path, {**long, "bad.png": 0, "once.png": 0, "die.png": 0, **{f"short{k}.png": 0.0 for k in range(6)}})
    traces, out = tmp_path / "traces", tmp_path / "out"
    process = begun(tmp_path, address)
    until(lambda: sum((traces / name).exists() for name in long) == 2, process)
    kill()
    stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    rows = [json.loads(line) for line in stdout.splitlines()]  # nothing else is on stdout
    summary = rows[-1]
    assert (summary["done"], summary["failed"]) == (11, 2), stderr
    errors = {Path(row["input"]).name: row["error"] for row in summary["failures"]}
    assert re.search(r"die\.png: 3 workers died over it, the last on node", errors["die.png"])
    assert errors["bad.png"].endswith("no picture")
    attempts = {path.name: len(lines_of(path)) for path in traces.iterdir() if path.name != "opened"}
    assert attempts.pop("die.png") == 3
    assert attempts.pop("once.png") == 2
    assert sorted(attempts[name] for name in long) == [1, 1, 1, 2]
    assert {attempts[name] for name in attempts if name not in long} == {1}
    assert oks(out) == {Path(name).stem + ".tif": 1 for name in (*long, "once", *(f"short{k}" for k in range(6)))}
    for name in oks(out):
        assert (out / name).read_text() == f"colour of {Path(name).stem}.png"
    assert {path.name for path in out.iterdir()} == {*oks(out), "manifest.jsonl"}
    assert re.search(r"hybrid: node [\d.]+ is lost", stderr)
    assert len(lines_of(traces / "opened")) == 2 + 3 + 1  # two nodes; one for each that died; none more


@pytest.mark.slow
@needs_ray
def test_ctrl_c_and_sigkill_leave_whole_files_and_a_rerun_goes_on(
    tmp_path: Path, two_nodes: tuple[str, Callable[[], None]]
) -> None:
    address, _ = two_nodes
    made(tmp_path, {f"{k}.png": 0.4 for k in range(12)})
    traces, out = tmp_path / "traces", tmp_path / "out"
    for number in (signal.SIGINT, signal.SIGKILL):
        process = begun(tmp_path, address)
        before = len(oks(out)) if out.exists() else 0
        until(lambda so_far=before: (out / "manifest.jsonl").exists() and len(oks(out)) >= so_far + 2, process)  # type: ignore[misc]
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == -number, stderr
        assert 2 <= len(oks(out)) < 12
        assert all((out / name).read_text() == f"colour of {Path(name).stem}.png" for name in oks(out))
        if number == signal.SIGINT:
            assert not (out / HIDDEN).exists()
        ends = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in lines_of(traces / "opened")):
            assert time.monotonic() < ends, "workers outlive their batch"
            time.sleep(0.1)
    process = begun(tmp_path, address)
    stdout, stderr = process.communicate(timeout=100)
    summary = json.loads(stdout.splitlines()[-1])
    assert summary["done"] + summary["skipped"] == 12, stderr
    assert summary["skipped"] >= 4
    assert oks(out) == {f"{k}.tif": 1 for k in range(12)}


@pytest.mark.slow
@needs_ray
def test_the_whole_program_from_files_to_files_with_a_node_killed(
    tmp_path: Path, two_nodes: tuple[str, Callable[[], None]]
) -> None:
    from batches import counted, made_scans

    address, kill = two_nodes
    made_scans(tmp_path / "in", 30, 2, 5)
    out = tmp_path / "out"
    words = [
        "colorize",
        "in",
        "-o",
        "out/",
        "--model",
        "none",
        "--json",
        "--cluster",
        address,
    ]  # paths relative to here
    path = {"PYTHONPATH": str(HERE.parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-m", "hybrid", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **path},
    )
    until(lambda: counted(out) >= 5, process)
    time.sleep(random.Random(5).random() * 0.3)
    kill()
    stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 4, stderr
    *rows, summary = [json.loads(line) for line in stdout.splitlines()]
    assert Counter(row["status"] for row in rows) == {"ok": 30, "failed": 2}
    assert (summary["done"], summary["failed"]) == (30, 2)
    assert all(row["exit"] == 3 for row in summary["failures"])
    assert oks(out) == {f"roll{k % 3}/{k:03}.tif": 1 for k in range(2, 32)}
    assert all(tifffile.imread(out / name).shape == (24, 32, 3) for name in oks(out))
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {*oks(out), "manifest.jsonl"}
    assert all(line.startswith("hybrid: ") for line in stderr.splitlines()), stderr
