"""Records that are added to, gone on with, and put together."""

import pytest

from solvers.bench import campaign
from solvers.bench.__main__ import main
from solvers.bench.journal import Cut, Journal
from solvers.bench.launch import Limits
from solvers.bench.machine import source_hash
from solvers.bench.records import append, last_run, mend, read_records
from solvers.bench.report import totals
from tests.solvers.made_up_records import made_up, stroked


@pytest.mark.parametrize("change", ["source", "cpu"])
def test_a_run_of_another_source_or_machine_is_not_gone_on_with(change, tmp_path, capsys):
    out = tmp_path / "bench.jsonl"
    same = {"source": source_hash(), "cpu": Journal(None).origin["machine"]["cpu"]} | {change: "another"}
    append(out, made_up(1, source=same["source"], machine={**made_up(1)["machine"], "cpu": same["cpu"]}))
    command = ["run", "--gallery", "grain", "--solvers", "multigrid", "--out", str(out), "--resume"]
    assert main(command) == 2
    assert "another version of the solver; leave --resume out" in capsys.readouterr().err
    assert len(read_records([out])) == 1


def test_a_journal_adds_and_mends(tmp_path):
    out = tmp_path / "a.jsonl"
    for run in ("1", "2", "2"):
        append(out, made_up(1, run=run))
    with out.open("ab") as file:
        file.write(b'{"torn')
    assert len(read_records([out])) == 3
    mend(out)
    assert out.read_bytes().endswith(b"}\n")
    assert [record["run"] for record in last_run(out)] == ["2", "2"]
    journal = Journal(out)
    assert journal.origin["run"] != "2"
    assert not journal.has(made_up(1))
    with out.open("ab") as file:
        file.write(b"torn\n")
    with pytest.raises(ValueError, match="line 4: no record of this bench"):
        read_records([out])


def test_what_was_done_or_cut_is_not_done_again(tmp_path):
    out = tmp_path / "a.jsonl"
    cpu = Journal(None).origin["machine"]["cpu"]
    machine = {**made_up(1)["machine"], "cpu": cpu}
    late = {"status": "over the limit", "reason": "more than 1 s"}
    append(out, made_up(1, machine=machine, source=source_hash()))
    append(out, made_up(1, "slow", machine=machine, **late))
    append(out, made_up(1, "mad", machine=machine, status="crashed"))
    journal = Journal(out, resume=True)
    assert journal.origin["run"] == "1"
    assert [journal.has(made_up(1, name)) for name in ("multigrid", "slow", "mad", "new")] == [True, True, False, False]
    rounds = [journal.has_failed(made_up(1, name, round=1)) for name in ("multigrid", "slow", "mad", "new")]
    assert rounds == [False, True, False, False]
    cut = Cut(journal.before)
    assert cut.reason(made_up(4, "slow")) == "not tried: it was at 1 MP already"
    assert cut.reason(made_up(0.25, "slow")) is None
    assert cut.reason(made_up(4, "slow", threads=2)) is None


def test_rounds_are_put_together(tmp_path):
    out = tmp_path / "a.jsonl"
    for turn, scale in enumerate((1.0, 2.0)):
        append(out, made_up(1, scale=scale, round=turn, error=0.1 + turn, **stroked(scale)))
        append(out, made_up(1, "mad", round=turn, status=("ok", "wrong")[turn], reason="largest error 9 bounds"))
    ours, mad = read_records([out])
    assert totals(ours) == pytest.approx([0.9, 1, 1.2, 1.8, 2, 2.4])
    assert ours["error"] == pytest.approx(1.1)
    assert ours["stroke"]["seconds"] == [1, 2, 2, 4]
    assert mad["status"] == "wrong"
    assert len(last_run(out)) == 4
    append(out, made_up(1, round=0, run="2"))
    assert len(read_records([out])) == 3


def test_rounds_take_turns_and_leave_out_what_failed(monkeypatch, tmp_path):
    asked = []

    def launched(job, *_):
        asked.append((job["kind"], job.get("solver")))
        if job["kind"] == "prepare":
            return {"status": "ok", "width": 1, "height": 1, "pixels": 1, "hash": "h"}
        return {"status": "failed" if job.get("solver") == "mad" else "ok", "reason": "", "reference": "none"}

    monkeypatch.setattr(campaign, "launched", launched)
    job = {"gallery": "grain", "megapixels": 1, "image": "grain", "pattern": "one", "weights": "s02"}
    jobs = [(name, 1, turn) for turn in range(2) for name in ("multigrid", "mad")]
    records = list(campaign.measured_jobs({**job, "folder": str(tmp_path)}, jobs, 1, Limits(1, 1e9)))
    assert [name for kind, name in asked if kind == "measure"] == ["multigrid", "mad", "multigrid"]
    assert [record["round"] for record in records] == [0, 0, 1]
