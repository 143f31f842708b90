//! Names, addresses and clients of made-up people.

/// Given names.
pub(super) const GIVEN: &[&str] = &[
    "Mira",
    "Dana",
    "Jonas",
    "Aylin",
    "Kwame",
    "Sofía",
    "Chen",
    "Priya",
    "Lars",
    "Noor",
    "Mateo",
    "Ingrid",
    "Yuki",
    "Amara",
    "Tomasz",
    "Leila",
    "Oleksandr",
    "Fatou",
    "Ravi",
    "Élodie",
    "Hiroshi",
    "Zeynep",
    "Björn",
    "Thandiwe",
    "Marta",
    "Diego",
    "Anneli",
    "Farid",
    "Giulia",
    "Kofi",
    "Saoirse",
    "Viktor",
    "Wanjiru",
    "Ximena",
    "Łukasz",
    "Nadia",
    "Pavel",
    "Quynh",
    "Rosa",
    "Samir",
];

/// Family names.
pub(super) const FAMILY: &[&str] = &[
    "Castellanos",
    "Okafor",
    "Lindqvist",
    "Yılmaz",
    "Mensah",
    "García",
    "Wang",
    "Sharma",
    "Nielsen",
    "Haddad",
    "Rossi",
    "Berg",
    "Tanaka",
    "Diallo",
    "Kowalski",
    "Rahimi",
    "Shevchenko",
    "Ndiaye",
    "Patel",
    "Dubois",
    "Sato",
    "Demir",
    "Ström",
    "Dlamini",
    "Novák",
    "Fernández",
    "Korhonen",
    "Aziz",
    "Bianchi",
    "Asante",
    "O’Brien",
    "Petrov",
    "Kamau",
    "Morales",
    "Wójcik",
    "Ivanova",
    "Horák",
    "Nguyễn",
    "Silva",
    "Khoury",
];

/// Plans, the most common first.
pub(super) const PLANS: &[&str] = &["Free", "Free", "Free", "Plus", "Plus", "Pro", "Team"];

/// Time zones.
pub(super) const ZONES: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Africa/Lagos",
    "Europe/Warsaw",
    "Australia/Sydney",
    "America/Los_Angeles",
    "Africa/Nairobi",
];

/// Clients: in a few words, and as they call themselves.
pub(super) const CLIENTS: &[(&str, &str)] = &[
    ("Web · Firefox 145", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    (
        "Web · Chrome 142",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    (
        "Web · Safari 26",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    ),
    ("CLI 2.4 · Linux", "service-cli/2.4.1 (linux; x86_64)"),
    ("CLI 2.3 · macOS", "service-cli/2.3.9 (darwin; arm64)"),
    ("iOS 9.1", "Service/9.1.0 (iPhone; iOS 26.1)"),
    ("Android 9.0", "Service/9.0.4 (Android 16; Pixel 10)"),
    ("Desktop 5.2 · Windows", "ServiceDesktop/5.2.0 (Windows 11)"),
];

/// `text` without marks on its letters, in lower case, for an e-mail address.
pub(super) fn plain(text: &str) -> String {
    let letter = |c: char| match c {
        'á' | 'à' | 'â' | 'ä' | 'å' | 'ã' => "a",
        'é' | 'è' | 'ê' | 'ë' | 'ễ' => "e",
        'í' | 'ì' | 'ı' | 'î' => "i",
        'ó' | 'ò' | 'ö' | 'ô' | 'õ' => "o",
        'ú' | 'ù' | 'ü' => "u",
        'ł' => "l",
        'ñ' => "n",
        'š' => "s",
        _ => "",
    };
    let mut plain = String::with_capacity(text.len());
    for c in text.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() { plain.push(c) } else { plain.push_str(letter(c)) }
    }
    plain
}
