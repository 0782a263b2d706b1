"""`dashboard` to where it listens, and who may come in."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.settings.addresses import is_loopback, web_url
from bot.settings.credentials import Credentials, Wanted
from bot.settings.model import Listener, SignInSettings
from bot.settings.reading import Reading, name
from bot.settings.shape import DashboardSection, SignInSection

_ABOVE = ("dashboard",)


def read_dashboard(main: Reading, credentials: Credentials) -> tuple[Listener | None, SignInSettings | None]:
    """The section; nothing where it is missing or wrong. Without `sign_in` it listens on this machine alone."""
    if "dashboard" not in main.tree.data:
        return None, None
    section, whole = main.good_part(DashboardSection, _ABOVE, main.tree.data["dashboard"])
    if section is None:
        return None, None
    public_url = _public_url(main, section.public_url)
    listener = Listener(host=section.host, port=section.port, public_url=public_url)
    if not whole:
        return listener, None
    if section.sign_in is None:
        if not is_loopback(section.host):
            what = "`dashboard.host` is reached from other machines, and nobody signs in: all would see everything"
            main.problem((*_ABOVE, "host"), what, "Use 127.0.0.1, or let people sign in: `dashboard.sign_in`")
        elif public_url is not None:
            what = (
                f"{name((*_ABOVE, 'public_url'))} is for people who sign in: without `sign_in` all would see everything"
            )
            main.problem((*_ABOVE, "public_url"), what, "Leave it out, or set `dashboard.sign_in`")
        return listener, None
    if section.public_url is None:
        what = f"{name((*_ABOVE, 'sign_in'))} needs `public_url`, to which GitLab sends people back"
        main.problem((*_ABOVE, "sign_in"), what, "For example `public_url: https://ropewalk.example.com`")
    return listener, _sign_in(main, credentials, section.sign_in)


def _public_url(main: Reading, text: str | None) -> str | None:
    """The origin that browsers know the dashboard by. Cookies of a session need https, but on this machine."""
    path = (*_ABOVE, "public_url")
    if text is None:
        return None
    try:
        url, safe = web_url(text)
    except ValueError as error:
        main.problem(path, f"{name(path)} {error}")
        return None
    if urlsplit(url).path:
        main.problem(path, f"{name(path)} must have no path: the dashboard has a host name of its own")
    elif not safe:
        what = f"{name(path)} is plain http: whoever is on the network could take over a session"
        main.problem(path, what, "Put a proxy with TLS in front of it, and name its https address")
    return url


def _sign_in(main: Reading, credentials: Credentials, section: SignInSection) -> SignInSettings | None:
    above = (*_ABOVE, "sign_in")
    wanted = Wanted(above=above, stem="client_secret", env=section.client_secret_env, file=section.client_secret_file)
    secret = credentials.read(main, wanted)
    if section.client_secret_env is None and section.client_secret_file is None:
        what = f"{name(above)} needs the secret of the application"
        main.problem(above, what, "Name a file with `client_secret_file`, or a variable with `client_secret_env`")
    return None if secret is None else SignInSettings(client_id=section.client_id, client_secret=secret)
