from kerasmatrix.harness import exception_data


def caught(function):
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - whatever is raised is described
        return exception_data.describe(error)
    raise AssertionError("nothing was raised")


def test_a_context_is_part_of_the_chain_unless_it_is_suppressed():
    def with_context():
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")  # noqa: B904 - the point of the test

    def suppressed():
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second") from None

    assert [link["type"] for link in caught(with_context)["chain"]] == ["ValueError", "KeyError"]
    assert [link["type"] for link in caught(suppressed)["chain"]] == ["ValueError"]


def test_a_type_outside_builtins_has_its_module():
    import json

    assert caught(lambda: json.loads("{"))["type"] == "json.decoder.JSONDecodeError"


def test_an_exception_that_cannot_be_printed_is_described_all_the_same():
    class Nasty(Exception):
        def __str__(self):
            raise RuntimeError("no")

    def raise_nasty():
        raise Nasty

    assert "cannot be printed" in caught(raise_nasty)["message"]


def test_a_chain_in_a_circle_ends():
    def circle():
        first, second = ValueError("first"), KeyError("second")
        first.__cause__, second.__cause__ = second, first
        raise first

    assert len(caught(circle)["chain"]) == 2


def test_a_huge_message_keeps_both_its_ends():
    def huge():
        raise ValueError("begin" + "x" * 10_000_000 + "end")

    message = caught(huge)["message"]
    assert message.startswith("begin")
    assert message.endswith("end")
    assert len(message) < 21_000


def test_a_lone_surrogate_does_not_break_the_line():
    def surrogate():
        raise ValueError("\ud800")

    caught(surrogate)["message"].encode()
