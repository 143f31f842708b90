//! A sentence with marked words, so that one text serves a page, a shell and a ticket.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", content = "text", rename_all = "snake_case")]
pub enum Piece {
    /// Plain words.
    Text(String),
    /// Words that carry the sentence.
    Strong(String),
    /// An id or a name of the machine's world, shown in monospace.
    Code(String),
}

impl Piece {
    /// The words without the mark.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Strong(text) | Self::Code(text) => text,
        }
    }
}

/// A sentence made of [`Piece`]s. Its `Display` is the plain text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rich(pub Vec<Piece>);

impl Rich {
    /// An empty sentence.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
    /// Adds plain words.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }
    /// Adds words that carry the sentence.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Strong(text.into()));
        self
    }
    /// Adds an id or a name.
    #[must_use]
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Code(text.into()));
        self
    }
    /// Adds all of `other`.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
    /// Adds names as `a`, `b` and 3 more: at most `most` of them are written out.
    #[must_use]
    pub fn names<S: AsRef<str>>(mut self, names: &[S], most: usize) -> Self {
        let shown = names.len().min(most.max(1));
        for (place, name) in names.iter().take(shown).enumerate() {
            if place > 0 {
                let last = place + 1 == names.len();
                self = self.text(if last { " and " } else { ", " });
            }
            self = self.code(name.as_ref());
        }
        if names.len() > shown { self.text(format!(" and {} more", names.len() - shown)) } else { self }
    }
}

impl fmt::Display for Rich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece.as_str()))
    }
}
