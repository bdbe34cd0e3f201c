//! Settings: accepted exactly if a plain reading of the documentation accepts each, every fault is told, and no
//! message holds a part of the database's URL that may be secret.
//!
//! A case is one setting a line, `flag=value`; any other line is the name of a variable.
#![no_main]

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt;

use dreichor_runtime::Config;
use dreichor_runtime::config::{SETTINGS, is_of_a_service};
use dreichor_runtime::database::DatabaseAddress;
use libfuzzer_sys::fuzz_target;

/// A password. It may appear nowhere.
const SECRET: &str = "sesame";

fuzz_target!(|data: &[u8]| {
    let mut given: Vec<(&str, &[u8])> = Vec::new();
    let mut variables: Vec<OsString> = Vec::new();
    for line in data.split(|&byte| byte == b'\n') {
        let equals = line.iter().position(|&byte| byte == b'=').unwrap_or(line.len());
        match flags().find(|flag| flag.as_bytes() == &line[..equals]) {
            Some(flag) => {
                given.retain(|(found, _)| *found != flag);
                given.push((flag, line.get(equals + 1..).unwrap_or_default()));
            }
            None => variables.push(OsString::from_vec(line.to_vec())),
        }
    }
    let bytes = |flag: &str| given.iter().find(|(found, _)| *found == flag).map(|(_, value)| value.to_vec());
    let text = |flag: &str| bytes(flag).map(|value| String::from_utf8_lossy(&value).into_owned());
    let known: Vec<OsString> = SETTINGS.iter().map(|setting| setting.variable().into()).collect();
    let unknown = |name: &&OsString| {
        name.as_encoded_bytes().starts_with(b"DREICHOR_")
            && !known.contains(name)
            && !is_of_a_service(&name.to_string_lossy())
    };
    let mut faults = variables.iter().filter(unknown).count();
    let is_token_missing = bytes("observer-token-file").is_none_or(|path| path.is_empty());
    faults += flags().filter(|flag| text(flag).is_some_and(|value| !is_valid(flag, &value))).count();
    faults += usize::from(is_token_missing && text("observer-addr").is_some_and(|value| is_public(&value)));

    let is_secret = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(SECRET);
    let is_elsewhere = given.iter().any(|(flag, value)| *flag != "database-url" && is_secret(value))
        || variables.iter().any(|name| is_secret(name.as_encoded_bytes()));
    match Config::new(&|setting| bytes(setting.flag).map(OsString::from_vec), variables.clone()) {
        Ok(config) => {
            assert_eq!(faults, 0, "accepted: {config:?}");
            assert_eq!(config.settings.database, text("database-url").map(|url| address(&url)));
        }
        Err(error) => {
            let told = format!("{error} {error:?}");
            assert!(is_elsewhere || !told.to_lowercase().contains(SECRET), "{told}");
            assert_eq!(error.0.len(), faults, "{error}");
        }
    }
});

fn flags() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.flag)
}

fn is_valid(flag: &str, value: &str) -> bool {
    let is_one_of = |words: &str| words.split(' ').any(|word| word == value);
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
        // Beyond what u128 holds is beyond every limit.
        is_number.then(|| digits.parse::<u128>().unwrap_or(u128::MAX))
    };
    match flag {
        "data-dir" | "audit-events-dir" | "snapshots-dir" | "observer-token-file" => !value.is_empty(),
        "execution-plane" => is_one_of("paper"),
        "safety-mode" => is_one_of("normal halt flatten"),
        "snapshot-strategy" => {
            is_one_of("on-ledger-update manual")
                || value
                    .strip_prefix("every:")
                    .and_then(number)
                    .is_some_and(|events| (1..=u128::from(u64::MAX)).contains(&events))
        }
        // The library that parses URLs defines them; here the further conditions are checked.
        "database-url" => DatabaseAddress::parse(value).is_ok() && is_postgres(value),
        "observer-addr" => value == "off" || value.parse::<SocketAddr>().is_ok(),
        "sandbox" => is_one_of("auto require off"),
        "logical-step-max" => number(value).is_some_and(|step| step < 1 << 53),
        "log-format" => is_one_of("text json"),
        "log-level" => is_one_of("error warn info debug"),
        flag => panic!("--{flag} is new: what does it accept?"),
    }
}

/// True if the URL has the scheme, and a host or the directory of a socket after it. (Space around it, and line ends and
/// tabs anywhere, are no part of a URL.)
fn is_postgres(url: &str) -> bool {
    let url: String = url.chars().filter(|letter| !"\t\r\n".contains(*letter)).collect();
    let url = url.trim_matches(|letter: char| letter <= ' ').to_lowercase();
    ["postgres://", "postgresql://"].iter().any(|scheme| {
        url.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && (!rest.starts_with('/') || rest.contains("host=")))
    })
}

/// The address as it is without user and password: only the text after the last `@` may be shown.
fn address(url: &str) -> DatabaseAddress {
    let address = url.rsplit_once('@').map(|(_, address)| format!("postgres://{address}"));
    DatabaseAddress::parse(address.as_deref().unwrap_or(url)).expect("an address without its password")
}

fn is_public(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_loopback())
}
