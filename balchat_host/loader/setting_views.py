"""Settings as front ends see them: what holds, who says so, what may be set, and by whom."""

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from balchat_common.settings import Setting, Writable, settings_of

from balchat_host.api.frontend import SettingView
from balchat_host.loader.configuration import Configuration
from balchat_host.loader.levels import ENVIRONMENT_PREFIX, OPTION
from balchat_host.loader.merging import covers
from balchat_host.loader.schema import KEYS, SETTINGS

HIDDEN: Final = "(hidden)"
"""What is shown in place of a secret."""


def declared_settings(plugins: Mapping[str, type[Any]]) -> dict[str, Setting]:
    """Return every setting that there is by dotted key: the host's, and those of plugins, whose classes are given."""
    return dict(KEYS) | {
        f"{SETTINGS}.{plugin}.{name}": setting
        for plugin, declaring in plugins.items()
        for name, setting in settings_of(declaring).items()
    }


def values_of(configuration: Configuration, plugins: Mapping[str, object]) -> dict[str, object]:
    """Return the value of every setting by dotted key, spelt as TOML and JSON can hold it.

    `plugins` has the settings that each plugin gets (`Selection.settings`).
    """
    values: dict[str, object] = {}
    for key in KEYS:
        section, _, name = key.partition(".")
        values[key] = plain(getattr(getattr(configuration, section), name))
    for plugin, made in plugins.items():
        for name in settings_of(type(made)):
            values[f"{SETTINGS}.{plugin}.{name}"] = plain(getattr(made, name))
    return values


def setting_views(
    configuration: Configuration,
    values: Mapping[str, object],
    declared: Mapping[str, Setting],
    in_use: Mapping[str, object] | None = None,
) -> list[SettingView]:
    """Return a view of every setting. `in_use` has the values that the running account uses, where one runs.

    Secrets are hidden, and so is what is given for a plugin that is not there: only the plugin could tell what it is.
    """
    views = [_view(configuration, declared[key], key, value, in_use) for key, value in values.items()]
    unknown = (key for key in configuration.given if key not in values)
    return views + [
        SettingView(key=key, value=HIDDEN, source=configuration.source(key), locked_by=_lock(configuration, key))
        for key in unknown
    ]


def _lock(configuration: Configuration, key: str) -> str | None:
    return configuration.locked_by if covers(configuration.locks, key) else None


def _view(
    configuration: Configuration, setting: Setting, key: str, value: object, in_use: Mapping[str, object] | None
) -> SettingView:
    form, source = setting.form, configuration.source(key)
    return SettingView(
        key=key,
        value=HIDDEN if setting.secret else value,
        source=source,
        default=None if setting.secret else plain(setting.default),
        doc=setting.doc,
        kind=form.kind,
        allowed=setting.allowed,
        choices=form.choices,
        least=form.least,
        most=form.most,
        writable=setting.writable is not None,
        at_once=setting.writable is Writable.AT_ONCE,
        locked_by=_lock(configuration, key),
        overridden_by=source if source == OPTION or ENVIRONMENT_PREFIX in source else None,
        pending=in_use is not None and key in in_use and in_use[key] != value,
    )


def plain(value: object) -> object:
    """Spell a value as TOML and JSON can hold it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in cast(Mapping[object, object], value).items()}
    if isinstance(value, Collection):
        return [plain(inner) for inner in cast(Collection[object], value)]
    return str(value)
