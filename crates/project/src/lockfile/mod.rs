//! Which package manager a project uses, and what its lockfile says.
