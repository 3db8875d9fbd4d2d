"""What front ends may change: every setting of the host and of our plugins is looked at, and the list is held here.

A front end may be a page in a browser. Before a name is added below: could somebody who changes this setting have a
program started, a file read or written, code loaded, somebody else reached, or a limit lifted?
"""

import re
from collections.abc import Callable

import pytest
from balchat_common.settings import Setting, Writable, settings_of

from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.plugins import discover
from balchat_host.loader.schema import KEYS

WRITABLE = {
    "account.lock_after_minutes": Writable.AT_ONCE,
    "delivery.policy": Writable.AFTER_RESTART,
    "delivery.hedge_seconds": Writable.AFTER_RESTART,
    "delivery.read_receipts": Writable.AT_ONCE,
    "files.fetch_pictures_kib": Writable.AT_ONCE,
    "files.streams": Writable.AFTER_RESTART,
    "files.relay_window_mib": Writable.AFTER_RESTART,
    "requests.accept": Writable.AT_ONCE,
    "settings.ui_notify.show": Writable.AT_ONCE,
    "settings.ui_notify.quiet_hours": Writable.AT_ONCE,
    "settings.ui_tui.language": Writable.AT_ONCE,
    "settings.ui_tui.theme": Writable.AT_ONCE,
    "settings.ui_tui.enter_sends": Writable.AT_ONCE,
    "settings.ui_tui.bell": Writable.AT_ONCE,
    "settings.ui_tui.title": Writable.AT_ONCE,
    "settings.ui_tui.lock_minutes": Writable.AT_ONCE,
    "settings.ui_web.lock_minutes": Writable.AT_ONCE,
    "settings.ui_web.language": Writable.AT_ONCE,
    "settings.ui_web.theme": Writable.AT_ONCE,
    "settings.ui_web.contrast": Writable.AT_ONCE,
    "settings.ui_web.enter_sends": Writable.AT_ONCE,
    "settings.ui_web.notifications": Writable.AT_ONCE,
}


def every_setting() -> dict[str, Setting]:
    """Return every setting of the host and of each plugin of the workspace, also those that are not enabled."""
    ours = [record.name for record in discover(()) if record.distribution.startswith("balchat-")]
    assert set(ours) >= set(load_configuration(None, environment={}).plugins.enabled)
    return dict(KEYS) | {
        f"settings.{descriptor.name}.{name}": setting
        for record in discover(ours)
        if record.name in ours
        for descriptor in record.usable()
        for name, setting in settings_of(descriptor.settings).items()
    }


def test_these_settings_are_writable_and_no_others() -> None:
    assert {key: each.writable for key, each in every_setting().items() if each.writable} == WRITABLE


def test_the_configuration_page_lists_them(page: Callable[[str], str]) -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (at once|after a restart) \|$", page("configuration.md"), re.MULTILINE)
    holds = {Writable.AT_ONCE: "at once", Writable.AFTER_RESTART: "after a restart"}
    assert rows == [(key, holds[writable]) for key, writable in WRITABLE.items()]


@pytest.mark.parametrize("key", WRITABLE)
def test_what_can_be_changed_says_what_it_is_for(key: str) -> None:
    setting = every_setting()[key]
    assert setting.doc
    assert not setting.secret
    assert setting.form.kind in {"boolean", "integer", "number", "text", "choice"}


@pytest.mark.parametrize("key", every_setting())
def test_every_setting_says_what_it_is_for(key: str) -> None:
    assert every_setting()[key].doc.endswith(".")
