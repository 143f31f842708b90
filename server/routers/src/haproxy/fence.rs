//! Keeps HAProxy from making entries for keys: adds them to the file of an ACL that its `stick` lines heed.
//!
//! HAProxy stores a row at the end of a response, so a request under way brings a cleared row back; new requests would,
//! too. With `stick match … unless blocked` and `stick store-request … unless blocked` the keys in the file make none.
//! What is added at run time is lost when HAProxy reloads; that only means that the fence is down again.

use std::collections::HashSet;

use domain::RouteKey;

use super::{
    Haproxy,
    answer::{Answer, Reply},
    command::{Command, Word, batches},
    parse_acl::{self, Found},
    rows::LINE_HEAD,
};
use crate::{RouterError, probe};

/// What is asked of an ACL file.
#[derive(Clone, Copy)]
enum Ask {
    Get,
    Add,
    Del,
}

impl Haproxy {
    /// Adds `keys` to every ACL file; those that are there are not added again.
    pub(super) async fn raise(&self, keys: &[&RouteKey]) -> Result<(), RouterError> {
        self.change(keys, Ask::Add, Found::Yes).await
    }

    /// Removes `keys` from every ACL file.
    pub(super) async fn lower(&self, keys: &[&RouteKey]) -> Result<(), RouterError> {
        self.change(keys, Ask::Del, Found::No).await
    }

    async fn change(&self, keys: &[&RouteKey], how: Ask, wanted: Found) -> Result<(), RouterError> {
        for file in self.acl_files() {
            let others = self.others(file, keys, wanted).await?;
            self.on_acl(file, how, &others).await?;
            let left = self.others(file, &others, wanted).await?;
            if !left.is_empty() {
                let what = if wanted == Found::Yes { "did not take" } else { "did not give up" };
                return Err(self.transport.refused(&format!("{what} {} keys of its ACL file {file}", left.len())));
            }
        }
        Ok(())
    }

    /// The ACL files of all pools, each once.
    fn acl_files(&self) -> Vec<&Word> {
        let mut seen = HashSet::new();
        self.pools.iter().filter_map(|pool| pool.acl.as_ref()).filter(|file| seen.insert(file.as_str())).collect()
    }

    /// Whether `file` is there to be asked.
    pub(super) async fn knows_acl(&self, file: &Word) -> Result<(), RouterError> {
        self.on_acl(file, Ask::Get, &[&probe()]).await.map(|_| ())
    }

    /// Those of `keys` whose presence in `file` is not `wanted`.
    async fn others<'a>(
        &self,
        file: &Word,
        keys: &[&'a RouteKey],
        wanted: Found,
    ) -> Result<Vec<&'a RouteKey>, RouterError> {
        let found = self.on_acl(file, Ask::Get, keys).await?;
        let pairs = keys.iter().zip(found);
        Ok(pairs.filter(|(_, found)| *found != wanted).map(|(key, _)| *key).collect())
    }

    /// Asks `how` for each of `keys`; what was found matters for [`Ask::Get`] only.
    async fn on_acl<'k>(&self, file: &'k Word, how: Ask, keys: &'k [&'k RouteKey]) -> Result<Vec<Found>, RouterError> {
        let runs = batches(keys, 1, "get acl  ;".len() + file.as_str().len(), LINE_HEAD);
        let command = |key: &&'k RouteKey| match how {
            Ask::Get => Command::AclGet(file, key),
            Ask::Add => Command::AclAdd(file, key),
            Ask::Del => Command::AclDel(file, key),
        };
        let mut found = Vec::with_capacity(keys.len());
        let take = |keys: &[&RouteKey], answer: &Answer| {
            for (key, reply) in keys.iter().zip(answer.replies()) {
                found.extend(self.answered(file, how, key, reply)?);
            }
            Ok(())
        };
        self.transport.ask_each(&runs, |keys| keys.iter().map(command).collect(), take).await?;
        if found.contains(&Found::Loose) {
            return Err(self.transport.refused(&format!(
                "would block other customers too with its ACL file {file}: it must compare whole texts (`-m str`, no `-i`)"
            )));
        }
        Ok(found)
    }

    /// What the reply about `key` says, where it says something.
    fn answered(&self, file: &Word, how: Ask, key: &RouteKey, reply: Reply<'_>) -> Result<Option<Found>, RouterError> {
        match how {
            Ask::Get => {
                let text = self.transport.data(Some(reply), file.as_str())?;
                parse_acl::found(text, key.as_str()).map(Some).ok_or_else(|| self.transport.foreign())
            }
            // Somebody else may have removed it meanwhile; the reading back decides.
            Ask::Del if matches!(reply, Reply::Message(_, "Key not found.")) => Ok(None),
            Ask::Add | Ask::Del => self.transport.nothing(Some(reply), file.as_str()).map(|()| None),
        }
    }
}
