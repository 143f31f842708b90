//! What can be set for customers who help themselves.

use std::fmt;

use domain::Span;

/// The keys under which credentials are signed: the first signs, all of them count. Never printed.
#[derive(Clone, Default)]
pub struct CustomerKeys(pub Vec<[u8; 32]>);

impl fmt::Debug for CustomerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomerKeys({})", self.0.len())
    }
}

/// Settings of the self-service.
#[derive(Debug, Clone)]
pub struct CustomerSettings {
    /// What credentials are signed with.
    pub keys: CustomerKeys,
    /// How long a credential counts at most; never longer than its session lives.
    pub credential: Span,
    /// How long a link opens unless it is said.
    pub link: Span,
    /// Resets of an account in a day.
    pub resets: i64,
    /// Diagnoses and previews of an account in an hour: each of them asks every load balancer.
    pub reads: i64,
    /// What the service is called towards its customers; empty when nobody said.
    pub service_name: String,
    /// Where customers reach the console, as in `https://unstick.example`.
    pub origin: String,
}

impl CustomerSettings {
    /// How long a visit lasts that a link opened.
    pub const VISIT: Span = Span::from_secs(30 * 60);
    /// How long a link may open at most.
    pub const LONGEST_LINK: Span = Span::from_days(1);
}

impl Default for CustomerSettings {
    fn default() -> Self {
        Self {
            keys: CustomerKeys::default(),
            credential: Span::from_days(30),
            link: Span::from_secs(15 * 60),
            resets: 5,
            reads: 60,
            service_name: String::new(),
            origin: String::new(),
        }
    }
}
