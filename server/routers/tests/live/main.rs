//! The routers against a real HAProxy with real traffic and a real Redis. A missing one fails these tests; nothing is skipped.
//!
//! Each trap that HAProxy, Redis and comparable systems are known to set is reproduced on the real program, and passed:
//!
//! | trap | test |
//! |---|---|
//! | a request in flight writes a cleared row back when it ends | `pins::a_request_under_way_brings_its_row_back…`, `fences::what_many_requests_in_flight…`, `redis::fences::a_fence_a_drain…` |
//! | `clear` says the same whether it removed, missed or found nothing | `traps::clear_answers_the_same…` |
//! | `;` begins another command, a blank cuts a key | `traps::a_semicolon_begins…`, `pins::hostile_ids…` |
//! | keys are cut at the table's `len`: two customers, one row | `refusals::a_table_that_cuts_keys…` |
//! | a line of 16 kB is never answered | `traps::a_line_of_16_kb…`, `bounds::lines_stay_short…` |
//! | the runtime API serves ten clients | `traps::ten_who_sit…`, `bounds::lines_stay_short…` |
//! | a stopped HAProxy or Redis takes everything and answers nothing | `broken::a_haproxy_that_hangs…`, `redis::broken::a_redis_that_hangs…` |
//! | an answer is cut, or never ends | `broken::an_answer_that_breaks_off…`, `broken::an_answer_without_end…`, `redis::broken::an_answer_that_breaks_off…` |
//! | too little is allowed (levels `user`, `operator`), and nothing says so | `refusals::a_socket_of_level_user…`, `states::a_socket_of_level_operator…` |
//! | clearing is local: a peer keeps the row and teaches it again (F2, F3) | `peers::a_row_that_is_cleared_on_one…`, `peers::two_fenced_rounds…` |
//! | `set table` on a row that is there moves nobody (F4) | `traps::setting_the_server_of_a_row…` |
//! | a key that is pinned on one load balancer is pinned back by the other (F5b) | `peers::a_key_that_is_pinned_elsewhere_on_one…`, `states::a_key_that_is_pinned_elsewhere_on_both…` |
//! | `drain` moves nobody who is pinned, `maint` does, with `option persist` neither (F6) | `states::drain_keeps…`, `states::maint_moves…`, `states::with_option_persist…` |
//! | a cold start learns cleared rows from a peer (F8) | `peers::a_cold_start…`, `peers::one_that_stood_still…` |
//! | a reload forgets rows and fences | `reloads::a_reload_forgets…`, `reloads::a_reload_between_peers…` |
//! | `clear table` and its filters pass rows over (F9) | `traps::clearing_by_a_filter…`, `pins::a_row_in_use…` |
//! | a filter by a server's name empties the table | `traps::a_filter_by_a_servers_name…` |
//! | a row whose key no command can name | `traps::a_row_that_no_command_can_name…`, `lists::every_form_of_a_row…` |
//! | tables of other keys (`ip`, `binary`) | `refusals::a_table_that_cannot_hold_our_keys…`, `traps::a_table_of_binary_keys…` |
//! | a full table drops its oldest rows, or with `nopurge` takes none | `bounds::a_full_table…`, `traps::a_full_table_that_purges_nothing…` |
//! | users stay on the backup server after the others are back (#2729) | `traps::customers_who_stay_on_a_backup_server…` |
//! | peers miss rows (#3161): what one has says nothing of another | `peers::a_row_that_is_cleared_on_one…` |
//! | rows that lead to no server or a dead one are rewritten by the next request | `traps::a_row_that_leads_nowhere…` |
//! | rows that never expire, in HAProxy and in Redis | `traps::a_row_without_an_end…`, `redis::entries::time_left_is_told` |
//! | a row that names a number without a server, an address, nothing | `lists::every_form_of_a_row…`, `lists::a_row_that_names_an_address…` |
//! | customers share a connection, or have one open for long | `traps::customers_who_share_a_connection…`, `states::a_request_under_way_ends…` |
//! | Redis: a snapshot (RDB) older than the deletion is loaded | `redis::returns::a_crash_brings_a_cleared_key_back…`, `…an_old_generation…` |
//! | Redis: a replica that takes over never heard of it | `redis::returns::a_replica_that_takes_over…`, `redis::refusals::a_replica_is_told…` |
//! | Redis: a failed save makes it refuse deletions (`MISCONF`) | `redis::refusals::a_failed_background_save…` |
//! | Redis: reconnects, restarts in between, is still loading | `redis::broken::a_restart_…`, `redis::refusals::while_it_loads…` |
//! | Redis: whoever has the value in memory writes it again at once | `redis::returns::a_proxy_that_writes_all_the_time…` |
//!
//! What a running service makes of a return, and how fast, is in `server/service/tests/use_cases/drift.rs`. A cookie that names
//! its server (`cookie SRVID insert`) is no entry: nobody can list or clear it, so no router of this kind exists.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

mod bounds;
mod broken;
#[macro_use]
mod conformance;
mod fences;
mod kinds;
mod lab;
mod lists;
mod peers;
mod pins;
mod redis;
mod refusals;
mod reloads;
mod servers;
mod speed;
mod states;
mod traps;
