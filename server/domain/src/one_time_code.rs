//! Codes that a person types once: recovery codes, the code of the first set-up, the code that a new person chooses a
//! password with. 120 random bits in groups of four, in an alphabet without letters that look like digits
//! (Crockford's base 32); blanks, dashes, case, and O, I and L are forgiven.

use crate::Entropy;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code; five bits each.
const LETTERS: usize = 24;
/// Letters of a group.
const GROUP: usize = 4;

/// A new code, as it is shown: `7K2M-9QXA-…`.
pub fn new_one_time_code(entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; LETTERS];
    entropy.fill(&mut bytes);
    let mut code = String::with_capacity(LETTERS + LETTERS / GROUP);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at.is_multiple_of(GROUP) {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    code
}

/// What was typed as the code that was shown, without its dashes; `None` when it cannot be one.
pub fn read_one_time_code(typed: &str) -> Option<String> {
    if typed.len() > 4 * LETTERS {
        return None;
    }
    let letters = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let forgiven = letters.map(|letter| match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    let code: String = forgiven.collect();
    let good = code.len() == LETTERS && code.bytes().all(|byte| ALPHABET.contains(&byte));
    good.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    #[test]
    fn a_code_is_read_back_however_it_was_typed() {
        let code = new_one_time_code(&SeededEntropy::new(4));
        assert_eq!(code.len(), 29);
        let plain = code.replace('-', "");
        assert_eq!(read_one_time_code(&code), Some(plain.clone()));
        assert_eq!(read_one_time_code(&format!("  {} ", code.to_lowercase().replace('-', " "))), Some(plain));
        assert_eq!(read_one_time_code(&"O".repeat(24)), Some("0".repeat(24)));
        assert_ne!(code, new_one_time_code(&SeededEntropy::new(5)));
    }

    #[test]
    fn nothing_else_is_one() {
        for bad in ["", "123456", &"A".repeat(25), &"U".repeat(24), &"é".repeat(24), &"A".repeat(10_000)] {
            assert_eq!(read_one_time_code(bad), None, "{bad}");
        }
    }
}
