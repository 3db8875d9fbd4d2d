"""What a deployment's file comes to on this machine: for its operator, before anybody uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.errors import BalchatError, ConfigurationError
from balchat_host.api.frontend import DeploymentView
from balchat_host.loader.configuration import examine
from balchat_host.loader.levels import WHOLE_FILE, read_file
from balchat_host.loader.plugins import discover
from balchat_host.loader.selection import Selection, read_settings, select
from balchat_host.loader.setting_views import declared_settings, setting_views, values_of
from balchat_host.loader.vetting import vetting

if TYPE_CHECKING:
    from pathlib import Path


def check_deployment(file: Path) -> DeploymentView:
    """Return what a file comes to where it is the system file, and nobody says anything else. Blocks.

    Raise ConfigurationError where there is no file, or none that can be read: nothing would hold of it.
    """
    try:
        file.stat()
    except FileNotFoundError:
        problem = "it is not there"
        raise ConfigurationError(file=str(file), key=WHOLE_FILE, problem=problem, allowed="a file") from None
    except OSError:
        pass  # the reason is said where it is read
    for problem in read_file(file, may_lock=True).problems:
        if problem.fields["key"] == WHOLE_FILE:
            raise problem
    configuration, wrong = examine(None, environment={}, system_file=file)
    problems = [str(each) for each in wrong]
    records = discover(configuration.plugins.enabled, vetting(configuration, None))
    for record in records:
        try:
            if record.enabled:
                record.usable()
        except BalchatError as error:
            problems.append(str(error))
    records, made, wrong = read_settings(configuration, records)
    problems += [str(each) for each in wrong]
    selection: Selection | None = None
    try:
        selection = select(configuration, records)
    except BalchatError as error:
        problems.append(str(error))
    values = values_of(configuration, made)
    declared = declared_settings({name: type(each) for name, each in made.items()})
    return DeploymentView(
        file=str(file),
        problems=tuple(dict.fromkeys(problems)),
        policy=str(configuration.delivery.policy),
        works_as=None if selection is None else str(selection.works_as),
        locks=configuration.locks,
        plugins=tuple(view for record in records if record.enabled for view in record.views()),
        settings=tuple(setting_views(configuration, values, declared)),
    )
