"""Before any test: the packages under test are found ahead of the folders tests/hybrid and tests/solvers."""

import os
import sys
from pathlib import Path

# Threads of torch that wait for one another by spinning made these tests 80 times slower on a machine with other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1]))
