//! Several reads that make one answer: each is a call of its own, on a connection of its own where there are any, and
//! whichever is answered last hands all of them over.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::{
    call::{Answer, Call, Results, Stop},
    codec::string::write_json_string,
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::Wake,
};

use super::{Caller, Engine, job::Outlet};

/// Reads that are asked for together.
pub struct GroupCall {
    pub calls: Vec<Call>,
    /// For one JSON document; otherwise the results are handed over as they are.
    pub document: Option<Document>,
}

impl GroupCall {
    pub fn operation(&self) -> Operation {
        match self.document {
            Some(_) => Operation::Json,
            None => Operation::Query,
        }
    }
}

/// How the results stand in a JSON document.
pub struct Document {
    /// The name of each; without names they make an array.
    pub names: Option<Vec<String>>,
    /// Which are their first row alone, or null.
    pub ones: Vec<bool>,
}

impl Engine {
    /// Starts the reads of a group. There must be one at least.
    pub fn start_group(self: &Arc<Self>, group: GroupCall, caller: Caller) {
        self.split_group(group, caller, |call, outlet| self.admit(call, outlet));
    }

    /// Makes the calls of a group and gives them to `admit`, in their order.
    pub(super) fn split_group(
        &self,
        group: GroupCall,
        caller: Caller,
        admit: impl Fn(Call, Outlet),
    ) {
        self.begin();
        let GroupCall { calls, document } = group;
        let pending = Arc::new(PendingGroup {
            started: Instant::now(),
            document,
            parts: Mutex::new(Parts {
                answers: calls.iter().map(|_| None).collect(),
                missing: calls.len(),
                caller: Some(caller),
            }),
        });
        for (index, call) in calls.into_iter().enumerate() {
            let group = pending.clone();
            admit(call, Outlet::Group(GroupPart { group, index }));
        }
    }
}

struct PendingGroup {
    started: Instant,
    document: Option<Document>,
    /// Guards what has come; held while a part is put in.
    parts: Mutex<Parts>,
}

struct Parts {
    answers: Vec<Option<Result<Answer>>>,
    missing: usize,
    /// `None` only after the group has been answered.
    caller: Option<Caller>,
}

/// The place in a group for the answer of one read.
pub(super) struct GroupPart {
    group: Arc<PendingGroup>,
    index: usize,
}

impl GroupPart {
    /// What tells this read that the group is over.
    pub fn stop(&self) -> Option<Stop> {
        let parts = self.group.parts.lock();
        let parts = parts.unwrap_or_else(PoisonError::into_inner);
        parts.caller.as_ref().and_then(Caller::stop)
    }

    /// Puts the answer in its place. The group is answered when all have come, also when one failed, so that nothing of
    /// it is under way any more.
    pub fn put(self, engine: &Engine, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        let (answers, caller) = {
            let mut parts = self.group.parts.lock();
            let parts = parts.as_deref_mut();
            let parts = parts.unwrap_or_else(|poisoned| poisoned.get_mut());
            if let Some(place) = parts.answers.get_mut(self.index) {
                *place = Some(result);
            }
            parts.missing = parts.missing.saturating_sub(1);
            if parts.missing > 0 {
                return None;
            }
            (std::mem::take(&mut parts.answers), parts.caller.take()?)
        };
        let answers = answers.into_iter().flatten().enumerate();
        let answers: Result<Vec<Answer>> = answers
            .map(|(index, answer)| answer.map_err(|error| error.in_part(index)))
            .collect();
        let (operation, result) = match &self.group.document {
            None => (Operation::Query, answers.map(together)),
            Some(document) => (
                Operation::Json,
                answers.and_then(|answers| document.write(answers)),
            ),
        };
        caller.settle(engine, operation, self.group.started, result)
    }
}

fn together(list: Vec<Answer>) -> Answer {
    Answer::Results(Results { list, out: None })
}

impl Document {
    fn write(&self, answers: Vec<Answer>) -> Result<Answer> {
        let size: usize = answers.iter().map(Answer::size).sum();
        let mut bytes = Vec::with_capacity(size + 64 * answers.len());
        let mut rows = 0;
        let (open, close) = match self.names {
            Some(_) => (b'{', b'}'),
            None => (b'[', b']'),
        };
        bytes.push(open);
        for (index, answer) in answers.into_iter().enumerate() {
            let Answer::Json {
                bytes: part,
                rows: count,
            } = answer
            else {
                let message = "allJson needs statements that return rows";
                return Err(Error::new(Kind::Parameters, message).in_part(index));
            };
            if index > 0 {
                bytes.push(b',');
            }
            if let Some(name) = self.names.as_ref().and_then(|names| names.get(index)) {
                write_json_string(name.as_bytes(), &mut bytes);
                bytes.push(b':');
            }
            let is_one = self.ones.get(index).copied().unwrap_or_default();
            bytes.extend_from_slice(match (is_one, count) {
                (false, _) => &part,
                (true, 0) => b"null",
                // Without the brackets of an array of one.
                (true, _) => part
                    .get(1..part.len().saturating_sub(1))
                    .unwrap_or_default(),
            });
            rows += count;
        }
        bytes.push(close);
        Ok(Answer::Json { bytes, rows })
    }
}
