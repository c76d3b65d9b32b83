"""Bad input gets a sentence with a next step and the right exit code, and nothing else happens: never a traceback."""

import os
import socket
from pathlib import Path

import pytest
import trio

from support.programs import chat, run

PATIENCE = 60.0
PEER = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
SILENT = f"/ip4/127.0.0.1/tcp/9/p2p/{PEER}"


def sentence(output: bytes) -> str:
    """Return what was said, having made sure that it is for people."""
    text = output.decode()
    assert text.strip()
    assert "Traceback" not in text
    assert "Error:" not in text.replace("Error: ", "", 1), "an exception's name is no sentence"
    return text


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/300.0.0.1/tcp/1/p2p/x",
        f"/ip4/127.0.0.1/udp/1/p2p/{PEER}",
        "/p2p/" + "z" * 52,
        "/ip4/127.0.0.1/tcp/7/p2p/" + "z" * 52,
        f"/ip4/127.0.0.1/tcp/0/p2p/{PEER}",
    ],
)
async def test_a_malformed_seed_address_is_a_usage_error(address: str, consented: None) -> None:
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--seed", address, "--no-input")
        assert done.returncode == 2
        assert "passerby seed run" in sentence(done.stderr), "where to get a good one"


async def test_a_malformed_seed_address_in_the_environment_is_bad_configuration(
    consented: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSERBY_SEEDS", "nonsense")
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--no-input")
        assert done.returncode == 78
        assert "PASSERBY_SEEDS" in sentence(done.stderr)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("[network\n", "line 1"),
        ('[network]\nname = "a"\nseeds = 3\n', "line 3"),
        ('[network]\nseeds = ["x"]\n', "line 2"),
    ],
)
async def test_a_broken_configuration_is_told_with_its_line(content: str, where: str, consented: None) -> None:
    file = Path(os.environ["HOME"], "broken.toml")
    file.write_text(content)
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--config", str(file), "--no-input")
        assert done.returncode == 78
        assert where in sentence(done.stderr)


async def test_an_unreadable_configuration(consented: None) -> None:
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--config", os.environ["HOME"], "--no-input")
        assert done.returncode == 78
        sentence(done.stderr)


async def test_an_unknown_key_is_a_warning_with_a_suggestion(consented: None) -> None:
    file = Path(os.environ["HOME"], "typo.toml")
    file.write_text("[network]\nnmae = 'x'\n")
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--config", str(file), "--no-input", "--plain")
        assert done.returncode == 0
        assert "name" in sentence(done.stderr)


async def test_without_consent_nothing_starts_and_the_command_that_accepts_is_named() -> None:
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--no-input", "--json")
        assert done.returncode == 2
        assert "passerby consent --accept-18" in sentence(done.stderr)
        assert done.stdout == b""


async def test_a_silent_seed_is_exit_3_at_the_timeout(consented: None) -> None:
    with trio.fail_after(PATIENCE):
        async with chat("--seed", SILENT, "--timeout", "4", "--once") as program:
            await program.state("no-seed")
            assert (await program.expect("error"))["hint"]
            assert await program.exit_code() == 3
            assert program.errors == b""


async def test_a_seed_beyond_this_machine_is_exit_7_with_a_sentence(consented: None) -> None:
    with trio.fail_after(PATIENCE):
        async with chat("--seed", f"/ip4/192.0.2.1/tcp/7171/p2p/{PEER}") as program:
            error = await program.expect("error")
            assert error["code"] == "needs-relay"
            assert error["hint"]
            assert await program.exit_code() == 7


async def test_a_busy_port_and_a_second_seed_of_one_home() -> None:
    with trio.fail_after(PATIENCE), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = await run("seed", "run", "--listen", f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}")
        assert done.returncode == 78
        assert "Choose another port with --listen" in sentence(done.stderr)


async def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with trio.fail_after(PATIENCE):
        done = await run("seed", "run", "--listen", "/ip4/192.0.2.77/tcp/7171")
        assert done.returncode == 78
        assert "Choose another address with --listen" in sentence(done.stderr)


async def test_a_seed_whose_home_takes_no_lock() -> None:
    """As a file system that can only be read: root, who runs tests in places, may write where folders forbid it."""
    Path(os.environ["PASSERBY_HOME"], "run", "seed.lock").mkdir(parents=True, mode=0o700)
    Path(os.environ["PASSERBY_HOME"], "run").chmod(0o700)
    with trio.fail_after(PATIENCE):
        done = await run("seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0")
        assert done.returncode == 78
        assert "Set PASSERBY_HOME to a folder that can be written." in sentence(done.stderr)


async def test_a_seed_key_that_is_none() -> None:
    key = Path(os.environ["HOME"], "key")
    key.write_bytes(b"short")
    with trio.fail_after(PATIENCE):
        done = await run("seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0", "--key", str(key))
        assert done.returncode == 78
        assert "key" in sentence(done.stderr)


async def test_a_home_that_others_may_write_is_refused(consented: None) -> None:
    Path(os.environ["PASSERBY_HOME"]).chmod(0o777)
    with trio.fail_after(PATIENCE):
        done = await run("chat", "--no-input", "--plain", stdin=b"hi\n")
        assert done.returncode == 78
        assert "chmod" in sentence(done.stdout + done.stderr)


async def test_a_command_that_is_almost_one() -> None:
    with trio.fail_after(PATIENCE):
        done = await run("sead")
        assert done.returncode == 2
        assert "seed" in sentence(done.stderr)
