//! The statements of a migration's file: where each begins, and which of them a migration must not have.
//!
//! The server gets one statement at a time by a protocol that refuses two in one message. So a cut at a wrong
//! place can make a migration fail, but cannot get a statement past the checks here.

/// One statement of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'s> {
    /// Its text, from its first word, without the semicolon.
    pub text: &'s str,
    /// The line of its first word in the file, from 1.
    pub line: usize,
    /// Why it cannot be part of a migration, if it cannot.
    pub unfit: Option<Unfit>,
}

impl Statement<'_> {
    /// The line in the file of the statement's character at `position`, as the server counts: from 1.
    pub fn line_at(&self, position: usize) -> usize {
        let before = self.text.chars().take(position.saturating_sub(1));
        self.line + before.filter(|&character| character == '\n').count()
    }
}

/// Why a statement cannot be part of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It begins or ends transactions, which would leave half a migration behind.
    TransactionControl,
    /// It copies from or to the client, which has nothing to send.
    ClientCopy,
}

impl Unfit {
    /// What is wrong, and what to write instead.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::TransactionControl => {
                "the runner gives each migration one transaction of its own, which the migration cannot begin, end or divide: take this statement out"
            }
            Self::ClientCopy => {
                "a migration cannot copy from or to the client that runs it: write INSERT, or COPY with a file of the server"
            }
        }
    }

    fn of(words: &[String], copies_streams: bool) -> Option<Self> {
        let word = |index: usize| words.get(index).map_or("", String::as_str);
        match word(0) {
            "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE" => {
                Some(Self::TransactionControl)
            }
            "PREPARE" if word(1) == "TRANSACTION" => Some(Self::TransactionControl),
            "COPY" if copies_streams => Some(Self::ClientCopy),
            _ => None,
        }
    }
}

/// The statements of `script`, in order. Comments between them belong to none.
pub fn statements(script: &str) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    let mut open = Open::default();
    let mut here = Place { at: 0, line: 1 };
    while let Some((token, end)) = next_token(script, here.at) {
        match token {
            Token::Blank => {}
            Token::Semicolon if open.is_separated_here() => {
                found.extend(std::mem::take(&mut open).close(script, here.at));
            }
            Token::Word => open.take_word(here, &script[here.at..end].to_ascii_uppercase()),
            Token::OpenParenthesis => open.take(here).parentheses += 1,
            Token::CloseParenthesis => {
                let open = open.take(here);
                open.parentheses = open.parentheses.saturating_sub(1);
            }
            Token::Semicolon | Token::Other => {
                open.take(here);
            }
        }
        here = Place { at: end, line: here.line + script[here.at..end].matches('\n').count() };
    }
    found.extend(open.close(script, script.len()));
    found
}

/// A byte of the script, and its line.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    line: usize,
}

/// What is known of the statement that has begun.
#[derive(Default)]
struct Open {
    start: Option<Place>,
    /// Its first words, in capitals.
    words: Vec<String>,
    parentheses: usize,
    /// Open BEGIN and CASE of the body of an SQL function, whose statements have semicolons of their own.
    blocks: usize,
    copies_streams: bool,
}

/// CREATE OR REPLACE FUNCTION: no decision needs more.
const WORDS_KEPT: usize = 4;

impl Open {
    fn take(&mut self, here: Place) -> &mut Self {
        self.start.get_or_insert(here);
        self
    }

    fn take_word(&mut self, here: Place, word: &str) {
        self.take(here);
        if self.words.len() < WORDS_KEPT {
            self.words.push(word.to_owned());
        }
        self.copies_streams |= matches!(word, "STDIN" | "STDOUT");
        if self.creates_routine() && self.parentheses == 0 {
            match word {
                "BEGIN" => self.blocks += 1,
                "CASE" if self.blocks > 0 => self.blocks += 1,
                "END" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn creates_routine(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        matches!(
            words[..],
            ["CREATE", "FUNCTION" | "PROCEDURE", ..] | ["CREATE", "OR", "REPLACE", "FUNCTION" | "PROCEDURE"]
        )
    }

    fn is_separated_here(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn close(self, script: &str, end: usize) -> Option<Statement<'_>> {
        let Place { at, line } = self.start?;
        let unfit = Unfit::of(&self.words, self.copies_streams);
        Some(Statement { text: script[at..end].trim_end(), line, unfit })
    }
}

enum Token {
    /// Space or comment.
    Blank,
    Word,
    Semicolon,
    OpenParenthesis,
    CloseParenthesis,
    /// A quoted text, or any other character.
    Other,
}

/// The token at byte `at`, and where it ends; none at the end. What is not closed reaches to the end.
fn next_token(script: &str, at: usize) -> Option<(Token, usize)> {
    let rest = &script[at..];
    let first = rest.chars().next()?;
    let (token, length) = match first {
        _ if rest.starts_with("--") => (Token::Blank, rest.find('\n').unwrap_or(rest.len())),
        _ if rest.starts_with("/*") => (Token::Blank, comment_length(rest)),
        'e' | 'E' if rest[1..].starts_with('\'') => (Token::Other, 1 + quoted_length(&rest[1..], true)),
        '\'' | '"' => (Token::Other, quoted_length(rest, false)),
        '$' => (Token::Other, dollar_quoted_length(rest).unwrap_or(1)),
        ';' => (Token::Semicolon, 1),
        '(' => (Token::OpenParenthesis, 1),
        ')' => (Token::CloseParenthesis, 1),
        _ if begins_word(first) => (Token::Word, word_length(rest)),
        // With its letters, as in 1e5, so that no quote is seen to begin in it.
        _ if first.is_ascii_digit() => (Token::Other, word_length(rest)),
        _ if first.is_whitespace() => (Token::Blank, first.len_utf8()),
        _ => (Token::Other, first.len_utf8()),
    };
    Some((token, at + length))
}

fn begins_word(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

fn word_length(rest: &str) -> usize {
    let goes_on = |character: char| begins_word(character) || character.is_ascii_digit() || character == '$';
    rest.find(|character| !goes_on(character)).unwrap_or(rest.len())
}

/// Comments may hold comments.
fn comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A doubled quote ends the text and begins it again, which comes to the same.
fn quoted_length(rest: &str, has_escapes: bool) -> usize {
    let mut characters = rest.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    while let Some((at, character)) = characters.next() {
        if has_escapes && character == '\\' {
            characters.next();
        } else if Some(character) == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// `$$…$$` or `$tag$…$tag$`.
fn dollar_quoted_length(rest: &str) -> Option<usize> {
    let in_tag = |character: char| begins_word(character) || character.is_ascii_digit();
    let tag = &rest[1..];
    let tag = &tag[..tag.find(|character| !in_tag(character))?];
    if !rest[1 + tag.len()..].starts_with('$')
        || tag.starts_with(|character: char| character.is_ascii_digit())
    {
        return None;
    }
    let delimiter = &rest[..tag.len() + 2];
    let body = &rest[delimiter.len()..];
    Some(body.find(delimiter).map_or(rest.len(), |end| end + 2 * delimiter.len()))
}
