import os

import pytest

from kerasmatrix.harness import wire


@pytest.fixture
def pipe():
    receive, send = os.pipe()
    yield wire.Line(receive), send
    os.close(receive)
    os.close(send)


def test_what_is_encoded_is_decoded():
    message = {"text": "ä\n\u2028", "number": 1.5, "nothing": None}
    line = wire.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.decode(line) == message


def test_nan_is_refused_when_it_is_written():
    with pytest.raises(ValueError, match="JSON"):
        wire.encode({"value": float("nan")})


@pytest.mark.parametrize("line", [b"[1]", b"nonsense", b"\xff\xfe", b""])
def test_what_is_not_an_object_is_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds, all ValueErrors
        wire.decode(line)


def test_lines_come_whole_and_one_by_one(pipe):
    line, send = pipe
    os.write(send, b'{"a":')
    line.fill()
    assert line.take() is None
    os.write(send, b"1}\n{}\nrest")
    line.fill()
    assert [line.take(), line.take(), line.take()] == [b'{"a":1}', b"{}", None]
    assert not line.closed


def test_waiting_ends(pipe):
    line, send = pipe
    assert line.wait(0) is False
    os.write(send, b"x")
    assert line.wait(5) is True
