//! Servers: a colour of their own on each page, a pattern when they serve badly, and their names in any case.

use std::collections::BTreeSet;

use domain::{Health, ServerName};
use leptos::prelude::*;

use super::tag::tag;

/// How many colours there are; more servers share them, and their names tell them apart.
const COLOURS: usize = 6;

/// Which colour each server of a page has: the one of the number that its name ends with, so that `api-2` looks the same
/// on every page, or the next one that is free.
#[derive(Debug, Clone, Default)]
pub(crate) struct Palette(Vec<(ServerName, usize)>);

impl Palette {
    /// Colours for `names`.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a ServerName>) -> Self {
        let mut found: Vec<(ServerName, usize)> = Vec::new();
        for name in names.into_iter().collect::<BTreeSet<_>>() {
            let wanted = number_at_end(name.as_str()).unwrap_or(found.len());
            let colours = (0..COLOURS).map(|next| (wanted + next) % COLOURS);
            let free = colours.into_iter().find(|colour| found.iter().all(|(_, taken)| taken != colour));
            found.push((name.clone(), free.unwrap_or(wanted % COLOURS)));
        }
        Self(found)
    }

    /// The class of the colour of `name`.
    pub(crate) fn class(&self, name: &ServerName) -> &'static str {
        let colour = self.0.iter().find(|(known, _)| known == name).map_or(0, |(_, colour)| *colour);
        ["s1", "s2", "s3", "s4", "s5", "s6"][colour % COLOURS]
    }

    /// The square of colour before a server's name; hatched when the server serves badly.
    pub(crate) fn dot(&self, name: &ServerName, health: Health) -> View<impl IntoView + use<>> {
        let bad = if health.is_bad() { " hatched" } else { "" };
        view! { <i class=format!("dot {}{bad}", self.class(name))></i> }
    }
}

/// The number that `name` ends with, from 1, as a place from 0.
fn number_at_end(name: &str) -> Option<usize> {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number: usize = name.get(name.len() - digits..)?.parse().ok()?;
    number.checked_sub(1)
}

/// How a server is doing; nothing for a healthy one where `quiet`.
pub(crate) fn health(health: Health, quiet: bool) -> Option<View<impl IntoView>> {
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
    fn a_server_has_its_colour_on_every_page_and_shares_it_only_when_there_are_too_many() {
        let name = |text: &str| ServerName::parse(text).unwrap();
        let (one, two, other) = (name("api-1"), name("api-2"), name("web-2"));
        assert_eq!(Palette::of([&two]).class(&two), Palette::of([&one, &two]).class(&two));
        let both = Palette::of([&one, &two, &other]);
        assert_ne!(both.class(&two), both.class(&other));
        let many: Vec<ServerName> = (0..20).map(|n| name(&format!("s{n}"))).collect();
        assert!(many.iter().all(|name| Palette::of(&many).class(name).starts_with('s')));
    }

    #[test]
    fn shares_are_read_without_false_precision() {
        assert_eq!(share(0), "0 %");
        assert_eq!(share(3), "0.3 %");
        assert_eq!(share(47), "4.7 %");
        assert_eq!(share(164), "16 %");
    }
}
