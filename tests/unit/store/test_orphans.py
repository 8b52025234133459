import subprocess
import sys

from kerasmatrix.store.orphans import kill_orphans

WAIT = [sys.executable, "-S", "-c", "print('here', flush=True); input()"]


def start(home):
    process = subprocess.Popen(
        WAIT, env={"HOME": str(home)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    process.stdout.readline()
    return process


def test_kill_orphans_kills_only_homes_in_scratch(tmp_path):
    scratch = tmp_path / "scratch"
    ours = start(scratch / "run" / "home-1")
    others = [start(tmp_path), start(tmp_path / "scratch-of-another" / "home-1")]
    try:
        assert kill_orphans(scratch) == 1
        assert ours.wait(20) == -9
        assert [process.poll() for process in others] == [None, None]
    finally:
        for process in (ours, *others):
            process.kill()
            process.communicate()
