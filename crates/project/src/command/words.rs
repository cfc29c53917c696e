//! A line of shell that is nothing but a program and its arguments.

/// A plain command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plain {
    /// Variables that stand in front: `NODE_ENV=production node a.js`.
    pub variables: Vec<(String, String)>,
    /// Program and arguments; never empty.
    pub words: Vec<String>,
}

/// What makes a line need a shell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// Nothing to run.
    #[error("it is empty")]
    Empty,
    /// `&&`, `|`, `;`, redirections, background.
    #[error("it needs a shell for `{0}`")]
    Operator(char),
    /// `$NAME`, `$(...)`, `` `...` ``.
    #[error("it needs a shell for what stands behind `{0}`")]
    Expansion(char),
    /// `*`, `?`, `[`, `~`.
    #[error("it needs a shell for the pattern `{0}`")]
    Pattern(char),
    /// A quote without its end.
    #[error("a quote is not closed")]
    Quote,
    /// Longer than anything a person writes.
    #[error("it is longer than 64 KiB")]
    TooLong,
}

/// Longest line, in bytes.
const MOST: usize = 64 << 10;

/// Splits a plain command into words, as a POSIX shell would.
///
/// # Errors
/// Everything that only a shell can carry out.
pub fn split(text: &str) -> Result<Plain, ShellError> {
    if text.len() > MOST {
        return Err(ShellError::TooLong);
    }
    let mut plain = Plain::default();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|next| next.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            break;
        }
        let (word, literal) = word(&mut characters)?;
        match word.split_once('=') {
            Some((name, value))
                if plain.words.is_empty() && literal && crate::variables::is_name(name) =>
            {
                plain.variables.push((name.to_owned(), value.to_owned()));
            }
            _ => plain.words.push(word),
        }
    }
    unwrap_starters(&mut plain);
    if plain.words.is_empty() { Err(ShellError::Empty) } else { Ok(plain) }
}

/// One word, and whether it began without a quote.
fn word(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<(String, bool), ShellError> {
    let mut word = String::new();
    let literal = !matches!(characters.peek(), Some('"' | '\''));
    while let Some(next) = characters.next_if(|next| !next.is_whitespace()) {
        match next {
            '\'' => loop {
                match characters.next().ok_or(ShellError::Quote)? {
                    '\'' => break,
                    inside => word.push(inside),
                }
            },
            '"' => loop {
                match characters.next().ok_or(ShellError::Quote)? {
                    '"' => break,
                    '\\' => match characters.next().ok_or(ShellError::Quote)? {
                        escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                        '\n' => {}
                        other => word.extend(['\\', other]),
                    },
                    mark @ ('$' | '`') => return Err(ShellError::Expansion(mark)),
                    inside => word.push(inside),
                }
            },
            '\\' => match characters.next().ok_or(ShellError::Quote)? {
                '\n' => {}
                escaped => word.push(escaped),
            },
            mark @ ('&' | '|' | ';' | '<' | '>' | '(' | ')' | '\n') => {
                return Err(ShellError::Operator(mark));
            }
            mark @ ('$' | '`') => return Err(ShellError::Expansion(mark)),
            mark @ ('*' | '?' | '[') if !word.starts_with('-') => {
                return Err(ShellError::Pattern(mark));
            }
            '~' | '#' if word.is_empty() => return Err(ShellError::Pattern(next)),
            other => word.push(other),
        }
    }
    Ok((word, literal))
}

/// Takes away what only starts the real program: `exec`, `env`, `cross-env`.
fn unwrap_starters(plain: &mut Plain) {
    loop {
        match plain.words.first().map(String::as_str) {
            Some("exec") => {
                plain.words.remove(0);
            }
            Some("env" | "cross-env" | "/usr/bin/env") => {
                let assigned = |word: &&String| {
                    word.split_once('=').is_some_and(|(name, _)| crate::variables::is_name(name))
                };
                let count = plain.words.iter().skip(1).take_while(assigned).count();
                // An option of env changes more than variables.
                if plain.words.get(count + 1).is_none_or(|next| next.starts_with('-')) {
                    return;
                }
                for word in plain.words.drain(..=count).skip(1) {
                    if let Some((name, value)) = word.split_once('=') {
                        plain.variables.push((name.to_owned(), value.to_owned()));
                    }
                }
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_command_is_words() {
        let words = |text: &str| split(text).unwrap().words;
        assert_eq!(words("node  'a b.js' --x=\"c d\" e\\ f"), ["node", "a b.js", "--x=c d", "e f"]);
        let plain = split("exec cross-env NODE_ENV=production A='b c' node . K=v").unwrap();
        assert_eq!(plain.words, ["node", ".", "K=v"]);
        let set = |(name, value): &(String, String)| format!("{name}:{value}");
        let variables: Vec<_> = plain.variables.iter().map(set).collect();
        assert_eq!(variables, ["NODE_ENV:production", "A:b c"]);
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for (text, error) in [
            ("", ShellError::Empty),
            ("A=1", ShellError::Empty),
            ("npm run build && node .", ShellError::Operator('&')),
            ("node . > log", ShellError::Operator('>')),
            ("node $FILE", ShellError::Expansion('$')),
            ("node \"$FILE\"", ShellError::Expansion('$')),
            ("node `x`", ShellError::Expansion('`')),
            ("node src/*.js", ShellError::Pattern('*')),
            ("node 'a", ShellError::Quote),
            ("node a\\", ShellError::Quote),
        ] {
            assert_eq!(split(text), Err(error), "{text}");
        }
        assert_eq!(split("node '$X' \"\\$Y\"").unwrap().words, ["node", "$X", "$Y"]);
        assert!(split("node --permission --allow-fs-read=* a.js").is_ok(), "Node's own star");
    }
}
