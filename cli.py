"""The command line: flags to settings, settings to one call each, everything to an exit code (product.md 2 and 6).

UI rules of this file:
- Help begins with examples, and names what this release can do, nothing else.
- Data on stdout, talk on stderr. No secret in a flag.
- Nothing heavy is imported before a command needs it: `--help`, `--version` and `config show` answer at once.
"""

import os
import sys
from pathlib import Path

import click

from passerby import __version__
from passerby.node import config as keys
from passerby.node import home, output
from passerby.node.configfile import ConfigError
from passerby.node.exits import Exit
from passerby.node.flags import EXIT_CODES, ChatByDefault, chat_flags, common, config_flag, described, lab_flags
from passerby.node.lab.plan import Plan
from passerby.node.printing import fitted, say, say_wrong_use


def _settings(config: Path | None, *flags: tuple[keys.Key[object], str, object]) -> keys.Settings:
    """The settings, with those `flags` (key, flag, value) that were given; warnings go to stderr."""
    given = {key.name: (flag, value) for key, flag, value in flags if value not in (None, ())}
    try:
        settings = home.load_settings(os.environ, given, config)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for warning in settings.warnings:
        say(f"passerby: {warning}")
    return settings


@click.group(
    cls=ChatByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    **described(
        "Anonymous one-to-one chat with a random stranger. Without a command: chat.",
        "passerby                         talk to a stranger",
        "passerby chat --once             talk to one, then leave",
        "passerby seed run                be a place where others meet",
        "passerby lab                     a private network to look at",
        "passerby config show             what is set, and where",
    ),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Do nothing: its commands do."""


@cli.command(
    "chat",
    **described(
        "Look for a stranger and talk. Inside, /help lists what can be done.",
        "passerby chat -i chess,tea       to somebody who likes one of these",
        "passerby chat --lobby -          to somebody who knows your code",
        "passerby chat --seed /ip4/192.0.2.7/tcp/7171/p2p/12D3KooW…",
        "passerby chat --lan              to somebody in your local network",
        "passerby chat --network friends  meet only those who use the same name",
        "echo hello | passerby chat --json --once --timeout 60",
    ),
    epilog=EXIT_CODES,
)
@chat_flags
@common(
    verbose="Log states, matches and ends to stderr, in words and counts; on a full terminal above the input line. "
    "Twice: every event too, and where errors happened."
)
def _chat(
    interests: tuple[str, ...],
    lang: str | None,
    fallback: float | None,
    lobby: bool,
    seeds: tuple[str, ...],
    lan: bool | None,
    network: str | None,
    timeout: float | None,
    no_input: bool,
    config: Path | None,
    quiet: bool,
    verbose: int,
    **shown: bool,
) -> int:
    whom = (keys.INTEREST_LIST, "--interest", interests), (keys.LANG, "--lang", lang)
    where = (keys.SEED_LIST, "--seed", seeds), (keys.NETWORK, "--network", network), (keys.LAN, "--lan", lan)
    waits = (keys.FALLBACK, "--fallback", fallback), (keys.TIMEOUT, "--timeout", timeout)
    settings = _settings(config, *whom, *where, *waits)
    from passerby.node import consent, hardening

    may_ask = not (no_input or shown["json"])
    if not consent.is_accepted(settings.folders) and not consent.ask(settings.folders, may_ask=may_ask):
        return Exit.USAGE
    hardening.prepare(-1 if quiet else verbose)
    code = _code(may_ask=may_ask) if lobby else None
    from passerby.node.console import run

    return run.chat(settings, run.Options(**shown, code=code))


def _code(*, may_ask: bool) -> str:
    from passerby.node import lobbycode

    try:
        return lobbycode.obtain(may_ask=may_ask)
    except lobbycode.CodeError as error:
        raise click.UsageError(str(error)) from error


@cli.group("seed", **described("Operate a seed, a place where searching people meet.", "passerby seed run"))
def _seed() -> None: ...


@_seed.command(
    "run",
    **described(
        "Run a seed until interrupted. Prints its addresses, for --seed of others; logs go to stderr.",
        "passerby seed run",
        "passerby seed run --listen /ip4/0.0.0.0/tcp/7171",
    ),
)
@click.option("--listen", multiple=True, metavar="MULTIADDR", help="Listen here (may be repeated; port 0: any).")
@click.option("--key", metavar="FILE", help="The seed's identity; made if there is none.")
@common(verbose="Twice: log to stderr where errors with a connection happened.")
def _seed_run(listen: tuple[str, ...], key: str | None, config: Path | None, quiet: bool, verbose: int) -> int:
    settings = _settings(config, (keys.SEED_LISTEN, "--listen", listen), (keys.SEED_KEY, "--key", key))
    from passerby.node import hardening

    hardening.prepare(-1 if quiet else verbose)
    from passerby.node.seeding import seedrun

    return seedrun.main(settings)


@cli.command("lab", **described("A whole private network in one process.", "passerby lab", "passerby lab --chaos"))
@lab_flags
def _lab(plan: Plan, as_json: bool) -> int:
    from passerby.node.lab import run

    return run.main(plan, as_json=as_json)


@cli.command("consent", **described("What a chat means for you.", "passerby consent", "passerby consent --accept-18"))
@click.option("--accept-18", is_flag=True, help="I am 18 or older and accept the text.")
def _consent(accept_18: bool) -> int:
    from passerby.node import consent

    if accept_18:
        consent.accept(home.locate(os.environ))
    accepted = consent.is_accepted(home.locate(os.environ))
    answer = "Accepted." if accepted else f"Not accepted yet. Run: {consent.accept_command()}"
    click.echo(fitted(f"{consent.TEXT}\n\n{answer}", sys.stdout))
    return 0 if accepted else Exit.USAGE


@cli.group("config", **described("Settings and their origin.", "passerby config show", "passerby config path"))
def _config() -> None: ...


@_config.command("path", help="Where your own settings are read from, whether the file exists or not.")
def _config_path() -> None:
    click.echo(home.user_config(home.locate(os.environ)))


@_config.command(
    "show", help=f"Every setting, with where it came from. Variables there are: {', '.join(keys.VARIABLES)}."
)
@config_flag
def _config_show(config: Path | None) -> None:
    click.echo(keys.describe(_settings(config)))


@cli.command("version", **described("Versions, for reports of bugs.", "passerby version --json"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def _version(as_json: bool) -> None:
    from passerby.node.versions import versions

    click.echo(versions(as_json=as_json))


def main() -> None:
    """Run the program; leaves by SystemExit with an exit code of product.md 6."""
    try:
        with cli.make_context("passerby", sys.argv[1:]) as context:  # `cli.main` would judge broken pipes by itself
            result: object = cli.invoke(context)
        output.flush()
        sys.exit(result if isinstance(result, int) else Exit.OK)
    except click.exceptions.Exit as done:  # after --help
        sys.exit(done.exit_code)
    except click.ClickException as error:
        say_wrong_use(error)
        sys.exit(error.exit_code)
    except (ConfigError, home.HomeError) as error:
        say(f"passerby: {error}")
        sys.exit(Exit.CONFIG)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(Exit.SIGINT)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is ours)
        sys.exit(output.explain(error))
