"""From entry points to records: what is installed, what of it is enabled, and what is wrong with it.

Installed is not enabled: a plugin runs inside the process that holds the keys, so nothing of a plugin that the
configuration does not name is imported. What is told of it is what its distribution's metadata says. A plugin's
failure is a value (`PluginRecord.problem`), so that one never stops another.
"""

from __future__ import annotations

import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING, Final

from balchat_common.words import nearest, one_line

from balchat_host.api import ENTRY_POINT_GROUP
from balchat_host.api.descriptors import Descriptor
from balchat_host.api.errors import PluginError
from balchat_host.loader.importing import import_plugin
from balchat_host.loader.metadata import name_of, said_by, summary_of, version_of
from balchat_host.loader.registration import Broken, ask, check, describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from balchat_host.api.frontend import PluginView
    from balchat_host.loader.vetting import Vet

SLOW: Final = 2.0
"""Seconds from which on people are told that importing a plugin takes long: they wait for it at most commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """One plugin that is installed or enabled: what it registered, or why it cannot be used.

    `name` is the entry point's. `origin` is the distribution that announces it, None where nothing does.
    `registered` is empty unless it is enabled; with a `problem` it is only for show. `cause` is the exception behind a
    problem, where there is one. `seconds` is how long it took to import it.
    """

    name: str
    enabled: bool
    origin: Distribution | None
    registered: tuple[Descriptor, ...] = ()
    problem: str | None = None
    cause: BaseException | None = field(default=None, compare=False, repr=False)
    seconds: float = field(default=0.0, compare=False, repr=False)

    # Reading a distribution's metadata takes longer than importing most plugins, and is seldom needed.

    @property
    def distribution(self) -> str:
        """The distribution's name, or nothing where none announces the plugin."""
        return name_of(self.origin) if self.origin else ""

    @property
    def version(self) -> str:
        """The distribution's version, or nothing where none announces the plugin."""
        return version_of(self.origin) if self.origin else ""

    @property
    def summary(self) -> str:
        """The distribution's line about itself."""
        return summary_of(self.origin) if self.origin else ""

    @property
    def wording(self) -> str:
        """Distribution and version, as errors name them."""
        return "not installed" if self.origin is None else f"{self.distribution} {self.version}"

    @property
    def slowness(self) -> str:
        """What to tell where importing it took long; nothing where it did not."""
        return f"importing it took {self.seconds:.1f} s" if self.seconds > SLOW else ""

    def usable(self) -> tuple[Descriptor, ...]:
        """Return what it registered. Raise PluginError if there is a problem."""
        if self.problem is not None:
            raise PluginError(plugin=self.name, distribution=self.wording, problem=self.problem) from self.cause
        return self.registered

    def views(self) -> list[PluginView]:
        """Return what people see: one view for each descriptor, or one for what has none."""
        from balchat_host.api.frontend import PluginView  # noqa: PLC0415  # starting does not wait for what few ask

        def view(name: str, kind: str | None, summary: str, api_version: int | None) -> PluginView:
            return PluginView(
                name=name,
                kind=kind,
                summary=summary,
                distribution=self.distribution,
                version=self.version,
                api_version=api_version,
                enabled=self.enabled,
                problem=self.problem,
            )

        return [view(item.name, item.kind, item.summary, item.api_version) for item in self.registered] or [
            view(self.name, None, self.summary, None)
        ]


def discover(enabled: Sequence[str], vet: Vet | None = None) -> tuple[PluginRecord, ...]:
    """Return a record for every plugin that is installed or enabled: the enabled ones in their order, then by name.

    Imports the enabled ones, and nothing of the others, nor of those that `vet` has something against.
    """
    found = announced()
    records: list[PluginRecord] = []
    for name in (*enabled, *sorted(found.keys() - set(enabled))):
        entry_points = found.get(name, ())
        if not entry_points:
            records.append(_absent(name, found))
        elif len(entry_points) > 1:
            records += _announced_twice(name, entry_points, enabled=name in enabled)
        elif name in enabled:
            records.append(_load(entry_points[0], vet))
        else:
            records.append(PluginRecord(name=name, enabled=False, origin=entry_points[0].dist))
    return _registered_once(records)


def announced(group: str = ENTRY_POINT_GROUP) -> dict[str, list[EntryPoint]]:
    """Return the entry points of a group by name; of a distribution that is there twice, the first."""
    found: dict[str, list[EntryPoint]] = defaultdict(list)
    for distribution in distributions():
        try:
            # Most distributions are not ours: a look at the text spares parsing it.
            if group not in (distribution.read_text("entry_points.txt") or ""):
                continue
            entry_points = list(distribution.entry_points.select(group=group))
        except Exception:  # noqa: BLE001, S112  # metadata that cannot be read announces nothing, and stops nobody else
            continue
        for entry_point in entry_points:
            known = found[entry_point.name]
            if not any(_hides(other, entry_point) for other in known):
                known.append(entry_point)
    return found


def _hides(known: EntryPoint, entry_point: EntryPoint) -> bool:
    """Return whether an entry point says nothing new, or belongs to a distribution that is earlier on the path."""
    one, other = known.dist, entry_point.dist
    if one is None or other is None or _key(one) != _key(other):
        return False
    if one is other or version_of(one) == version_of(other):
        return known.value == entry_point.value or one is not other
    # Two versions side by side: what is left of an installation that went wrong. Nobody knows whose files are there.
    return one.locate_file("") != other.locate_file("")


def _key(distribution: Distribution | None) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    return _normal(said_by(distribution, "Name"))


def _key_of(entry_point: EntryPoint) -> str:
    return _key(entry_point.dist)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _absent(name: str, known: Mapping[str, Sequence[EntryPoint]]) -> PluginRecord:
    near = next((each for each, found in known.items() if _normal(name) in map(_key_of, found)), None)
    if near is not None:
        problem = f"this is the name of a distribution; write that of the plugin which it brings, {near}"
        return PluginRecord(name=name, enabled=True, origin=None, problem=problem)
    near = nearest(name, known)
    hint = f"; {near} is the nearest" if near else ""
    problem = f"nothing installed in {sys.prefix} brings it{hint}. Install it there, or take it out of plugins.enabled"
    return PluginRecord(name=name, enabled=True, origin=None, problem=problem)


def _announced_twice(name: str, entry_points: Sequence[EntryPoint], *, enabled: bool) -> list[PluginRecord]:
    records = [PluginRecord(name=name, enabled=enabled, origin=entry_point.dist) for entry_point in entry_points]
    wordings = list(dict.fromkeys(record.wording for record in records))
    if len(wordings) == 1:
        values = one_line([entry_point.value for entry_point in entry_points])
        problem = f"{wordings[0]} announces it as {values}; it has to be one of them"
    else:
        problem = f"{one_line(wordings)} each bring a plugin of this name; keep one of them"
    return [replace(record, problem=problem) for record in records]


def _load(entry_point: EntryPoint, vet: Vet | None) -> PluginRecord:
    record = PluginRecord(name=entry_point.name, enabled=True, origin=entry_point.dist)
    if vet is not None and entry_point.dist is not None:
        problem = vet(entry_point.name, entry_point.dist)
        if problem is not None:
            return replace(record, problem=problem)
    began = time.monotonic()
    try:
        plugin = import_plugin(entry_point)
        record = replace(record, seconds=time.monotonic() - began)
        record = replace(record, registered=ask(plugin, entry_point.name))
        for descriptor in record.registered:
            check(descriptor, entry_point.name)
    except Broken as broken:
        return replace(record, problem=str(broken), cause=broken.__cause__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # looking at what it made runs its code, too
        return replace(record, problem=f"looking at it raised {describe(error)}", cause=error)
    return record


def _registered_once(records: Sequence[PluginRecord]) -> tuple[PluginRecord, ...]:
    """Turn away plugins that register the same name. One that cannot be used anyway takes no name from another."""
    owners: dict[str, list[PluginRecord]] = defaultdict(list)
    for record in records:
        if record.problem is None:
            for descriptor in record.registered:
                owners[descriptor.name].append(record)
    return tuple(replace(record, problem=record.problem or _conflict(record, owners)) for record in records)


def _conflict(record: PluginRecord, owners: dict[str, list[PluginRecord]]) -> str | None:
    for descriptor in record.registered:
        others = owners[descriptor.name]
        if len(others) > 1 and all(other is record for other in others):
            return f"it registers {descriptor.name} more than once"
        if len(others) > 1:
            wordings = [f"{other.name} ({other.wording})" for other in others]
            return f"{descriptor.name} is registered by {one_line(wordings)}; enable one of them"
    return None
