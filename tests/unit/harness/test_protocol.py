import os

import pytest

from kerasmatrix.harness import protocol


@pytest.fixture
def pipe():
    receive, send = os.pipe()
    yield protocol.Line(receive), send
    os.close(receive)
    os.close(send)


def test_what_is_encoded_is_decoded():
    message = {"text": "ä\n\u2028", "number": 1.5, "nothing": None}
    line = protocol.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert protocol.decode(line) == message


def test_nan_is_refused_when_it_is_written():
    with pytest.raises(ValueError, match="JSON"):
        protocol.encode({"value": float("nan")})


@pytest.mark.parametrize("line", [b"[1]", b"nonsense", b"\xff\xfe", b""])
def test_what_is_not_an_object_is_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds, all ValueErrors
        protocol.decode(line)


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


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * (protocol.MOST_DIGITS + 1)]
)
def test_decode_number_that_is_no_json_is_refused(number):
    with pytest.raises(ValueError, match=r"number"):
        protocol.decode(b'{"value": ' + number.encode() + b"}")


def test_decode_large_integer_is_kept():
    assert protocol.decode(b'{"value": 1' + b"0" * 400 + b"}") == {"value": 10**400}


def test_decode_line_longer_than_any_answer_is_refused():
    with pytest.raises(ValueError, match="too long"):
        protocol.decode(b'"' + b"x" * protocol.LONGEST + b'"')


def test_decode_nesting_without_end_is_refused():
    with pytest.raises(ValueError, match="nested"):
        protocol.decode(b"[" * 1_000_000)


def test_buffer_line_without_end_is_dropped():
    buffer = protocol.Buffer()
    buffer.feed(b"{}\n")
    for _ in range(protocol.LONGEST // 65536 + 1):
        assert buffer.take() in {b"{}", None}
        buffer.feed(b"x" * 65536)
    assert buffer.overflowed
    assert len(buffer._data) == 0
    buffer.feed(b"{}\n")
    assert buffer.take() is None


def test_buffer_looks_at_each_byte_once():
    class Counted(bytearray):
        looked_at = 0

        def find(self, what, begin=0):
            found = super().find(what, begin)
            Counted.looked_at += (len(self) if found < 0 else found) - begin
            return found

    buffer = protocol.Buffer()
    buffer._data = Counted()
    for _ in range(64):
        buffer.feed(b"x" * 65536)
        assert not buffer.ready
        assert buffer.take() is None
    assert Counted.looked_at == 64 * 65536
