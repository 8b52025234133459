import pytest

from kerasmatrix.diagnosis.traceback_parser import chain_of

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


def test_a_traceback_is_a_chain_the_last_raised_first():
    assert chain_of(TRACEBACK) == [
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
def test_a_line_is_read_as_what_it_is(text, chain):
    assert chain_of(text) == chain
