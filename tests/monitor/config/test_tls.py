"""TLS options: certificate authorities are read when the configuration loads, and unusable options are rejected."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.monitor.config.kinds import HttpCheck, examine_text, load_text, problems_of, with_check


def test_ca_file_is_relative_to_the_config_file_and_watched(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"Subject: ours\n" + trustme.CA().cert_pem.bytes())
    result = examine_text(tmp_path, with_check('http: "https://h/", tls: {ca: ca.pem, server_name: x.org}'))
    assert result.portfolio is not None, result.problems
    https_check = result.portfolio.products[0].checks[0]
    assert isinstance(https_check, HttpCheck)
    assert https_check.tls.ca is not None
    assert "BEGIN CERTIFICATE" in https_check.tls.ca.pem
    assert tmp_path / "ca.pem" in result.files


@pytest.mark.fault(58)
def test_changed_ca_file_changes_the_check(tmp_path: Path) -> None:
    text = with_check('http: "https://h/", tls: {ca: ca.pem}')
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    check_before = load_text(tmp_path, text)
    assert check_before == load_text(tmp_path, text)
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    assert check_before != load_text(tmp_path, text)


@pytest.mark.parametrize(
    ("options", "expected_error"),
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
def test_unusable_tls_options_are_rejected(options: str, expected_error: str, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"\x00\xffno certificate")
    (tmp_path / "good").write_bytes(trustme.CA().cert_pem.bytes())
    (line,) = problems_of(tmp_path, with_check(f'http: "https://h/", tls: {options}'))
    assert expected_error.format(folder=tmp_path) in line
