import os
import subprocess
import sys

from kerasmatrix.engines.process_id import process_exited, process_start_id


def test_process_exited_only_after_its_end():
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    born = process_start_id(process.pid)
    assert born
    assert not process_exited(str(process.pid), born)
    process.communicate()
    assert process_exited(str(process.pid), born)
    assert process_start_id(process.pid) == ""


def test_process_exited_reused_number_is_true():
    boot, namespace, started = process_start_id(os.getpid()).split()
    earlier = f"{boot} {namespace} {int(started) - 1}"
    assert process_exited(str(os.getpid()), earlier)


def test_process_exited_elsewhere_is_false():
    boot, namespace, started = process_start_id(os.getpid()).split()
    for elsewhere in (f"other {namespace} {started}", f"{boot} other {started}", "", "x"):
        assert not process_exited("999999999", elsewhere)
    assert not process_exited("no number", f"{boot} {namespace} {started}")
