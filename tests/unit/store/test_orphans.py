import subprocess
import sys

from kerasmatrix.store.orphans import end_leftovers

WAIT = [sys.executable, "-S", "-c", "print('here', flush=True); input()"]


def start(home):
    process = subprocess.Popen(
        WAIT, env={"HOME": str(home)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    process.stdout.readline()
    return process


def test_who_has_a_home_in_the_scratch_folder_is_ended_and_nobody_else(tmp_path):
    scratch = tmp_path / "scratch"
    ours = start(scratch / "run" / "home-1")
    others = [start(tmp_path), start(tmp_path / "scratch-of-another" / "home-1")]
    try:
        assert end_leftovers(scratch) == 1
        assert ours.wait(20) == -9
        assert [process.poll() for process in others] == [None, None]
    finally:
        for process in (ours, *others):
            process.kill()
            process.communicate()
