//! Why a page or a form's function did not do what was asked: made for the person who asked, with nothing of the inside.

use std::fmt::Write;

use http::header;
use server_fn::{
    Bytes, ContentType, Decodes, Encodes, Format, FormatType,
    error::{FromServerFnError, ServerFnErrorErr},
};

use super::ctx;
use crate::{components::text::sentence, routes};

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status that says the same.
    pub status: u16,
    /// A stable word.
    pub code: &'static str,
    /// A sentence for the person who asked.
    pub message: String,
    /// The field that is wrong, if one is.
    pub field: Option<&'static str>,
    /// Seconds after which it may be tried again, where known.
    pub retry_after: Option<i64>,
}

impl ApiError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after: None }
    }

    /// Whether the person can mend it in the form that they sent.
    pub(crate) fn is_mendable(&self) -> bool {
        matches!(self.status, 409 | 410 | 422 | 429 | 503) || self.is_unproved()
    }
    /// Whether the person must prove anew who they are.
    pub(crate) fn is_unproved(&self) -> bool {
        self.code == "unproved"
    }
    /// Our fault; `what` is for the log.
    pub(crate) fn internal(what: &str) -> Self {
        tracing::error!(what, "the console is put together wrongly");
        Self::new(500, "internal", "something went wrong on our side")
    }
    /// Nobody is signed in.
    pub(crate) fn not_signed_in() -> Self {
        Self::new(401, "not-signed-in", "sign in first")
    }
    /// There is no such thing.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", format!("there is no such {what}"))
    }
    /// `field` is wrong.
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(422, "invalid", message) }
    }
}

impl From<domain::FilterError> for ApiError {
    fn from(error: domain::FilterError) -> Self {
        Self::invalid(error.field, error.message)
    }
}

impl From<service::Error> for ApiError {
    fn from(error: service::Error) -> Self {
        let mut mapped = Self::new(error.status(), error.code(), error.to_string());
        match error {
            service::Error::Invalid { field, .. } => mapped.field = Some(field),
            service::Error::Throttled { wait } => mapped.retry_after = Some(wait.secs().max(1)),
            service::Error::Unproved(_) => mapped.field = Some("password"),
            service::Error::Busy => mapped.retry_after = Some(1),
            service::Error::Internal(source) => log(source.as_ref()),
            _ => {}
        }
        mapped
    }
}

/// Writes the whole chain into the log, in the request's span.
fn log(error: &(dyn std::error::Error + 'static)) {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        write!(chain, ": {cause}").ok();
        source = cause.source();
    }
    tracing::error!(error = chain, "a use case failed");
}

impl FromServerFnError for ApiError {
    type Encoder = ErrorPage;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        // Its text may quote what was sent: the log has the kind of it, the answer nothing.
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::new(400, "bad-form", "that form was not understood: load its page again")
            }
            ServerFnErrorErr::Deserialization(_) => Self::new(413, "too-large", "that is more than a form may send"),
            _ => Self::internal("a server function could not be run"),
        }
    }

    /// Called where the error becomes the response of a server function: so the status is set here, and a `Location`
    /// that has nothing of the error in it.
    fn ser(&self) -> Bytes {
        ctx::set_status(self.status);
        ctx::set_header(header::LOCATION, routes::HOME);
        if let Some(seconds) = self.retry_after {
            ctx::set_header(header::RETRY_AFTER, &seconds.to_string());
        }
        Bytes::from(error_document(self.status, &self.message, ctx::request_id().as_deref()))
    }
}

/// Errors of server functions are pages: only browsers post forms.
pub struct ErrorPage;

impl ContentType for ErrorPage {
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";
}

impl FormatType for ErrorPage {
    const FORMAT_TYPE: Format = Format::Text;
}

impl Encodes<ApiError> for ErrorPage {
    type Error = std::convert::Infallible;
    fn encode(error: &ApiError) -> Result<Bytes, Self::Error> {
        Ok(Bytes::from(error_document(error.status, &error.message, None)))
    }
}

impl Decodes<ApiError> for ErrorPage {
    type Error = std::convert::Infallible;
    fn decode(_: Bytes) -> Result<ApiError, Self::Error> {
        Ok(ApiError::internal("nobody reads an error page"))
    }
}

/// What went wrong as a page of its own, without the frame: the answer to a form, or of a layer before any page. The
/// number of the request is quoted where the fault is ours.
pub fn error_document(status: u16, message: &str, request_id: Option<&str>) -> String {
    let theme = super::me::theme().as_str();
    let (style, title, text) = (routes::STYLE, crate::pages::error::title(status), escape(&sentence(message)));
    let quote = request_id.filter(|_| status >= 500).map_or_else(String::new, |id| {
        format!("<p>If you report this, give the number <code>{}</code>.</p>", escape(id))
    });
    let (url, words) =
        if status == 401 { (routes::SIGN_IN, "Sign in") } else { (routes::HOME, "Go to the first page") };
    format!(
        "<!doctype html><html lang=\"en\" data-theme=\"{theme}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · Unstick</title>\
         <link rel=\"stylesheet\" href=\"{style}\"></head><body><main class=\"alone\"><section class=\"oops\">\
         <p class=\"code\">{status}</p><h1>{title}</h1><p>{text}</p>{quote}\
         <p class=\"do\"><a class=\"btn p\" href=\"{url}\">{words}</a></p></section></main></body></html>"
    )
}

/// `text` as HTML text.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_does_not_come_back() {
        let error = ApiError::from_server_fn_error(ServerFnErrorErr::Args("<script>secret</script>".to_owned()));
        let page = String::from_utf8(error.ser().to_vec()).unwrap();
        assert!(!page.contains("secret") && page.contains("not understood"), "{page}");
        assert_eq!(error.status, 400);
    }

    #[test]
    fn our_own_faults_say_nothing_of_the_inside() {
        let source = std::io::Error::other("sqlx: no such table staff_sessions");
        let error = ApiError::from(service::Error::Internal(Box::new(source)));
        assert_eq!((error.status, error.code), (500, "internal"));
        assert!(!error_document(error.status, &error.message, Some("7")).contains("sqlx"));
    }

    #[test]
    fn a_message_cannot_break_out() {
        let error = ApiError::invalid("q", "<img src=x onerror=\"a\">");
        let page = error_document(error.status, &error.message, None);
        assert!(page.contains("&lt;img src=x onerror=&quot;a&quot;&gt;"));
    }
}
