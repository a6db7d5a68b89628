"""Assemble the root file system of the image: `rootfs.py ENVIRONMENT TARGET`

ENVIRONMENT is a virtual environment of this Python. TARGET gets the environment, the interpreter, the part of the
standard library that a server needs, the shared libraries that these load, and the certificate authorities. It has no
shell, no package manager and no other programs. Run it with the Python of the environment's base, as root.
"""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path

# Parts of the standard library that no server needs: tests, development, graphics.
UNUSED_MODULES = frozenset(
    ("test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "lib2to3", "ensurepip", "venv", "pydoc_data")
)
UNUSED_PACKAGES = re.compile(
    r"(pip|setuptools|pkg_resources|_distutils_hack)(-.*\.dist-info)?$|distutils-precedence\.pth$"
)
LANGUAGES = re.compile(r"(root|en|fr)(_.*)?\.dat$")  # of the pages and reports
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
OTHER_CERTIFICATES = Path("/etc/pki/tls/certs/ca-bundle.crt")
PASSWD = "root:x:0:0:root:/:/sbin/nologin\nninewatch:x:1001:0:ninewatch:/data:/sbin/nologin\n"  # noqa: S105 - users without passwords
GROUP = "root:x:0:\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
FOLDERS = {
    "data": 0o770,
    "etc/ninewatch": 0o755,
    "tmp": 0o1777,
    "proc": 0o555,
    "sys": 0o555,
    "dev": 0o755,
    "run": 0o755,
}


def copy_environment(environment: Path, root: Path) -> None:
    """Copy the virtual environment, without package tools, tests of packages and data of other languages."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        drop = {name for name in names if UNUSED_PACKAGES.match(name) or name.endswith(".pyi")}
        if folder.endswith("site-packages") or "/site-packages/" in folder:
            drop |= {name for name in names if name in ("tests", "test") and Path(folder, name).is_dir()}
        if folder.endswith("babel/locale-data"):
            drop |= {name for name in names if not LANGUAGES.match(name)}
        return drop

    shutil.copytree(environment, root / environment.relative_to("/"), symlinks=True, ignore=ignored)


def copy_python(root: Path) -> None:
    """Copy the interpreter with all its names, and the standard library."""
    interpreter = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    copy_file(interpreter.resolve(), root)
    for name in ("python3", f"python3.{sys.version_info.minor}"):
        link = root / interpreter.parent.relative_to("/") / name
        if not link.exists():
            link.symlink_to(interpreter.resolve())
    bases = {"base": sys.base_prefix, "platbase": sys.base_prefix, "installed_base": sys.base_prefix}
    for folder in {Path(sysconfig.get_path(name, vars=bases)) for name in ("stdlib", "platstdlib")}:
        shutil.copytree(folder, root / folder.relative_to("/"), symlinks=True, ignore=_unused, dirs_exist_ok=True)


def _unused(folder: str, names: list[str]) -> set[str]:
    config = {name for name in names if name.startswith("config-3") or name == "sitecustomize.py"}
    packages = {"site-packages", "dist-packages", "__pycache__"}
    return config | (set(names) & (UNUSED_MODULES | packages))


def copy_file(path: Path, root: Path) -> None:
    """Copy a file to the same path, once."""
    target = root / path.relative_to("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def copy_libraries(root: Path) -> None:
    """Copy the shared libraries that the programs and modules load, under the names that they use."""
    binaries = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]
    needed: set[Path] = set()
    for binary in binaries:
        result = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
        needed |= {Path(match) for match in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", result.stdout, re.MULTILINE)}
        missing = re.findall(r"(\S+) => not found", result.stdout)
        if missing and "site-packages" not in str(binary):
            raise SystemExit(f"{binary} needs {', '.join(missing)}; install it in the base image")
    for library in sorted(needed):
        if str(library).startswith(str(root)):
            continue  # of a wheel that includes its libraries
        copy_file(library.resolve(), root)
        if library != library.resolve():
            link = root / library.relative_to("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(library.resolve())


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def write_system_files(root: Path) -> None:
    """Write the certificate authorities, the users, and the folders that the daemon and a container engine need."""
    bundle = next(path for path in (CERTIFICATES, OTHER_CERTIFICATES) if path.exists())
    places = {Path(ssl.get_default_verify_paths().openssl_cafile), CERTIFICATES}
    for place in places:
        target = root / place.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(bundle, target)
    for name, mode in FOLDERS.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    for name, text in {"passwd": PASSWD, "group": GROUP, "nsswitch.conf": NSSWITCH}.items():
        (root / "etc" / name).write_text(text)


def link_usr(root: Path) -> None:
    """Create /lib, /lib64 and /bin as links into /usr, if they are links in this system."""
    for name in ("bin", "lib", "lib64"):
        original = Path("/", name)
        if original.is_symlink() and not (root / name).exists():
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")


def main(environment: Path, root: Path) -> None:
    """Assemble the root file system."""
    root.mkdir(parents=True)
    link_usr(root)
    copy_environment(environment, root)
    copy_python(root)
    copy_libraries(root)
    write_system_files(root)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
