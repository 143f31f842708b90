//! Many key-sorted streams become one stream of groups, in memory that holds one page of each: a state machine that
//! says which stream it needs next, and does no reading itself.

use std::collections::VecDeque;

use crate::RouteKey;

/// Something with the key by which it is joined.
pub trait Keyed {
    /// The key.
    fn key(&self) -> &RouteKey;
}

/// A stream whose keys do not grow: nothing that is joined with it can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its entries do not come in the order of keys")]
pub struct Unsorted(pub usize);

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// The next page of this stream is needed.
    Need(usize),
    /// Everything that the streams have for one key, with the stream that each came from.
    Group(RouteKey, Vec<(usize, T)>),
    /// All streams have ended.
    End,
}

struct Stream<T> {
    waiting: VecDeque<T>,
    last: Option<RouteKey>,
    ended: bool,
}

/// The join of several streams, each strictly ascending by key.
pub struct Merge<T> {
    streams: Vec<Stream<T>>,
}

impl<T: Keyed> Merge<T> {
    /// A join of so many streams.
    pub fn new(streams: usize) -> Self {
        let stream = || Stream { waiting: VecDeque::new(), last: None, ended: false };
        Self { streams: std::iter::repeat_with(stream).take(streams).collect() }
    }

    /// The next page of stream `of`; `ended` when it is the last one. A page may be empty and not the last.
    ///
    /// # Errors
    /// [`Unsorted`] when a key is not greater than the one before: then the stream has ended, and what came before this
    /// page stays joined.
    pub fn feed(&mut self, of: usize, page: Vec<T>, ended: bool) -> Result<(), Unsorted> {
        let Some(stream) = self.streams.get_mut(of) else { return Err(Unsorted(of)) };
        let mut before = stream.last.as_ref();
        for item in &page {
            if before.is_some_and(|before| before >= item.key()) {
                stream.ended = true;
                return Err(Unsorted(of));
            }
            before = Some(item.key());
        }
        if let Some(last) = page.last() {
            stream.last = Some(last.key().clone());
        }
        stream.waiting.extend(page);
        stream.ended = ended;
        Ok(())
    }

    /// The last key that stream `of` was fed: where its next page begins.
    pub fn last(&self, of: usize) -> Option<&RouteKey> {
        self.streams.get(of)?.last.as_ref()
    }

    /// How many items are held.
    pub fn held(&self) -> usize {
        self.streams.iter().map(|stream| stream.waiting.len()).sum()
    }

    /// What comes next.
    pub fn advance(&mut self) -> Next<T> {
        let mut least: Option<&RouteKey> = None;
        for (number, stream) in self.streams.iter().enumerate() {
            match stream.waiting.front() {
                None if !stream.ended => return Next::Need(number),
                Some(item) if least.is_none_or(|least| item.key() < least) => least = Some(item.key()),
                None | Some(_) => {}
            }
        }
        let Some(key) = least.cloned() else { return Next::End };
        let mut group = Vec::new();
        for (number, stream) in self.streams.iter_mut().enumerate() {
            if stream.waiting.front().is_some_and(|item| *item.key() == key) {
                group.extend(stream.waiting.pop_front().map(|item| (number, item)));
            }
        }
        Next::Group(key, group)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct It(RouteKey);
    impl Keyed for It {
        fn key(&self) -> &RouteKey {
            &self.0
        }
    }

    fn it(text: &str) -> It {
        It(RouteKey::parse(text).unwrap())
    }

    /// Joins `streams` in pages of `page`, and says how much was held at most.
    fn joined(streams: &[Vec<It>], page: usize) -> (Vec<(String, Vec<usize>)>, usize) {
        let mut merge = Merge::new(streams.len());
        let mut read = vec![0; streams.len()];
        let (mut groups, mut held) = (Vec::new(), 0);
        loop {
            held = held.max(merge.held());
            match merge.advance() {
                Next::Need(of) => {
                    let to = (read[of] + page).min(streams[of].len());
                    let items = streams[of][read[of]..to].to_vec();
                    read[of] = to;
                    merge.feed(of, items, to == streams[of].len()).unwrap();
                }
                Next::Group(key, group) => {
                    assert!(group.iter().all(|(_, item)| item.0 == key));
                    groups.push((key.to_string(), group.into_iter().map(|(of, _)| of).collect()));
                }
                Next::End => return (groups, held),
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_the_naive_join(
            sets in prop::collection::vec(prop::collection::btree_set("[a-c]{1,3}", 0..24), 1..6),
            page in 1_usize..7,
        ) {
            let streams: Vec<Vec<It>> = sets.iter().map(|set| set.iter().map(|key| it(key)).collect()).collect();
            let mut naive: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (number, set) in sets.iter().enumerate() {
                for key in set {
                    naive.entry(key.clone()).or_default().push(number);
                }
            }
            let (groups, held) = joined(&streams, page);
            prop_assert_eq!(groups, naive.into_iter().collect::<Vec<_>>());
            prop_assert!(held <= page * sets.len(), "{} held of {} streams", held, sets.len());
        }

        #[test]
        fn what_is_not_sorted_is_refused(keys in prop::collection::vec("[a-c]{1,2}", 1..12), page in 1_usize..4) {
            let strict = keys.windows(2).all(|pair| pair[0] < pair[1]);
            let mut merge = Merge::new(1);
            let items: Vec<It> = keys.iter().map(|key| it(key)).collect();
            let fed = items.chunks(page).try_for_each(|page| merge.feed(0, page.to_vec(), false));
            prop_assert_eq!(fed.is_ok(), strict);
        }
    }

    #[test]
    fn what_came_before_a_page_out_of_order_stays() {
        let mut merge = Merge::new(1);
        merge.feed(0, vec![it("b")], false).unwrap();
        assert_eq!(merge.feed(0, vec![it("a")], false), Err(Unsorted(0)));
        assert_eq!(merge.advance(), Next::Group(RouteKey::parse("b").unwrap(), vec![(0, it("b"))]));
        assert_eq!(merge.advance(), Next::End);
    }

    #[test]
    fn an_empty_page_is_not_the_end() {
        let mut merge = Merge::new(1);
        merge.feed(0, Vec::<It>::new(), false).unwrap();
        assert_eq!(merge.advance(), Next::Need(0));
        merge.feed(0, vec![it("a")], true).unwrap();
        assert_eq!(merge.last(0).map(RouteKey::as_str), Some("a"));
        let keys: BTreeSet<_> =
            [merge.advance(), merge.advance()].into_iter().map(|next| format!("{next:?}")).collect();
        assert_eq!(keys.len(), 2);
    }
}
