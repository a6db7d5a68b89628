"""Sign in with an IDIR account, for the commented check `log-in-with-idir` in config/products/keycloak.yaml.

`url` of the check is a page of an application that requires a sign-in. The variables are
    LOGIN_USER, LOGIN_PASSWORD  an account for this check only, without rights, and without approval on a phone
    APPLICATION                 the start of the application's URLs, to which the sign-in redirects
    EXPECTED                    a text on its page that only signed-in people see

The forms were not observed: they are assumed to have one field for the user and one for the password, with any label.
"""

import os
import re

PROVIDERS = re.compile("IDIR")  # the choice on the page of the realm, if it offers several providers
USER = "input[name=user], input[name=username]"
REFUSED = re.compile("invalid|incorrect|expired|locked|disabled", re.IGNORECASE)  # what forms print about accounts


def run(page):
    """Choose IDIR, fill in the form, and wait for the application. Raises if it does not appear."""
    choice, user = page.get_by_role("link", name=PROVIDERS), page.locator(USER)
    choice.or_(user).first.wait_for()
    if not user.count():
        choice.first.click()
    user.first.fill(os.environ["LOGIN_USER"])
    page.locator("input[type=password]").first.fill(os.environ["LOGIN_PASSWORD"])
    page.locator("input[type=submit], button[type=submit]").first.click()
    signed_in = page.get_by_text(os.environ["EXPECTED"])
    signed_in.or_(page.get_by_text(REFUSED)).first.wait_for()
    if not page.url.startswith(os.environ["APPLICATION"]):
        # `unknown_text` of the check makes this unknown: our password expired, and people can still sign in.
        raise AssertionError("the account of this check was refused")
    signed_in.first.wait_for()
