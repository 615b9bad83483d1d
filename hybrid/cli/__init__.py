"""The `hybrid` command: parse, call, print. Heavy imports happen inside functions, so that --help is quick."""

from hybrid.cli import bench, colorize, compare, describe, edit, verify  # noqa: F401  (each adds its commands to the application)
from hybrid.cli.console import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command."""
    app()
