//! The migrations of a directory: files named `NNN_name.sql`.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::migrate::MigrationType;
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::error::{Error, shown};
use crate::script::{Statement, statements};

/// What a file's name must be.
const FORM: &str = "expected NNN_name.sql: the number in three digits (from 1000 on in four), the name of letters, digits, `_` and `-`";

/// One migration.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Its file.
    pub path: PathBuf,
    /// The library's view of it: number, name, script, checksum (SHA-384 of the file's bytes).
    pub(crate) inner: sqlx::migrate::Migration,
}

impl Migration {
    /// Its number, from 1.
    pub fn number(&self) -> i64 {
        self.inner.version
    }

    /// The name after its number.
    pub fn name(&self) -> &str {
        &self.inner.description
    }

    /// What it has the server do.
    pub fn statements(&self) -> Vec<Statement<'_>> {
        statements(self.inner.sql.as_str())
    }
}

/// The migrations of `dir`, in the order of their numbers.
///
/// # Errors
///
/// [`Error::Configuration`] with every fault of every file, not only the first.
pub fn read(dir: &Path) -> Result<Vec<Migration>, Error> {
    let no_folder = |error| {
        Error::Configuration(vec![format!(
            "--dir: {}: the directory of the migrations cannot be read: {error}",
            shown(&dir.to_string_lossy())
        )])
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(no_folder)? {
        paths.push(entry.map_err(no_folder)?.path());
    }
    paths.sort();
    let mut faults = Vec::new();
    let mut migrations: Vec<Migration> = Vec::new();
    for path in paths {
        match read_file(&path) {
            Ok(None) => {}
            Ok(Some(migration)) => migrations.push(migration),
            Err(found) => {
                let path = shown(&path.to_string_lossy());
                faults.extend(found.into_iter().map(|fault| format!("{path}{fault}")));
            }
        }
    }
    migrations.sort_by_key(Migration::number);
    for pair in migrations.windows(2).filter(|pair| pair[0].number() == pair[1].number()) {
        let [one, other] = [&pair[0], &pair[1]].map(|migration| shown(&migration.path.to_string_lossy()));
        faults.push(format!("{one} and {other}: two migrations of one number"));
    }
    if faults.is_empty() { Ok(migrations) } else { Err(Error::Configuration(faults)) }
}

/// The migration in a file; none if the file is not meant to be one. Or what is wrong, each with its place.
fn read_file(path: &Path) -> Result<Option<Migration>, Vec<String>> {
    let fault = |fault: String| vec![format!(": {fault}")];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.starts_with('.') || name == "README.md" {
        return Ok(None);
    }
    let (number, name) = parse_name(name).ok_or_else(|| {
        fault(format!("this is not the name of a migration: {FORM}; or a README.md, or a hidden file"))
    })?;
    let metadata = fs::metadata(path).map_err(|error| fault(error.to_string()))?;
    if !metadata.is_file() {
        return Err(fault("this is not a regular file".into()));
    }
    let bytes = fs::read(path).map_err(|error| fault(error.to_string()))?;
    let script = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|&byte| byte == b'\n').count();
        vec![format!(":{line}: this is not UTF-8")]
    })?;
    if script.starts_with('\u{feff}') {
        return Err(vec![":1: the file begins with a byte order mark: save it without".into()]);
    }
    let found = statements(&script);
    let unfit = found.iter().filter_map(|statement| statement.unfit.map(|unfit| (statement.line, unfit)));
    let unfit: Vec<String> = unfit.map(|(line, unfit)| format!(":{line}: {}", unfit.advice())).collect();
    if !unfit.is_empty() {
        return Err(unfit);
    }
    if found.is_empty() {
        return Err(fault(
            "there is no statement in it; once applied, a migration can never be changed".into(),
        ));
    }
    let inner = sqlx::migrate::Migration::new(
        number,
        name.to_owned().into(),
        MigrationType::Simple,
        // Whoever runs migrations means to run what the files say.
        AssertSqlSafe(script).into_sql_str(),
        false,
    );
    Ok(Some(Migration { path: path.to_owned(), inner }))
}

/// Number and name. Each number has one spelling.
fn parse_name(file_name: &str) -> Option<(i64, &str)> {
    let (digits, name) = file_name.strip_suffix(".sql")?.split_once('_')?;
    let is_named = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let number: i64 = digits.parse().ok().filter(|number| *number > 0)?;
    let is_form = format!("{number:03}") == digits && !name.is_empty() && name.chars().all(is_named);
    is_form.then_some((number, name))
}
