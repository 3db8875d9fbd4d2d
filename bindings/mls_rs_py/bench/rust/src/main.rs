//! Members on mls-rs without Python, driven like those in ../../interop; `ms` in an answer is what the call took.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    time::{Instant, SystemTime},
};

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, MlsMessage,
    client_builder::MlsConfig,
    group::ReceivedMessage,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions},
    time::MlsTime,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use serde_json::{Value, json};

type Outcome<T> = Result<T, String>;

const COMMANDS: [&str; 10] =
    ["key_package", "create", "join", "add", "update", "apply", "encrypt", "encrypt_all", "process", "process_all"];

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

fn octets(value: &Value) -> Outcome<Vec<u8>> {
    hex::decode(value.as_str().ok_or("not a string")?).map_err(text)
}

fn all(values: &Value) -> Outcome<Vec<Vec<u8>>> {
    values.as_array().ok_or("not a list")?.iter().map(octets).collect()
}

fn now() -> Option<MlsTime> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(MlsTime::from(since.as_secs()))
}

fn client(name: &str) -> Outcome<Client<impl MlsConfig + use<>>> {
    let crypto = RustCryptoProvider::default();
    let suite = crypto.cipher_suite_provider(SUITE).ok_or("no such suite")?;
    let (secret, public) = suite.signature_key_generate().map_err(text)?;
    let identity = SigningIdentity::new(BasicCredential::new(name.as_bytes().to_vec()).into_credential(), public);
    let rules = DefaultMlsRules::new()
        .with_commit_options(CommitOptions::new().with_path_required(true))
        .with_encryption_options(EncryptionOptions::new(true, mls_rs::client_builder::PaddingMode::None));
    Ok(Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .mls_rules(rules)
        .signing_identity(identity, secret, SUITE)
        .build())
}

struct Member<C: MlsConfig> {
    client: Client<C>,
    group: Option<Group<C>>,
}

impl<C: MlsConfig> Member<C> {
    /// Do one command; the time is that of the library's calls, octets in and octets out.
    fn run(&mut self, command: &Value) -> Outcome<(Value, f64)> {
        let name = command["do"].as_str().unwrap_or_default();
        let given: Vec<Vec<u8>> = match name {
            "join" | "process" => vec![octets(&command["message"])?],
            "encrypt" => vec![octets(&command["data"])?],
            "create" => vec![octets(&command["group_id"])?],
            "add" => all(&command["key_packages"])?,
            "encrypt_all" => all(&command["data"])?,
            "process_all" => all(&command["message"])?,
            _ => vec![],
        };
        let begun = Instant::now();
        let made = self.call(name, &given)?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        let made: Vec<String> = made.iter().map(hex::encode).collect();
        let answer = match made.as_slice() {
            _ if name == "encrypt_all" => json!(made),
            [] => Value::Null,
            [one] => json!(one),
            [commit, welcome, ..] => json!({"commit": commit, "welcome": welcome}),
        };
        Ok((answer, milliseconds))
    }

    fn call(&mut self, name: &str, given: &[Vec<u8>]) -> Outcome<Vec<Vec<u8>>> {
        let encode = |message: &MlsMessage| message.to_bytes().map_err(text);
        let none = ExtensionList::new;
        if name == "key_package" {
            let message = self.client.generate_key_package_message(none(), none(), now()).map_err(text)?;
            return Ok(vec![encode(&message)?]);
        }
        if name == "create" {
            let group = self.client.create_group_with_id(given[0].clone(), none(), none(), now());
            self.group = Some(group.map_err(text)?);
            return Ok(vec![]);
        }
        if name == "join" {
            let message = MlsMessage::from_bytes(&given[0]).map_err(text)?;
            self.group = Some(self.client.join_group(None, &message, now()).map_err(text)?.0);
            return Ok(vec![]);
        }
        let group = self.group.as_mut().ok_or("no group")?;
        match name {
            "add" => {
                let mut builder = group.commit_builder();
                for package in given {
                    builder = builder.add_member(MlsMessage::from_bytes(package).map_err(text)?).map_err(text)?;
                }
                let commit = builder.build().map_err(text)?;
                Ok(vec![encode(&commit.commit_message)?, encode(&commit.welcome_messages[0])?])
            }
            "update" => Ok(vec![encode(&group.commit_builder().build().map_err(text)?.commit_message)?]),
            "apply" => group.apply_pending_commit().map(|_| vec![]).map_err(text),
            "encrypt" | "encrypt_all" => given
                .iter()
                .map(|data| encode(&group.encrypt_application_message(data, vec![]).map_err(text)?))
                .collect(),
            "process" | "process_all" => {
                let mut read = vec![];
                for message in given {
                    let message = MlsMessage::from_bytes(message).map_err(text)?;
                    let time = now().unwrap_or_default();
                    if let ReceivedMessage::ApplicationMessage(message) =
                        group.process_incoming_message_with_time(message, time).map_err(text)?
                    {
                        read.push(message.data().to_vec());
                    }
                }
                Ok(if name == "process" { read } else { vec![] })
            }
            _ => Err(format!("unknown command {name}")),
        }
    }
}

fn main() -> Outcome<()> {
    let mut members = HashMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line.map_err(text)?).map_err(text)?;
        let id = command["member"].as_u64().ok_or("member")?;
        let answer = if command["do"] == "start" {
            members.insert(id, Member { client: client(command["name"].as_str().unwrap_or_default())?, group: None });
            json!({"ok": COMMANDS})
        } else {
            match members.get_mut(&id).ok_or("no such member")?.run(&command) {
                Ok((value, milliseconds)) => json!({"ok": value, "ms": milliseconds}),
                Err(error) => json!({"error": error}),
            }
        };
        writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(text)?;
    }
    Ok(())
}
