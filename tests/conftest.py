"""Before any test: the packages under test are found ahead of the folders tests/hybrid and tests/solvers."""

import os
import signal
import sys
from pathlib import Path

# Threads of torch that wait for one another by spinning made these tests 80 times slower on a machine with other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1]))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of a shell's background, which programs started here inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)
