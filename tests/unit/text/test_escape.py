import pytest

from kerasmatrix.text.escape import escape_control_characters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb\u2066\x9b", "a\\u202eb\\u2066\\x9b"),
        ("a\u3164\u115f\u2028\U000e0041", "a\\u3164\\u115f\\u2028\\U000e0041"),
        ("::error file=a::b", "\\x3a:error file=a::b"),
        ("x\n::Set-Output name=a::b", "x\\n\\x3a:Set-Output name=a::b"),
        ("##[add-mask]a", "\\x23#[add-mask]a"),
        ("##vso[task.setvariable]a", "\\x23#vso[task.setvariable]a"),
        ("std::vector of tf::errors, ## [a]", "std::vector of tf::errors, ## [a]"),
    ],
)
def test_escape_what_controls_terminal_or_ci(text, shown):
    assert escape_control_characters(text) == shown
