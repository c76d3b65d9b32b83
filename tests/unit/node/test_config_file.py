"""A configuration file's errors name file and line; its values never crash the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.configfile import FILE_BYTES, ConfigError, Entry, read_entries


def entries(text: str) -> dict[str, tuple[object, int]]:
    return {entry.name: (entry.value, entry.line) for entry in read_entries("F", text.encode())}


def test_every_key_is_told_with_its_line() -> None:
    text = '# mine\nbare = 1\n\n[network]\nname = "x"\nseeds = [\n  "a",\n  "b",\n]\n\n[chat]\n# note\ntimeout = 3\n'
    assert entries(text) == {
        "bare": (1, 2),
        "network.name": ("x", 5),
        "network.seeds": (["a", "b"], 6),
        "chat.timeout": (3, 13),
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("network.name = 1", 1),
        ("\n[network]\r\nname = 1\r\n", 3),
        ('[network]\nother = """\nname = 2\n"""\nname = 1', 5),
        ("\n\nnetwork = {other = 2, name = 1}", 3),
        ('[ "network" ]\n"name" = 1', 2),
        ("[chat]\nname = 5\n[network]\nname = 1", 4),
        ("[network]\n[[network.name]]", 2),
    ],
)
def test_the_line_is_found_however_the_key_is_written(text: str, line: int) -> None:
    assert entries(text)["network.name"][1] == line


def test_a_section_that_is_none_is_an_entry_of_its_own() -> None:
    assert read_entries("F", b"\nnetwork = 3") == (Entry("network", 3, 2),)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[network]\nname = ", "F, line 2: "),
        (b"a = 1\na = 2\n", "F, line 2: "),
        (b'[network]\nname = """x\ny\n', "F, line 3: "),
        (b"a = 1\nb = \xff", "F, line 2: this is not UTF-8"),
        (b"#" * (FILE_BYTES + 1), "F: more than 64 KiB"),
        (b"a = " + b"9" * 5000, "F: a value in it is too large"),
        (b"a = " + b"[" * 5000, "F: a value in it is too large or nested"),
    ],
)
def test_what_is_no_configuration_says_where(content: bytes, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_entries("F", content)
    assert str(caught.value).startswith(where)


@given(st.text(alphabet="[]{}=\".\n\r#ab1\\' ,-", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = read_entries("F", text.encode())
    except ConfigError as error:
        assert str(error).startswith("F")  # noqa: PT017 (the other outcome is as good)
    else:
        lines = text.count("\n") + 1
        assert all(1 <= entry.line <= lines for entry in read)
