"""The transport on the author's page obeys the kit that every transport obeys: its files are taken from the page."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.errors import ConfigurationError
from balchat_host.api.transport import Transport, TransportContext
from balchat_host.loader.registration import ask, check
from balchat_host.loader.settings import make_settings

PAGE = (Path(__file__).parents[2] / "docs/plugin-author/transport.md").read_text()
FILES = dict(re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def load(name: str, file: str) -> ModuleType:
    """Run a file of the page as the module `name`, as an import would."""
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = file
    if file.endswith("__init__.py"):
        module.__path__ = [name]
    exec(compile(FILES[file], file, "exec"), module.__dict__)
    return module


plugin = load("balchat_transport_drop", "balchat_transport_drop/__init__.py")
load("balchat_transport_drop.carrier", "balchat_transport_drop/carrier.py")
pages_test = load("test_drop", "tests/test_drop.py")


class TestDrop(pages_test.TestDrop):
    """The page's own test."""


def test_it_registers_and_asks_for_its_folder():
    (descriptor,) = ask(plugin, "transport_drop")
    check(descriptor, "transport_drop")
    assert isinstance(descriptor, TransportDescriptor)
    with pytest.raises(ConfigurationError, match=r"settings\.transport_drop\.folder: it is not set"):
        make_settings("transport_drop", descriptor.settings, {})


@pytest.mark.parametrize(
    ("contract", "heading"), [(Transport, "the host calls"), (TransportContext, "the transport calls")]
)
def test_every_method_of_the_contract_is_in_its_table(contract, heading):
    (table,) = re.findall(rf"^\| {heading} \|.*?\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    public = {name for name in vars(contract) if not name.startswith("_")}
    assert contract.__abstractmethods__ <= public
    assert named == public - {"identity"}
