// Members on ts-mls, driven by one JSON value a line: see ../README.md for the language.

import { createInterface } from "node:readline"
import "./mend.mjs"

const mls = await import("ts-mls")
const { createGroupInfo } = await import("ts-mls/createCommit.js")
const { encodeRatchetTree } = await import("ts-mls/ratchetTree.js")

const KEPT = { retainKeysForGenerations: 1000, retainKeysForEpochs: 5, maximumForwardRatchetSteps: 1000 }
const CONFIG = {
  keyRetentionConfig: KEPT,
  lifetimeConfig: { maximumTotalLifetime: 10000000n, validateLifetimeOnReceive: false },
  keyPackageEqualityConfig: { compareKeyPackages: () => false, compareKeyPackageToLeafNode: () => false },
  paddingConfig: { kind: "padUntilLength", padUntilLength: 256 },
  authService: { validateCredential: async () => true },
}

// ts-mls 1.6.4 writes and reads the external_pub extension without the length that RFC 9420 (section 12.4.3.2) gives it;
// these two mend that, the rest of an external commit is the library's.
const withLength = (key) => new Uint8Array(key.length < 64 ? [key.length, ...key] : [0x40, key.length, ...key])
const readingLength = (suite, length) => ({
  ...suite,
  hpke: { ...suite.hpke, importPublicKey: (key) => suite.hpke.importPublicKey(key.slice(key.length - length)) },
})

const hex = (octets) => Buffer.from(octets).toString("hex")
const octets = (text) => new Uint8Array(Buffer.from(text, "hex"))
const encode = (wireformat, name, value) => hex(mls.encodeMlsMessage({ version: "mls10", wireformat, [name]: value }))

function decode(text, ...wireformats) {
  const decoded = mls.decodeMlsMessage(octets(text), 0)
  if (decoded === undefined) throw new Error("no MLSMessage")
  if (!wireformats.includes(decoded[0].wireformat)) throw new Error(`unexpected ${decoded[0].wireformat}`)
  return decoded[0]
}

class Member {
  static async start({ name, suite }) {
    const member = new Member()
    const named = Object.entries(mls.ciphersuites).find(([, number]) => number === suite)
    if (named === undefined) throw new Error(`no suite ${suite}`)
    member.suite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName(named[0]))
    member.credential = { credentialType: "basic", identity: new TextEncoder().encode(name) }
    member.psks = {}
    member.keys = await member.newKeys()
    return member
  }

  newKeys() {
    const now = BigInt(Math.floor(Date.now() / 1000))
    const lifetime = { notBefore: now - 3600n, notAfter: now + 28n * 86400n }
    return mls.generateKeyPackage(this.credential, mls.defaultCapabilities(), lifetime, [], this.suite)
  }

  get pskIndex() {
    return mls.makePskIndex(this.group, this.psks)
  }

  async commit(...extraProposals) {
    const made = await mls.createCommit(
      { state: this.group, cipherSuite: this.suite, pskIndex: this.pskIndex },
      { extraProposals, ratchetTreeExtension: true },
    )
    this.pending = made.newState
    const welcome = made.welcome && encode("mls_welcome", "welcome", made.welcome)
    return { commit: hex(mls.encodeMlsMessage(made.commit)), welcome: welcome ?? null }
  }

  async propose(proposal) {
    const made = await mls.createProposal(this.group, false, proposal, this.suite)
    this.group = made.newState
    return hex(mls.encodeMlsMessage(made.message))
  }

  async add_of(text) {
    return { proposalType: "add", add: { keyPackage: decode(text, "mls_key_package").keyPackage } }
  }

  psk_of(id) {
    const pskNonce = this.suite.rng.randomBytes(this.suite.kdf.size)
    return { proposalType: "psk", psk: { preSharedKeyId: { psktype: "external", pskId: octets(id), pskNonce } } }
  }

  async do_key_package() {
    return encode("mls_key_package", "keyPackage", this.keys.publicPackage)
  }

  async do_create({ group_id }) {
    const { publicPackage, privatePackage } = this.keys
    this.group = await mls.createGroup(octets(group_id), publicPackage, privatePackage, [], this.suite, CONFIG)
  }

  async do_join({ message }) {
    const { welcome } = decode(message, "mls_welcome")
    const { publicPackage, privatePackage } = this.keys
    const [none, suite] = [undefined, this.suite]
    this.group = await mls.joinGroup(welcome, publicPackage, privatePackage, this.pskIndex, suite, none, none, CONFIG)
  }

  async do_add({ key_packages }) {
    return this.commit(...(await Promise.all(key_packages.map((text) => this.add_of(text)))))
  }

  async do_remove({ index }) {
    return (await this.commit({ proposalType: "remove", remove: { removed: index } })).commit
  }

  async do_update() {
    return (await this.commit()).commit
  }

  async do_psk({ psk_id }) {
    return (await this.commit(this.psk_of(psk_id))).commit
  }

  async do_store_psk({ psk_id, psk }) {
    this.psks[mls.bytesToBase64(octets(psk_id))] = octets(psk)
  }

  async do_propose_add({ key_package }) {
    return this.propose(await this.add_of(key_package))
  }

  async do_propose_remove({ index }) {
    return this.propose({ proposalType: "remove", remove: { removed: index } })
  }

  async do_propose_psk({ psk_id }) {
    return this.propose(this.psk_of(psk_id))
  }

  async do_commit() {
    return this.commit()
  }

  async do_apply() {
    this.group = this.pending
    this.pending = undefined
  }

  async do_encrypt({ data }) {
    const made = await mls.createApplicationMessage(this.group, octets(data), this.suite)
    this.group = made.newState
    return encode("mls_private_message", "privateMessage", made.privateMessage)
  }

  async do_process({ message }) {
    const decoded = decode(message, "mls_private_message", "mls_public_message")
    // Not processMessage: that forgets the pre-shared keys where the message is private.
    const taken = decoded.privateMessage
      ? await mls.processPrivateMessage(this.group, decoded.privateMessage, this.pskIndex, this.suite)
      : await mls.processPublicMessage(this.group, decoded.publicMessage, this.pskIndex, this.suite)
    this.group = taken.newState
    return taken.kind === "applicationMessage" ? hex(taken.message) : null
  }

  async do_group_info() {
    const { groupContext, confirmationTag, keySchedule, ratchetTree } = this.group
    const { publicKey } = await this.suite.hpke.deriveKeyPair(keySchedule.externalSecret)
    const extensions = [
      { extensionType: "external_pub", extensionData: withLength(await this.suite.hpke.exportPublicKey(publicKey)) },
      { extensionType: "ratchet_tree", extensionData: encodeRatchetTree(ratchetTree) },
    ]
    const info = await createGroupInfo(groupContext, confirmationTag, this.group, extensions, this.suite)
    return encode("mls_group_info", "groupInfo", info)
  }

  async do_external_commit({ message }) {
    const { groupInfo } = decode(message, "mls_group_info")
    const { publicPackage, privatePackage } = this.keys
    const [none, suite] = [undefined, readingLength(this.suite, publicPackage.initKey.length)]
    const made = await mls.joinGroupExternal(groupInfo, publicPackage, privatePackage, false, suite, none, CONFIG)
    this.group = made.newState
    return encode("mls_public_message", "publicMessage", made.publicMessage)
  }

  async do_look() {
    const { keySchedule, groupContext, privatePath } = this.group
    const context = new TextEncoder().encode("context")
    const exported = await mls.mlsExporter(keySchedule.exporterSecret, "label", context, 32, this.suite)
    return {
      epoch: Number(groupContext.epoch),
      epoch_authenticator: hex(keySchedule.epochAuthenticator),
      exported: hex(exported),
      own_index: privatePath.leafIndex,
    }
  }
}

const members = new Map()

async function run({ member, do: name, ...given }) {
  if (name === "start") {
    members.set(member, await Member.start(given))
    return Object.getOwnPropertyNames(Member.prototype)
      .filter((method) => method.startsWith("do_"))
      .map((method) => method.slice(3))
  }
  if (name === "end") return members.delete(member) && null
  const found = members.get(member)
  if (found === undefined) throw new Error(`no member ${member}`)
  if (typeof found[`do_${name}`] !== "function") throw new Error(`unknown command ${name}`)
  return (await found[`do_${name}`](given)) ?? null
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    const begun = performance.now()
    const ok = await run(JSON.parse(line))
    answer = { ok, ms: performance.now() - begun }
  } catch (error) {
    answer = { error: String(error?.stack ?? error) }
  }
  process.stdout.write(JSON.stringify(answer) + "\n")
}
