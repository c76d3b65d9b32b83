"""Make `.venv` and install into it what a locked requirements file lists; what `make` runs before anything else.

``python3 tools/environment.py run`` installs what a user needs, ``... dev`` what tests and checks need too. Nothing is
compiled: every package of the locks has a wheel. A stamp is written last, so that an installation broken off is
noticed and redone; a lock file makes the second of two at the same moment wait for the first.

It runs under whatever ``python3`` the machine has, therefore only old syntax and the standard library.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
DEPENDS_ON = {**LOCKS, "project": "pyproject.toml"}
OLDEST = (3, 11)


def main(arguments):
    """Return 0 when `.venv` holds what the named set needs, else 2 after a sentence on stderr."""
    if arguments not in (["run"], ["dev"]):
        return complain("usage: environment.py run|dev")
    if sys.version_info < OLDEST:
        return complain(
            "Passerby needs Python %d.%d or newer; this is %d.%d. Next step: install a newer one and say which, for "
            "example: make chat PYTHON=python3.12" % (OLDEST + sys.version_info[:2])
        )
    try:
        with only_one():
            return install(arguments[0])
    except KeyboardInterrupt:
        return complain("The installation was interrupted. Next step: run make again; it begins anew.")


@contextlib.contextmanager
def only_one():
    """Wait until no other process installs here. The lock dies with its process, so none is ever left behind."""
    with open(os.path.join(ROOT, ".venv.lock"), "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another installation is under way here; waiting for it…", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(wanted):
    """Bring `.venv` to the state that the locks describe; quick when it is there already."""
    if recorded("run") != fingerprint("run"):
        shutil.rmtree(VENV, ignore_errors=True)
        print("Installing Passerby into .venv (once, about a minute)…", file=sys.stderr)
        if not call([sys.executable, "-m", "venv", VENV]):
            return complain(
                "Python could not make .venv; its words stand above. Next step: if ensurepip is missing, install it "
                "(on Debian: apt install python3-venv), then run make again."
            )
    steps = (
        ("run", lambda: pip_locked("run")),
        ("project", lambda: call([*PIP, "--no-deps", "--editable", ROOT])),
        ("dev", lambda: pip_locked("dev") and drop_old_stubs()),
    )
    for name, step in steps:
        if recorded(name) == fingerprint(name) or (name == "dev" and wanted != "dev"):
            continue
        if name == "dev":
            print("Installing the tools for tests and checks (once, about a minute)…", file=sys.stderr)
        if not step():
            return complain(
                "The installation failed; pip's words stand above. Often it is the network or a proxy. Next step: mend "
                "that, then run make again."
            )
        record(name)
    return 0


PIP = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--use-pep517"]


def pip_locked(name):
    """Install exactly the files whose hashes the lock lists; `--no-deps` because the lock is already complete."""
    return call([*PIP, "--no-deps", "--require-hashes", "--requirement", os.path.join(ROOT, LOCKS[name])])


def drop_old_stubs():
    """Remove the type stubs that trio-typing brings for a trio of years ago: they hide trio's own types."""
    for folder in glob.glob(os.path.join(VENV, "lib", "python*", "site-packages", "trio-stubs")):
        shutil.rmtree(folder)
    return True


def call(command):
    """Run `command`; tell whether it succeeded."""
    return subprocess.call(command) == 0  # noqa: S603 - our own words only


def fingerprint(name):
    """What one step of the installation depends on: its file, the interpreter and the place."""
    with open(os.path.join(ROOT, DEPENDS_ON[name]), "rb") as handle:
        return hashlib.sha256((sys.version + ROOT).encode() + handle.read()).hexdigest()


def stamp(name):
    """Return the path of the file that says an installation was finished."""
    return os.path.join(VENV, "installed-" + name)


def recorded(name):
    """Return the fingerprint of the finished installation, or None."""
    try:
        with open(stamp(name)) as handle:
            return handle.read()
    except OSError:
        return None


def record(name):
    """Say that the installation is finished."""
    with open(stamp(name), "w") as handle:
        handle.write(fingerprint(name))


def complain(sentence):
    """Print `sentence` and return the exit code for bad usage."""
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
