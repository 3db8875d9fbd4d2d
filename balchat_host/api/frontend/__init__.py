"""The front-end contract: what a program may ask of an account (`App`) and of the machine (`Profiles`, `Profile`).

`App` is one typed description, area by area, with two implementations: in the process that holds the vault, and across
the local socket. A front end cannot tell which one it has. Every call is safe to repeat after a lost connection unless
it says otherwise; calls that change something return once the change is durable.

`App` grows without breaking front ends: areas, methods, parameters with a default, fields, kinds of event and of change
may come; a front end ignores those that it does not know, and looks at `App.capabilities` before it uses those that an
older account may not have.
"""

from balchat_host.api.frontend.account import Account
from balchat_host.api.frontend.app import App
from balchat_host.api.frontend.area import Area
from balchat_host.api.frontend.contacts import Contacts
from balchat_host.api.frontend.conversations import Conversations
from balchat_host.api.frontend.events import Events
from balchat_host.api.frontend.files import MAX_OCTETS, Files
from balchat_host.api.frontend.front_end import Connector, FrontEnd, FrontEndContext, Program
from balchat_host.api.frontend.limits import (
    MAX_FILES,
    MAX_INTRODUCTION_SIZE,
    MAX_NAME_LENGTH,
    MAX_TEXT_SIZE,
    MYSELF,
    NOTES_TO_SELF,
)
from balchat_host.api.frontend.messages import Messages
from balchat_host.api.frontend.profiles import (
    AppConnection,
    DeploymentView,
    Holder,
    PluginDetails,
    PluginView,
    Profile,
)
from balchat_host.api.frontend.relays import Relays
from balchat_host.api.frontend.requests import Requests
from balchat_host.api.frontend.settings import Settings, SettingView
from balchat_host.api.frontend.status import Status
from balchat_host.api.programs import PluginKind, Profiles, ProgramView

__all__ = [
    "MAX_FILES",
    "MAX_INTRODUCTION_SIZE",
    "MAX_NAME_LENGTH",
    "MAX_OCTETS",
    "MAX_TEXT_SIZE",
    "MYSELF",
    "NOTES_TO_SELF",
    "Account",
    "App",
    "AppConnection",
    "Area",
    "Connector",
    "Contacts",
    "Conversations",
    "DeploymentView",
    "Events",
    "Files",
    "FrontEnd",
    "FrontEndContext",
    "Holder",
    "Messages",
    "PluginDetails",
    "PluginKind",
    "PluginView",
    "Profile",
    "Profiles",
    "Program",
    "ProgramView",
    "Relays",
    "Requests",
    "SettingView",
    "Settings",
    "Status",
]
