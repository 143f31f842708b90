//! Staff, for admins.

use domain::{
    Role, StaffId, StaffSessionId,
    view::{StaffMemberPage, StaffPage},
};
use leptos::{prelude::*, server_fn::codec::PostUrl};

use super::{
    ApiError,
    confirm::{self, Form},
    ctx,
    flash::Flash,
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
        let secret = unstick.seal_once(&actor, &code)?;
        Ok(Flash { secret, ..Flash::good(routes::staff_member(&id), format!("{id} is added.")) })
    };
    let form = Form {
        action: routes::action::STAFF_ADD,
        what: &format!("add {}", name.trim()),
        fields: &[("name", &name), ("shown", &shown), ("role", &role)],
        page: routes::STAFF,
    };
    form.ends(done.await).await
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
        Ok(Flash::good(routes::staff_member(&who), format!("{who} is {role} now, and signs in again.")))
    };
    let form = Form {
        action: routes::action::STAFF_ROLE,
        what: &format!("make {who} {role}"),
        fields: &[("id", who.as_str()), ("role", &role)],
        page: &routes::staff_member(&who),
    };
    form.ends(done.await).await
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
        Ok(Flash { secret, ..Flash::good(routes::staff_member(&who), text) })
    };
    let form = Form {
        action: routes::action::STAFF_CHANGE,
        what: &words,
        fields: &[("id", who.as_str()), ("what", &what)],
        page: &routes::staff_member(&who),
    };
    form.ends(done.await).await
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
        Ok(Flash::good(routes::staff_member(&who), "That sign-in is over: its next request is refused."))
    };
    let form = Form {
        action: routes::action::STAFF_END,
        what: &format!("end a sign-in of {who}"),
        fields: &[("id", who.as_str()), ("session", &session)],
        page: &routes::staff_member(&who),
    };
    form.ends(done.await).await
}
