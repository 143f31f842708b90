//! What the runtime API answers to one line of commands: replies in their order, each ended by an empty line (by a prompt
//! where several lines go through one connection).

use std::ops::Range;

/// The answer to one line.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
    replies: Vec<Range<usize>>,
}

/// The reply to one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    /// Data, or nothing at all: which of them happened has to be read elsewhere.
    Data(&'a str),
    /// A sentence about the command, with its severity (0 to 7; 3 is an error, 6 the help for an unknown command).
    Message(u8, &'a str),
}

/// Why an answer cannot be assigned to its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadAnswer {
    /// There was none.
    Nothing,
    /// It ended too early.
    Cut,
    /// It has more in it than what was asked.
    Foreign,
}

impl Answer {
    /// Cuts `bytes` into the replies to `commands` commands.
    ///
    /// The last reply takes all the rest: a health check's description in `show stat` may contain an empty line.
    pub(super) fn cut(bytes: Vec<u8>, commands: usize) -> Result<Self, BadAnswer> {
        let text = String::from_utf8(bytes).unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned());
        if text.is_empty() {
            return Err(if commands == 0 { BadAnswer::Foreign } else { BadAnswer::Nothing });
        }
        let mut replies = Vec::with_capacity(commands);
        let mut rest = 0;
        while replies.len() + 1 < commands {
            let end = end_of_reply(&text[rest..]).ok_or(BadAnswer::Cut)?;
            replies.push(rest..rest + end);
            rest += end + 1;
        }
        let last = text[rest..].strip_suffix('\n').ok_or(BadAnswer::Cut)?;
        if !last.is_empty() && !last.ends_with('\n') {
            return Err(BadAnswer::Cut);
        }
        replies.push(rest..rest + last.len());
        Ok(Self { text, replies })
    }

    /// Adds the reply to one more command.
    pub(super) fn push(&mut self, reply: &[u8]) {
        let begin = self.text.len();
        self.text.push_str(&String::from_utf8_lossy(reply));
        self.replies.push(begin..self.text.len());
    }

    /// The replies, in the order of their commands.
    pub(super) fn replies(&self) -> impl ExactSizeIterator<Item = Reply<'_>> {
        self.replies.iter().map(|range| Reply::of(&self.text[range.clone()]))
    }
}

/// Where the empty line begins that ends the reply at the beginning of `text`.
fn end_of_reply(text: &str) -> Option<usize> {
    if text.starts_with('\n') { Some(0) } else { text.find("\n\n").map(|at| at + 1) }
}

impl<'a> Reply<'a> {
    /// Whether it says nothing.
    pub(super) fn is_nothing(self) -> bool {
        matches!(self, Self::Data(text) if text.trim().is_empty())
    }

    /// Tells messages from data. `set severity-output number` puts `[3]: ` before messages and nothing before data.
    pub(super) fn of(text: &'a str) -> Self {
        match text.as_bytes() {
            [b'[', level @ b'0'..=b'7', b']', b':', b' ', ..] => Self::Message(level - b'0', text[5..].trim()),
            _ => Self::Data(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str, commands: usize) -> Result<Vec<String>, BadAnswer> {
        let answer = Answer::cut(text.as_bytes().to_vec(), commands)?;
        let texts = answer.replies().map(|reply| match reply {
            Reply::Data(text) => text.to_owned(),
            Reply::Message(level, text) => format!("{level}!{text}"),
        });
        Ok(texts.collect())
    }

    #[test]
    fn replies_go_to_their_commands() {
        // Recorded from HAProxy 2.6.12: severity, a key that is there, one that is not, one that is there, no such table.
        let text = "\n# table: app, type: string, size:1024, used:2\n0x1: key=a use=0 exp=1\n\n\n# table: app, type: \
                    string, size:1024, used:2\n0x2: key=c use=0 exp=1\n\n[3]: No such table\n\n";
        let replies = cut(text, 5).unwrap();
        assert_eq!((replies[0].as_str(), replies[2].as_str()), ("", ""));
        assert!(replies[1].contains("key=a ") && replies[3].contains("key=c "));
        assert_eq!(replies[4], "3!No such table");
    }

    #[test]
    fn a_cut_answer_is_no_answer() {
        assert_eq!(cut("", 2), Err(BadAnswer::Nothing));
        for text in ["\n", "\nhalf a ro", "\nrow\n", "\nrow"] {
            assert_eq!(cut(text, 2), Err(BadAnswer::Cut), "{text:?}");
        }
        assert_eq!(cut("\nrow\n\n", 2), Ok(vec![String::new(), "row\n".to_owned()]));
        assert_eq!(cut("\n\n", 2), Ok(vec![String::new(), String::new()]));
        assert_eq!(cut("\n\n", 3), Err(BadAnswer::Cut));
    }

    #[test]
    fn the_last_reply_may_have_empty_lines() {
        assert_eq!(cut("\nh\n\"a\n\nb\"\n\n", 2), Ok(vec![String::new(), "h\n\"a\n\nb\"\n".to_owned()]));
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), commands in 0_usize..9) {
            if let Ok(answer) = Answer::cut(bytes, commands) {
                prop_assert_eq!(answer.replies().len(), commands.max(1));
            }
        }

        #[test]
        fn hostile_lines_do_not_panic(text in "[\\[\\]:3 \n#a]{0,80}", commands in 0_usize..9) {
            if let Ok(answer) = Answer::cut(text.into_bytes(), commands) {
                prop_assert_eq!(answer.replies().len(), commands.max(1));
            }
        }
    }
}
