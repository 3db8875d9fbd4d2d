//! Members on OpenMLS, driven by one JSON value a line: see ../../README.md for the language.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
};

use openmls::{
    prelude::{tls_codec::Deserialize, *},
    schedule::{ExternalPsk, PreSharedKeyId, Psk},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use serde_json::{Value, json};

type Outcome = Result<Value, String>;

const COMMANDS: &[&str] = &[
    "key_package",
    "create",
    "join",
    "add",
    "remove",
    "update",
    "psk",
    "store_psk",
    "propose_add",
    "propose_remove",
    "propose_update",
    "propose_psk",
    "commit",
    "apply",
    "encrypt",
    "process",
    "external_commit",
    "group_info",
    "look",
];

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

struct Member {
    provider: OpenMlsRustCrypto,
    suite: Ciphersuite,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    group: Option<MlsGroup>,
}

fn octets(value: &Value) -> Result<Vec<u8>, String> {
    hex::decode(value.as_str().ok_or("not a string")?).map_err(text)
}

fn parse(value: &Value) -> Result<MlsMessageIn, String> {
    MlsMessageIn::tls_deserialize_exact(octets(value)?).map_err(text)
}

fn encode(message: &MlsMessageOut) -> Outcome {
    message.to_bytes().map(hex::encode).map(Value::from).map_err(text)
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(5)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(1000, 1000))
        .build()
}

impl Member {
    fn start(command: &Value) -> Result<Self, String> {
        let number = command["suite"].as_u64().ok_or("suite")?;
        let suite = Ciphersuite::try_from(number as u16).map_err(text)?;
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(suite.signature_algorithm()).map_err(text)?;
        signer.store(provider.storage()).map_err(text)?;
        let name = command["name"].as_str().ok_or("name")?.as_bytes().to_vec();
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Ok(Self { provider, suite, signer, credential, group: None })
    }

    fn package(&self, value: &Value) -> Result<KeyPackage, String> {
        let MlsMessageBodyIn::KeyPackage(package) = parse(value)?.extract() else {
            return Err("no key package".into());
        };
        package.validate(self.provider.crypto(), ProtocolVersion::Mls10).map_err(text)
    }

    fn psk(&self, command: &Value) -> Result<PreSharedKeyId, String> {
        let psk = Psk::External(ExternalPsk::new(octets(&command["psk_id"])?));
        PreSharedKeyId::new(self.suite, self.provider.rand(), psk).map_err(text)
    }

    fn run(&mut self, command: &Value) -> Outcome {
        match command["do"].as_str().unwrap_or_default() {
            "key_package" => {
                let bundle = KeyPackage::builder()
                    .build(self.suite, &self.provider, &self.signer, self.credential.clone())
                    .map_err(text)?;
                encode(&MlsMessageOut::from(bundle.key_package().clone()))
            }
            "create" => {
                let config = MlsGroupCreateConfig::builder()
                    .wire_format_policy(MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY)
                    .use_ratchet_tree_extension(true)
                    .max_past_epochs(5)
                    .sender_ratchet_configuration(SenderRatchetConfiguration::new(1000, 1000))
                    .ciphersuite(self.suite)
                    .build();
                let id = GroupId::from_slice(&octets(&command["group_id"])?);
                let credential = self.credential.clone();
                let group = MlsGroup::new_with_group_id(&self.provider, &self.signer, &config, id, credential);
                self.group = Some(group.map_err(text)?);
                Ok(Value::Null)
            }
            "join" => {
                let MlsMessageBodyIn::Welcome(welcome) = parse(&command["message"])?.extract() else {
                    return Err("no Welcome".into());
                };
                let staged = StagedWelcome::new_from_welcome(&self.provider, &join_config(), welcome, None);
                self.group = Some(staged.map_err(text)?.into_group(&self.provider).map_err(text)?);
                Ok(Value::Null)
            }
            "add" => {
                let packages = command["key_packages"].as_array().ok_or("key_packages")?;
                let packages = packages.iter().map(|package| self.package(package)).collect::<Result<Vec<_>, _>>()?;
                let group = self.group.as_mut().ok_or("no group")?;
                let (commit, welcome, _) = group.add_members(&self.provider, &self.signer, &packages).map_err(text)?;
                Ok(json!({"commit": encode(&commit)?, "welcome": encode(&welcome)?}))
            }
            "remove" => {
                let index = LeafNodeIndex::new(command["index"].as_u64().ok_or("index")? as u32);
                let group = self.group.as_mut().ok_or("no group")?;
                let (commit, _, _) = group.remove_members(&self.provider, &self.signer, &[index]).map_err(text)?;
                encode(&commit)
            }
            "update" => {
                let group = self.group.as_mut().ok_or("no group")?;
                let parameters = LeafNodeParameters::default();
                let bundle = group.self_update(&self.provider, &self.signer, parameters).map_err(text)?;
                encode(&bundle.into_contents().0)
            }
            "psk" => {
                let psk = self.psk(command)?;
                let group = self.group.as_mut().ok_or("no group")?;
                let bundle = group
                    .commit_builder()
                    .add_proposal(Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk))))
                    .load_psks(self.provider.storage())
                    .map_err(text)?
                    .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)
                    .map_err(text)?
                    .stage_commit(&self.provider)
                    .map_err(text)?;
                encode(&bundle.into_contents().0)
            }
            "store_psk" => {
                self.psk(command)?.store(&self.provider, &octets(&command["psk"])?).map_err(text)?;
                Ok(Value::Null)
            }
            "propose_add" => {
                let package = self.package(&command["key_package"])?;
                let group = self.group.as_mut().ok_or("no group")?;
                encode(&group.propose_add_member(&self.provider, &self.signer, &package).map_err(text)?.0)
            }
            "propose_remove" => {
                let index = LeafNodeIndex::new(command["index"].as_u64().ok_or("index")? as u32);
                let group = self.group.as_mut().ok_or("no group")?;
                encode(&group.propose_remove_member(&self.provider, &self.signer, index).map_err(text)?.0)
            }
            "propose_update" => {
                let group = self.group.as_mut().ok_or("no group")?;
                let parameters = LeafNodeParameters::default();
                encode(&group.propose_self_update(&self.provider, &self.signer, parameters).map_err(text)?.0)
            }
            "propose_psk" => {
                let psk = self.psk(command)?;
                let group = self.group.as_mut().ok_or("no group")?;
                encode(&group.propose_pre_shared_key(&self.provider, &self.signer, psk).map_err(text)?.0)
            }
            "commit" => {
                let group = self.group.as_mut().ok_or("no group")?;
                let (commit, welcome, _) =
                    group.commit_to_pending_proposals(&self.provider, &self.signer).map_err(text)?;
                let welcome = welcome.as_ref().map(encode).transpose()?;
                Ok(json!({"commit": encode(&commit)?, "welcome": welcome}))
            }
            "apply" => {
                let group = self.group.as_mut().ok_or("no group")?;
                group.merge_pending_commit(&self.provider).map_err(text)?;
                Ok(Value::Null)
            }
            "encrypt" => {
                let data = octets(&command["data"])?;
                let group = self.group.as_mut().ok_or("no group")?;
                encode(&group.create_message(&self.provider, &self.signer, &data).map_err(text)?)
            }
            "process" => {
                let message = parse(&command["message"])?.try_into_protocol_message().map_err(text)?;
                let group = self.group.as_mut().ok_or("no group")?;
                let processed = group.process_message(&self.provider, message).map_err(text)?;
                match processed.into_content() {
                    ProcessedMessageContent::ApplicationMessage(message) => {
                        Ok(hex::encode(message.into_bytes()).into())
                    }
                    ProcessedMessageContent::StagedCommitMessage(commit) => {
                        group.merge_staged_commit(&self.provider, *commit).map_err(text)?;
                        Ok(Value::Null)
                    }
                    ProcessedMessageContent::ProposalMessage(proposal) => {
                        group.store_pending_proposal(self.provider.storage(), *proposal).map_err(text)?;
                        Ok(Value::Null)
                    }
                    _ => Err("another kind of message".into()),
                }
            }
            "external_commit" => {
                let MlsMessageBodyIn::GroupInfo(info) = parse(&command["message"])?.extract() else {
                    return Err("no GroupInfo".into());
                };
                let (group, bundle) = MlsGroup::external_commit_builder()
                    .with_config(join_config())
                    .build_group(&self.provider, info, self.credential.clone())
                    .map_err(text)?
                    .load_psks(self.provider.storage())
                    .map_err(text)?
                    .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)
                    .map_err(text)?
                    .finalize(&self.provider)
                    .map_err(text)?;
                let mut group = group;
                group.merge_pending_commit(&self.provider).map_err(text)?;
                self.group = Some(group);
                encode(&bundle.into_contents().0)
            }
            "group_info" => {
                let group = self.group.as_mut().ok_or("no group")?;
                encode(&group.export_group_info(self.provider.crypto(), &self.signer, true).map_err(text)?)
            }
            "look" => {
                let group = self.group.as_ref().ok_or("no group")?;
                let exported = group.export_secret(self.provider.crypto(), "label", b"context", 32).map_err(text)?;
                Ok(json!({
                    "epoch": group.epoch().as_u64(),
                    "epoch_authenticator": hex::encode(group.epoch_authenticator().as_slice()),
                    "exported": hex::encode(exported),
                    "own_index": group.own_leaf_index().u32(),
                }))
            }
            unknown => Err(format!("unknown command {unknown:?}")),
        }
    }
}

fn run(members: &mut HashMap<u64, Member>, command: &Value) -> Outcome {
    let id = command["member"].as_u64().ok_or("member")?;
    match command["do"].as_str() {
        Some("start") => {
            members.insert(id, Member::start(command)?);
            Ok(json!(COMMANDS))
        }
        Some("end") => {
            members.remove(&id);
            Ok(Value::Null)
        }
        _ => members.get_mut(&id).ok_or("no such member")?.run(command),
    }
}

fn main() {
    let mut members = HashMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let command = line.map_err(text).and_then(|line| serde_json::from_str(&line).map_err(text));
        let answer = match command.and_then(|command| run(&mut members, &command)) {
            Ok(value) => json!({"ok": value}),
            Err(error) => json!({"error": error}),
        };
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
