//! A small assembler for the classic BPF programs that seccomp runs.
//!
//! Jumps name labels. A conditional jump reaches 255 instructions; one that must go further gets an
//! unconditional jump (which reaches everything) put beside it, so no program is ever silently
//! wrong: what cannot be expressed is an error. Loops cannot be expressed at all.

use thiserror::Error;

/// Most instructions the kernel accepts (`BPF_MAXINSNS`).
pub const MAX_LENGTH: usize = 4096;

/// Why a program could not be assembled.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AssembleError {
    /// A jump to a label that has no place.
    #[error("a jump goes to label {0}, which was never placed")]
    Unplaced(usize),
    /// A jump against the direction of the program.
    #[error("the jump at operation {0} goes backwards")]
    Backwards(usize),
    /// More instructions than the kernel accepts.
    #[error("the program has {0} instructions, more than the kernel accepts")]
    TooLong(usize),
}

/// A place in the program that jumps can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(usize);

/// What a conditional jump compares the accumulator with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Equal to the number.
    Equal(u32),
    /// At least the number, unsigned.
    AtLeast(u32),
    /// Has one of the number's bits.
    AnyBit(u32),
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Load(u32),
    And(u32),
    Return(u32),
    Jump(Label),
    Branch { compare: Compare, then: Label, otherwise: Label },
}

/// A program being written, from its first instruction to its last.
#[derive(Debug, Default)]
pub struct Assembler {
    operations: Vec<Operation>,
    /// For each label, before which operation it stands.
    labels: Vec<Option<usize>>,
}

impl Assembler {
    /// An empty program.
    #[must_use]
    pub fn new() -> Self {
        Self { operations: Vec::with_capacity(512), labels: Vec::with_capacity(512) }
    }

    /// A label whose place is said later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Says that the label stands here.
    pub fn place(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.operations.len());
        }
    }

    /// Loads the 32-bit word at this offset of the data.
    pub fn load(&mut self, offset: u32) {
        self.operations.push(Operation::Load(offset));
    }

    /// Keeps these bits of the accumulator.
    pub fn and(&mut self, mask: u32) {
        self.operations.push(Operation::And(mask));
    }

    /// Ends with this answer.
    pub fn ret(&mut self, answer: u32) {
        self.operations.push(Operation::Return(answer));
    }

    /// Goes on at the label.
    pub fn jump(&mut self, to: Label) {
        self.operations.push(Operation::Jump(to));
    }

    /// Goes on at one of two labels.
    pub fn branch(&mut self, compare: Compare, then: Label, otherwise: Label) {
        self.operations.push(Operation::Branch { compare, then, otherwise });
    }

    /// Goes to the label when the comparison holds, else on.
    pub fn branch_if(&mut self, compare: Compare, then: Label) {
        let next = self.label();
        self.branch(compare, then, next);
        self.place(next);
    }

    /// Goes to the label unless the comparison holds, else on.
    pub fn branch_unless(&mut self, compare: Compare, otherwise: Label) {
        let next = self.label();
        self.branch(compare, next, otherwise);
        self.place(next);
    }

    /// The finished program.
    ///
    /// # Errors
    /// A label without a place, a jump backwards, or too many instructions.
    pub fn finish(self) -> Result<Vec<libc::sock_filter>, AssembleError> {
        let targets = self.targets()?;
        let mut wide = vec![[false; 2]; self.operations.len()];
        let places = loop {
            let places = places(&wide);
            if !self.widen(&targets, &places, &mut wide) {
                break places;
            }
        };
        let length = places.last().copied().unwrap_or_default();
        if length > MAX_LENGTH {
            return Err(AssembleError::TooLong(length));
        }
        let mut code = Vec::with_capacity(length);
        for (index, operation) in self.operations.iter().enumerate() {
            let reach = targets[index].map(|to| distance(&places, index, to));
            emit(&mut code, *operation, reach, wide[index]);
        }
        Ok(code)
    }

    /// For every operation, the operations its one or two jumps go to (itself when it has none).
    fn targets(&self) -> Result<Vec<[usize; 2]>, AssembleError> {
        let find = |from: usize, label: Label| {
            let place = self.labels.get(label.0).copied().flatten();
            match place.ok_or(AssembleError::Unplaced(label.0))? {
                to if to <= from => Err(AssembleError::Backwards(from)),
                to if to >= self.operations.len() => Err(AssembleError::Unplaced(label.0)),
                to => Ok(to),
            }
        };
        let all = self.operations.iter().enumerate();
        all.map(|(from, operation)| match operation {
            Operation::Jump(to) => find(from, *to).map(|to| [to, to]),
            Operation::Branch { then, otherwise, .. } => {
                Ok([find(from, *then)?, find(from, *otherwise)?])
            }
            _ => Ok([from, from]),
        })
        .collect()
    }

    /// Marks the branches that do not reach; answers whether there was a new one.
    fn widen(&self, targets: &[[usize; 2]], places: &[usize], wide: &mut [[bool; 2]]) -> bool {
        let mut changed = false;
        for (index, operation) in self.operations.iter().enumerate() {
            if !matches!(operation, Operation::Branch { .. }) {
                continue;
            }
            for (side, to) in wide[index].iter_mut().zip(targets[index]) {
                if !*side && distance(places, index, to) > usize::from(u8::MAX) {
                    *side = true;
                    changed = true;
                }
            }
        }
        changed
    }
}

/// Where each operation begins, and last the length of the whole.
fn places(wide: &[[bool; 2]]) -> Vec<usize> {
    let mut place = 0;
    let mut places = Vec::with_capacity(wide.len() + 1);
    for sides in wide {
        places.push(place);
        place += 1 + sides.iter().filter(|side| **side).count();
    }
    places.push(place);
    places
}

/// How many instructions lie between the first one of `from` and the first one of `to`.
fn distance(places: &[usize], from: usize, to: usize) -> usize {
    match (places.get(from), places.get(to)) {
        (Some(from), Some(to)) => to.saturating_sub(from + 1),
        _ => 0,
    }
}

fn emit(
    code: &mut Vec<libc::sock_filter>,
    operation: Operation,
    reach: [usize; 2],
    wide: [bool; 2],
) {
    match operation {
        Operation::Load(offset) => {
            code.push(statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset));
        }
        Operation::And(mask) => {
            code.push(statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask));
        }
        Operation::Return(answer) => code.push(statement(libc::BPF_RET | libc::BPF_K, answer)),
        Operation::Jump(_) => code.push(jump(reach[0])),
        Operation::Branch { compare, .. } => {
            let (kind, k) = match compare {
                Compare::Equal(k) => (libc::BPF_JEQ, k),
                Compare::AtLeast(k) => (libc::BPF_JGE, k),
                Compare::AnyBit(k) => (libc::BPF_JSET, k),
            };
            // Beside the branch stand the jumps of its wide sides, first the one of `then`.
            let beside = [0, usize::from(wide[0])];
            let near = |side: usize| if wide[side] { beside[side] } else { reach[side] };
            code.push(libc::sock_filter {
                jt: u8::try_from(near(0)).unwrap_or(u8::MAX),
                jf: u8::try_from(near(1)).unwrap_or(u8::MAX),
                ..statement(libc::BPF_JMP | kind | libc::BPF_K, k)
            });
            for side in [0, 1] {
                if wide[side] {
                    code.push(jump(reach[side] - 1 - beside[side]));
                }
            }
        }
    }
}

fn jump(over: usize) -> libc::sock_filter {
    statement(libc::BPF_JMP | libc::BPF_JA, u32::try_from(over).unwrap_or(u32::MAX))
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt: 0, jf: 0, k }
}

#[cfg(test)]
pub(crate) mod interpreter {
    //! Runs a filter the way the kernel does, to test programs for machines that are not here.

    /// `struct seccomp_data`.
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) struct Data {
        pub(crate) nr: u32,
        pub(crate) arch: u32,
        pub(crate) args: [u64; 6],
    }

    impl Data {
        fn word(&self, offset: u32) -> u32 {
            let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap();
            match offset {
                0 => self.nr,
                4 => self.arch,
                8 | 12 => 0,
                _ => {
                    let (index, high) = ((offset - 16) / 8, (offset - 16) % 8 == 4);
                    let value = self.args[usize::try_from(index).unwrap()];
                    low(if high { value >> 32 } else { value })
                }
            }
        }
    }

    /// The filter's answer. With `constant`, nothing when the answer depends on more than the
    /// number and the architecture: then the kernel cannot remember it.
    pub(crate) fn run(code: &[libc::sock_filter], data: Data, constant: bool) -> Option<u32> {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let libc::sock_filter { code: kind, jt, jf, k } = code[at];
            at += 1;
            let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
            match u32::from(kind) {
                0x20 if constant && k > 4 => return None,
                0x20 => accumulator = data.word(k),
                0x54 => accumulator &= k,
                0x06 => return Some(k),
                0x05 => at += usize::try_from(k).unwrap(),
                0x15 => branch(accumulator == k),
                0x35 => branch(accumulator >= k),
                0x45 => branch(accumulator & k != 0),
                other => panic!("an instruction the kernel would refuse: {other:#x}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::interpreter::{Data, run};
    use super::*;

    fn answer(code: &[libc::sock_filter], nr: u32) -> u32 {
        run(code, Data { nr, ..Data::default() }, false).unwrap()
    }

    /// `nr == 7` answers 1 past `distance` instructions, all else 2 past as many again.
    fn far(distance: u32) -> Vec<libc::sock_filter> {
        let mut code = Assembler::new();
        let (one, two) = (code.label(), code.label());
        code.load(0);
        code.branch(Compare::Equal(7), one, two);
        (0..distance).for_each(|_| code.and(u32::MAX));
        code.place(one);
        code.ret(1);
        (0..distance).for_each(|_| code.and(u32::MAX));
        code.place(two);
        code.ret(2);
        code.finish().unwrap()
    }

    #[test]
    fn branches_reach_their_labels_at_every_distance() {
        for distance in [0, 1, 126, 127, 128, 253, 254, 255, 256, 257, 1000] {
            let code = far(distance);
            assert_eq!((answer(&code, 7), answer(&code, 8)), (1, 2), "distance {distance}");
        }
    }

    #[test]
    fn comparisons_are_unsigned_and_of_bits() {
        let mut code = Assembler::new();
        let (large, bit) = (code.label(), code.label());
        code.load(0);
        code.branch_if(Compare::AtLeast(0x8000_0000), large);
        code.branch_unless(Compare::AnyBit(0x6), bit);
        code.ret(1);
        code.place(bit);
        code.ret(2);
        code.place(large);
        code.ret(3);
        let code = code.finish().unwrap();
        assert_eq!([4, 2, 1, 0, u32::MAX].map(|nr| answer(&code, nr)), [1, 1, 2, 2, 3]);
    }

    #[test]
    fn what_cannot_be_assembled_is_an_error() {
        let mut code = Assembler::new();
        let nowhere = code.label();
        code.jump(nowhere);
        assert_eq!(code.finish().err(), Some(AssembleError::Unplaced(0)));

        let mut code = Assembler::new();
        let back = code.label();
        code.place(back);
        code.load(0);
        code.jump(back);
        assert_eq!(code.finish().err(), Some(AssembleError::Backwards(1)));

        let mut code = Assembler::new();
        (0..=MAX_LENGTH).for_each(|_| code.ret(0));
        assert_eq!(code.finish().err(), Some(AssembleError::TooLong(MAX_LENGTH + 1)));
    }
}
