"""Errors of a sign-in."""

from __future__ import annotations


class ProviderError(Exception):
    """The provider cannot be used: it does not respond, or its response is invalid. `detail` is for the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SignInRefused(Exception):  # noqa: N818 - an expected answer, not a defect
    """The provider refused the sign-in, or its token is not valid. `detail` is for the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
