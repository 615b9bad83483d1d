"""`hybrid bench`: how fast solvers are; all of it is `python -m solvers.bench`."""

from __future__ import annotations

import typer

from hybrid.cli.console import app


@app.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def bench(context: typer.Context) -> None:
    """Measure how fast solvers spread colour, ours and others, to the same colour error: run, edits, report.

    `hybrid bench run` and `hybrid bench report` are a first look; `hybrid bench run --help` lists the options.
    """
    from solvers.bench.__main__ import main

    raise typer.Exit(main(context.args, "hybrid bench"))
