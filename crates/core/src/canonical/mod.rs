//! Canonical JSON: exactly one encoding of each event and snapshot.
//!
//! Each shape is declared once, by `record!`, with its members in the order of the disk; writer, reader and
//! schema come from that declaration. The reader compares the bytes that must be there and parses only the values, so
//! it needs no second, general parser to be sure that a line is canonical.

mod reader;
pub(crate) mod record;
mod values;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use record::record;
pub(crate) use values::Version;
pub use writer::{Sink, write_integer, write_string};

use crate::fault::Result;
use crate::schema::{self, Schema};

/// One value of a member.
pub(crate) trait Value<'a>: Sized + Schema {
    /// Appends the value's only encoding.
    fn write(&self, sink: &mut impl Sink);

    /// Reads the value, refusing every encoding but that one.
    fn read(reader: &mut Reader<'a>) -> Result<Self>;
}

/// Members that follow each other inside an object.
pub(crate) trait Members<'a>: Sized {
    /// Appends `,"name":value` for each member.
    fn write_members(&self, sink: &mut impl Sink);

    /// Reads what [`Members::write_members`] writes.
    fn read_members(reader: &mut Reader<'a>) -> Result<Self>;

    /// Appends the name and the schema of each member.
    fn describe_members(members: &mut schema::Members);
}
