"""A process that imports one plugin and looks at what it registers: descriptors, version of the contracts, settings.

python -m balchat_host.authoring.inspection NAME [KEY=VALUE …]
"""

import importlib
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pluggy
from balchat_common.settings import Unfit, settings_of
from balchat_common.words import one_line

import balchat_host
from balchat_host.api.descriptors import Descriptor
from balchat_host.api.errors import ConfigurationError
from balchat_host.authoring.telling import Teller
from balchat_host.loader.levels import OPTION, ConfigValue, read_overrides
from balchat_host.loader.plugins import discover
from balchat_host.loader.registration import Broken
from balchat_host.loader.schema import SETTINGS
from balchat_host.loader.setting_views import plain
from balchat_host.loader.settings import make_settings

_NOT_THE_PLUGINS: Final = (
    f"{Path(balchat_host.__file__).parent}{os.sep}",
    f"{Path(importlib.__file__).parent}{os.sep}",
    f"{Path(pluggy.__file__).parent}{os.sep}",
    "<frozen importlib",
)
"""Where the files begin that every import leads through."""


def main() -> int:
    """Look at the plugin that the command line names; return whether something is wrong."""
    tell, name, overrides = Teller(), sys.argv[1], dict(each.split("=", 1) for each in sys.argv[2:])
    # There are several where several distributions bring it; each of them says so.
    record, *others = [each for each in discover([name]) if each.name == name and each.enabled]
    if record.problem is not None:
        if record.cause is not None:
            print_cause(record.cause)
        remedy = "mend what the traceback names" if record.cause else "mend what its hooks give (api/descriptors.py)"
        if others:
            remedy = "call yours something else, or uninstall the other one"
        tell.wrong(name, record.problem, remedy)
        return 1
    if record.slowness:
        tell.well(name, f"{record.slowness}; import what is expensive where it is needed")
    for descriptor in record.registered:
        tell.well(
            descriptor.name,
            f"{descriptor.kind}: {descriptor.summary}; for version {descriptor.api_version} of the contracts",
        )
    found = [_settings_are_right(tell, each, overrides) for each in record.registered]
    tell.done()
    return int(not all(found))


def print_cause(error: BaseException) -> None:
    """Print a traceback that begins with the plugin's own code: how it came to be imported is nothing to its author."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename.startswith(_NOT_THE_PLUGINS):
        place = place.tb_next
    traceback.print_exception(type(error), error, place)


def given_to(descriptor: Descriptor, overrides: Mapping[str, str]) -> dict[str, ConfigValue]:
    """Return the values that the command line gives a plugin, by key."""
    prefix = f"{SETTINGS}.{descriptor.name}."
    given = read_overrides(overrides).given
    return {each.key.removeprefix(prefix): each for each in given if each.key.startswith(prefix)}


def _settings_are_right(tell: Teller, descriptor: Descriptor, overrides: Mapping[str, str]) -> bool:
    given = given_to(descriptor, overrides)
    check = f"settings of {descriptor.name}"
    try:
        make_settings(descriptor.name, descriptor.settings, given)
        declared = settings_of(descriptor.settings)
    except Broken as broken:
        tell.wrong(check, str(broken), "mend the class that the descriptor names as `settings`")
        return False
    except ConfigurationError as error:
        remedy = f"give what it needs for this check: {OPTION} {error.fields['key']}=VALUE"
        tell.wrong(check, str(error), remedy)
        return False
    for key, setting in declared.items():
        try:
            if setting.default is not None:
                setting.read(plain(setting.default))
        except Unfit as unfit:
            tell.wrong(check, f"the default of {key} is refused: {unfit.problem}", f"give {unfit.allowed}")
            return False
    undocumented = [name for name, setting in declared.items() if not setting.doc]
    without = (
        f"; {one_line(undocumented)} should say with a Doc what {'it is' if len(undocumented) == 1 else 'they are'} for"
        if undocumented
        else ""
    )
    found = f"{len(declared)}, with values that are allowed" if declared else "there are none"
    tell.well(check, found + without)
    return True


if __name__ == "__main__":
    sys.exit(main())
