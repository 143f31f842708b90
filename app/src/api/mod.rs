//! What pages and forms call. Reading functions are plain: pages call them on the server while they render, and no
//! browser ever does, so they are not endpoints. Changing ones are server functions under `/fn`, posted to by plain
//! forms. Each takes the actor from [`ctx`] and hands it to its use case, which checks the permission.

pub mod accounts;
pub mod audit;
pub mod bulk;
pub mod census;
pub mod cleanups;
pub mod confirm;
pub mod ctx;
pub mod customer;
mod error;
pub mod flash;
pub mod me;
pub mod routing;
pub mod second_factor;
pub mod server_move;
pub mod setup;
pub mod sign_in;
pub mod staff;
pub mod tokens;
pub mod webhooks;

pub use confirm::RENEWED;
pub use ctx::{ClientIp, Csrf, RequestId};
pub(crate) use error::escape;
pub use error::{ApiError, error_document};

#[cfg(test)]
mod tests {
    use server_fn::ServerFn;

    use crate::routes::action;

    #[test]
    fn forms_post_to_the_functions_that_exist() {
        assert_eq!(super::sign_in::SignIn::PATH, action::SIGN_IN);
        assert_eq!(super::sign_in::SignOut::PATH, action::SIGN_OUT);
        assert_eq!(super::cleanups::RequestCleanup::PATH, action::REQUEST);
        assert_eq!(super::cleanups::RetryCleanup::PATH, action::RETRY);
        assert_eq!(super::census::RunCensus::PATH, action::CENSUS);
        assert_eq!(super::census::RequestRepair::PATH, action::REPAIR);
        assert_eq!(super::webhooks::AddWebhook::PATH, action::WEBHOOK_ADD);
        assert_eq!(super::webhooks::RotateWebhook::PATH, action::WEBHOOK_ROTATE);
        assert_eq!(super::webhooks::SwitchWebhook::PATH, action::WEBHOOK_SWITCH);
        assert_eq!(super::webhooks::DeleteWebhook::PATH, action::WEBHOOK_DELETE);
        assert_eq!(super::webhooks::TestWebhook::PATH, action::WEBHOOK_TEST);
        assert_eq!(super::webhooks::SendAgain::PATH, action::WEBHOOK_AGAIN);
        assert_eq!(super::webhooks::ReplayWebhook::PATH, action::WEBHOOK_REPLAY);
        assert_eq!(super::bulk::DraftBulk::PATH, action::BULK_DRAFT);
        assert_eq!(super::bulk::RequestBulk::PATH, action::BULK_REQUEST);
        assert_eq!(super::bulk::ApproveBulk::PATH, action::BULK_APPROVE);
        assert_eq!(super::bulk::ControlBulk::PATH, action::BULK_CONTROL);
        assert_eq!(super::server_move::DraftMove::PATH, action::MOVE_OFF);
        assert_eq!(super::routing::SetServerState::PATH, action::SERVER_STATE);
        assert_eq!(super::routing::RePinKey::PATH, action::RE_PIN);
        assert_eq!(super::sign_in::SignInCode::PATH, action::SIGN_IN_CODE);
        assert_eq!(super::setup::SetUp::PATH, action::SETUP);
        assert_eq!(super::setup::Welcome::PATH, action::WELCOME);
        assert_eq!(super::confirm::ConfirmMe::PATH, action::CONFIRM);
        assert_eq!(super::me::ChangePassword::PATH, action::PASSWORD);
        assert_eq!(super::second_factor::BeginFactor::PATH, action::FACTOR_BEGIN);
        assert_eq!(super::second_factor::ConfirmFactor::PATH, action::FACTOR_CONFIRM);
        assert_eq!(super::second_factor::RenewCodes::PATH, action::FACTOR_CODES);
        assert_eq!(super::second_factor::RemoveFactor::PATH, action::FACTOR_REMOVE);
        assert_eq!(super::staff::AddStaff::PATH, action::STAFF_ADD);
        assert_eq!(super::staff::SetRole::PATH, action::STAFF_ROLE);
        assert_eq!(super::staff::ChangeStaff::PATH, action::STAFF_CHANGE);
        assert_eq!(super::staff::EndStaffSession::PATH, action::STAFF_END);
        assert_eq!(super::tokens::CreateToken::PATH, action::TOKEN_CREATE);
        assert_eq!(super::tokens::RevokeToken::PATH, action::TOKEN_REVOKE);
        assert_eq!(super::me::RevokeSession::PATH, action::REVOKE);
        assert_eq!(super::me::RevokeOtherSessions::PATH, action::REVOKE_OTHERS);
        assert_eq!(super::me::ChooseTheme::PATH, action::THEME);
        assert_eq!(super::customer::MakeCustomerLink::PATH, action::MAKE_LINK);
        assert_eq!(super::customer::OpenLink::PATH, action::OPEN_LINK);
        assert_eq!(super::customer::ResetOwn::PATH, action::OWN_RESET);
        assert_eq!(super::customer::EndVisit::PATH, action::LEAVE);
    }

    #[test]
    fn every_server_function_is_posted_to_and_has_a_form() {
        let forms = [
            action::SIGN_IN,
            action::SIGN_OUT,
            action::REQUEST,
            action::RETRY,
            action::BULK_DRAFT,
            action::BULK_REQUEST,
            action::BULK_APPROVE,
            action::BULK_CONTROL,
            action::MOVE_OFF,
            action::SERVER_STATE,
            action::RE_PIN,
            action::CENSUS,
            action::REPAIR,
            action::SIGN_IN_CODE,
            action::SETUP,
            action::WELCOME,
            action::CONFIRM,
            action::PASSWORD,
            action::FACTOR_BEGIN,
            action::FACTOR_CONFIRM,
            action::FACTOR_CODES,
            action::FACTOR_REMOVE,
            action::STAFF_ADD,
            action::STAFF_ROLE,
            action::STAFF_CHANGE,
            action::STAFF_END,
            action::TOKEN_CREATE,
            action::TOKEN_REVOKE,
            action::REVOKE,
            action::REVOKE_OTHERS,
            action::THEME,
            action::MAKE_LINK,
            action::OPEN_LINK,
            action::OWN_RESET,
            action::LEAVE,
            action::WEBHOOK_ADD,
            action::WEBHOOK_ROTATE,
            action::WEBHOOK_SWITCH,
            action::WEBHOOK_DELETE,
            action::WEBHOOK_TEST,
            action::WEBHOOK_AGAIN,
            action::WEBHOOK_REPLAY,
        ];
        let registered: Vec<_> = server_fn::axum::server_fn_paths().collect();
        assert_eq!(registered.len(), forms.len(), "{registered:?}");
        for (path, method) in registered {
            assert_eq!(method, http::Method::POST, "{path}");
            assert!(forms.contains(&path), "{path} has no form");
        }
    }
}
