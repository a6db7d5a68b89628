"""Run the build stage of the Containerfile without a container engine: `image.py CHECKOUT FOLDER`

The stage's folders become folders below FOLDER, and its base is a virtual environment of this Python. Exits 1 unless
the result accepts checks of the kinds whose libraries the image includes, and refuses `browser` with the remedy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PLACES = ("/wheels", "/opt/ninewatch", "/rootfs")
CONFIG = """\
products:
  - id: image
    objective: 99.9%
    checks:
"""
INCLUDED = ("postgres: 127.0.0.1", "mysql: 127.0.0.1", "http: 'http://127.0.0.1/'")
REFUSED, REMEDY = "browser: script.py", "this installation does not include; run `make extras` in a checkout"


class Build:
    """The stage's folders on this machine."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder, self.work = checkout, folder, folder / "src"
        self.ninewatch = folder / "opt/ninewatch/bin/ninewatch"
        self.work.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
        self._env = {**os.environ, "PATH": f"{folder}/base/bin:/usr/bin:/bin", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def copy(self, words: str) -> None:
        """Carry out a COPY instruction."""
        *sources, target = words.split()
        for source in sources:
            origin, to = self.checkout / source, self.work / target
            if origin.is_dir():
                shutil.copytree(origin, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(origin, to)

    def run(self, command: str) -> None:
        """Carry out a RUN instruction."""
        for place in PLACES:
            command = re.sub(rf"(?<![\w/]){place}\b", f"{self.folder}{place}", command)
        sys.stdout.write(f"RUN {command}\n")
        sys.stdout.flush()
        subprocess.run(["sh", "-ec", command], cwd=self.work, env=self._env, check=True)

    def checked(self, *checks: str) -> subprocess.CompletedProcess[str]:
        """Run the image's `check-config` on a configuration of these checks."""
        (self.folder / "script.py").write_text("def run(page): ...\n")
        path = self.folder / "image.yaml"
        path.write_text(CONFIG + "".join(f"      - {{id: c{n}, {each}}}\n" for n, each in enumerate(checks)))
        return subprocess.run([self.ninewatch, "check-config", path], text=True, capture_output=True, check=False)


def instructions(containerfile: str) -> list[tuple[str, str]]:
    """Return the COPY and RUN instructions of the first stage."""
    first = re.split(r"^FROM .*$", containerfile, flags=re.MULTILINE)[1]
    joined = re.sub(r"\\\n\s*", "", first)
    return re.findall(r"^(COPY|RUN) (.+)$", joined, flags=re.MULTILINE)


def main(checkout: Path, folder: Path) -> int:
    """Build, and print what is not as it should be."""
    build = Build(checkout, folder)
    for name, words in instructions((checkout / "Containerfile").read_text()):
        (build.copy if name == "COPY" else build.run)(words)
    accepted, refused = build.checked(*INCLUDED), build.checked(REFUSED)
    said = refused.stdout + refused.stderr
    sys.stdout.write(accepted.stdout + accepted.stderr + said)
    return int(accepted.returncode != 0 or refused.returncode != 1 or REMEDY not in said)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
