"""Run the build stage of the Containerfile without a container engine: `image.py CHECKOUT FOLDER`

The folders of the stage are created below FOLDER; its base image is replaced with a virtual environment of this Python.
Exits 1 unless the built ninewatch accepts checks whose libraries the image includes, and rejects `browser` checks with
the remedy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

STAGE_FOLDERS = ("/wheels", "/opt/ninewatch", "/rootfs")
CONFIG = """\
products:
  - id: image
    objective: 99.9%
    checks:
"""
ACCEPTED_CHECKS = ("postgres: 127.0.0.1", "mysql: 127.0.0.1", "http: 'http://127.0.0.1/'")
REJECTED_CHECK, REMEDY = "browser: script.py", "this installation does not include; run `make extras` in a checkout"


class Build:
    """A build of the stage in folders of this machine."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder, self.work = checkout, folder, folder / "src"
        self.ninewatch = folder / "opt/ninewatch/bin/ninewatch"
        self.work.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
        self._env = {**os.environ, "PATH": f"{folder}/base/bin:/usr/bin:/bin", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def copy(self, arguments: str) -> None:
        """Execute a COPY instruction."""
        *sources, target = arguments.split()
        for source in sources:
            origin, destination = self.checkout / source, self.work / target
            if origin.is_dir():
                shutil.copytree(origin, destination, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(origin, destination)

    def run(self, command: str) -> None:
        """Execute a RUN instruction."""
        for folder in STAGE_FOLDERS:
            command = re.sub(rf"(?<![\w/]){folder}\b", f"{self.folder}{folder}", command)
        sys.stdout.write(f"RUN {command}\n")
        sys.stdout.flush()
        subprocess.run(["sh", "-ec", command], cwd=self.work, env=self._env, check=True)

    def check_config(self, *checks: str) -> subprocess.CompletedProcess[str]:
        """Run the built `ninewatch check-config` on a configuration with these checks."""
        (self.folder / "script.py").write_text("def run(page): ...\n")
        path = self.folder / "image.yaml"
        path.write_text(
            CONFIG + "".join(f"      - {{id: c{number}, {check}}}\n" for number, check in enumerate(checks))
        )
        return subprocess.run([self.ninewatch, "check-config", path], text=True, capture_output=True, check=False)


def instructions(containerfile: str) -> list[tuple[str, str]]:
    """Return the COPY and RUN instructions of the first stage."""
    first_stage = re.split(r"^FROM .*$", containerfile, flags=re.MULTILINE)[1]
    joined = re.sub(r"\\\n\s*", "", first_stage)
    return re.findall(r"^(COPY|RUN) (.+)$", joined, flags=re.MULTILINE)


def main(checkout: Path, folder: Path) -> int:
    """Build, check two configurations, and return 1 if a result is not as expected."""
    build = Build(checkout, folder)
    for name, arguments in instructions((checkout / "Containerfile").read_text()):
        (build.copy if name == "COPY" else build.run)(arguments)
    accepted, rejected = build.check_config(*ACCEPTED_CHECKS), build.check_config(REJECTED_CHECK)
    output = rejected.stdout + rejected.stderr
    sys.stdout.write(accepted.stdout + accepted.stderr + output)
    return int(accepted.returncode != 0 or rejected.returncode != 1 or REMEDY not in output)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
