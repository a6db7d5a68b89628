"""TLS options: authorities are read at the load, and what could fail every probe is refused there."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.monitor.config.kinds import HttpCheck, check, complaints, examined, loaded


def test_authorities_are_read_from_beside_the_file_and_watched(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"Subject: ours\n" + trustme.CA().cert_pem.bytes())
    found = examined(tmp_path, check('http: "https://h/", tls: {ca: ca.pem, server_name: x.org}'))
    assert found.portfolio is not None, found.problems
    each = found.portfolio.products[0].checks[0]
    assert isinstance(each, HttpCheck)
    assert each.tls.ca is not None
    assert "BEGIN CERTIFICATE" in each.tls.ca.pem
    assert tmp_path / "ca.pem" in found.files


def test_changed_authorities_make_another_check(tmp_path: Path) -> None:
    text = check('http: "https://h/", tls: {ca: ca.pem}')
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    before = loaded(tmp_path, text)
    assert before == loaded(tmp_path, text)
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    assert before != loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{ca: garbage}", "tls.ca: {folder}/garbage has no certificate in PEM form"),
        ("{ca: gone}", "tls.ca: cannot read {folder}/gone: no such file or directory"),
        ("{ca: /dev/zero}", "tls.ca: cannot read /dev/zero: not a regular file"),
        ("{ca: 5}", "tls.ca: not a path; put it in quotes"),
        ("{ca: good, verify: false}", "tls.ca: has no effect with verify: false; remove one of the two"),
        ("{server_name: 127.1}", "tls.server_name: YAML reads 127.1 as the number 127.1"),
        ("{server_name: a b}", 'tls.server_name: "a b" is neither a host name nor an IP address'),
    ],
)
def test_options_that_could_never_work_are_refused(options: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"\x00\xffno certificate")
    (tmp_path / "good").write_bytes(trustme.CA().cert_pem.bytes())
    (line,) = complaints(tmp_path, check(f'http: "https://h/", tls: {options}'))
    assert told.format(folder=tmp_path) in line
