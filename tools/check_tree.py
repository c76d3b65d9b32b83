"""What the linters do not see: the wheel's contents, and what must not stand in a tracked file.

``python tools/check_tree.py`` builds a wheel and an sdist in a temporary folder without network, and searches the
tracked files for paths of one machine and for hosts of package registries; prints each finding, exits 1 if any.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# written with classes so that this file does not find itself
FORBIDDEN = re.compile(
    r"(?<![\w.])/(?:[w]ork|[h]ome|[r]oot|[U]sers)/\w|python[h]osted|p[y]pi\.org|n[p]mjs\.(?:org|com)|deb\.d[e]bian\.org"
)
PACKAGES = (
    "crypto",
    "discovery",
    "discovery/searching",
    "discovery/seeding",
    "node",
    "node/console",
    "node/firstcontacts",
    "node/lab",
    "node/libp2p_081",
    "node/seeding",
)
DATA = {"passerby/py.typed", "passerby/discovery/seeds.toml"}


def main() -> int:
    """Print what is wrong; 0 if nothing is."""
    findings = [*forbidden_words(), *package_contents()]
    for finding in findings:
        print(finding)
    print(f"tree: {len(findings)} findings")
    return 1 if findings else 0


def forbidden_words() -> list[str]:
    """Paths of one machine and registry hosts, in tracked text files."""
    findings: list[str] = []
    for name in tracked():
        path = ROOT / name
        if path.is_symlink() or path.suffix in {".png", ".svg"} or not path.exists():
            continue
        if path.name == "uv.lock":
            findings.append("uv.lock is tracked: it names registry hosts; keep requirements.lock instead")
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if FORBIDDEN.search(line):
                findings.append(f"{name}:{number}: {line.strip()[:100]}")
    return findings


def package_contents() -> list[str]:
    """Every module of the tree is in the wheel and the sdist under one import name, and nothing else is."""
    wanted = {f"passerby/{p.relative_to(ROOT)}" for p in modules()} | DATA
    wanted |= {"passerby/__init__.py", "passerby/__main__.py"}
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, str(ROOT)]
        done = subprocess.run(build, capture_output=True, text=True, check=False)  # noqa: S603 - our own words only
        if done.returncode:
            return [f"the build failed: {done.stdout[-500:]}{done.stderr[-500:]}"]
        wheel = next(Path(folder).glob("*.whl"))
        names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            source = {n.partition("/src/")[2] for n in archive.getnames()}
    return [
        *(f"wheel: {n} is missing" for n in sorted(wanted - names)),
        *(f"wheel: {n} does not belong" for n in sorted(names - wanted)),
        *(f"sdist: {n} is missing" for n in sorted(wanted - source)),
    ]


def modules() -> list[Path]:
    """Return the package's source files, in the real folders."""
    return [ROOT / "cli.py", *(p for name in PACKAGES for p in (ROOT / name).glob("*.py"))]


def tracked() -> list[str]:
    """Return the names of the files that git tracks."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    return [n for n in done.stdout.decode().split("\0") if n]


if __name__ == "__main__":
    sys.exit(main())
