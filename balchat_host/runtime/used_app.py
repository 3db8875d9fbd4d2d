"""The App as front ends get it: each call is noted by its wire name before it is made (`IdleLock.before`)."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import update_wrapper
from types import new_class
from typing import Any, Final, cast

from balchat_host.api.frontend import App
from balchat_host.api.frontend.area import Area, areas_of, method_names

Before = Callable[[str], None]
"""Called with a wire name; what it raises, the call raises."""


def used_app(app: App, before: Before) -> App:
    """Return an App that calls `before`, then `app`."""
    return _UsedApp(app, before)


class _Used:
    """Something whose methods are noted: `target` has them."""

    def __init__(self, target: Any, before: Before) -> None:
        self.target = target
        self.before = before


def _noted(owner: type, attribute: str, name: str) -> Callable[..., Any]:
    def call(used: _Used, *values: Any, **named: Any) -> Any:
        used.before(name)
        return getattr(used.target, attribute)(*values, **named)

    # Name, text and signature are the contract's; that it is abstract, which its __dict__ says, is not.
    return update_wrapper(call, vars(owner)[attribute], updated=())


def _area(name: str, area: type[Area]) -> type[_Used]:
    body = {attribute: _noted(area, attribute, f"{name}.{attribute}") for attribute in method_names(area)}
    return cast(type[_Used], new_class(f"Used{area.__name__}", (_Used, area), exec_body=lambda ns: ns.update(body)))


_AREAS: Final = {name: _area(name, area) for name, area in areas_of(App).items()}


def _property(name: str) -> property:
    return property(lambda used: _AREAS[name](getattr(used.target, name), used.before))


@contextmanager
def _client(used: _Used) -> Generator[App]:
    with used.target.client() as target:
        yield used_app(target, used.before)


def _app() -> Callable[[App, Before], App]:
    body: dict[str, object] = {name: _property(name) for name in _AREAS}
    body |= {name: _noted(App, name, name) for name in method_names(App)} | {"client": _client}
    return cast(Callable[[App, Before], App], new_class("UsedApp", (_Used, App), exec_body=lambda ns: ns.update(body)))


_UsedApp: Final = _app()
