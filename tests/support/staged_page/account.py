"""An account as a picture shows it: the same people, messages and files each time, in every state that a screen has.

Nothing runs here. `answers()` has what the account would answer to each method, made of the real views, so that a field
that changes there changes here, too.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import msgspec
from PIL import Image, ImageDraw, ImageFilter

from balchat_host.api import views
from balchat_host.api.frontend.settings import SettingView
from balchat_host.api.types import Phase, ServiceState
from balchat_host.api.views import (
    AlarmKind,
    ContactState,
    ContactView,
    ConversationKind,
    ConversationView,
    FileState,
    FileView,
    MessageState,
    MessageView,
    ReactionView,
    ReplyView,
    RequestView,
    RouteView,
    VoiceView,
)

NOW: Final = 1_796_040_000_000 + 9 * 3_600_000
"""The moment of every picture: a Monday evening of 2026, in UTC."""

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_KIB: Final = 1024


def _id(name: str, digits: int = 64) -> str:
    return sha256(name.encode()).hexdigest()[:digits]


def _onion(name: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    octets = (sha256(name.encode()).digest() * 2)[:56]
    return "".join(letters[octet % 32] for octet in octets) + ".onion"


def _contact(name: str, **changes: Any) -> ContactView:
    contact = ContactView(
        name=name,
        peer_id=_id(name),
        onion=_onion(name),
        conversation=_id(f"conversation {name}", 32),
        state=ContactState.ACTIVE,
        verified=False,
        blocked=False,
        unread=0,
        renewed_by_us=NOW - 2 * _DAY,
    )
    return replace(contact, **changes)


LONG_NAME: Final = "Oluwaseun Adebayo-Featherstonehaugh, Chair of the Choir West"
MARTA: Final = _contact("Marta Quintana", verified=True)
CONTACTS: Final = [
    MARTA,
    _contact("Jonas Weber"),
    _contact("أمينة حداد", verified=True),
    _contact(LONG_NAME),
    _contact("Sofía Álvarez", verified=True),
    _contact("Yuki 🌸"),
    _contact("Ines Ferreira", alarm=AlarmKind.FOREIGN_MESSAGE),
    _contact("Pavel", state=ContactState.REQUESTED),
    _contact("Lena Aalto", state=ContactState.ADDING, reason="no-key-package"),
    _contact("Tomás Prieto", blocked=True),
    _contact("Grandma"),
    _contact("דוד לוי"),
]
REACHABLE: Final = [MARTA.peer_id, CONTACTS[2].peer_id, CONTACTS[5].peer_id]


def _message(
    contact: ContactView | None, text: str | None, at: int, *, own: bool = False, **changes: Any
) -> MessageView:
    conversation = contact.conversation if contact else _id("self", 32)
    message = MessageView(
        id=_id(f"{conversation} {text} {at}"),
        conversation=conversation,
        author=None if own or contact is None else contact.name,
        author_id=_id("Alice") if own or contact is None else contact.peer_id,
        sent_at=at,
        content_type="text/markdown",
        text=text,
        in_reply_to=None,
        state=MessageState.READ if own else MessageState.RECEIVED,
        delivered_to=1 if own else 0,
        recipients=1 if own else 0,
    )
    return replace(message, **changes)


def received(contact: ContactView, text: str) -> MessageView:
    """Return a message that comes now."""
    return _message(contact, text, NOW)


def _file(name: str, size: int, **changes: Any) -> FileView:
    file = FileView(
        id=_id(f"file {name}", 32),
        message=None,
        conversation=MARTA.conversation,
        author=MARTA.name,
        ours=False,
        name=name,
        content_type="application/octet-stream",
        size=size,
        state=FileState.COMPLETE,
        here=size,
    )
    return replace(file, **changes)


LEVELS: Final = tuple(30 + (at * 53 + at * at * 17) % 200 for at in range(56))
PHOTO: Final = _file("ridge-at-seven.jpg", 2_418_112, content_type="image/jpeg", preview=True, width=1600, height=1000)
MAP: Final = _file("map.pdf", 8_912_896, content_type="application/pdf", state=FileState.FETCHING, here=3_407_872)
GPX: Final = _file(
    "track of the northern ridge, with the detour by the hut.gpx",
    48_230,
    content_type="application/gpx+xml",
    state=FileState.OFFERED,
    here=0,
)
VIDEO: Final = _file(
    "timelapse.mp4", 188_743_680, content_type="video/mp4", ours=True, author=None, received_by=0, recipients=1
)
VOICE: Final = _file("voice.ogg", 61_210, content_type="audio/ogg", voice=VoiceView(duration=23_400, levels=LEVELS))
OWN_VOICE: Final = replace(VOICE, id=_id("own voice", 32), ours=True, author=None, received_by=1, recipients=1)
GONE: Final = _file("list-of-2024.ods", 20_480, state=FileState.GONE, here=0, reason="not-offered")
PAUSED: Final = _file("huts.zip", 41_943_040, state=FileState.PAUSED, here=12_582_912)
FILES: Final = [PHOTO, MAP, GPX, VIDEO, VOICE, PAUSED, GONE]


def conversation_with_marta() -> list[MessageView]:
    """Return a conversation of two days with everything that a message can have."""
    friday = NOW - 3 * _DAY - 2 * _HOUR
    today = NOW - 5 * _HOUR
    plan = _message(MARTA, "Shall we try the ridge on Saturday? Forecast says clear until noon ☀️", friday)
    packing = _message(
        MARTA,
        "Packing list:\n\n- headlamps\n- the *small* stove\n- maps, on **paper**",
        today + 12 * _MINUTE,
        own=True,
        edited=True,
        reactions=(
            ReactionView(emoji="👍", count=1, ours=False),
            ReactionView(emoji="🔦", count=1, ours=True, state=MessageState.DELIVERED),
        ),
    )
    return [
        plan,
        _message(MARTA, "Yes! I can drive. Meet at six at the bridge?", friday + 4 * _MINUTE, own=True),
        _message(
            MARTA,
            "Six. I bring coffee.",
            friday + 5 * _MINUTE,
            reactions=(ReactionView(emoji="☕", count=2, ours=True),),
        ),
        _message(MARTA, None, friday + 6 * _MINUTE, timer=views.TimerView(expire_after=7 * 86_400)),
        _message(MARTA, "Here is everything from last year:", today - 30 * _MINUTE, files=(MAP, GPX)),
        _message(MARTA, None, today - 21 * _MINUTE, own=True, deleted=True),
        _message(
            MARTA,
            "",
            today - 16 * _MINUTE,
            own=True,
            state=MessageState.DELIVERED,
            files=(VIDEO,),
            content_type="text/plain",
        ),
        packing,
        _message(
            MARTA,
            "And the long rope? Last time we were glad of it.",
            today + 20 * _MINUTE,
            in_reply_to=packing.id,
            reply=ReplyView(
                id=packing.id,
                author=None,
                author_id=_id("Alice"),
                content_type="text/markdown",
                text="Packing list: headlamps, the small stove, maps",
                edited=True,
                deleted=False,
            ),
        ),
        _message(MARTA, "", today + 24 * _MINUTE, files=(VOICE,), content_type="text/plain"),
        _message(
            MARTA,
            "The way up is in https://example.org/ridge/north?variant=2 and `grid 412 870`.",
            today + 33 * _MINUTE,
            own=True,
            state=MessageState.READ,
        ),
        _message(MARTA, "From the top, before the clouds came", NOW - 20 * _MINUTE, files=(PHOTO,)),
        _message(
            MARTA,
            "What a morning! The rope lies at your door, see you at six",
            NOW - 4 * _MINUTE,
            own=True,
            state=MessageState.RELAYED,
            expires_after=7 * 86_400,
        ),
        _message(MARTA, "Bring a second battery for the radio?", NOW - _MINUTE, own=True, state=MessageState.QUEUED),
    ]


def conversation_with_jonas() -> list[MessageView]:
    """Return a conversation whose last message failed."""
    jonas = CONTACTS[1]
    return [
        _message(jonas, "The invoice is in the usual folder.", NOW - 30 * _HOUR, missing_before=2),
        _message(
            jonas,
            "I read it tonight and answer by tomorrow.",
            NOW - 27 * _HOUR,
            own=True,
            state=MessageState.FAILED,
            reason="bad-credential",
        ),
    ]


def right_to_left() -> list[MessageView]:
    """Return a conversation in Arabic with names and numbers in Latin letters."""
    amina = CONTACTS[2]
    return [
        _message(amina, "صباح الخير! هل وصل الكتاب؟", NOW - 3 * _HOUR),
        _message(amina, "نعم، وصل أمس. شكرًا جزيلًا 🌿", NOW - 3 * _HOUR + 3 * _MINUTE, own=True),
        _message(amina, "الفصل الثالث (chapter 3) هو الأجمل، صفحة 42.", NOW - 2 * _HOUR),
        _message(
            amina,
            "I read it in English first, و بعد ذلك بالعربية",
            NOW - 2 * _HOUR + 5 * _MINUTE,
            own=True,
            state=MessageState.DELIVERED,
        ),
    ]


def conversations() -> list[ConversationView]:
    """Return the list: drafts, failures, many unread, alarms, requests under way, an archived one, notes."""
    last = {
        MARTA.name: conversation_with_marta()[-1],
        "Jonas Weber": conversation_with_jonas()[-1],
        "أمينة حداد": right_to_left()[-1],
        LONG_NAME: _message(
            CONTACTS[3],
            "The rehearsal moves to Thursday, the hall is taken by the chess club until ten",
            NOW - 2 * _HOUR,
        ),
        "Sofía Álvarez": _message(
            CONTACTS[4], "¿Vienes mañana a cenar? Hago la tortilla que te gusta", NOW - 20 * _HOUR
        ),
        "Yuki 🌸": _message(CONTACTS[5], "", NOW - 25 * _HOUR, files=(VOICE,), content_type="text/plain"),
        "Ines Ferreira": _message(CONTACTS[6], "ok", NOW - 2 * _DAY),
        "Grandma": _message(
            CONTACTS[10], "Thank you for the photos dear. The cat sleeps on your letter.", NOW - 9 * _DAY
        ),
        "דוד לוי": _message(CONTACTS[11], "נתראה ביום ראשון", NOW - 4 * _DAY),
        "Tomás Prieto": _message(CONTACTS[9], "buy now!!!", NOW - 40 * _DAY),
    }
    unread = {"أمينة حداد": 3, LONG_NAME: 128, "Sofía Álvarez": 1, "Yuki 🌸": 12}
    list_ = [
        ConversationView(
            id=each.conversation,
            kind=ConversationKind.DIRECT,
            title=each.name,
            unread=unread.get(each.name, 0),
            first_unread=None,
            last_message=last.get(each.name),
            draft="I thought about what you" if each.name == "Grandma" else "",
            muted=each.name in {"Yuki 🌸", LONG_NAME},
            muted_until=NOW + 8 * _HOUR if each.name == LONG_NAME else None,
            archived=each.name == "Tomás Prieto",
            contact=each,
            mentions=1 if each.name == LONG_NAME else 0,
            expire_after=7 * 86_400 if each is MARTA else None,
            timer_by=MARTA.name if each is MARTA else None,
        )
        for each in CONTACTS
    ]
    notes = ConversationView(
        id=_id("self", 32),
        kind=ConversationKind.SELF,
        title="Notes",
        unread=0,
        first_unread=None,
        last_message=_message(None, "Battery for the radio: 18650, two of them", NOW - 6 * _HOUR),
        draft="",
        muted=False,
        muted_until=None,
        archived=False,
        contact=None,
    )
    list_.append(notes)
    return sorted(list_, key=lambda each: -(each.last_message.sent_at if each.last_message else NOW - 3 * _HOUR))


ROUTES: Final = [
    RouteView(transport="transport_tor_direct", direct=True, onion=_onion("a device"), device="d"),
    RouteView(
        transport="transport_relay", direct=False, onion=_onion("their relay"), device="d", until=NOW + 20 * _DAY
    ),
]
REQUESTS: Final = [
    RequestView(
        peer_id=_id("Rafa"),
        onion=_onion("Rafa"),
        name="Rafael Montes",
        introduction="Rafa from the climbing hall. Marta said that you look for a fourth on Saturday.",
        received_at=NOW - 40 * _MINUTE,
    ),
    RequestView(peer_id=_id("Kim"), onion=_onion("Kim"), name="Kim", introduction="", received_at=NOW - 26 * _HOUR),
]

_ONLINE: Final = ServiceState(phase=Phase.ONLINE)


def status(**changes: Any) -> views.ServiceStatus:
    """Return how everything is: online, unless `changes` say otherwise."""
    now = views.ServiceStatus(
        vault="unlocked",
        profile="default",
        running=True,
        network={"network_tor": _ONLINE},
        identity_onion=_ONLINE,
        device_onion=_ONLINE,
        transports={"transport_tor_direct": _ONLINE, "transport_relay": _ONLINE},
        plugins={"ui_rpc": _ONLINE, "ui_notify": _ONLINE},
        policy="both",
        works_as="both",
        requests=2,
        outbox=views.OutboxView(waiting=0, in_flight=0, oldest=None, relayed=1),
    )
    return replace(now, **changes)


STARTING: Final = status(
    network={"network_tor": ServiceState(phase=Phase.STARTING, percent=45, reason="Loading relay descriptors")},
    identity_onion=ServiceState(phase=Phase.STARTING),
    device_onion=ServiceState(phase=Phase.STARTING),
    transports={
        "transport_tor_direct": ServiceState(phase=Phase.STARTING),
        "transport_relay": ServiceState(phase=Phase.DEGRADED, reason="one of two relays cannot be reached"),
    },
    outbox=views.OutboxView(waiting=3, in_flight=1, oldest=NOW - 9 * _MINUTE, relayed=1),
)

RELAYS: Final = [
    views.RelayView(
        onion=_onion("relay one"), default=True, state=_ONLINE, queues=12, round_trip=840, answered_at=NOW - 3 * _MINUTE
    ),
    views.RelayView(
        onion=_onion("relay two"),
        default=False,
        state=ServiceState(phase=Phase.DEGRADED, reason="it cannot be reached", code="relay.unavailable"),
        queues=12,
        round_trip=2310,
        answered_at=NOW - 5 * _HOUR,
    ),
]


def setting(key: str, value: Any, kind: str, doc: str, **changes: Any) -> SettingView:
    """Return a setting that can be changed at once, unless `changes` say otherwise."""
    view = SettingView(
        key=key,
        value=value,
        source="default",
        default=value,
        doc=doc,
        kind=kind,
        allowed="",
        choices=(),
        least=None,
        most=None,
        writable=True,
        at_once=True,
        locked_by=None,
        overridden_by=None,
        pending=False,
    )
    return replace(view, **changes)


SETTINGS: Final = [
    setting("settings.ui_web.theme", "auto", "choice", "", choices=("auto", "light", "dark")),
    setting("settings.ui_web.contrast", "auto", "choice", "", choices=("auto", "more")),
    setting("settings.ui_web.language", "auto", "choice", "", choices=("auto", "en", "es")),
    setting("settings.ui_web.enter_sends", True, "boolean", ""),
    setting("settings.ui_web.notifications", "sender", "choice", "", choices=("all", "sender", "nothing")),
    setting("settings.ui_web.lock_minutes", 15, "integer", "", least=0, most=1440),
    setting("delivery.read_receipts", True, "boolean", ""),
    setting(
        "delivery.policy",
        "both",
        "choice",
        "",
        choices=("direct-only", "relay-only", "both"),
        at_once=False,
        pending=True,
    ),
    setting("delivery.hedge_seconds", 8, "integer", "", least=0, most=3600, at_once=False),
    setting("requests.accept", True, "boolean", ""),
    setting("account.lock_after_minutes", 0, "integer", "", least=0, most=10080, locked_by="/etc/balchat/config.toml"),
    setting("files.fetch_pictures_kib", 1024, "integer", "", least=0, most=1048576, source="balchat.toml"),
    setting("files.streams", 1, "integer", "", least=1, most=4),
    setting(
        "plugins.enabled",
        [
            "storage_sqlcipher",
            "crypto_mls",
            "network_tor",
            "transport_tor_direct",
            "transport_relay",
            "ui_rpc",
            "ui_web",
        ],
        "list",
        "The plugins that are imported and run.",
        writable=False,
    ),
    setting(
        "contacts.max_contacts",
        1000,
        "integer",
        "How many contacts there can be.",
        writable=False,
        least=1,
        most=100000,
    ),
]

WEB_STATE: Final = {
    "profile": "default",
    "account": "running",
    "error": None,
    "profiles": [{"name": "default", "account": "running"}, {"name": "work", "account": "stopped"}],
    "version": "0.1.0",
    "language": "auto",
    "languages": ["en", "es"],
    "unlock": "page",
    "lock_minutes": 15,
    "changes": [],
}
CODE: Final = views.CodeView(
    code=f"balchat:{_onion('Alice')[:56]}sid?name=Alice&relay={_onion('relay one')[:56]}",
    peer_id=_id("Alice"),
    onion=_onion("Alice"),
    name="Alice Moreno",
)
SAFETY_NUMBER: Final = "".join(f"{int(_id(str(at))[:8], 16) % 100_000:05}" for at in range(12))
CAPABILITIES: Final = [
    "account.change_passphrase",
    "account.renew_recovery_code",
    "account.shut_down",
    "contacts.renew",
    "conversations.set_timer",
    "delivery",
    "files.attach",
    "files.attach_voice",
    "files.list",
    "files.set_automatic",
    "messages.delete",
    "messages.edit",
    "messages.info",
    "messages.react",
    "messages.retry",
    "messages.search",
    "messages.send",
    "relays.add",
    "relays.list",
]


def picture(side: int) -> bytes:
    """Draw a landscape as WebP: three ridges below an evening sky."""
    width, height = side, side * 5 // 8
    sky = Image.linear_gradient("L").resize((width, height))
    bands: list[Image.Image] = []
    for top, bottom in ((58, 250), (84, 188), (120, 132)):
        bands.append(sky.point([top + (bottom - top) * level // 255 for level in range(256)]))
    image = Image.merge("RGB", bands)
    draw = ImageDraw.Draw(image)
    draw.ellipse([width * 0.66, height * 0.34, width * 0.74, height * 0.34 + width * 0.08], fill=(255, 228, 178))
    for layer, colour in enumerate([(96, 104, 128), (62, 76, 98), (34, 46, 62)]):
        base = height * (0.55 + 0.14 * layer)
        peaks = [(width * at / 10, base - height * 0.09 * ((at * (layer + 3) * 7) % 5) / 2) for at in range(11)]
        draw.polygon([(0, height), *peaks, (width, height)], fill=colour)
    out = BytesIO()
    image.filter(ImageFilter.GaussianBlur(side / 900)).save(out, "WEBP", quality=82)
    return out.getvalue()


def plain(value: Any) -> Any:
    """Return views as the JSON that crosses the socket."""
    return msgspec.to_builtins(value)
