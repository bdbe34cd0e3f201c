//! Planned failures.

/// The failures in one run of the process. Calls to the disk are counted from 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// Everything stops just before this call.
    pub crash_at: Option<u64>,
    /// This call fails.
    pub fault: Option<Fault>,
}

/// A call that fails.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The first call that fails.
    pub at: u64,
    /// True if all calls from then on fail too.
    pub lasts: bool,
    /// The failure.
    pub failure: Failure,
}

/// The failure of a call.
#[derive(Debug, Clone, Copy)]
pub enum Failure {
    /// With this error (`errno`). EINTR comes only where [`crate::Operation::is_interruptible`].
    Error(i32),
    /// It is a write that takes only so many bytes of those it is given, or one less than all if they are
    /// fewer; it is well if it is another call.
    Short(usize),
}

impl Fault {
    /// True if call number `call` fails.
    pub(crate) fn hits(self, call: u64) -> bool {
        call == self.at || (self.lasts && call > self.at)
    }
}

/// A small generator (SplitMix64) whose whole state is its seed, so that a failure can be run again.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or_default()
    }
}
