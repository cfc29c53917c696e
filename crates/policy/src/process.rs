//! Decisions about programs a service starts.
//!
//! Only what is executed is seen here. Worker threads, WASI, foreign functions and the inspector
//! are switches inside Node: the kernel does not see them.

use crate::display;
use crate::model::Process;
use crate::net::Refusal;
use crate::paths;
use crate::source::Located;

impl Process {
    /// The same with the programs of `folder`, the absolute one of the file, by their whole paths.
    #[must_use]
    pub fn in_folder(&self, folder: &str) -> Self {
        let mut process = self.clone();
        for child in process.children.iter_mut().filter(|child| !child.value.starts_with('/')) {
            child.value = paths::normal(&format!("{folder}/{}", child.value));
        }
        process
    }

    /// May the service execute the program at this real, absolute path?
    ///
    /// # Errors
    /// `process.children` does not list it, or the path is relative.
    pub fn child(&self, path: &str) -> Result<&Located<String>, Refusal> {
        let shown = display::quoted(path).to_string();
        if !path.starts_with('/') {
            return Err(Refusal::never(format!("{shown} is not an absolute path")));
        }
        let asked = paths::normal(path);
        if let Some(grant) = self.children.iter().find(|grant| paths::normal(&grant.value) == asked)
        {
            return Ok(grant);
        }
        let reason = if self.children.is_empty() {
            format!("process.children is empty, so {shown} may not be started")
        } else {
            format!("process.children does not list {shown}")
        };
        Err(Refusal::missing(reason, "process.children", &asked))
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::tests::boundary;

    #[test]
    fn only_listed_programs_may_be_started() {
        let process = boundary("[process]\nchildren = [\"/usr/bin/git\"]\n").process;
        assert!(process.child("/usr/bin/git").is_ok());
        assert!(process.child("/usr//bin/./git").is_ok());
        assert!(process.child("git").is_err());
        assert!(process.child("/usr/bin/git2").is_err());
        let refusal = process.child("/bin/sh").unwrap_err();
        assert_eq!(refusal.reason, "process.children does not list /bin/sh");
        assert_eq!(refusal.missing_grant.as_deref(), Some("process.children = [\"/bin/sh\"]"));
        let refusal = boundary("").process.child("/bin/sh").unwrap_err();
        assert_eq!(refusal.reason, "process.children is empty, so /bin/sh may not be started");
    }

    #[test]
    fn a_program_of_the_folder_is_granted_there_and_nowhere_else() {
        let process =
            boundary("[process]\nchildren = [\"./bin//tool\", \"/usr/bin/git\"]\n").process;
        assert!(process.child("/srv/app/bin/tool").is_err());
        let there = process.in_folder("/srv/app");
        assert!(there.child("/srv/app/bin/tool").is_ok());
        assert!(there.child("/usr/bin/git").is_ok());
        assert!(there.child("/bin/tool").is_err());
    }
}
