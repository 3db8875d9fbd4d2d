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

const COMMANDS: [&str; 9] = ["all", "key_package", "create", "join", "add", "update", "apply", "encrypt", "process"];

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
            "encrypt" => Ok(vec![encode(&group.encrypt_application_message(&given[0], vec![]).map_err(text)?)?]),
            "process" => {
                let message = MlsMessage::from_bytes(&given[0]).map_err(text)?;
                let time = now().unwrap_or_default();
                match group.process_incoming_message_with_time(message, time).map_err(text)? {
                    ReceivedMessage::ApplicationMessage(message) => Ok(vec![message.data().to_vec()]),
                    _ => Ok(vec![]),
                }
            }
            _ => Err(format!("unknown command {name}")),
        }
    }
}

/// A command, read.
struct Asked {
    member: u64,
    name: String,
    given: Vec<Vec<u8>>,
}

impl Asked {
    fn read(command: &Value) -> Outcome<Self> {
        let name = command["do"].as_str().unwrap_or_default().to_owned();
        let given = match name.as_str() {
            "join" | "process" => vec![octets(&command["message"])?],
            "encrypt" => vec![octets(&command["data"])?],
            "create" => vec![octets(&command["group_id"])?],
            "add" => all(&command["key_packages"])?,
            _ => vec![],
        };
        Ok(Self { member: member(command)?, name, given })
    }
}

fn member(command: &Value) -> Outcome<u64> {
    command["member"].as_u64().ok_or("no member".into())
}

fn answer(made: &[Vec<u8>]) -> Value {
    let made: Vec<String> = made.iter().map(hex::encode).collect();
    match made.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        [commit, welcome, ..] => json!({"commit": commit, "welcome": welcome}),
    }
}

/// Do commands; the time is that of the library's calls, octets in and octets out.
fn run<C: MlsConfig>(members: &mut HashMap<u64, Member<C>>, asked: &[Asked]) -> Outcome<(Vec<Value>, f64)> {
    let mut made = Vec::with_capacity(asked.len());
    let begun = Instant::now();
    for Asked { member, name, given } in asked {
        made.push(members.get_mut(member).ok_or("no such member")?.call(name, given)?);
    }
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    Ok((made.iter().map(|made| answer(made)).collect(), milliseconds))
}

fn main() -> Outcome<()> {
    let mut members = HashMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line.map_err(text)?).map_err(text)?;
        let answer = if command["do"] == "start" {
            let client = client(command["name"].as_str().unwrap_or_default())?;
            members.insert(member(&command)?, Member { client, group: None });
            json!({"ok": COMMANDS})
        } else if let Some(each) = command["each"].as_array() {
            let asked = each.iter().map(Asked::read).collect::<Outcome<Vec<_>>>()?;
            match run(&mut members, &asked) {
                Ok((values, milliseconds)) => json!({"ok": values, "ms": milliseconds}),
                Err(error) => json!({"error": error}),
            }
        } else {
            match run(&mut members, &[Asked::read(&command)?]) {
                Ok((values, milliseconds)) => json!({"ok": values[0], "ms": milliseconds}),
                Err(error) => json!({"error": error}),
            }
        };
        writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(text)?;
    }
    Ok(())
}
