"""What a typed line means, and that nothing beginning with a slash is sent by mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.console.commands import (
    COMMANDS,
    WORD_SHOWN,
    Action,
    Help,
    Interests,
    Language,
    Mistaken,
    Text,
    Typed,
    TypingSwitch,
    is_too_long,
    parse,
)
from passerby.node.limits import TEXT_CODE_POINTS


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("hello", Text("hello")),
        (" /next", Text(" /next")),
        ("", Text("")),
        ("//next", Text("/next")),
        ("//", Text("/")),
        ("///x", Text("//x")),
        ("/next", Action.NEXT),
        ("/NEXT ", Action.NEXT),
        ("/n", Action.NEXT),
        ("/stop", Action.STOP),
        ("/s", Action.STOP),
        ("/start", Action.START),
        ("/who", Action.WHO),
        ("/verify", Action.VERIFY),
        ("/quit", Action.QUIT),
        ("/q", Action.QUIT),
        ("/interests", Interests(None)),
        ("/interests  ", Interests(None)),
        ("/interests ,", Interests(None)),
        ("/interests -", Interests(())),
        ("/interests Chess tea", Interests(("chess", "tea"))),
        ("/interests chess CHESS", Interests(("chess",))),
        ("/interests board games, Tea ,", Interests(("board games", "tea"))),
        ("/Interests interests", Interests(("interests",))),
        ("/lang", Language(None)),
        ("/lang -", Language("")),
        ("/lang pt-BR", Language("pt")),
        ("/typing on", TypingSwitch(send=True, show=True)),
        ("/typing OFF", TypingSwitch(send=False, show=False)),
        ("/typing send off", TypingSwitch(send=False, show=None)),
        ("/typing show on", TypingSwitch(send=None, show=True)),
    ],
)
def test_meanings(line: str, meant: Typed) -> None:
    assert parse(line) == meant


@pytest.mark.parametrize(
    "line", ["/next please", "/quit now", "/typing", "/typing maybe", "/typing send", "/typing on on", "/lang de fr"]
)
def test_a_command_with_words_that_make_no_sense_is_not_obeyed(line: str) -> None:
    meant = parse(line)
    assert isinstance(meant, Mistaken)
    assert meant.sentence.startswith(f"Not obeyed: it is written {line.split()[0]}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/interests a b c d e f", "Not changed: 6 interests are too many: 5 are allowed, a language counted as one."),
        (
            f"/interests {'x' * 49}",
            f"Not changed: {'x' * 49} cannot be an interest: it has 49 bytes where 48 are allowed.",
        ),
        ("/interests \u200b\x1b", "Not changed: an interest of characters that can be seen is needed."),
        ("/lang german!", "Not changed: a language looks like de or pt-BR."),
    ],
)
def test_wishes_that_cannot_be_are_told(line: str, said: str) -> None:
    assert parse(line) == Mistaken(said)


def test_an_unknown_word_is_not_sent_and_a_similar_one_is_named() -> None:
    meant = parse("/stpo")
    assert isinstance(meant, Mistaken)
    assert "unknown command /stpo. Did you mean /stop? //" in meant.sentence


@pytest.mark.parametrize("line", ["/", "/ x", "/zzzzzz", "/help zzzzzz"])
def test_an_unknown_word_without_a_similar_one_leads_to_the_list(line: str) -> None:
    meant = parse(line)
    assert isinstance(meant, Mistaken)
    assert "/help lists what there is." in meant.sentence


def test_a_mistyped_word_is_shown_cleaned_and_cut() -> None:
    meant = parse("/\x1b[2Jzzzz" + "z" * 100)
    assert isinstance(meant, Mistaken)
    assert meant.sentence.isprintable()
    assert "z" * WORD_SHOWN not in meant.sentence


def test_help_lists_every_command_and_each_has_its_own() -> None:
    listed = parse("/help")
    assert isinstance(listed, Help)
    for command in COMMANDS:
        assert command in listed.text
        one = parse(f"/? {command}")
        assert isinstance(one, Help)
        assert one.text.startswith(command)
    assert all(len(row) <= 77 for row in listed.text.split("\n"))  # a row of 80 with its prefix


def test_help_about_one_names_its_short_form() -> None:
    assert parse("/help next") == Help("/next: leave this stranger, look for another (short: /n)")
    assert parse("/help start") == Help("/start: look for a stranger")


@given(st.text(max_size=30))
def test_a_line_that_begins_with_one_slash_is_never_text(rest: str) -> None:
    assert isinstance(parse(f"/{rest}"), Text) == rest.startswith("/")


@pytest.mark.parametrize(
    ("line", "too_long"),
    [
        ("hello", False),
        ("/who", False),
        ("x" * TEXT_CODE_POINTS, False),
        ("x" * (TEXT_CODE_POINTS + 1), True),
        ("//" + "x" * TEXT_CODE_POINTS, True),
        ("/nxt", False),
        ("/" + "x" * (TEXT_CODE_POINTS + 1), False),
        ("\x07", False),
    ],
)
def test_a_text_that_could_be_shortened_is_told_apart(line: str, too_long: bool) -> None:
    assert is_too_long(line) == too_long
