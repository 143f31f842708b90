//! `endpoints`: a fleet of load balancers that share their pools, in one block. Each becomes a router of its own, for
//! evidence and owed work are kept for each: one may be down while the others are clean.

use super::{Problem, Problems, raw::RawBlock};

/// `block` for each of its endpoints; itself when it has none.
pub(super) fn expanded(block: &RawBlock, problems: &mut Problems) -> Vec<RawBlock> {
    let Some(endpoints) = &block.endpoints else {
        return vec![block.clone()];
    };
    for (word, instead) in [("name", "the names are those in endpoints"), ("endpoint", "it is one more in endpoints")] {
        if let Some(raw) = block.values.get(word) {
            let text = format!("{word} and endpoints do not go together: leave {word} out, {instead}");
            problems.push(Problem::new(raw.origin.clone(), text));
        }
    }
    if endpoints.is_empty() {
        let text = "endpoints names nobody: write endpoints = { \"lb-1\" = \"unix:/run/lb-1.sock\", … }";
        problems.push(Problem::new(block.origin.clone(), text));
    }
    for (number, (name, raw)) in endpoints.iter().enumerate() {
        // The other one's lines would be read and counted as this one's.
        if let Some((other, _)) = endpoints.iter().take(number).find(|(_, other)| other.text.trim() == raw.text.trim())
        {
            let text = format!("{name} and {other} are the same endpoint; give each load balancer its own");
            problems.push(Problem::new(raw.origin.clone(), text));
        }
    }
    endpoints
        .iter()
        .map(|(name, raw)| {
            let mut block = block.clone();
            let mut named = raw.clone();
            named.text.clone_from(name);
            block.values.insert("name".to_owned(), named);
            block.values.insert("endpoint".to_owned(), raw.clone());
            block
        })
        .collect()
}
