import os
import subprocess
import sys

from kerasmatrix.engines.process_id import birth, is_gone


def test_a_process_that_is_there_is_not_gone_and_one_that_ended_is():
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    born = birth(process.pid)
    assert born
    assert not is_gone(str(process.pid), born)
    process.communicate()
    assert is_gone(str(process.pid), born)
    assert birth(process.pid) == ""


def test_another_process_of_the_same_number_is_another():
    boot, namespace, started = birth(os.getpid()).split()
    earlier = f"{boot} {namespace} {int(started) - 1}"
    assert is_gone(str(os.getpid()), earlier)


def test_of_another_machine_or_container_nothing_is_known():
    boot, namespace, started = birth(os.getpid()).split()
    for elsewhere in (f"other {namespace} {started}", f"{boot} other {started}", "", "x"):
        assert not is_gone("999999999", elsewhere)
    assert not is_gone("no number", f"{boot} {namespace} {started}")
