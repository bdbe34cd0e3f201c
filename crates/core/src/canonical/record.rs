//! The one declaration from which a shape's type, writer, reader and schema come.

/// Declares a struct whose fields are members of an object, in the order of the disk.
///
/// `name: Type = "member"` is a member, read by [`Reader::member`](super::Reader::member). `name: Type = ..` is a
/// group of members ([`Members`](super::Members)) that are in the same object.
macro_rules! record {
    ($(
        $(#[$doc:meta])*
        $visibility:vis $name:ident $(<$life:lifetime>)? {
            $( $(#[doc = $field_doc:literal])* $field:ident : $ty:ty = $key:tt ),* $(,)?
        }
    )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $visibility struct $name $(<$life>)? {
            $( $(#[doc = $field_doc])* pub $field: $ty ),*
        }

        impl<'r $(: $life, $life: 'r)?> $crate::canonical::Members<'r> for $name $(<$life>)? {
            #[inline(always)]
            fn write_members(&self, sink: &mut impl $crate::canonical::Sink) {
                $( $crate::canonical::record::write_member!(sink, $key, self.$field); )*
            }

            #[inline(always)]
            fn read_members(reader: &mut $crate::canonical::Reader<'r>) -> $crate::fault::Result<Self> {
                Ok(Self { $( $field: $crate::canonical::record::read_member!(reader, $key) ),* })
            }

            fn describe_members(members: &mut $crate::schema::Members) {
                $( $crate::canonical::record::describe_member!(members, $key, $ty, concat!($($field_doc),*)); )*
            }
        }
    )* };
}

macro_rules! write_member {
    ($sink:ident, .., $value:expr) => {
        $crate::canonical::Members::write_members(&$value, $sink)
    };
    ($sink:ident, $key:literal, $value:expr) => {
        $sink.put(concat!(",\"", $key, "\":").as_bytes());
        $crate::canonical::Value::write(&$value, $sink)
    };
}

macro_rules! read_member {
    ($reader:ident, ..) => {
        $crate::canonical::Members::read_members($reader)?
    };
    ($reader:ident, $key:literal) => {
        $reader.member(concat!(",\"", $key, "\":"), $key)?
    };
}

macro_rules! describe_member {
    ($members:ident, .., $ty:ty, $doc:expr) => {
        <$ty as $crate::canonical::Members<'_>>::describe_members($members)
    };
    ($members:ident, $key:literal, $ty:ty, $doc:expr) => {
        $members.push(($key, $crate::schema::described(&<$ty as $crate::schema::Schema>::schema(), $doc)))
    };
}

pub(crate) use {describe_member, read_member, record, write_member};
