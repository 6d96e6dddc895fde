"""How feedback ends when its group has given it nothing to do."""

import subprocess
import sys
import time


def test_a_member_that_is_to_be_forgotten_outlives_its_session() -> None:
    """The process says why, falls silent, and ends with status 70 when the session is over, not before."""
    code = "from streams.feedback import die_forgotten; die_forgotten('nothing assigned', 500, partitions=0)"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "nothing assigned" in done.stdout + done.stderr
    assert time.monotonic() - began >= 1.5
