"""The typed façade in front of pluggy: what one plugin registers, as descriptors of known types.

Each plugin is asked through a manager of its own. pluggy types every hook as Any and lets one plugin's exception end
the call for all; here each answer is checked, and a failure stays with the plugin that caused it.
"""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, Final, cast

import pluggy
from balchat_common.words import nearest, one_line

from balchat_host.api import API_VERSION
from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    FrontEndDescriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
)
from balchat_host.api.hookspecs import HookSpecs

HOOKS: Final[dict[str, type[Descriptor]]] = {
    "balchat_networks": NetworkDescriptor,
    "balchat_transports": TransportDescriptor,
    "balchat_storages": StorageDescriptor,
    "balchat_crypto_engines": CryptoDescriptor,
    "balchat_front_ends": FrontEndDescriptor,
}
"""What each hook gives a sequence of."""

_MESSAGE_LENGTH: Final = 200


class Broken(Exception):
    """A plugin cannot be used; the argument says why, in words that follow "cannot be used:"."""


def ask(plugin: object, name: str) -> tuple[Descriptor, ...]:
    """Return the descriptors that `plugin`, announced as `name`, registers, each hook called once. Raise Broken."""
    manager = pluggy.PluginManager("balchat")
    manager.add_hookspecs(HookSpecs)
    try:
        manager.register(plugin, name)
        for hook in manager.get_hookcallers(plugin) or ():
            if hook.spec is None and not all(each.optionalhook for each in hook.get_hookimpls()):
                raise Broken(f"{hook.name}() is no hook; {nearest(hook.name, HOOKS) or one_line(list(HOOKS))} is one")
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise Broken(f"a hook of it does not fit: {first_line(error)}") from error
    descriptors: list[Descriptor] = []
    for hook, expected in HOOKS.items():
        for result in _call(manager, hook):
            descriptors += _checked(result, hook, expected)
    if not descriptors:
        unmarked = [hook for hook in HOOKS if hasattr(plugin, hook) and not getattr(manager.hook, hook).get_hookimpls()]
        raise Broken(f"{unmarked[0]}() has no @hookimpl above it" if unmarked else "it registers nothing")
    return tuple(descriptors)


def _call(manager: pluggy.PluginManager, hook: str) -> Sequence[object]:
    try:
        return cast(Sequence[object], getattr(manager.hook, hook)())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a plugin raises, SystemExit too, is its own problem
        raise Broken(f"{hook}() raised {describe(error)}") from error


def _checked(result: object, hook: str, expected: type[Descriptor]) -> list[Descriptor]:
    if not isinstance(result, list | tuple):
        raise Broken(f"{hook}() gave {type(result).__name__}, not a list of {expected.__name__}")
    descriptors: list[Descriptor] = []
    for item in cast(Sequence[object], result):
        if not isinstance(item, expected):
            raise Broken(f"{hook}() gave a list with {type(item).__name__}, not with {expected.__name__} alone")
        descriptors.append(item)
    return descriptors


def check(descriptor: Descriptor, plugin: str) -> None:
    """Check what a descriptor cannot check of itself: version, name, settings. Raise Broken."""
    if descriptor.api_version != API_VERSION:
        raise Broken(
            f"{descriptor.name} is made for version {descriptor.api_version} of balchat's plugin contracts, and this "
            f"balchat has version {API_VERSION}; install a version of it that is made for this one"
        )
    if descriptor.name != plugin and not descriptor.name.startswith(f"{plugin}_"):
        raise Broken(f"it registers {descriptor.name}; what {plugin} registers is called so, or {plugin}_ and more")
    if required_settings(descriptor):
        return  # nothing can be made of the defaults alone
    try:
        cast(Any, descriptor.settings)()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's own code runs here
        raise Broken(f"the defaults of {descriptor.name}'s settings do not go together: {describe(error)}") from error


def required_settings(descriptor: Descriptor) -> list[str]:
    """Return the settings without a default: a person has to give them."""
    return [
        item.name
        for item in fields(cast(Any, descriptor.settings))
        if item.init and item.default is MISSING and item.default_factory is MISSING
    ]


def describe(error: BaseException) -> str:
    """Return the name of an exception and the beginning of what it says, in one short line."""
    line = first_line(error)
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says, cut where it is long; nothing if it cannot even say that."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a plugin's exception may be broken, too
        return ""
    return text.strip().partition("\n")[0][:_MESSAGE_LENGTH]
