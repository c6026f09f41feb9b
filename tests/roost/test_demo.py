import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_tells_its_story_and_loses_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "roost", "demo"], capture_output=True, text=True, check=False, timeout=230
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "exit status -9" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("OK: 103 accepted, 103 received")
