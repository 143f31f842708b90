//! Servers: a colour of their own on each page, a pattern when they serve badly, and their names in any case.

use std::collections::BTreeSet;

use domain::{Health, ServerName};
use leptos::prelude::*;

use super::tag::tag;

/// How many colours there are; more servers share them, and their names tell them apart.
const COLOURS: usize = 6;

/// Which colour each server of a page has, by the order of their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Palette(Vec<ServerName>);

impl Palette {
    /// Colours for `names`.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a ServerName>) -> Self {
        let sorted: BTreeSet<&ServerName> = names.into_iter().collect();
        Self(sorted.into_iter().cloned().collect())
    }

    /// The class of the colour of `name`.
    pub(crate) fn class(&self, name: &ServerName) -> &'static str {
        let place = self.0.iter().position(|known| known == name).unwrap_or(0);
        ["s1", "s2", "s3", "s4", "s5", "s6"][place % COLOURS]
    }

    /// The square of colour before a server's name; hatched when the server serves badly.
    pub(crate) fn dot(&self, name: &ServerName, health: Health) -> impl IntoView + use<> {
        let bad = if health.is_bad() { " hatched" } else { "" };
        view! { <i class=format!("dot {}{bad}", self.class(name))></i> }
    }
}

/// How a server is doing; nothing for a healthy one where `quiet`.
pub(crate) fn health(health: Health, quiet: bool) -> impl IntoView {
    (!(quiet && health == Health::Healthy)).then(|| tag(health, health.as_str()))
}

/// `16 %` or `0.3 %` of requests.
pub(crate) fn share(permille: u32) -> String {
    if permille >= 100 || permille.is_multiple_of(10) {
        format!("{} %", (permille + 5) / 10)
    } else {
        format!("{}.{} %", permille / 10, permille % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_without_false_precision() {
        assert_eq!(share(0), "0 %");
        assert_eq!(share(3), "0.3 %");
        assert_eq!(share(47), "4.7 %");
        assert_eq!(share(164), "16 %");
    }
}
