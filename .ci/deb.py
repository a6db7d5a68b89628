"""Build a Debian package, and run the installed program from it: `deb.py CHECKOUT FOLDER [--check]`

The package has a virtual environment with the locked packages at /opt/ninewatch, the systemd unit, and a sample
configuration, which an upgrade keeps. FOLDER gets the file `ninewatch_VERSION_ARCHITECTURE.deb`. `--check` needs root:
it runs the program in a mount namespace that has the files of the package, and checks the package with dpkg.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

LOCKS = ("requirements.lock", "requirements-databases.lock")
SAMPLE = """\
# The configuration of ninewatch: CONFIGURATION.md has all keys. Check it with `ninewatch check-config /etc/ninewatch`,
# then `systemctl enable --now ninewatch`, or `systemctl reload ninewatch` after a change.
listen: 127.0.0.1:9999
store: /var/lib/ninewatch/ninewatch.db
products:
  - id: example
    objective: 99.9%
    checks:
      - {id: home, http: "https://www.example.org/", interval: 1m}
"""
CONTROL = """\
Package: ninewatch
Version: {version}
Architecture: {architecture}
Maintainer: the ninewatch maintainers
Depends: python3 (>= {python}), python3 (<< {next_python}), libstdc++6, ca-certificates
Section: net
Priority: optional
Description: {description}
 The locked Python packages are included at /opt/ninewatch. The service is not
 started by the installation.
"""
POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
"""
PRERM = """\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --now ninewatch; fi
"""


def run(*command: str | Path) -> str:
    """Run a command, and return its output."""
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE).stdout


def build(checkout: Path, folder: Path) -> Path:
    """Build the package and return its path."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    environment = root / "opt/ninewatch"
    fill_environment(checkout, folder, environment)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/ninewatch").symlink_to("/opt/ninewatch/bin/ninewatch")
    unit = root / "lib/systemd/system/ninewatch.service"
    unit.parent.mkdir(parents=True)
    shutil.copy(checkout / "examples/systemd/ninewatch.service", unit)
    (root / "etc/ninewatch").mkdir(parents=True)
    (root / "etc/ninewatch/ninewatch.yaml").write_text(SAMPLE)
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    architecture = run("dpkg", "--print-architecture").strip()
    write_control(root / "DEBIAN", project["version"], architecture, project["description"])
    package = folder / f"ninewatch_{project['version']}_{architecture}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", root, package)
    return package


def fill_environment(checkout: Path, folder: Path, environment: Path) -> None:
    """Create the environment with the locked packages and ninewatch, as if it was at /opt/ninewatch."""
    tools = folder / "tools"
    run(sys.executable, "-m", "venv", tools)
    pip = (tools / "bin/python", "-m", "pip", "--disable-pip-version-check")
    locked = (*pip, "wheel", "-q", "--require-hashes", "--no-build-isolation", "-w", folder / "wheels")
    run(*pip, "install", "-q", "--require-hashes", "-r", checkout / "requirements-build.lock")
    run(*locked, *(word for lock in LOCKS for word in ("-r", str(checkout / lock))))
    run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "wheels", checkout)
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    install = ("install", "-q", "--no-index", "--no-deps", "--no-compile", *wheels)
    run(*pip, "--python", environment / "bin/python", *install)
    for script in (environment / "bin").iterdir():
        if not script.is_symlink() and script.read_bytes()[:2] == b"#!":
            script.write_text(script.read_text().replace(str(environment), "/opt/ninewatch"))
    library = environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    shutil.rmtree(environment / "include", ignore_errors=True)
    for path in library.glob("*.dist-info/direct_url.json"):  # with the folder of the build
        path.unlink()
    config = environment / "pyvenv.cfg"
    config.write_text(config.read_text().replace(str(environment), "/opt/ninewatch"))
    run(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", environment, library)


def write_control(folder: Path, version: str, architecture: str, description: str) -> None:
    """Write the control files of the package."""
    folder.mkdir(mode=0o755)
    major, minor = sys.version_info[:2]
    (folder / "control").write_text(
        CONTROL.format(
            version=version,
            architecture=architecture,
            python=f"{major}.{minor}",
            next_python=f"{major}.{minor + 1}",
            description=description,
        )
    )
    (folder / "conffiles").write_text("/etc/ninewatch/ninewatch.yaml\n")
    for name, text in {"postinst": POSTINST, "prerm": PRERM}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def check(package: Path, folder: Path) -> None:
    """Run the program from the files of the package, and compare what dpkg would do."""
    files = folder / "files"
    shutil.rmtree(files, ignore_errors=True)
    run("dpkg-deb", "--extract", package, files)
    script = f"mount --bind {files}/opt /opt && /opt/ninewatch/bin/ninewatch check-config {files}/etc/ninewatch"
    output = run(
        "unshare", "--mount", "--propagation", "private", "sh", "-ec", f"{script} && {script.split(' && ')[1]}"
    )
    if "no errors" not in output:
        raise SystemExit(f"the sample configuration is invalid: {output}")
    sys.stdout.write(run("dpkg", "--dry-run", "--force-not-root", "--install", package))
    sys.stdout.write(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB\n")


def main() -> None:
    """Build the package, and check it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    package = build(options.checkout.absolute(), folder)
    if options.check:
        check(package, folder)


if __name__ == "__main__":
    main()
