//! The drawing «where each session went»: a row for each session, from its sign-in to its end, in the colour of the
//! server it was on. A server that serves badly is hatched, what is left over is dashed, and the server's name stands at
//! the row's end, so that nothing hangs on the colour alone.

use std::fmt::Write;

use domain::{
    Health, Instant, ServerName, Span,
    view::{Band, Stretch, Timeline, TimelineRow},
};
use leptos::prelude::*;

use super::{
    markup::{Markup, Written},
    server::Palette,
    text::plural,
};

/// Left edge of the plot: ids stand before it.
const LEFT: i64 = 112;
/// Width of the plot.
const WIDE: i64 = 484;
/// Where the names of servers begin.
const NAMES: i64 = LEFT + WIDE + 10;
/// Width of the whole drawing.
const ALL: i64 = NAMES + 84;
/// Height of a row.
const ROW: i64 = 22;
/// Where the rows begin.
const TOP: i64 = 24;

/// The scale of the drawing.
#[derive(Clone, Copy)]
struct Scale {
    from: Instant,
    to: Instant,
}

impl Scale {
    fn length(self) -> i64 {
        self.to.since(self.from).micros().max(1)
    }
    fn x(self, at: Instant) -> i64 {
        let into = at.since(self.from).micros().clamp(0, self.length());
        let x = i128::from(into) * i128::from(WIDE) / i128::from(self.length());
        LEFT + i64::try_from(x).unwrap_or(0)
    }
    /// Instants for the axis, at round hours or midnights, about seven of them.
    fn ticks(self) -> Vec<Instant> {
        const HOUR: i64 = 3_600_000_000;
        let steps =
            [HOUR / 60, HOUR / 12, HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR];
        let step = steps.into_iter().find(|step| self.length() / step <= 7).unwrap_or(720 * HOUR);
        let first = self.from.micros().div_euclid(step) + 1;
        let marks = (first..).map(|nth| Instant::from_micros(nth.saturating_mul(step)));
        marks.take_while(|at| *at < self.to - Span::from_micros(self.length() / 20)).take(16).collect()
    }
    /// The day where it begins, else the time.
    fn label(at: Instant) -> String {
        if at.micros() % 86_400_000_000 == 0 { at.to_day() } else { clock(at) }
    }
}

/// The drawing; `None` where there is nothing to draw.
pub(crate) fn timeline(timeline: &Timeline, palette: &Palette) -> Option<Markup> {
    if timeline.rows.is_empty() {
        return None;
    }
    let scale = Scale { from: timeline.from, to: timeline.to };
    let rows = i64::try_from(timeline.rows.len()).unwrap_or(0);
    let bottom = TOP + rows * ROW;
    let bands = i64::try_from(timeline.bands.len().min(3)).unwrap_or(0);
    let high = bottom + 8 + bands * 16;
    let row = |(nth, row): (usize, &TimelineRow)| {
        line(row, scale, TOP + i64::try_from(nth).unwrap_or(0) * ROW + ROW / 2, palette)
    };
    let band = |(nth, it): (usize, &Band)| band(it, scale, bottom, i64::try_from(nth).unwrap_or(0), palette);
    Some(
        view! {
            <div class="wide pad" role="region" aria-label="Timeline" tabindex="0">
                <svg class="timeline" viewBox=format!("0 0 {ALL} {high}") role="img" aria-label=summary(timeline)>
                    <defs>
                        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                            <path class="hatch" d="M1.5 0V6" stroke-width="2.5"></path>
                        </pattern>
                    </defs>
                    {axis(scale, bottom)}
                    {timeline.bands.iter().take(3).enumerate().map(band).collect_view()}
                    {timeline.rows.iter().enumerate().map(row).collect_view()}
                </svg>
            </div>
        }
        .written(),
    )
}

/// The drawing in words, for who does not see it.
fn summary(timeline: &Timeline) -> String {
    let rows = i64::try_from(timeline.rows.len()).unwrap_or(0);
    let left = timeline.rows.iter().filter(|row| row.stretches.iter().any(|stretch| stretch.left_over)).count();
    let mut words = format!("Timeline of {}, coloured by server", plural(rows, "row", "rows"));
    if left > 0 {
        write!(words, "; in {left} of them a route is left over").ok();
    }
    for band in &timeline.bands {
        write!(words, "; {} is {} since {}", band.server, band.health.as_str(), band.since.to_text()).ok();
    }
    words
}

fn axis(scale: Scale, bottom: i64) -> Markup {
    let tick = |at: Instant| {
        let x = scale.x(at);
        view! {
            <path class="grid" d=format!("M{x} {}V{bottom}", TOP - 6)></path>
            <text x=x y="12" text-anchor="middle">{Scale::label(at)}</text>
        }
    };
    view! {
        <g>
            {scale.ticks().into_iter().map(tick).collect_view()}
            <path class="grid now" d=format!("M{0} {1}V{bottom}", LEFT + WIDE, TOP - 6)></path>
            <text class="now" x=LEFT + WIDE y="12" text-anchor="middle">"now"</text>
        </g>
    }
    .written()
}

fn band(band: &Band, scale: Scale, bottom: i64, nth: i64, palette: &Palette) -> Markup {
    let x = scale.x(band.since);
    let y = bottom + 14 + nth * 16;
    let words = format!("{} {} since {} {}", band.server, band.health.as_str(), band.since.to_day(), clock(band.since));
    // Beyond the middle the words stand before their mark, or they would leave the drawing.
    let (at, anchor) = if x > LEFT + WIDE / 2 { (x - 6, "end") } else { (x + 6, "start") };
    view! {
        <g class=palette.class(&band.server)>
            <rect class="band" x=x y=TOP - 4 width=LEFT + WIDE - x height=bottom - TOP + 4></rect>
            <path class="edge" d=format!("M{x} {}V{}", TOP - 4, y + 2)></path>
            <text x=at y=y text-anchor=anchor>{words}</text>
        </g>
    }
    .written()
}

fn clock(at: Instant) -> String {
    at.to_clock().chars().take(5).collect()
}

fn line(row: &TimelineRow, scale: Scale, middle: i64, palette: &Palette) -> Markup {
    let (id, class) = match &row.session {
        Some(session) => (session.as_str(), if row.live { "id" } else { "id past" }),
        None => ("account route", "id whole"),
    };
    let short: String =
        if id.chars().count() > 16 { id.chars().take(15).chain(['…']).collect() } else { id.to_owned() };
    let last = row.stretches.last();
    let at_end = last.and_then(|stretch| stretch.server.as_ref().map(|server| (server, stretch)));
    view! {
        <g>
            <text class=class x="0" y=middle + 4>{short} <title>{id.to_owned()}</title></text>
            {row.stretches.iter().map(|stretch| drawn(stretch, scale, middle, palette)).collect_view()}
            {at_end.map(|(server, stretch)| view! { <text class="on" x=NAMES y=middle + 4>{ending(server, stretch, row.live)}</text> })}
        </g>
    }
    .written()
}

/// What stands at the end of a row: where it is now, or that it is over.
fn ending(server: &ServerName, stretch: &Stretch, live: bool) -> String {
    let name: String = server.as_str().chars().take(12).collect();
    match (stretch.left_over, live) {
        (true, _) => format!("{name}, left"),
        (false, true) => name,
        (false, false) => format!("({name})"),
    }
}

fn drawn(stretch: &Stretch, scale: Scale, middle: i64, palette: &Palette) -> Markup {
    let (x, end) = (scale.x(stretch.from), scale.x(stretch.to));
    // Even a moment is seen.
    let width = (end - x).max(3);
    let colour = stretch.server.as_ref().map_or("s0", |server| palette.class(server));
    let title = told(stretch);
    if stretch.left_over {
        let path = format!("M{x} {middle}H{}", x + width);
        return view! { <path class=format!("left {colour}") d=path><title>{title}</title></path> }.written();
    }
    let hatch = stretch
        .health
        .is_bad()
        .then(|| view! { <rect x=x y=middle - 5 width=width height="10" rx="2" fill="url(#hatch)"></rect> });
    view! {
        <g>
            <rect class=format!("lived {colour}") x=x y=middle - 5 width=width height="10" rx="2"></rect>
            {hatch}
            <title>{title}</title>
        </g>
    }
    .written()
}

/// A stretch in words: `api-2 (degraded), 18 Nov 04:10 to 22 Nov 09:14, left over`.
fn told(stretch: &Stretch) -> String {
    let server = stretch.server.as_ref().map_or("server not known", ServerName::as_str);
    let health =
        if stretch.health == Health::Healthy { String::new() } else { format!(" ({} now)", stretch.health.as_str()) };
    let left = if stretch.left_over { ", left over" } else { "" };
    let time = |at: Instant| format!("{} {}", at.to_day(), clock(at));
    format!("{server}{health}, {} to {}{left}", time(stretch.from), time(stretch.to))
}

/// What the marks of the drawing mean.
pub(crate) fn legend(timeline: &Timeline, palette: &Palette) -> Markup {
    let stretches = timeline.rows.iter().flat_map(|row| &row.stretches);
    let mut servers: Vec<(&ServerName, Health)> =
        stretches.filter_map(|stretch| stretch.server.as_ref().map(|server| (server, stretch.health))).collect();
    servers.sort();
    servers.dedup_by(|a, b| a.0 == b.0);
    let left = timeline.rows.iter().any(|row| row.stretches.iter().any(|stretch| stretch.left_over));
    let server = |(server, health): (&ServerName, Health)| {
        let words =
            if health == Health::Healthy { server.to_string() } else { format!("{server}, {}", health.as_str()) };
        view! { <span>{palette.dot(server, health)}{words}</span> }
    };
    view! {
        <p class="legend">
            {servers.into_iter().take(8).map(server).collect_view()}
            {left.then(|| view! { <span><i class="dashes"></i>"ended, route left over"</span> })}
        </p>
    }
    .written()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_a_few_round_marks_for_any_length() {
        let from = Instant::parse("2026-11-10T07:13:20Z").unwrap();
        for minutes in [1, 5, 50, 60 * 5, 60 * 24, 60 * 24 * 3, 60 * 24 * 14, 60 * 24 * 90] {
            let scale = Scale { from, to: from + Span::from_secs(minutes * 60) };
            let ticks = scale.ticks();
            assert!(ticks.len() <= 8, "{minutes} min: {}", ticks.len());
            assert!(minutes < 5 || ticks.len() >= 2, "{minutes} min: {}", ticks.len());
            assert!(ticks.iter().all(|at| (LEFT..=LEFT + WIDE).contains(&scale.x(*at))));
        }
    }

    #[test]
    fn nothing_is_drawn_outside() {
        let from = Instant::from_secs(1_000);
        let scale = Scale { from, to: from };
        assert_eq!(scale.x(Instant::from_secs(0)), LEFT);
        let scale = Scale { from, to: from + Span::from_secs(10) };
        assert_eq!(scale.x(from + Span::from_days(400)), LEFT + WIDE);
    }
}
