//! Texts as they are searched: without regard to case, accents and the shape of quotes. One rule for what is stored, what
//! is typed and what is marked, in Rust because the databases' `lower()` knows ASCII only (SQLite) or follows the
//! cluster's locale (Postgres).

use unicode_normalization::UnicodeNormalization;

/// `text` without regard to case, accents, composition, and the shape of quotes and dashes.
///
/// Only the marks of alphabets whose letters stand without them go: the vowel signs of Devanagari or Thai, and the voicing
/// of kana, are letters in their own right.
pub fn fold(text: &str) -> String {
    // ASCII is most of what is stored and typed.
    if text.is_ascii() {
        return text.to_ascii_lowercase().replace('`', "'");
    }
    // Straight before, lest an acute accent be taken for a blank with a mark, and after, for the wide and the raised ones.
    let plain: String = text.chars().map(straight).collect();
    let bare = plain.nfkd().map(straight).filter(|letter| !is_accent(*letter));
    let lower: String = bare.flat_map(char::to_lowercase).collect();
    let mut folded = String::with_capacity(lower.len());
    for letter in lower.chars() {
        match spelled(letter) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(letter),
        }
    }
    // Syllables of Hangul and voiced kana become one letter again: the beginning of one is not the beginning of a word.
    folded.nfc().filter(|letter| !is_accent(*letter)).collect()
}

/// Quotes and dashes as keyboards have them.
const fn straight(letter: char) -> char {
    match letter {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{02b9}' | '\u{02bb}' | '\u{02bc}' | '\u{00b4}' | '`' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    }
}

/// Marks above, below and through letters; the points of Hebrew and the vowel marks of Arabic.
const fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{0591}'..='\u{05bd}' | '\u{05bf}' | '\u{05c1}'..='\u{05c2}'
        | '\u{05c4}'..='\u{05c5}' | '\u{05c7}' | '\u{064b}'..='\u{065f}' | '\u{0670}')
}

/// Small letters that Unicode does not take apart, as they are spelled on a keyboard without them.
const fn spelled(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ł' => "l",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ŧ' => "t",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        // At a word's end; without this a beginning could miss its own word.
        'ς' => "σ",
        _ => return None,
    })
}

/// `text` in pieces, each with whether `query` met it: the query as a whole where it is there, else each of its words.
pub fn marks<'a>(text: &'a str, query: &str) -> Vec<(&'a str, bool)> {
    let query = fold(query);
    let mut found: Vec<(usize, usize)> = place(text, query.trim()).into_iter().collect();
    if found.is_empty() {
        found = query.split_whitespace().filter_map(|word| place(text, word)).collect();
        found.sort_unstable();
    }
    let (mut pieces, mut at) = (Vec::new(), 0);
    for (start, end) in found {
        // Words may lie over each other: the first one is marked.
        if start < at {
            continue;
        }
        pieces.extend([(text.get(at..start), false), (text.get(start..end), true)]);
        at = end;
    }
    pieces.push((text.get(at..), false));
    pieces.into_iter().filter_map(|(piece, met)| Some((piece?, met))).filter(|(piece, _)| !piece.is_empty()).collect()
}

/// The first stretch of `text` that folds to `wanted`, with the marks that belong to its last letter.
fn place(text: &str, wanted: &str) -> Option<(usize, usize)> {
    if wanted.is_empty() {
        return None;
    }
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let end_of = |at: usize| letters.get(at + 1).map_or(text.len(), |(place, _)| *place);
    for (first, (start, letter)) in letters.iter().enumerate() {
        if is_accent(*letter) {
            continue;
        }
        for last in first..letters.len() {
            let folded = fold(text.get(*start..end_of(last))?);
            if folded.starts_with(wanted) {
                let marks = letters.iter().skip(last + 1).take_while(|(_, letter)| is_accent(*letter)).count();
                return Some((*start, end_of(last + marks)));
            }
            if !wanted.starts_with(&folded) {
                break;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_the_same_in_the_middle_and_at_the_end() {
        assert_eq!(fold("ΟΔΟΣ"), "οδοσ");
        assert!(fold("ΟΔΟΣ ΑΒ").starts_with(&fold("ΟΔΟΣ")));
        assert_eq!(fold("Dana.ÅBERG@Example.com"), "dana.aberg@example.com");
    }

    #[test]
    fn accents_composition_and_quotes_do_not_matter() {
        for (text, plain) in [
            ("Élodie Wójcik", "elodie wojcik"),
            ("E\u{301}lodie Wo\u{301}jcik", "elodie wojcik"),
            ("Łukasz Strauß", "lukasz strauss"),
            ("STRAUẞ", "strauss"),
            ("Đặng Søren", "dang soren"),
            ("İstanbul Iğdır", "istanbul igdir"),
            ("O’Neil", "o'neil"),
            ("O\u{b4}Neil", "o'neil"),
            ("Jean‐Luc", "jean-luc"),
            ("ＡＢＣ", "abc"),
        ] {
            assert_eq!(fold(text), plain, "{text}");
            assert_eq!(fold(&fold(text)), plain, "{text}: folding again changes nothing");
        }
        assert_eq!(fold("김민수"), "김민수");
        assert_eq!(fold(&"김민수".nfd().collect::<String>()), "김민수");
        assert_ne!(fold("が"), fold("か"), "another letter");
        assert_ne!(fold("कि"), fold("क"), "another syllable");
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for letter in '\0'..=char::MAX {
            let once = fold(&letter.to_string());
            assert_eq!(fold(&once), once, "{:x}", u32::from(letter));
        }
    }

    #[test]
    fn what_was_searched_for_is_marked_in_any_case_script_and_accent() {
        for (text, query, shown) in [
            ("Mira Horák", "RA HOR", "Mi[ra Hor]ák"),
            ("Mira Horák", "horak", "Mira [Horák]"),
            ("Mira Hora\u{301}k", "hora", "Mira [Hora\u{301}]k"),
            ("Łukasz", "lu", "[Łu]kasz"),
            ("Erin Strauß", "straus", "Erin [Strauß]"),
            ("O’Neil", "o'n", "[O’N]eil"),
            ("Quynh Berg", "berg quynh", "[Quynh] [Berg]"),
            ("abc", "abc", "[abc]"),
            ("שרה לוי", "לוי", "שרה [לוי]"),
            ("abc", "abcd", "abc"),
            ("", "x", ""),
            ("abc", " ", "abc"),
            ("\u{301}\u{301}", "\u{301}", "\u{301}\u{301}"),
        ] {
            let told: String = marks(text, query)
                .iter()
                .map(|(piece, met)| if *met { format!("[{piece}]") } else { (*piece).to_owned() })
                .collect();
            assert_eq!(told, shown, "{query} in {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn marking_never_loses_a_letter(text in ".{0,40}", query in ".{0,10}") {
            let all: String = marks(&text, &query).into_iter().map(|(piece, _)| piece).collect();
            proptest::prop_assert_eq!(all, text);
        }
    }
}
