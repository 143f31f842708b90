//! Who the customers are.

/// A customer.
#[derive(Debug, Clone)]
pub struct Person {
    pub account: String,
    pub name: String,
    pub email: String,
    pub plan: &'static str,
    pub time_zone: &'static str,
}

/// Names as people write them and as their e-mail addresses do, with a time zone where such a name is at home.
const GIVEN: [(&str, &str, &str); 24] = [
    ("Mira", "mira", "Europe/Berlin"),
    ("Jonas", "jonas", "Europe/Stockholm"),
    ("Aylin", "aylin", "Europe/Istanbul"),
    ("Kwame", "kwame", "Africa/Accra"),
    ("Sofía", "sofia", "America/Bogota"),
    ("Wei", "wei", "Asia/Shanghai"),
    ("Priya", "priya", "Asia/Kolkata"),
    ("Lars", "lars", "Europe/Copenhagen"),
    ("Noor", "noor", "Asia/Amman"),
    ("Mateo", "mateo", "America/Mexico_City"),
    ("Ingrid", "ingrid", "Europe/Oslo"),
    ("Yuki", "yuki", "Asia/Tokyo"),
    ("Zoë", "zoe", "Europe/Amsterdam"),
    ("Tomasz", "tomasz", "Europe/Warsaw"),
    ("Amara", "amara", "Africa/Lagos"),
    ("Dmytro", "dmytro", "Europe/Kyiv"),
    ("Léa", "lea", "Europe/Paris"),
    ("Hamza", "hamza", "Africa/Casablanca"),
    ("Grace", "grace", "America/Chicago"),
    ("João", "joao", "America/Sao_Paulo"),
    ("Hanna", "hanna", "Europe/Helsinki"),
    ("Minh", "minh", "Asia/Ho_Chi_Minh"),
    ("Ruth", "ruth", "America/Toronto"),
    ("Siobhán", "siobhan", "Europe/Dublin"),
];

const FAMILY: [(&str, &str); 24] = [
    ("Castellanos", "castellanos"),
    ("Lindqvist", "lindqvist"),
    ("Yılmaz", "yilmaz"),
    ("Mensah", "mensah"),
    ("García", "garcia"),
    ("Wang", "wang"),
    ("Sharma", "sharma"),
    ("Nielsen", "nielsen"),
    ("Haddad", "haddad"),
    ("Rossi", "rossi"),
    ("Berg", "berg"),
    ("Tanaka", "tanaka"),
    ("de Vries", "devries"),
    ("Kowalski", "kowalski"),
    ("Okafor", "okafor"),
    ("Shevchenko", "shevchenko"),
    ("Moreau", "moreau"),
    ("Benali", "benali"),
    ("O'Neill", "oneill"),
    ("Almeida", "almeida"),
    ("Virtanen", "virtanen"),
    ("Nguyễn", "nguyen"),
    ("Goldberg", "goldberg"),
    ("Müller", "mueller"),
];

const PLANS: [&str; 4] = ["Pro", "Free", "Team", "Pro"];

impl Person {
    /// Customer `number` of the lab with `seed`.
    pub fn customer(number: usize, seed: usize) -> Self {
        Self::called(format!("acc_{number:04}"), number.wrapping_add(seed.wrapping_mul(31)))
    }

    /// Who has `account`, one of the accounts with names of their own.
    pub fn of(account: &str) -> Self {
        Self::called(account.to_owned(), 300 + account.bytes().map(usize::from).sum::<usize>())
    }

    /// 263 has no factor in common with the 576 names, so that neighbours are called differently and names repeat late.
    fn called(account: String, number: usize) -> Self {
        let pair = number % 576 * 263 % 576;
        let ((given, mail_given, time_zone), (family, mail_family)) = (GIVEN[pair % 24], FAMILY[pair / 24]);
        let tail: String = account.chars().filter(char::is_ascii_digit).collect();
        Self {
            name: format!("{given} {family}"),
            email: format!("{mail_given}.{mail_family}{tail}@example.org"),
            plan: PLANS[number % PLANS.len()],
            time_zone,
            account,
        }
    }
}
