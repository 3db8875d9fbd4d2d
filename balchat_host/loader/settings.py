"""Plugins' settings: from the configuration's table `[settings.NAME]` to the frozen dataclass that a plugin declares.

`balchat_common.settings` has the rules. Here its errors get the file, variable or option that a value comes from.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from balchat_common import settings
from balchat_common.setting_forms import BadDeclaration
from balchat_common.settings import Missing, Unfit
from balchat_common.words import one_line

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.levels import ConfigValue
from balchat_host.loader.registration import Broken, describe
from balchat_host.loader.schema import SETTINGS

T = TypeVar("T")


def make_settings(
    plugin: str, declared: type[T], given: Mapping[str, ConfigValue], file: Callable[[str], str] | None = None
) -> T:
    """Return the settings that a plugin gets, of the class `declared`. `given` are the values of its table, by key.

    `file` names the file in which a person can set a dotted key. Raise ConfigurationError; Broken where the settings
    class itself is at fault.
    """
    table = f"{SETTINGS}.{plugin}"
    values = {name: item.value for name, item in given.items()}
    try:
        return settings.read(declared, values, table=table)
    except Missing as missing:
        key = f"{table}.{missing.key}"
        where = "the configuration" if file is None else file(key)
        problem = f"{missing.problem}, and {plugin} needs it; set {missing.key} under [{table}]"
        raise ConfigurationError(file=where, key=key, problem=problem, allowed=missing.allowed) from None
    except Unfit as unfit:
        # A value that nobody gave can only be wrong together with the given ones.
        named = [given[unfit.key]] if unfit.key in given else given.values()
        key = f"{table}.{unfit.key}" if unfit.key else table
        sources = one_line(sorted({item.source for item in named}))
        raise ConfigurationError(file=sources, key=key, problem=unfit.problem, allowed=unfit.allowed) from unfit
    except BadDeclaration as error:
        raise Broken(str(error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's own code runs here
        raise Broken(f"its settings raised {describe(error)}") from error
