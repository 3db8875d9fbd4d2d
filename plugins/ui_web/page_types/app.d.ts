// Written by scripts/web_types.py.

declare namespace App {
  interface Hello {
    protocol: number;
    api: number;
    version: string;
  }
  interface ContactView {
    name: string;
    peer_id: string;
    onion: string;
    conversation: string;
    state: ContactState;
    verified: boolean;
    blocked: boolean;
    unread: number;
    reachable: boolean;
    reason: string | null;
    alarm: AlarmKind | null;
    renewed_by_us: number | null;
    renewed_by_them: number | null;
  }
  interface ContactInfoView {
    contact: ContactView;
    devices: string[];
    alarms: AlarmView[];
    routes: RouteView[];
  }
  interface SafetyNumberView {
    contact: string;
    safety_number: string;
    verified: boolean;
  }
  interface RequestView {
    peer_id: string;
    onion: string;
    name: string;
    introduction: string;
    received_at: number;
  }
  interface ConversationView {
    id: string;
    kind: ConversationKind;
    title: string;
    unread: number;
    first_unread: string | null;
    last_message: MessageView | null;
    draft: string;
    muted: boolean;
    muted_until: number | null;
    archived: boolean;
    contact: ContactView | null;
    mentions: number;
    expire_after: number | null;
    timer_by: string | null;
    fetch_up_to: number | null;
  }
  interface MessageView {
    id: string;
    conversation: string;
    author: string | null;
    author_id: string;
    sent_at: number;
    content_type: string;
    text: string | null;
    in_reply_to: string | null;
    state: MessageState;
    reason: string | null;
    delivered_to: number;
    recipients: number;
    missing_before: number;
    edited: boolean;
    deleted: boolean;
    reactions: ReactionView[];
    reply: ReplyView | null;
    expires_after: number | null;
    expires_at: number | null;
    mentions_us: boolean;
    timer: TimerView | null;
    files: FileView[];
  }
  interface MessageInfoView {
    message: MessageView;
    versions: VersionView[];
    receipts: ReceiptView[];
    reactions: PersonReactionView[];
    changes: ChangeView[];
    received_at: number | null;
    way: WayView | null;
  }
  interface SearchPage {
    hits: SearchHit[];
    resume_before: string | null;
  }
  interface FileView {
    id: string;
    message: string | null;
    conversation: string | null;
    author: string | null;
    ours: boolean;
    name: string;
    content_type: string;
    size: number;
    state: FileState;
    here: number;
    received_by: number;
    recipients: number;
    reason: string | null;
    there: number;
    at_relays: number;
    ways: string[];
    preview: boolean;
    width: number | null;
    height: number | null;
    voice: VoiceView | null;
    metadata_removed: string[];
    may_hold_metadata: boolean;
  }
  interface RelayView {
    onion: string;
    default: boolean;
    state: ServiceState;
    queues: number;
    round_trip: number | null;
    answered_at: number | null;
  }
  interface CodeView {
    code: string;
    peer_id: string;
    onion: string;
    name: string;
  }
  interface Secret {
    octets: string;
  }
  interface SettingView {
    key: string;
    value: unknown;
    source: string;
    default: unknown;
    doc: string;
    kind: string;
    allowed: string;
    choices: string[];
    least: number | null;
    most: number | null;
    writable: boolean;
    at_once: boolean;
    locked_by: string | null;
    overridden_by: string | null;
    pending: boolean;
  }
  interface ServiceStatus {
    vault: string;
    profile: string;
    running: boolean;
    network: Record<string, ServiceState>;
    identity_onion: ServiceState;
    device_onion: ServiceState;
    transports: Record<string, ServiceState>;
    plugins: Record<string, ServiceState>;
    policy: string;
    works_as: string;
    requests: number;
    outbox: OutboxView;
    storage: ServiceState;
    accepts_requests: boolean;
  }
  type AlarmKind = "foreign-era" | "foreign-message" | "set-up-again";
  type ContactState = "adding" | "requested" | "active";
  interface AlarmView {
    kind: AlarmKind;
    first_at: number;
    last_at: number;
    times: number;
  }
  interface RouteView {
    transport: string;
    direct: boolean;
    onion: string | null;
    device: string | null;
    until: number | null;
  }
  type ConversationKind = "direct" | "group" | "self";
  type MessageState = "queued" | "sent" | "relayed" | "delivered" | "read" | "failed" | "received";
  interface ReactionView {
    emoji: string;
    count: number;
    ours: boolean;
    state: MessageState | null;
  }
  interface ReplyView {
    id: string;
    author: string | null;
    author_id: string;
    content_type: string;
    text: string | null;
    edited: boolean;
    deleted: boolean;
  }
  interface TimerView {
    expire_after: number | null;
  }
  interface VersionView {
    id: string;
    sent_at: number;
    content_type: string;
    text: string | null;
  }
  interface ReceiptView {
    name: string;
    peer_id: string;
    state: MessageState;
    at: number;
    reason: string | null;
    way: WayView | null;
  }
  interface PersonReactionView {
    name: string | null;
    peer_id: string;
    emoji: string;
    sent_at: number;
    edited: boolean;
  }
  interface ChangeView {
    id: string;
    kind: ChangeKind;
    emoji: string | null;
    made_at: number;
    receipts: ReceiptView[];
  }
  interface WayView {
    transport: string;
    direct: boolean;
    relay: string | null;
  }
  interface SearchHit {
    message: MessageView;
    title: string;
    excerpt: string;
  }
  type FileState = "writing" | "offered" | "fetching" | "paused" | "complete" | "gone";
  interface VoiceView {
    duration: number;
    levels: number[];
  }
  interface ServiceState {
    phase: Phase;
    percent: number | null;
    reason: string | null;
    code: string | null;
  }
  interface OutboxView {
    waiting: number;
    in_flight: number;
    oldest: number | null;
    relayed: number;
  }
  type ChangeKind = "edit" | "delete" | "react" | "take-back";
  type Phase = "stopped" | "starting" | "online" | "degraded";
  type Event =
    | { type: "message.added"; cursor: number; at: number; message: MessageView }
    | { type: "message.changed"; cursor: number; at: number; message: MessageView; changed: string[] }
    | { type: "message.removed"; cursor: number; at: number; id: string; conversation: string }
    | { type: "file.changed"; cursor: number; at: number; file: FileView }
    | { type: "conversation.changed"; cursor: number; at: number; conversation: ConversationView; changed: string[] }
    | { type: "contact.changed"; cursor: number; at: number; contact: ContactView; changed: string[] }
    | { type: "contact.removed"; cursor: number; at: number; name: string; peer_id: string; conversation: string }
    | { type: "contact.alarm"; cursor: number; at: number; name: string; peer_id: string; conversation: string; kind: AlarmKind }
    | { type: "account.restored"; cursor: number; at: number; copied_at: number; contacts: number }
    | { type: "request.received"; cursor: number; at: number; request: RequestView }
    | { type: "request.closed"; cursor: number; at: number; peer_id: string; outcome: string }
    ;
  type Ephemeral =
    | { type: "present"; reachable: string[]; failing: string[]; attended: string[] }
    | { type: "contact.presence"; peer_id: string; reachable: boolean; failing: boolean }
    | { type: "conversation.attended"; conversation: string; attended: boolean }
    | { type: "file.progress"; file: string; here: number; there: number; hindered: string | null; ways: string[] }
    ;
  interface Calls {
    "hello": { takes: {  }; gives: Hello };
    "credit": { takes: { stream: number | string; values: number }; gives: null };
    "cancel": { takes: { stream: number | string }; gives: null };
    "capabilities": { takes: {  }; gives: string[] };
    "contacts.add": { takes: { code: string; name?: string | null; introduction?: string }; gives: ContactView };
    "contacts.list": { takes: {  }; gives: ContactView[] };
    "contacts.get": { takes: { contact: string }; gives: ContactView };
    "contacts.info": { takes: { contact: string }; gives: ContactInfoView };
    "contacts.renew": { takes: { contact: string }; gives: ContactView };
    "contacts.rename": { takes: { contact: string; name: string }; gives: ContactView };
    "contacts.safety_number": { takes: { contact: string }; gives: SafetyNumberView };
    "contacts.verify": { takes: { contact: string; safety_number: string }; gives: ContactView };
    "contacts.block": { takes: { contact: string }; gives: ContactView };
    "contacts.unblock": { takes: { contact: string }; gives: ContactView };
    "contacts.remove": { takes: { contact: string }; gives: null };
    "requests.list": { takes: {  }; gives: RequestView[] };
    "requests.accept": { takes: { request: string; name?: string | null }; gives: ContactView };
    "requests.reject": { takes: { request: string }; gives: RequestView };
    "requests.block": { takes: { request: string }; gives: ContactView };
    "conversations.list": { takes: {  }; gives: ConversationView[] };
    "conversations.get": { takes: { conversation: string }; gives: ConversationView };
    "conversations.draft": { takes: { conversation: string; text: string }; gives: ConversationView };
    "conversations.mute": { takes: { conversation: string; until?: number | null }; gives: ConversationView };
    "conversations.unmute": { takes: { conversation: string }; gives: ConversationView };
    "conversations.archive": { takes: { conversation: string }; gives: ConversationView };
    "conversations.unarchive": { takes: { conversation: string }; gives: ConversationView };
    "conversations.set_timer": { takes: { conversation: string; seconds: number | null }; gives: ConversationView };
    "conversations.mark_read": { takes: { conversation: string; up_to: string }; gives: ConversationView };
    "conversations.mark_unread": { takes: { conversation: string }; gives: ConversationView };
    "messages.send": { takes: { conversation: string; text: string; reply_to?: string | null; markdown?: boolean; mentions?: string[]; expires_after?: number | null; expires_at?: number | null; files?: string[] }; gives: MessageView };
    "messages.get": { takes: { message: string }; gives: MessageView };
    "messages.history": { takes: { conversation: string; limit?: number; before?: string | null; after?: string | null; around?: string | null; date?: number | null }; gives: MessageView[] };
    "messages.edit": { takes: { message: string; text: string; markdown?: boolean; mentions?: string[] }; gives: MessageView };
    "messages.delete": { takes: { message: string; for_me?: boolean }; gives: null };
    "messages.react": { takes: { message: string; emoji: string; remove?: boolean }; gives: MessageView };
    "messages.info": { takes: { message: string }; gives: MessageInfoView };
    "messages.retry": { takes: { message: string }; gives: MessageView };
    "messages.search": { takes: { words: string; conversation?: string | null; author?: string | null; since?: number | null; until?: number | null; limit?: number; before?: string | null }; gives: SearchPage };
    "files.attach": { takes: { name: string; size: number; content_type?: string | null; as_is?: boolean }; gives: FileView };
    "files.attach_voice": { takes: { size: number; rate?: number }; gives: FileView };
    "files.write": { takes: { file: string; offset: number }; gives: number };
    "files.get": { takes: { file: string }; gives: FileView };
    "files.list": { takes: { conversation?: string | null; limit?: number }; gives: FileView[] };
    "files.fetch": { takes: { file: string }; gives: FileView };
    "files.pause": { takes: { file: string }; gives: FileView };
    "files.remove": { takes: { file: string }; gives: FileView | null };
    "files.set_automatic": { takes: { conversation: string; up_to: number | null }; gives: ConversationView };
    "relays.list": { takes: {  }; gives: RelayView[] };
    "relays.add": { takes: { address: string }; gives: RelayView };
    "relays.remove": { takes: { relay: string }; gives: null };
    "relays.check": { takes: { relay: string }; gives: RelayView };
    "relays.set_default": { takes: { relay: string }; gives: RelayView };
    "account.code": { takes: {  }; gives: CodeView };
    "account.verify_passphrase": { takes: { passphrase: Secret }; gives: null };
    "account.change_passphrase": { takes: { old: Secret; new: Secret }; gives: null };
    "account.renew_recovery_code": { takes: { passphrase: Secret }; gives: Secret };
    "account.backup": { takes: { target: string }; gives: null };
    "account.shut_down": { takes: {  }; gives: number };
    "settings.list": { takes: {  }; gives: SettingView[] };
    "settings.get": { takes: { key: string }; gives: SettingView };
    "settings.set": { takes: { key: string; value: unknown }; gives: SettingView };
    "settings.reset": { takes: { key: string }; gives: SettingView };
    "events.cursor": { takes: {  }; gives: number };
    "events.acknowledge": { takes: { subscriber: string; cursor: number }; gives: null };
    "events.attend": { takes: { conversation: string | null }; gives: null };
    "events.attended": { takes: {  }; gives: string[] };
    "status.get": { takes: {  }; gives: ServiceStatus };
  }
  interface Streams {
    "settings.watch": { takes: {  }; gives: SettingView[] };
    "events.follow": { takes: { after?: number | null; subscriber?: string | null }; gives: Event };
    "events.ephemeral": { takes: {  }; gives: Ephemeral };
    "status.watch": { takes: {  }; gives: ServiceStatus };
  }
}
