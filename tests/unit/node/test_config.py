"""Settings: which source wins, what each value may be, and where it is said to come from."""

from collections.abc import Mapping
from math import inf
from pathlib import Path

import pytest

from passerby.node.config import (
    FALLBACK_AFTER,
    KEYS,
    Folders,
    Layer,
    Settings,
    describe,
    from_environment,
    from_file,
    from_flags,
    settle,
)
from passerby.node.configfile import ConfigError
from passerby.node.configvalues import LONGEST_WAIT, NAME_BYTES

FOLDERS = Folders(*(Path("/srv/x") / name for name in ("config", "state", "data", "seed", "run")))
PEER = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
SEED = f"/ip4/192.0.2.7/tcp/7171/p2p/{PEER}"
FILE = Path("/etc/p/config.toml")


def settings(*layers: Layer) -> Settings:
    return settle(layers, FOLDERS)


def file(text: str) -> Layer:
    return from_file(FILE, text.encode())


def test_defaults() -> None:
    chosen = settings()
    assert chosen.network == "main"
    assert chosen.seeds == ()
    assert (chosen.local, chosen.directory, chosen.typing_send, chosen.typing_show) == (True, True, True, True)
    assert not chosen.lan
    assert chosen.timeout is None
    assert (chosen.interests, chosen.lang, chosen.fallback) == ((), "", FALLBACK_AFTER)
    assert chosen.listen == ("/ip4/0.0.0.0/tcp/7171", "/ip6/::/tcp/7171")
    assert chosen.key == Path("/srv/x/seed/key")
    assert set(chosen.origins.values()) == {"default"}
    assert chosen.warnings == ()


def test_the_local_network_is_asked_for_by_flag_or_file() -> None:
    assert settings(from_flags({"network.lan": ("--lan", True)})).lan
    assert settings(file("[network]\nlan = true")).lan


def test_a_name_whose_records_list_seeds_may_be_a_seed() -> None:
    assert settings(file('[network]\nseeds = ["/dnsaddr/seeds.example"]')).seeds == ("/dnsaddr/seeds.example",)
    with pytest.raises(ConfigError, match=r"line 2.*not a name"):
        file('[network]\nseeds = ["/dnsaddr/192.0.2.7"]')


def test_the_first_layer_that_names_a_value_wins() -> None:
    flags = from_flags({"network.name": ("--network", "flag")})
    environment = from_environment({"PASSERBY_NETWORK": "variable", "PASSERBY_LOCAL": "off"})
    files = file('[network]\nname = "file"\nlocal = true\n[chat]\ntimeout = 5')
    chosen = settings(flags, environment, files)
    assert (chosen.network, chosen.local, chosen.timeout) == ("flag", False, 5.0)
    assert chosen.origins["network.name"] == "--network"
    assert chosen.origins["network.local"] == "PASSERBY_LOCAL"
    assert chosen.origins["chat.timeout"] == f"{FILE}, line 5"
    assert chosen.origins["network.seeds"] == "default"


def test_an_empty_variable_counts_as_unset_and_others_are_not_looked_at() -> None:
    assert from_environment({"PASSERBY_NETWORK": "", "PATH": "/bin", "PASSERBY_HOME": "/x"}) == Layer({}, {}, ())


def test_seeds_of_the_environment_are_separated_by_commas() -> None:
    chosen = settings(from_environment({"PASSERBY_SEEDS": f" {SEED} ,{SEED},"}))
    assert chosen.seeds == (SEED, SEED)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("LANG", ""),
        ("TIMEOUT", ""),
        ("DEBUG", ""),
        ("NETWROK", "; did you mean PASSERBY_NETWORK?"),
        ("HOEM", "; did you mean PASSERBY_HOME?"),
    ],
)
def test_only_a_name_that_is_really_close_is_suggested(variable: str, meant: str) -> None:
    name = f"PASSERBY_{variable}"
    assert from_environment({name: "x"}).warnings == (f"{name}: there is no such variable{meant}",)


@pytest.mark.parametrize("text", ["on", "ON", "true", "1"])
def test_switches_of_the_environment_that_are_on(text: str) -> None:
    assert settings(from_environment({"PASSERBY_DIRECTORY": text})).directory


@pytest.mark.parametrize("text", ["off", "Off", "false", "0"])
def test_switches_of_the_environment_that_are_off(text: str) -> None:
    assert not settings(from_environment({"PASSERBY_DIRECTORY": text})).directory


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PASSERBY_SEEDS": "nonsense"}, "PASSERBY_SEEDS: "),
        ({"PASSERBY_LOCAL": "maybe"}, "PASSERBY_LOCAL: on or off"),
        ({"PASSERBY_NETWORK": "a\tb"}, "PASSERBY_NETWORK: a name of printable"),
        ({"PASSERBY_NETWORK": "\udcff"}, "PASSERBY_NETWORK: a name of printable"),
    ],
)
def test_a_wrong_variable_is_told_by_name(environment: Mapping[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        from_environment(environment)


def test_an_unknown_variable_is_a_warning_with_a_suggestion() -> None:
    warnings = from_environment({"PASSERBY_SEED": "x", "PASSERBY_ÖÄÜß0123456789": ""}).warnings
    assert warnings == (
        "PASSERBY_SEED: there is no such variable; did you mean PASSERBY_SEEDS?",
        "PASSERBY_ÖÄÜß0123456789: there is no such variable",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network = 3", "line 1: network is a section"),
        ("[network]\nname = 3", "line 2: network.name: a text in quotes"),
        ('[network]\nname = ""', "line 2: network.name: a name of printable"),
        ('[network]\nname = " x"', "line 2: network.name: a name of printable"),
        (f'[network]\nname = "{"ä" * (NAME_BYTES // 2 + 1)}"', "line 2: network.name: a name has at most 64 bytes"),
        ('[network]\nlocal = "on"', "line 2: network.local: true or false"),
        ('[network]\nseeds = "x"', "line 2: network.seeds: a list of texts"),
        ("[network]\nseeds = [3]", "line 2: network.seeds: a list of texts"),
        ('[network]\nseeds = ["/ip4/192.0.2.7/tcp/7171"]', "line 2: network.seeds: its peer id is missing"),
        (f'[network]\nseeds = ["/onion3/{"a" * 56}:80/p2p/{PEER}"]', "line 2: network.seeds: an onion address"),
        ("[chat]\ntimeout = true", "line 2: chat.timeout: a number of seconds is needed"),
        ('[chat]\ntimeout = "3"', "line 2: chat.timeout: a number of seconds is needed"),
        ("[chat]\ntimeout = 0", "line 2: chat.timeout: a number of seconds above 0"),
        ("[chat]\ntimeout = nan", "line 2: chat.timeout: a number of seconds above 0"),
        ("[chat]\ntimeout = inf", "line 2: chat.timeout: a number of seconds above 0"),
        (f"[chat]\ntimeout = 1{'0' * 400}", "line 2: chat.timeout: a number of seconds above 0"),
        (
            "[chat]\nfallback = true",
            "line 2: chat.fallback: a number of seconds from 0 up to a year is needed, or never",
        ),
        ('[chat]\nfallback = "3"', "line 2: chat.fallback: a number of seconds from 0"),
        ("[chat]\nfallback = -1", "line 2: chat.fallback: a number of seconds from 0"),
        ("[chat]\nfallback = nan", "line 2: chat.fallback: a number of seconds from 0"),
        ('[chat]\ninterests = "x"', "line 2: chat.interests: a list of texts"),
        ('[chat]\ninterests = [" "]', "line 2: chat.interests: an interest of characters that can be seen"),
        ('[chat]\ninterests = ["\u200b"]', "line 2: chat.interests: an interest of characters that can be seen"),
        (f'[chat]\ninterests = ["{"x" * 49}"]', f"line 2: chat.interests: {'x' * 49} cannot be an interest: it has 49"),
        ('[chat]\ninterests = ["a","b","c","d","e","f"]', "line 2: chat.interests: 6 interests are too many"),
        ("[chat]\nlang = 3", "line 2: chat.lang: a text in quotes"),
        ('[chat]\nlang = "de_DE"', "line 2: chat.lang: a language looks like de"),
        ("[chat.typing_send]\nx = 1", "line 1: chat.typing_send: true or false"),
        ('[seed]\nlisten = ["/dns4/example.org/tcp/1"]', "line 2: seed.listen: an address to listen on"),
        (f'[seed]\nlisten = ["{SEED}"]', "line 2: seed.listen: an address to listen on"),
        ('[seed]\nkey = ""', "line 2: seed.key: the path of a file"),
        ("[seed]\nkey = 3", "line 2: seed.key: the path of a file"),
        ('[seed]\nkey = "a\\u0000b"', "line 2: seed.key: the path of a file"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        file(text)
    assert str(caught.value).startswith(f"{FILE}, {said}")


def test_interests_have_one_spelling_and_stand_once() -> None:
    chosen = settings(file('[chat]\ninterests = ["Chess", "CHESS ", "Board  Games"]\nlang = "de-AT"'))
    assert (chosen.interests, chosen.lang) == (("chess", "board games"), "de")
    assert settings(from_flags({"chat.interests": ("--interest", ("Tea",))})).interests == ("tea",)
    assert settings(file('[chat]\nlang = ""\ninterests = []')).lang == ""


def test_interests_between_commas_are_several() -> None:
    assert settings(from_flags({"chat.interests": ("--interest", ("chess,Board  Games, ", "tea"))})).interests == (
        "chess",
        "board games",
        "tea",
    )
    assert settings(file('[chat]\ninterests = ["chess,tea"]')).interests == ("chess", "tea")
    with pytest.raises(ValueError, match="an interest of characters that can be seen"):
        from_flags({"chat.interests": ("--interest", (" , ",))})


def test_that_a_part_of_a_language_does_not_count_is_said() -> None:
    chosen = settings(from_flags({"chat.lang": ("--lang", " pt-BR")}), file('[chat]\nlang = "de-AT"'))
    assert (chosen.lang, chosen.warnings) == ("pt", ("--lang: pt-BR counts as pt",))
    assert settings(file('[chat]\nlang = "DE"')).warnings == ()


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("2.5", 2.5), ("inf", inf), ('"never"', inf), (str(LONGEST_WAIT), LONGEST_WAIT)]
)
def test_how_long_to_insist(text: str, seconds: float) -> None:
    assert settings(file(f"[chat]\nfallback = {text}")).fallback == seconds


FIVE = '[chat]\ninterests = ["a", "b", "c", "d", "e"]'


def test_five_interests_or_four_and_a_language() -> None:
    assert len(settings(file(FIVE)).interests) == 5
    assert settings(file(FIVE.replace(', "e"', "") + '\nlang = "de"')).lang == "de"


def test_together_interests_and_language_are_too_many() -> None:
    with pytest.raises(ConfigError) as caught:
        settings(file(FIVE + '\nlang = "de"'))
    assert str(caught.value).startswith(f"{FILE}, line 2 and {FILE}, line 3: 5 interests and a language are too many")
    with pytest.raises(ValueError, match=r"line 2 and --lang: 5 interests and a language are too many"):
        settings(from_flags({"chat.lang": ("--lang", "de")}), file(FIVE))


def test_an_unknown_key_is_a_warning_with_a_suggestion() -> None:
    layer = file('[network]\nnmae = "x"\n"nam\\u0007" = 1\n[zzzz]\nq = 1')
    assert layer.values == {}
    assert layer.warnings == (
        f"{FILE}, line 2: there is no such key: network.nmae; did you mean network.name?",
        f'{FILE}, line 3: there is no such key: "network.nam\\u0007"; did you mean network.name?',
        f"{FILE}, line 5: there is no such key: zzzz.q",
    )
    assert settings(layer).warnings == layer.warnings


def test_limits_themselves_are_allowed() -> None:
    chosen = settings(file(f'[network]\nname = "{"x" * NAME_BYTES}"\n[chat]\ntimeout = {LONGEST_WAIT}'))
    assert (len(chosen.network), chosen.timeout) == (NAME_BYTES, LONGEST_WAIT)


def test_a_key_file_is_meant_from_where_the_configuration_stands() -> None:
    assert settings(file('[seed]\nkey = "mine"')).key == Path("/etc/p/mine")
    assert settings(file('[seed]\nkey = "/mine"')).key == Path("/mine")
    assert settings(from_flags({"seed.key": ("--key", "mine")})).key == Path("mine")


def test_a_wrong_flag_is_told_by_name_and_is_no_configuration_error() -> None:
    with pytest.raises(ValueError, match="--seed: an address looks like"):
        from_flags({"network.seeds": ("--seed", ("nonsense",))})


def test_what_is_shown_is_a_configuration_that_gives_the_same_settings() -> None:
    flags = {
        "network.name": ("--network", 'a"b\\c'),
        "network.seeds": ("--seed", (SEED,)),
        "chat.timeout": ("--timeout", 2.5),
        "chat.interests": ("--interest", ("board games", 'a"b')),
        "chat.lang": ("--lang", "de"),
        "chat.fallback": ("--fallback", inf),
        "seed.listen": ("--listen", ("/ip6/::1/tcp/0",)),
    }
    chosen = settings(from_flags(flags))
    again = settings(file(describe(chosen)))
    names = ("network", "seeds", "timeout", "listen", "key", "local", "interests", "lang", "fallback")
    assert [getattr(again, name) for name in names] == [getattr(chosen, name) for name in names]
    assert f'seeds = ["{SEED}"]  # --seed' in describe(chosen).splitlines()


def test_what_is_shown_names_every_key_once() -> None:
    shown = describe(settings())
    assert [line for line in shown.splitlines() if line.startswith("[")] == ["[network]", "[chat]", "[seed]"]
    assert "# timeout is not set  # default" in shown.splitlines()
    for name in KEYS:
        assert shown.count(f"{name.partition('.')[2]} ") == 1
