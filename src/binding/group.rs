//! Reads that JavaScript asks for together.

use std::sync::Mutex;

use napi::{Error, Result, Status, bindgen_prelude::BufferSlice};
use napi_derive::napi;

use crate::engine::{Document, GroupCall};

use super::{
    calls,
    statement::{NativeShape, NativeStatement},
};

/// The reads of one call, added one by one.
#[napi]
pub struct NativeGroup {
    /// Guards the calls until they start; `None` after that.
    group: Mutex<Option<GroupCall>>,
}

#[napi]
impl NativeGroup {
    /// `json` makes one document of the results, an object with these `names` or an array.
    #[napi(constructor, catch_unwind)]
    pub fn new(json: bool, names: Option<Vec<String>>) -> NativeGroup {
        let document = json.then(|| Document {
            names,
            ones: Vec::new(),
        });
        NativeGroup {
            group: Mutex::new(Some(GroupCall {
                calls: Vec::new(),
                document,
            })),
        }
    }

    /// Adds a read; `one` for its first row alone.
    #[napi(catch_unwind)]
    pub fn add(
        &mut self,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        shape: Option<&NativeShape>,
        one: bool,
    ) -> Result<()> {
        let group = self
            .group
            .get_mut()
            .map_err(|_| started())?
            .as_mut()
            .ok_or_else(started)?;
        let limit = u32::from(one);
        let call = match &mut group.document {
            None => calls::rows(statement, params, length, limit, false, shape, None, None)?,
            Some(document) => {
                let call = calls::json(statement, params, length, shape, limit)?;
                document.ones.push(one);
                call
            }
        };
        group.calls.push(call);
        Ok(())
    }
}

impl NativeGroup {
    /// Takes the calls, once.
    pub fn take(&self) -> Result<GroupCall> {
        let taken = self.group.lock().map_err(|_| started())?.take();
        taken.ok_or_else(started)
    }
}

fn started() -> Error {
    Error::new(Status::InvalidArg, "the reads of this group have started")
}
