import pytest

from kerasmatrix.diagnosis.traceback_parser import parse_chain

TRACEBACK = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    load()
KeyError: 'sample_weight_mode'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in load
tensorflow.python.framework.errors_impl.NotFoundError: Op type not registered
 and more of it
"""


def test_parse_chain_traceback_last_raised_first():
    assert parse_chain(TRACEBACK) == [
        (
            "tensorflow.python.framework.errors_impl.NotFoundError",
            "Op type not registered\n and more of it",
        ),
        ("KeyError", "'sample_weight_mode'"),
    ]


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("ValueError: Unknown layer: Functional", [("ValueError", "Unknown layer: Functional")]),
        ("E   ValueError: as pytest prints it", [("ValueError", "as pytest prints it")]),
        ("MemoryError", [("MemoryError", "")]),
        ("Unknown layer: Functional", [("", "Unknown layer: Functional")]),
    ],
)
def test_parse_chain_single_lines(text, chain):
    assert parse_chain(text) == chain
