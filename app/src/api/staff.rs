//! Staff, for admins.

use std::collections::BTreeMap;

use domain::{
    Role, StaffId, StaffSessionId,
    view::{StaffMemberPage, StaffPage},
};
use leptos::{prelude::*, server_fn::codec::PostUrl};

use super::{
    ApiError, confirm, ctx,
    flash::{self, Flash},
};
use crate::routes;

/// Everybody who signs in here. Needs `ManageStaff`.
pub(crate) async fn list() -> Result<StaffPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.staff_page(&actor).await?)
}

/// The staff member that the path names. Needs `ManageStaff`.
pub(crate) async fn member() -> Result<StaffMemberPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let text = routes::id_in(&ctx::path()).ok_or_else(|| ApiError::not_found("staff member"))?;
    Ok(unstick.staff_member(&actor, &id(text)?).await?)
}

fn id(text: String) -> Result<StaffId, ApiError> {
    StaffId::parse(text).map_err(|_| ApiError::not_found("staff member"))
}

/// Adds a staff member; the one-time code with which they choose a password is shown once, on the next page. Needs
/// `ManageStaff`.
#[server(name = AddStaff, prefix = "/fn", endpoint = "staff/add", input = PostUrl)]
pub async fn add_staff(
    /// The sign-in name.
    name: String,
    /// The name to show.
    #[server(default)]
    shown: String,
    /// The role; nothing when none was chosen.
    #[server(default)]
    role: String,
    /// The password of who adds them, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let done = async {
        let id = StaffId::parse(name.trim()).map_err(|error| ApiError::invalid("name", error.to_string()))?;
        let chosen = Role::parse(&role).ok_or_else(|| ApiError::invalid("role", "choose a role"))?;
        let shown = if shown.trim().is_empty() { id.as_str() } else { shown.trim() };
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let code = unstick.invite_staff(&actor, &id, shown, chosen).await?;
        Ok::<_, ApiError>((unstick.seal_once(&actor, &code)?, id))
    };
    match done.await {
        Ok((secret, id)) => {
            let page = routes::staff_member(&id);
            flash::leave(Flash { secret, ..Flash::good(&page, format!("{id} is added.")) }).await;
            ctx::see_other(&page);
            Ok(())
        }
        Err(error) if error.is_unproved() || matches!(error.field, Some("password" | "code")) => {
            let fields = [("name", name.as_str()), ("shown", &shown), ("role", &role)];
            confirm::carry(routes::action::STAFF_ADD, &format!("add {}", name.trim()), &fields, &error).await
        }
        Err(error) if error.is_mendable() => {
            let pairs = [("name", name), ("shown", shown), ("role", role)];
            let typed: BTreeMap<_, _> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            flash::leave(Flash::bad(routes::STAFF, &error, typed)).await;
            ctx::see_other(routes::STAFF);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Gives a staff member another role. Needs `ManageStaff`.
#[server(name = SetRole, prefix = "/fn", endpoint = "staff/role", input = PostUrl)]
pub async fn set_role(
    /// Whose.
    id: String,
    /// Which.
    #[server(default)]
    role: String,
    /// The password of who does it, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let who = self::id(id)?;
    let done = async {
        let role = Role::parse(&role).ok_or_else(|| ApiError::invalid("role", "choose a role"))?;
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.set_role(&actor, &who, role).await?;
        Ok((format!("{who} is {role} now, and signs in again."), String::new()))
    };
    let fields = [("id", who.as_str()), ("role", &role)];
    told(&who, done.await, (routes::action::STAFF_ROLE, &format!("make {who} {role}"), &fields)).await
}

/// Disables, enables or resets a staff member, ends their console sessions, or has them prove anew who they are. Needs
/// `ManageStaff`.
#[server(name = ChangeStaff, prefix = "/fn", endpoint = "staff/change", input = PostUrl)]
pub async fn change_staff(
    /// Whom.
    id: String,
    /// `disable`, `enable`, `reset`, `sign-out` or `ask`.
    what: String,
    /// The password of who does it, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let who = self::id(id)?;
    let words = match what.as_str() {
        "disable" => format!("disable {who}"),
        "enable" => format!("let {who} sign in again"),
        "reset" => format!("reset the password and the second factor of {who}"),
        "sign-out" => format!("end every sign-in of {who}"),
        "ask" => format!("have {who} prove anew who they are"),
        _ => return Err(ApiError::invalid("what", "choose disable, enable, reset, sign-out or ask")),
    };
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let mut secret = String::new();
        let text = match what.as_str() {
            "disable" => {
                unstick.disable_staff(&actor, &who).await?;
                format!("{who} is disabled, and out at the next request.")
            }
            "enable" => {
                unstick.enable_staff(&actor, &who).await?;
                format!("{who} may sign in again.")
            }
            "reset" => {
                let code = unstick.reset_staff(&actor, &who).await?;
                secret = unstick.seal_once(&actor, &code)?;
                format!("The password and the second factor of {who} are gone.")
            }
            "ask" => {
                unstick.expire_proofs(&actor, &who).await?;
                format!("{who} proves anew who they are, before anything that needs it.")
            }
            _ => match unstick.end_staff_sessions(&actor, &who, None).await? {
                1 => "One sign-in is over.".to_owned(),
                n => format!("{n} sign-ins are over."),
            },
        };
        Ok((text, secret))
    };
    let fields = [("id", who.as_str()), ("what", &what)];
    told(&who, done.await, (routes::action::STAFF_CHANGE, &words, &fields)).await
}

/// Ends one console session of a staff member. Needs `ManageStaff`.
#[server(name = EndStaffSession, prefix = "/fn", endpoint = "staff/end-session", input = PostUrl)]
pub async fn end_staff_session(
    /// Whose.
    id: String,
    /// Which.
    session: String,
    /// The password of who does it, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let who = self::id(id)?;
    let which = StaffSessionId::parse(session.as_str()).map_err(|_| ApiError::not_found("sign-in"))?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.end_staff_sessions(&actor, &who, Some(&which)).await?;
        Ok(("That sign-in is over: its next request is refused.".to_owned(), String::new()))
    };
    let fields = [("id", who.as_str()), ("session", &session)];
    told(&who, done.await, (routes::action::STAFF_END, &format!("end a sign-in of {who}"), &fields)).await
}

/// Back to the page of `who` with what came of it, or on to the page that asks for the proof.
async fn told(
    who: &StaffId,
    done: Result<(String, String), ApiError>,
    (action, what, fields): (&str, &str, &[(&str, &str)]),
) -> Result<(), ApiError> {
    let page = routes::staff_member(who);
    let flash = match done {
        Ok((text, secret)) => Flash { secret, ..Flash::good(&page, text) },
        Err(error) if error.is_unproved() || matches!(error.field, Some("password" | "code")) => {
            return confirm::carry(action, what, fields, &error).await;
        }
        Err(error) if error.is_mendable() => Flash::bad(&page, &error, BTreeMap::new()),
        Err(error) => return Err(error),
    };
    flash::leave(flash).await;
    ctx::see_other(&page);
    Ok(())
}
