"""A batch as the command line asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from hybrid.batch.batch import Batch, run_batch
from hybrid.batch.inputs import output_folder
from hybrid.batch.report import Report
from hybrid.batch.shard import parse_shard
from hybrid.batch.worker import ExitCode, Open


def colorize_batch(
    inputs: list[Path],
    output: str,
    shard: str,
    console: Console,
    as_json: bool,
    open_colorizer: Open,
    exit_code_of: ExitCode,
    settings_sha256: str,
    **how: Any,
) -> bool:
    """Colour a batch and print what it comes to; whether every photo is done.

    Parameters
    ----------
    output, shard : as given on the command line
    console, as_json : as of `Report`
    open_colorizer, exit_code_of, settings_sha256, how : as of `Batch`

    Raises
    ------
    BatchError
        As `run_batch`, and for an output that is no folder or a shard that is none.
    """
    folder, share = output_folder(output, len(inputs)), parse_shard(shard)
    batch = Batch(inputs, folder, open_colorizer, exit_code_of, settings_sha256, shard=share, **how)
    with Report(console, as_json) as report:
        run_batch(batch, report)
    report.conclude()
    return not report.has_failures
