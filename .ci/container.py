"""Build the image of the Containerfile, and run it under the conditions of OpenShift: `container.py CHECKOUT FOLDER`

    --base FILE   the base image as a tar file; created from Debian packages if the file does not exist
    --twice       build twice without cached layers, and compare the digests of the layers

Requires root, buildah, mmdebstrap and unshare. Exits 1 if the image is larger than the limit, or does not work: with an
arbitrary user of group 0, without capabilities, with a read-only root, and only /data writable.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

BASE_PACKAGES = "python3,python3-venv,ca-certificates,libstdc++6"
BASE, IMAGE = "localhost/ninewatch-base", "localhost/ninewatch"
EPOCH = "315532800"  # the time of all files
MAX_MEGABYTES = 120  # compressed, as an image is transferred
UID = 1000680000
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
CONFIG = """\
listen: 127.0.0.1:0
store: /data/ninewatch.db
products:
  - id: image
    objective: 99.9%
    checks: [{{id: c, http: "http://127.0.0.1:{port}/", interval: 200ms, timeout: 150ms}}]
"""
ACCEPTED = ("postgres: 127.0.0.1", "mysql: 127.0.0.1", "http: 'http://127.0.0.1/'")
REJECTED, REMEDY = "browser: script.py", "this installation does not include"
# Prints the user, the capabilities, the writable folders, the programs and the number of certificate authorities.
CONDITIONS = """
import json, os, pathlib, ssl
def writable(folder):
    try:
        pathlib.Path(folder, "x").write_text("x")
    except OSError:
        return False
    return True
folders = ["/", "/tmp", "/etc", "/opt/ninewatch", "/usr", "/data"]
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
programs = [p for d in ("/bin", "/usr/bin", "/sbin", "/usr/sbin") if os.path.isdir(d) for p in os.listdir(d)]
print(json.dumps({
    "user": [os.getuid(), os.getgid(), os.getgroups()],
    "rights": [int(status["CapBnd"], 16), int(status["CapEff"], 16), status["NoNewPrivs"].strip()],
    "writable": [each for each in folders if writable(each)],
    "programs": sorted(set(programs)),
    "authorities": ssl.create_default_context().cert_store_stats()["x509_ca"] > 0,
}))
"""
PACKAGES = """
import json; from importlib.metadata import distributions
print(json.dumps({d.name.lower().replace("_", "-"): d.version for d in distributions()}))
"""


class Failure(Exception):  # noqa: N818 - the result of this program
    """The image does not fulfil a condition."""


def check(condition: object, problem: str) -> None:
    """Fail with the problem unless the condition is true."""
    if not condition:
        raise Failure(problem)


class Builder:
    """Images in a folder of their own, so that other images of the machine are not touched."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.pip_config = folder / "pip.conf"
        self.pip_config.write_text("[global]\ncert = /run/authorities.crt\n" if AUTHORITIES.exists() else "")

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah, and return its output."""
        options = ("--root", self.folder / "root", "--runroot", self.folder / "runroot", "--storage-driver", "vfs")
        command = ["buildah", *options, *arguments]
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def import_base(self, archive: Path) -> None:
        """Create the base image from the packages of Debian."""
        if not archive.exists():
            part = archive.with_suffix(".part.tar")
            archive.parent.mkdir(parents=True, exist_ok=True)
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm", part]
            subprocess.run(command, check=True)
            part.rename(archive)
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, archive, "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)

    def build(self, tag: str) -> None:
        """Build the image."""
        mounts = [f"{self.pip_config}:/etc/pip.conf:ro"]
        if AUTHORITIES.exists():
            mounts.append(f"{AUTHORITIES}:/run/authorities.crt:ro")
        volumes = [option for mount in mounts for option in ("--volume", mount)]
        options = (
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--no-cache",
            "--timestamp",
            EPOCH,
            "--format",
            "docker",
        )
        self.buildah("bud", *options, *volumes, "--build-arg", f"BASE_IMAGE={BASE}", "--tag", tag, self.checkout)

    def layers(self, tag: str) -> list[str]:
        """Return the digests of the uncompressed layers."""
        layers: list[str] = self.inspect(tag)["rootfs"]["diff_ids"]
        return layers

    def inspect(self, tag: str) -> dict[str, Any]:
        """Return the configuration of an image."""
        image: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", tag))
        docker: dict[str, Any] = image["Docker"]
        return docker

    @contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """Mount the root file system of the image."""
        container = self.buildah("from", tag)
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("rm", container)


class Container:
    """Runs programs in the root file system of the image, as OpenShift does."""

    def __init__(self, root: Path, config: Path, environment: list[str]) -> None:
        self.root, self.config, self.environment = root, config, environment

    def start(self, *program: str) -> subprocess.Popen[str]:
        """Start a program. Its standard error is part of its output."""
        enter = (sys.executable, __file__, "--enter", self.root, self.config, json.dumps(self.environment), *program)
        command = ["unshare", "--mount", "--propagation", "private", *map(str, enter)]
        return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, *program: str) -> tuple[int, str]:
        """Run a program to its end, and return its exit status and output."""
        process = self.start(*program)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


def enter(root: Path, config: Path, environment: list[str], program: list[str]) -> None:
    """Execute the program in the root file system, in the mount namespace of this process."""
    mount = ("mount", "--bind")
    for command in (
        (*mount, root, root),
        (*mount, config, root / "etc/ninewatch"),
        ("mount", "-t", "proc", "proc", root / "proc"),
        (*mount, "/dev", root / "dev"),
        ("mount", "-t", "tmpfs", "-o", "mode=0770,uid=0,gid=0", "tmpfs", root / "data"),
        ("mount", "-o", "remount,bind,ro", root),
        ("mount", "-o", "remount,bind,ro", root / "etc/ninewatch"),
    ):
        subprocess.run([str(word) for word in command], check=True)
    libc = ctypes.CDLL(None, use_errno=True)
    os.chroot(root)
    os.chdir("/data")
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(0)
    os.setuid(UID)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.execve(program[0], program, dict(pair.split("=", 1) for pair in environment))  # noqa: S606 - as an engine does


class _Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Respond with 204."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log no requests."""


def wait_for(description: str, poll: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the first true result of `poll`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := poll():
            return result
        time.sleep(0.1)
    raise Failure(f"{description} did not happen within {seconds:g} s")


def check_conditions(container: Container, python: str) -> None:
    """Check the user, the rights, the writable folders and the programs."""
    status, output = container.run(python, "-c", CONDITIONS)
    check(status == 0, output)
    found = json.loads(output)
    check(found["user"] == [UID, 0, []], f"the user is {found['user']}")
    check(found["rights"] == [0, 0, "1"], f"the rights are {found['rights']}")
    check(found["writable"] == ["/data"], f"these folders are writable: {found['writable']}")
    check(all(name.startswith("python3") for name in found["programs"]), f"there are programs: {found['programs']}")
    check(found["authorities"], "there are no certificate authorities")


def check_packages(container: Container, python: str, checkout: Path) -> None:
    """Check that the image contains only packages of the locks, in the locked versions."""
    text = "".join((checkout / lock).read_text() for lock in ("requirements.lock", "requirements-databases.lock"))
    pins = re.findall(r"^([\w.-]+)(?:\[\S*\])?==([^\s;\\]+)", text, re.MULTILINE)
    locked = {(name.lower().replace("_", "-"), version) for name, version in pins}
    status, output = container.run(python, "-c", PACKAGES)
    check(status == 0, output)
    for name, version in json.loads(output).items():
        check(name == "ninewatch" or (name, version) in locked, f"{name} {version} is not in the locks")


def check_configurations(container: Container, folder: Path, ninewatch: str) -> None:
    """Check that the image accepts checks whose libraries it includes, and rejects others with a remedy."""
    path = folder / "ninewatch.yaml"
    base = CONFIG.format(port=1).partition("checks:")[0]
    (folder / "script.py").write_text("def run(page): ...\n")
    accepted = ", ".join(f"{{id: c{number}, {kind}}}" for number, kind in enumerate(ACCEPTED))
    path.write_text(f"{base}checks: [{accepted}]\n")
    status, output = container.run(ninewatch, "check-config", "/etc/ninewatch")
    check(status == 0, output)
    path.write_text(f"{base}checks: [{{id: c, {REJECTED}}}]\n")
    status, output = container.run(ninewatch, "check-config", "/etc/ninewatch")
    check(status == 1 and REMEDY in output, output)


def check_daemon(container: Container, folder: Path, command: list[str], health: list[str]) -> None:
    """Check that the daemon probes a server, answers, is healthy, and stops."""
    server = HTTPServer(("127.0.0.1", 0), _Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "ninewatch.yaml").write_text(CONFIG.format(port=server.server_port))
    start = time.monotonic()
    process = container.start(*command)
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True).start()

    def address() -> str | None:
        check(process.poll() is None, "".join(lines))
        match = re.search(r"answers at (http://\S+)", "".join(lines))
        return match[1] if match else None

    url = wait_for("the start of the daemon", address)
    sys.stdout.write(f"started in {time.monotonic() - start:.1f} s\n")

    def succeeded() -> bool:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:  # noqa: S310 - an address of ours
            return re.search(rb"probe_success{.*} 1", response.read()) is not None

    wait_for("a good probe", succeeded)
    status, output = container.run(*health, f"{url}/livez")
    check(status == 0, f"the health check failed: {output}")
    process.send_signal(signal.SIGTERM)
    check(process.wait(timeout=30) == 0, "".join(lines))
    check("Traceback" not in "".join(lines), "".join(lines))
    status, _ = container.run(*health, f"{url}/livez")
    check(status == 1, "the health check succeeds without a daemon")
    server.shutdown()


def compressed_size(root: Path) -> int:
    """Return the size of the root file system as a compressed archive."""
    with (
        subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as archive,
        subprocess.Popen(["gzip", "-6"], stdin=archive.stdout, stdout=subprocess.PIPE) as compressed,
    ):
        check(compressed.stdout, "gzip has no output")
        return sum(map(len, iter(lambda: compressed.stdout.read(1 << 20), b"")))  # type: ignore[union-attr]


def examine(builder: Builder) -> None:
    """Examine the built image."""
    config = builder.inspect(IMAGE)["config"]
    command = [*config["Entrypoint"], *config["Cmd"]]
    check(config["User"].isdecimal() and config["User"] != "0", f"the user is {config['User']}")
    check(config["Labels"].get("org.opencontainers.image.licenses") == "Apache-2.0", "a label is missing")
    health = config["Healthcheck"]["Test"]
    check(health[0] == "CMD", "the health check needs a shell")
    folder = builder.folder / "etc"
    folder.mkdir(exist_ok=True)
    with builder.mounted(IMAGE) as root:
        size = compressed_size(root) / 1e6
        unpacked = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir()) / 1e6
        sys.stdout.write(f"the image has {size:.1f} MB compressed, {unpacked:.1f} MB unpacked\n")
        check(size <= MAX_MEGABYTES, f"the image has more than {MAX_MEGABYTES} MB")
        container, python = Container(root, folder, config["Env"]), "/opt/ninewatch/bin/python3"
        check_conditions(container, python)
        check_packages(container, python, builder.checkout)
        check_configurations(container, folder, command[0])
        check_daemon(container, folder, command, health[1:3])


def main() -> int:
    """Build and examine the image."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", type=Path, default=Path(".tools/image-base.tar"))
    parser.add_argument("--twice", action="store_true")
    options = parser.parse_args()
    builder = Builder(options.checkout, options.folder)
    try:
        builder.import_base(options.base.absolute())
        builder.build(IMAGE)
        examine(builder)
        if options.twice:
            builder.build(f"{IMAGE}-again")
            first, second = builder.layers(IMAGE), builder.layers(f"{IMAGE}-again")
            check(first == second, f"the layers differ: {first} and {second}")
            sys.stdout.write(f"two builds have the same layers: {', '.join(first)}\n")
    except (Failure, subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--enter"]:
        enter(Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4]), sys.argv[5:])
    raise SystemExit(main())
