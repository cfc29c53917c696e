//! Which commands a line for a shell starts, as words.
//!
//! Quotes, backslashes and the operators between commands are read; loops, functions and
//! substitutions are not carried out: the words inside `$( )` and backquotes count as commands of
//! their own, keywords are passed over. Enough to see which programs are named, not to say what a
//! script does.

/// Words that stand in front of a command.
const KEYWORDS: [&str; 14] =
    ["!", "(", ")", "do", "done", "elif", "else", "fi", "if", "then", "until", "while", "{", "}"];
/// Programs that start what follows them.
const WRAPPERS: [&str; 8] = ["command", "env", "exec", "nice", "nohup", "sudo", "time", "xargs"];
/// Shells, which run what follows `-c`.
pub(super) const SHELLS: [&str; 6] = ["ash", "bash", "dash", "ksh", "sh", "zsh"];
/// Shells in shells that are followed.
const DEPTH: usize = 4;

/// The commands of a text for a shell, each as its words. What a command pipes into is the next
/// one, marked by a first word `|`.
#[must_use]
pub fn commands(text: &str) -> Vec<Vec<String>> {
    nested(text, DEPTH)
}

/// The commands that an argument vector starts.
pub(super) fn of_words(words: &[String]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    finish(&mut words.to_vec(), &mut all, DEPTH);
    all
}

fn nested(text: &str, depth: usize) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(characters.by_ref().take_while(|c| *c != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = characters.next().filter(|c| *c != '"') {
                    match c {
                        '\\' => word.extend(characters.next()),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next().filter(|c| *c != '\n')),
            '#' if word.is_none() => {
                while characters.peek().is_some_and(|c| *c != '\n') {
                    characters.next();
                }
            }
            '$' if characters.peek() == Some(&'(') => {
                word.get_or_insert_default().push('$');
                characters.next();
                words.extend(word.take());
                finish(&mut words, &mut all, depth);
            }
            ' ' | '\t' | '\r' => words.extend(word.take()),
            '\n' | ';' | '&' | '|' | '(' | ')' | '`' => {
                words.extend(word.take());
                finish(&mut words, &mut all, depth);
                if character == '|' && characters.peek() != Some(&'|') {
                    words.push("|".to_owned());
                } else if matches!(character, '|' | '&') && characters.peek() == Some(&character) {
                    characters.next();
                }
            }
            '>' | '<' => {
                words.extend(word.take());
                word = Some(character.to_string());
            }
            character => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word.take());
    finish(&mut words, &mut all, depth);
    all
}

fn finish(words: &mut Vec<String>, all: &mut Vec<Vec<String>>, depth: usize) {
    let mut command = std::mem::take(words);
    let piped = command.first().is_some_and(|word| word == "|");
    if piped {
        command.remove(0);
    }
    strip(&mut command);
    if command.is_empty() {
        return;
    }
    let script = script(&command).map(str::to_owned);
    if piped {
        command.insert(0, "|".to_owned());
    }
    all.push(command);
    if let (Some(script), Some(depth)) = (script, depth.checked_sub(1)) {
        all.extend(nested(&script, depth));
    }
}

/// Takes off what stands before the program: keywords, assignments, programs that start another.
fn strip(command: &mut Vec<String>) {
    let mut wrapped = false;
    let behind = command.iter().position(|word| {
        let name = base_name(word);
        let assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let starts = WRAPPERS.contains(&name);
        wrapped |= starts;
        let option = wrapped && word.starts_with('-');
        !(assignment || starts || option || KEYWORDS.contains(&name))
    });
    command.drain(..behind.unwrap_or(command.len()));
}

/// The text that a shell is given by `-c`, with flags such as `-ec` too.
fn script(command: &[String]) -> Option<&str> {
    let shell = command.first().is_some_and(|word| SHELLS.contains(&base_name(word)));
    let at = command
        .iter()
        .position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    shell.then(|| command.get(at + 1).map(String::as_str)).flatten()
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}
