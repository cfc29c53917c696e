//! Build, demo, test and benchmark driver.
fn main() {}
