//! `package.json`: what of it says how a project is started and what it is made of.
//!
//! A value of another type than npm expects is told and left out; the rest still counts. Nothing is
//! filled in: what npm would assume (a `main` of `index.js`) is for the reader of these values.

use crate::json::{self, Json, JsonError, Placed};

/// Largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 2 << 20;

/// What a `package.json` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// `name`
    pub name: Option<Placed<String>>,
    /// `main`
    pub main: Option<Placed<String>>,
    /// `type`: `module` or `commonjs`
    pub kind: Option<Placed<String>>,
    /// `bin`: names and files; a single file has the name of the package.
    pub bin: Vec<(String, Placed<String>)>,
    /// `scripts`
    pub scripts: Vec<(String, Placed<String>)>,
    /// `engines.node`
    pub node: Option<Placed<String>>,
    /// `workspaces`, and `workspaces.packages`
    pub workspaces: Vec<Placed<String>>,
    /// `dependencies`, `optionalDependencies` and `devDependencies`
    pub dependencies: Vec<Dependency>,
    /// `packageManager`, such as `pnpm@9.1.0`
    pub manager: Option<Placed<String>>,
    /// `gypfile`: it builds native code of its own.
    pub gypfile: bool,
    /// Values of another type than expected.
    pub problems: Vec<Placed<String>>,
}

/// A dependency as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// The range or address, as written.
    pub range: String,
    /// Its line.
    pub line: usize,
    /// Only needed to develop.
    pub development: bool,
}

impl Package {
    /// The text of a script.
    #[must_use]
    pub fn script(&self, name: &str) -> Option<&Placed<String>> {
        self.scripts.iter().find(|(key, _)| key == name).map(|(_, text)| text)
    }

    /// A dependency that is there at run time.
    #[must_use]
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        self.dependencies.iter().find(|one| one.name == name && !one.development)
    }
}

/// Reads a `package.json`.
///
/// # Errors
/// What is not JSON, has a key twice, or is no object.
pub fn parse(text: &str) -> Result<Package, JsonError> {
    let root = json::parse(text)?;
    if !matches!(root.value, Json::Object(_)) {
        let message = format!("an object is expected, not {}", root.value.kind());
        return Err(JsonError { line: root.line, message });
    }
    let mut package = Package::default();
    let mut problems = Vec::new();
    let mut reader = Reader { root: &root.value, problems: &mut problems };
    package.name = reader.string("name");
    package.main = reader.string("main");
    package.kind = reader.string("type");
    package.manager = reader.string("packageManager");
    package.scripts = reader.strings("scripts");
    package.node = reader.strings("engines").into_iter().find(|(key, _)| key == "node").map(second);
    package.bin = reader.bin(package.name.as_ref());
    package.workspaces = reader.workspaces();
    package.gypfile = root.value.key("gypfile").is_some_and(|one| one.value == Json::Boolean(true));
    for (key, development) in
        [("dependencies", false), ("optionalDependencies", false), ("devDependencies", true)]
    {
        for (name, range) in reader.strings(key) {
            let Placed { value: range, line } = range;
            package.dependencies.push(Dependency { name, range, line, development });
        }
    }
    package.problems = problems;
    Ok(package)
}

fn second<T>((_, value): (String, T)) -> T {
    value
}

struct Reader<'a> {
    root: &'a Json,
    problems: &'a mut Vec<Placed<String>>,
}

impl Reader<'_> {
    fn wrong(&mut self, key: &str, value: &Placed<Json>, expected: &str) {
        let key = ringfence_policy::display::quoted(key);
        let message = format!("`{key}` is {}, not {expected}", value.value.kind());
        self.problems.push(Placed::new(message, value.line));
    }

    fn string(&mut self, key: &str) -> Option<Placed<String>> {
        let value = self.root.key(key)?;
        let text = value.value.as_str().map(|text| Placed::new(text.to_owned(), value.line));
        if text.is_none() {
            self.wrong(key, value, "a string");
        }
        text
    }

    fn strings(&mut self, key: &str) -> Vec<(String, Placed<String>)> {
        let Some(value) = self.root.key(key) else { return Vec::new() };
        if !matches!(value.value, Json::Object(_)) {
            self.wrong(key, value, "an object");
        }
        let mut found = Vec::new();
        for (name, item) in value.value.entries() {
            match item.value.as_str() {
                Some(text) => {
                    found.push((name.to_string(), Placed::new(text.to_owned(), item.line)));
                }
                None => self.wrong(&format!("{key}.{name}"), item, "a string"),
            }
        }
        found
    }

    fn bin(&mut self, name: Option<&Placed<String>>) -> Vec<(String, Placed<String>)> {
        match self.root.key("bin") {
            Some(Placed { value: Json::String(file), line }) => {
                let name = name.map_or("", |name| name.value.as_str());
                let own = name.rsplit('/').next().unwrap_or(name).to_owned();
                vec![(own, Placed::new(file.to_string(), *line))]
            }
            Some(_) => self.strings("bin"),
            None => Vec::new(),
        }
    }

    fn workspaces(&mut self) -> Vec<Placed<String>> {
        let Some(value) = self.root.key("workspaces") else { return Vec::new() };
        let list = value.value.key("packages").unwrap_or(value);
        if !matches!(list.value, Json::Array(_)) {
            self.wrong("workspaces", list, "a list");
        }
        let text = |one: &Placed<Json>| Some(Placed::new(one.value.as_str()?.to_owned(), one.line));
        list.value.items().iter().filter_map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starts_a_project_is_read_with_its_line() {
        let package = parse(
            "{\n\"name\": \"@a/orders\",\n\"bin\": \"cli.js\",\n\"type\": \"module\",\n\
             \"scripts\": {\n\"start\": \"node .\"},\n\"engines\": {\"node\": \">=20\"},\n\
             \"workspaces\": {\"packages\": [\"a/*\"]},\n\"dependencies\": {\"pg\": \"8\"},\n\
             \"devDependencies\": {\"x\": \"1\"}, \"gypfile\": true}",
        )
        .unwrap();
        assert_eq!(package.script("start"), Some(&Placed::new("node .".to_owned(), 6)));
        assert_eq!(package.bin, [("orders".to_owned(), Placed::new("cli.js".to_owned(), 3))]);
        assert_eq!(package.node, Some(Placed::new(">=20".to_owned(), 7)));
        assert_eq!(package.workspaces, [Placed::new("a/*".to_owned(), 8)]);
        assert!(package.dependency("pg").is_some() && package.dependency("x").is_none());
        assert!(package.gypfile && package.problems.is_empty());
    }

    #[test]
    fn values_of_another_type_are_told_and_the_rest_counts() {
        let package =
            parse("{\"name\": 1,\n\"main\": \"a.js\",\n\"scripts\": [],\n\"bin\": {\"x\": 1}}")
                .unwrap();
        let told: Vec<_> =
            package.problems.iter().map(|one| (one.line, one.value.as_str())).collect();
        assert_eq!(
            told,
            [
                (1, "`name` is a number, not a string"),
                (3, "`scripts` is a list, not an object"),
                (4, "`bin.x` is a number, not a string"),
            ]
        );
        assert_eq!(package.main.unwrap().value, "a.js");
        assert!(parse("[]").is_err());
    }
}
