//! HAProxy's own messages, turned into what a person can do about them.

use super::{answer::Reply, transport::Transport};
use crate::RouterError;

impl Transport {
    /// The data of `reply` about `what` (a table, a back end or an ACL file).
    pub(super) fn data<'a>(&self, reply: Option<Reply<'a>>, what: &str) -> Result<&'a str, RouterError> {
        match reply {
            Some(Reply::Data(text)) => Ok(text),
            Some(Reply::Message(_, text)) => Err(self.refused(&explain(text, what))),
            None => Err(self.foreign()),
        }
    }

    /// The same for a command that answers nothing when it did something: any text is a refusal.
    pub(super) fn nothing(&self, reply: Option<Reply<'_>>, what: &str) -> Result<(), RouterError> {
        match self.data(reply, what)?.trim() {
            "" => Ok(()),
            text => Err(self.refused(&explain(text, what))),
        }
    }
}

/// The end of a sentence that begins with the router's name.
fn explain(message: &str, what: &str) -> String {
    let has = |part: &str| message.contains(part);
    if has("Permission denied") || has("insufficient privileges") {
        "does not let Unstick do this: its `stats socket` needs `level operator` or `level admin`".to_owned()
    } else if has("No such table") {
        format!("has no stick table called {what}: correct `table` in Unstick's configuration, or declare it there")
    } else if has("find backend") || has("No such proxy") {
        format!("has no back end called {what}: correct `backend` in Unstick's configuration")
    } else if has("Unknown ACL") {
        format!(
            "has no ACL file {what}: its configuration must name it so (`acl … -m str -f {what}`), or `acl_file` go"
        )
    } else if has("Data type not stored") {
        format!("keeps no servers in its stick table {what}: nothing there can pin a customer to one")
    } else if has("Unknown command") {
        "does not know a command that Unstick needs: it must be HAProxy 2.0 or later, and the endpoint a `stats socket` \
         (not the master's socket)"
            .to_owned()
    } else {
        format!("refused, about {what}: {}", shorten(message))
    }
}

/// The first line of a message, fit to be shown.
fn shorten(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_message_says_what_to_do() {
        // As HAProxy 2.6.12 writes them.
        for (message, part) in [
            ("Permission denied", "level operator"),
            ("# contents not dumped due to insufficient privileges", "level operator"),
            ("No such table", "no stick table called app"),
            ("Can't find backend.", "no back end called app"),
            ("No such proxy.", "no back end called app"),
            ("Unknown ACL identifier. Please use #<id> or <file>.", "no ACL file app"),
            ("Unknown command, but maybe one of the following ones is a better match:\n  help", "stats socket"),
            ("Filter entry #1: Data type not stored in this table", "keeps no servers"),
            ("Something new\nwith more", "about app: Something new"),
        ] {
            assert!(explain(message, "app").contains(part), "{message}");
        }
        assert!(shorten(&"x".repeat(9_000)).len() == 200);
        assert_eq!(shorten("a\u{1b}[31mb\nc"), "a[31mb");
    }
}
