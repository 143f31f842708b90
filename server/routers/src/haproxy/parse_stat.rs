//! Reads `show stat`: CSV whose columns are found by name, for every version adds some.

use domain::Counters;

/// A server's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    /// Its back end.
    pub(super) backend: String,
    /// Its name.
    pub(super) name: String,
    /// Whether its first health check has not ended yet.
    pub(super) unchecked: bool,
    /// Whether it is meant to be used only while no other server is up.
    pub(super) backup: bool,
    /// Seconds since it was last given a request (`lastsess`); `None` when it never was.
    pub(super) idle: Option<u64>,
    /// Seconds since it last went up or down (`lastchg`).
    pub(super) steady: Option<u64>,
    /// What was counted since HAProxy started or its counters were cleared.
    pub(super) counters: Counters,
}

/// The servers in `text`; `Err` when this is no such reply.
pub(super) fn stats(text: &str) -> Result<Vec<Stat>, ()> {
    let mut records = records(text.strip_prefix("# ").ok_or(())?).into_iter();
    let columns = records.next().ok_or(())?;
    let find = |name: &str| columns.iter().position(|found| found == name).ok_or(());
    let (backend, name, kind) = (find("pxname")?, find("svname")?, find("type")?);
    let mut stats = Vec::new();
    for record in records {
        let cell = |index: usize| record.get(index).map_or("", String::as_str);
        // Type 2 is a server; 0, 1 and 3 are front ends, back ends and sockets.
        if cell(kind) != "2" {
            continue;
        }
        let field = |wanted: &str| find(wanted).map_or("", cell);
        stats.push(Stat {
            backend: cell(backend).to_owned(),
            name: cell(name).to_owned(),
            unchecked: field("check_status").trim_start_matches("* ") == "INI",
            backup: field("bck") == "1",
            // -1 when it never was.
            idle: field("lastsess").parse().ok(),
            steady: field("lastchg").parse().ok(),
            counters: counters(field),
        });
    }
    Ok(stats)
}

/// What a server was asked and where it failed, as sums that only grow: a number that falls looks like a restart.
///
/// Seen on 2.6.12, four requests each: an answer counts in `req_tot` and its `hrsp_*`; a refused connection only in
/// `econ`; no answer, a late one or rubbish only in `eresp`; one that another server had to answer only in `wredis`.
/// None of the last three is in `req_tot`, so they are added to the requests too, and a server that never answers is
/// seen. An answer that breaks off is in `req_tot` and in `eresp`: one request too many, never an error share above 1.
fn counters<'a>(field: impl Fn(&str) -> &'a str) -> Counters {
    let number = |name: &str| field(name).parse::<u64>().ok();
    let count = |name: &str| number(name).unwrap_or(0);
    let unanswered = count("econ").saturating_add(count("eresp")).saturating_add(count("wredis"));
    let by_status = ["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"];
    let has_status = number("hrsp_2xx").is_some();
    let sum = || by_status.iter().fold(0_u64, |sum, name| sum.saturating_add(count(name)));
    let requests = match number("req_tot") {
        Some(answers) => answers.saturating_add(unanswered),
        None if has_status => sum().saturating_add(unanswered),
        // TCP: `stot` has every attempt, failed ones too.
        None => count("stot"),
    };
    let errors = count("hrsp_5xx").saturating_add(unanswered).min(requests);
    let response_ms = u32::try_from(count("rtime")).unwrap_or(u32::MAX);
    Counters { requests, errors, response_ms }
}

/// Cuts CSV into records and cells. A cell in quotes may hold commas, line feeds and doubled quotes.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                let full = std::mem::take(&mut record);
                if full.len() > 1 {
                    records.push(full);
                }
            }
            other => cell.push(other),
        }
    }
    if !record.is_empty() {
        record.push(cell);
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "# pxname,svname,status,type,stot,econ,eresp,wredis,hrsp_2xx,hrsp_5xx,req_tot,rtime,check_status,\
                        check_desc,";

    fn one(cells: &str) -> Stat {
        stats(&format!("{HEAD}\n{cells}\n")).unwrap().remove(0)
    }

    fn counted(cells: &str) -> (u64, u64) {
        let counters = one(cells).counters;
        (counters.requests, counters.errors)
    }

    #[test]
    fn recorded_statistics_are_read() {
        let stats = stats(include_str!("fixtures/stat.csv")).unwrap();
        let seen: Vec<_> =
            stats.iter().map(|stat| (stat.name.as_str(), stat.counters.requests, stat.counters.errors)).collect();
        assert_eq!(stats[0].backend, "app");
        assert_eq!(
            seen,
            [("api-1", 12, 0), ("api-2", 5, 5), ("api-3", 0, 0), ("api-4", 0, 0), ("api-5", 0, 0), ("api-6", 0, 0)]
        );
        assert!(!stats[0].unchecked && !stats[0].backup && stats[0].idle.is_some());
        assert_eq!(stats[2].idle, None, "it was never asked anything");
    }

    #[test]
    fn nothing_is_counted_twice_and_nothing_is_missed() {
        assert_eq!(counted("app,ok,UP,2,4,0,0,0,4,0,4,1,,"), (4, 0));
        assert_eq!(counted("app,fails,UP,2,4,0,0,0,0,4,4,1,,"), (4, 4));
        assert_eq!(counted("app,silent,UP,2,4,0,4,0,0,0,0,0,,"), (4, 4));
        assert_eq!(counted("app,refuses,UP,2,16,4,0,0,0,0,0,0,,"), (4, 4));
        assert_eq!(counted("app,replaced,UP,2,4,0,0,4,0,0,0,0,,"), (4, 4));
        assert_eq!(counted("app,mixed,UP,2,9,1,1,0,5,2,7,3,,"), (9, 4));
        let broke_off_after_500 = counted("app,breaks,UP,2,4,0,4,0,0,4,4,0,,");
        assert_eq!(broke_off_after_500, (8, 8));
    }

    #[test]
    fn older_versions_and_tcp_have_fewer_columns() {
        assert_eq!(counted("app,old,UP,2,9,0,1,0,5,2,,3,,"), (8, 3));
        assert_eq!(counted("db,tcp,UP,2,9,1,1,0,,,,,,"), (9, 2));
        assert_eq!(counted("db,tcp,UP,2,1,1,1,1,,,,,,"), (1, 1));
        assert_eq!(counted("db,empty,UP,2,,,,,,,,,,"), (0, 0));
    }

    #[test]
    fn a_description_may_hold_anything() {
        let stats = stats(&format!(
            "{HEAD}\napp,a,UP,2,1,0,0,0,1,0,1,7,* INI,\"no \"\"pong\"\", but\n\napp,x,UP,2\",\napp,FRONTEND,OPEN,0,\napp,b,UP,2,2,0,0,0,2,0,2,9,L4OK,fine,\n"
        ))
        .unwrap();
        assert_eq!(stats.len(), 2);
        assert!(stats[0].unchecked && !stats[1].unchecked);
        assert_eq!((stats[1].name.as_str(), stats[1].counters.response_ms), ("b", 9));
    }

    #[test]
    fn what_is_no_statistic_is_an_error() {
        assert_eq!(stats(""), Err(()));
        assert_eq!(stats("No such proxy.\n"), Err(()));
        assert_eq!(stats("# a,b,c\n1,2,3\n"), Err(()));
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = stats(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn hostile_cells_do_not_panic(cells in "[\",\n0-9a-zA-Z*#]{0,200}") {
            if let Ok(stats) = stats(&format!("{HEAD}\n{cells}")) {
                for stat in stats {
                    prop_assert!(stat.counters.errors <= stat.counters.requests);
                }
            }
        }
    }
}
