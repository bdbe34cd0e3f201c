//! A sum over the last steps, kept as the steps go by.

use std::collections::VecDeque;

/// The sum of the values of the last `length` steps, and at how many of these steps there was one.
#[derive(Debug, Clone)]
pub(crate) struct RollingSum {
    length: usize,
    steps: VecDeque<Option<u128>>,
    sum: u128,
    rows: u128,
}

impl RollingSum {
    pub(crate) fn new(length: usize) -> Self {
        Self { length, steps: VecDeque::with_capacity(length + 1), sum: 0, rows: 0 }
    }

    /// Goes one step further; `None` is a step without a value.
    pub(crate) fn push(&mut self, value: Option<u128>) {
        self.steps.push_back(value);
        if let Some(value) = value {
            self.sum += value;
            self.rows += 1;
        }
        if self.steps.len() > self.length
            && let Some(Some(value)) = self.steps.pop_front()
        {
            self.sum -= value;
            self.rows -= 1;
        }
    }

    pub(crate) fn sum(&self) -> u128 {
        self.sum
    }

    pub(crate) fn rows(&self) -> u128 {
        self.rows
    }

    /// Whether the latest step has a value.
    pub(crate) fn has_latest(&self) -> bool {
        matches!(self.steps.back(), Some(Some(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_steps_count() {
        let mut window = RollingSum::new(3);
        for (value, sum, rows) in [
            (Some(5), 5, 1),
            (None, 5, 1),
            (Some(7), 12, 2),
            (Some(0), 7, 2),
            (Some(1), 8, 3),
            (None, 1, 2),
            (None, 1, 1),
            (None, 0, 0),
        ] {
            window.push(value);
            assert_eq!((window.sum(), window.rows(), window.has_latest()), (sum, rows, value.is_some()));
        }
    }
}
