//! Reads `show servers state`: what an operator set and what the checks say of each server of a back end.

use domain::{Health, ServerState};

/// A server's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State<'a> {
    /// Its number in its back end: `server_id` of a row.
    pub(super) id: u64,
    /// Its name.
    pub(super) name: &'a str,
    /// Its address and port as a row names them with `srvkey addr`.
    pub(super) address: String,
    /// What operator and checks say.
    pub(super) health: Health,
    /// What is set.
    pub(super) set: ServerState,
}

/// `srv_admin_state`: forced (0x01) and inherited (0x02) maintenance, name that does not resolve (0x20). Not 0x04: it tells
/// that the configuration says `disabled`, and stays when the server was set to ready (seen on 2.6.12: 5, then 4).
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x20;
/// `srv_admin_state`: forced (0x08) and inherited (0x10) drain.
const DRAIN: u32 = 0x08 | 0x10;

/// The servers in `text`; `Err` when this is no such reply.
pub(super) fn states<'t>(text: &'t str) -> Result<Vec<State<'t>>, ()> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("# "));
    let names: Vec<&str> = lines.next().ok_or(())?.trim_start_matches("# ").split(' ').collect();
    let find = |name: &str| names.iter().position(|found| *found == name);
    let need = |name: &str| find(name).ok_or(());
    let (id, name, op, admin) = (need("srv_id")?, need("srv_name")?, need("srv_op_state")?, need("srv_admin_state")?);
    let (address, port, weight) = (find("srv_addr"), find("srv_port"), find("srv_uweight"));
    let read = |line: &'t str| {
        let cells: Vec<&str> = line.split(' ').collect();
        let cell = |index: Option<usize>| cells.get(index?).copied();
        let admin = cell(Some(admin))?.parse().ok()?;
        let state = State {
            id: cell(Some(id))?.parse().ok()?,
            name: cell(Some(name)).filter(|name| !name.is_empty())?,
            address: full_address(cell(address).unwrap_or_default(), cell(port).unwrap_or_default()),
            health: health(cell(Some(op))?.parse().ok()?, admin, cell(weight)),
            set: set(admin),
        };
        Some(state)
    };
    lines.filter(|line| !line.is_empty()).map(|line| read(line).ok_or(())).collect()
}

/// What the numbers mean. `stopping` is a server that asked for no new customers (`disable-on-404`); `starting` one
/// that is in rotation and warms up; a weight of 0 drains like an operator's `drain`.
fn health(op: u32, admin: u32, weight: Option<&str>) -> Health {
    match op {
        _ if admin & MAINTENANCE != 0 => Health::Maintenance,
        0 => Health::Down,
        _ if admin & DRAIN != 0 || weight == Some("0") => Health::Draining,
        1 | 2 => Health::Healthy,
        3 => Health::Draining,
        _ => Health::Unknown,
    }
}

/// What an operator set, here or in the configuration.
const fn set(admin: u32) -> ServerState {
    match admin {
        _ if admin & MAINTENANCE != 0 => ServerState::Maint,
        _ if admin & DRAIN != 0 => ServerState::Drain,
        _ => ServerState::Ready,
    }
}

fn full_address(address: &str, port: &str) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_states_are_read() {
        let text = include_str!("fixtures/states.txt");
        let states = states(text).unwrap();
        let seen: Vec<_> = states.iter().map(|state| (state.id, state.name, state.health)).collect();
        assert_eq!(
            seen,
            [
                (1, "api-1", Health::Healthy),
                (2, "api-2", Health::Draining),
                (3, "api-3", Health::Maintenance),
                (4, "api-4", Health::Down),
                (5, "api-5", Health::Draining),
                (6, "api-6", Health::Maintenance),
            ]
        );
        assert_eq!(states[0].address, "127.0.0.1:18081");
    }

    #[test]
    fn a_newer_version_may_move_and_add_columns() {
        let text = "2\n# srv_name srv_new srv_admin_state srv_id srv_op_state\nweb 9 0 7 2\n";
        let states = states(text).unwrap();
        assert_eq!((states[0].id, states[0].name, states[0].health), (7, "web", Health::Healthy));
    }

    #[test]
    fn a_row_that_is_not_understood_is_not_passed_over() {
        assert_eq!(states(""), Err(()));
        assert_eq!(states("1\n"), Err(()));
        assert_eq!(states("1\n# srv_id srv_name\n"), Err(()));
        assert_eq!(states("# srv_id srv_name srv_op_state srv_admin_state\n1 web 2\n"), Err(()));
        assert_eq!(states("# srv_id srv_name srv_op_state srv_admin_state\n"), Ok(Vec::new()));
    }

    #[test]
    fn bits_and_states() {
        for (op, admin, weight, wanted) in [
            (2, 0, Some("1"), Health::Healthy),
            (1, 0, None, Health::Healthy),
            (2, 0x40, Some("1"), Health::Healthy),
            (2, 8, Some("1"), Health::Draining),
            (2, 0x10, Some("1"), Health::Draining),
            (0, 8, Some("1"), Health::Down),
            (2, 0, Some("0"), Health::Draining),
            (3, 0, Some("1"), Health::Draining),
            (0, 0, Some("1"), Health::Down),
            (0, 1, Some("1"), Health::Maintenance),
            (0, 0x20, Some("1"), Health::Maintenance),
            (9, 0, Some("1"), Health::Unknown),
        ] {
            assert_eq!(health(op, admin, weight), wanted, "op {op}, admin {admin}, weight {weight:?}");
        }
        for (admin, wanted) in [
            (0, ServerState::Ready),
            (0x40, ServerState::Ready),
            (8, ServerState::Drain),
            (0x10, ServerState::Drain),
            (1, ServerState::Maint),
            (4, ServerState::Ready),
            (12, ServerState::Drain),
            (5, ServerState::Maint),
            (9, ServerState::Maint),
            (0x20, ServerState::Maint),
        ] {
            assert_eq!(set(admin), wanted, "{admin}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = states(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn hostile_cells_do_not_panic(cells in "[ 0-9a-z#\n:-]{0,120}") {
            let _ = states(&format!("1\n# srv_id srv_name srv_op_state srv_admin_state srv_addr\n{cells}"));
        }
    }
}
