"""Before any test: the packages under test are found ahead of the folders tests/hybrid and tests/solvers."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small pictures; pytest-xdist shares the cores out among the tests
sys.path.insert(0, str(Path(__file__).parents[1]))
