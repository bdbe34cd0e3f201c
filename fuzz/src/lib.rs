//! The second readings that the fuzz targets hold the readers against: each is written from the documentation
//! of the format alone, as plainly as possible, and shares no code with the reader that it checks.

pub mod certified;
pub mod general;
pub mod shape;
