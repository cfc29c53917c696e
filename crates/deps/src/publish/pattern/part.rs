//! One name of a pattern: letters, `?`, `*`, `[a-z]`, and groups such as `@(a|b)` and `!(a)`.

use std::cell::Cell;

/// Most steps that all matches of one list of contents may take.
const STEPS: u64 = 500_000_000;
/// Most steps of one name.
const STEPS_OF_ONE: u64 = 200_000;
/// Deepest groups.
const DEEPEST: usize = 4;

/// How long matching may still take.
#[derive(Debug)]
pub(in super::super) struct Budget {
    left: Cell<u64>,
    name: Cell<u64>,
    spent: Cell<bool>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: Cell::new(STEPS), name: Cell::new(0), spent: Cell::new(false) }
    }
}

impl Budget {
    /// One step; false when there is none left.
    pub(super) fn spend(&self) -> bool {
        let (left, name) = (self.left.get(), self.name.get());
        if left == 0 || name >= STEPS_OF_ONE {
            self.spent.set(true);
            return false;
        }
        self.left.set(left - 1);
        self.name.set(name + 1);
        true
    }

    /// One step of a path, which is not one of a name.
    pub(super) fn spend_path(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 {
            self.spent.set(true);
        }
        left > 0
    }

    /// Whether a match was given up: nothing that was said since can be relied on.
    pub(in super::super) fn is_spent(&self) -> bool {
        self.spent.get()
    }

    fn begin(&self) {
        self.name.set(0);
    }
}

/// One name of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    /// `**`: any number of names.
    Globstar,
    /// Letters alone.
    Literal { text: String, any_case: bool },
    /// Anything else.
    Magic { tokens: Vec<Token>, any_case: bool },
}

/// A piece of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Token {
    Char(char),
    /// `?`
    Any,
    /// `*`, of at least so many characters.
    Star(usize),
    Class(Class),
    /// A class that nothing is in.
    Never,
    Group(char, Vec<Vec<Token>>),
}

/// `[a-z]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Class {
    negate: bool,
    ranges: Vec<(char, char)>,
    named: Vec<String>,
}

impl Part {
    pub(super) fn read(text: &str, any_case: bool) -> Self {
        if text == "**" {
            return Self::Globstar;
        }
        let characters: Vec<char> = text.chars().collect();
        let mut reader = Reader { text: &characters, at: 0, no_groups: false };
        let mut tokens = reader.tokens(0);
        only_stars(&mut tokens);
        if let [Token::Group(_, alternatives)] = tokens.as_mut_slice() {
            for one in alternatives.iter_mut() {
                only_stars(one);
            }
        }
        let letters: Option<String> = tokens
            .iter()
            .map(|token| if let Token::Char(one) = token { Some(*one) } else { None })
            .collect();
        match letters {
            Some(text) => Self::Literal { text, any_case },
            None => Self::Magic { tokens, any_case },
        }
    }

    pub(in super::super) fn matches(&self, name: &str, budget: &Budget) -> bool {
        match self {
            Self::Globstar => false,
            Self::Literal { text, any_case } => {
                text == name || *any_case && same_in_any_case(text, name)
            }
            Self::Magic { tokens, any_case } => {
                if let [Token::Star(_)] = tokens.as_slice() {
                    return !name.is_empty();
                }
                budget.begin();
                let name: Vec<char> = name.chars().collect();
                run(tokens, &name, *any_case, &|rest| rest.is_empty(), budget)
            }
        }
    }
}

/// `*` alone needs something to match.
fn only_stars(tokens: &mut [Token]) {
    if let [Token::Star(least)] = tokens {
        *least = 1;
    }
}

/// Whether two texts are the same but for upper and lower case. ASCII folds to ASCII alone, and nothing
/// else does.
fn same_in_any_case(one: &str, other: &str) -> bool {
    if one.is_ascii() || other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.chars().map(fold).eq(other.chars().map(fold))
}

/// As JavaScript compares without case: one character for one.
fn fold(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) if character.is_ascii() || !one.is_ascii() => one,
        _ => character,
    }
}

struct Reader<'a> {
    text: &'a [char],
    at: usize,
    /// A class or a group that is never closed: what follows is taken as it is.
    no_groups: bool,
}

impl Reader<'_> {
    /// Reads until the end, or, in a group, until `|` or `)`.
    fn tokens(&mut self, depth: usize) -> Vec<Token> {
        let mut tokens = Vec::new();
        while let Some(&character) = self.text.get(self.at) {
            if depth > 0 && !self.no_groups && matches!(character, '|' | ')') {
                break;
            }
            self.at += 1;
            match character {
                '\\' => {
                    let next = self.text.get(self.at).copied();
                    self.at += usize::from(next.is_some());
                    tokens.push(Token::Char(next.unwrap_or('\\')));
                }
                '[' => {
                    if let Some((token, end)) = class(self.text, self.at) {
                        tokens.push(token);
                        self.at = end;
                    } else {
                        self.no_groups = true;
                        tokens.push(Token::Char('['));
                    }
                }
                '!' | '?' | '+' | '*' | '@' if self.is_group(depth) => {
                    if let Some(token) = self.group(character, depth) {
                        tokens.push(token);
                    } else {
                        // Read once more, as what it is without a group.
                        self.no_groups = true;
                        self.at -= 1;
                    }
                }
                '*' => {
                    if !matches!(tokens.last(), Some(Token::Star(_))) {
                        tokens.push(Token::Star(0));
                    }
                }
                '?' => tokens.push(Token::Any),
                other => tokens.push(Token::Char(other)),
            }
        }
        tokens
    }

    fn is_group(&self, depth: usize) -> bool {
        !self.no_groups && depth < DEEPEST && self.text.get(self.at) == Some(&'(')
    }

    /// A group, from its `(`; `None`, and nothing read, where it is never closed.
    fn group(&mut self, kind: char, depth: usize) -> Option<Token> {
        let begin = self.at;
        let mut alternatives = Vec::new();
        loop {
            self.at += 1;
            alternatives.push(self.tokens(depth + 1));
            match self.text.get(self.at) {
                Some('|') => {}
                Some(_) => {
                    self.at += 1;
                    break;
                }
                None => {
                    self.at = begin;
                    return None;
                }
            }
        }
        let is_empty = alternatives.iter().all(Vec::is_empty) && alternatives.len() == 1;
        if is_empty && kind == '!' {
            return Some(Token::Star(1));
        }
        Some(Token::Group(kind, alternatives))
    }
}

/// The class that begins behind `[`, and where it ends; `None` where it is never closed.
fn class(text: &[char], begin: usize) -> Option<(Token, usize)> {
    let mut at = begin;
    let negate = matches!(text.get(at), Some('!' | '^'));
    at += usize::from(negate);
    let (mut ranges, mut named, mut first) = (Vec::new(), Vec::new(), true);
    let mut from: Option<char> = None;
    loop {
        let mut character = *text.get(at)?;
        if character == ']' && !first {
            break;
        }
        first = false;
        if character == '\\' {
            at += 1;
            character = *text.get(at)?;
        } else if let Some((name, end)) = posix(text, at) {
            named.push(name);
            at = end;
            continue;
        }
        at += 1;
        if let Some(start) = from.take() {
            if start <= character {
                ranges.push((start, character));
            }
        } else if text.get(at) == Some(&'-') && text.get(at + 1) == Some(&']') {
            ranges.extend([(character, character), ('-', '-')]);
            at += 1;
        } else if text.get(at) == Some(&'-') && text.get(at + 1).is_some() {
            from = Some(character);
            at += 1;
        } else {
            ranges.push((character, character));
        }
    }
    let token = match ranges.as_slice() {
        [] if named.is_empty() => Token::Never,
        [(one, other)] if one == other && named.is_empty() && !negate => Token::Char(*one),
        _ => Token::Class(Class { negate, ranges, named }),
    };
    Some((token, at + 1))
}

/// `[:alpha:]` in a class: its name and where it ends.
fn posix(text: &[char], at: usize) -> Option<(String, usize)> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    let rest = text.get(at..)?;
    let known = NAMES.iter().find(|name| {
        let whole: Vec<char> = format!("[:{name}:]").chars().collect();
        rest.starts_with(&whole)
    })?;
    Some(((*known).to_owned(), at + known.len() + 4))
}

impl Class {
    fn has(&self, character: char, any_case: bool) -> bool {
        let inside = |one: char| {
            self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&one))
                || self.named.iter().any(|name| is_named(name, one))
        };
        let mut found = inside(character);
        if any_case && !found {
            let lower = character.to_lowercase();
            found = character.to_uppercase().chain(lower).any(inside);
        }
        found != self.negate
    }
}

fn is_named(name: &str, one: char) -> bool {
    match name {
        "alnum" => one.is_alphanumeric(),
        "alpha" => one.is_alphabetic(),
        "ascii" => one.is_ascii(),
        "blank" => one == '\t' || one == ' ' || one.is_whitespace() && !one.is_control(),
        "cntrl" => one.is_control(),
        "digit" => one.is_numeric(),
        "graph" => !one.is_whitespace() && !one.is_control(),
        "lower" => one.is_lowercase(),
        "print" => !one.is_control(),
        "punct" => one.is_ascii_punctuation(),
        "space" => one.is_whitespace(),
        "upper" => one.is_uppercase(),
        "word" => one.is_alphanumeric() || one == '_',
        _ => one.is_ascii_hexdigit(),
    }
}

type Then<'a> = &'a dyn Fn(&[char]) -> bool;

/// Matches tokens, and then the rest.
fn run(tokens: &[Token], name: &[char], any_case: bool, then: Then<'_>, budget: &Budget) -> bool {
    if !budget.spend() {
        return false;
    }
    let Some((first, rest)) = tokens.split_first() else { return then(name) };
    let after = |name: &[char]| run(rest, name, any_case, then, budget);
    let one = |fits: &dyn Fn(char) -> bool| {
        name.split_first().is_some_and(|(character, name)| fits(*character) && after(name))
    };
    match first {
        Token::Char(wanted) => {
            one(&|found| *wanted == found || any_case && fold(*wanted) == fold(found))
        }
        Token::Any => one(&|_| true),
        Token::Class(class) => one(&|found| class.has(found, any_case)),
        Token::Never => false,
        Token::Star(least) => {
            (*least..=name.len()).any(|taken| name.get(taken..).is_some_and(after))
        }
        Token::Group('!', alternatives) => {
            let is_one = |tokens: &Vec<Token>| run(tokens, name, any_case, &after, budget);
            !alternatives.iter().any(is_one) && (0..=name.len()).any(|taken| after(&name[taken..]))
        }
        Token::Group(kind, alternatives) => {
            let group = Group { alternatives, any_case, budget };
            match kind {
                '@' => group.once(name, &after),
                '?' => group.once(name, &after) || after(name),
                '+' => group.once(name, &|left| group.more(left, &after)),
                _ => group.more(name, &after),
            }
        }
    }
}

struct Group<'a> {
    alternatives: &'a [Vec<Token>],
    any_case: bool,
    budget: &'a Budget,
}

impl Group<'_> {
    fn once(&self, name: &[char], then: Then<'_>) -> bool {
        self.alternatives.iter().any(|one| run(one, name, self.any_case, then, self.budget))
    }

    /// Any number of times.
    fn more(&self, name: &[char], then: Then<'_>) -> bool {
        if then(name) {
            return true;
        }
        let again = |left: &[char]| left.len() < name.len() && self.more(left, then);
        self.once(name, &again)
    }
}
