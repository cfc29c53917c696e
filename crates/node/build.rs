//! Linker arguments of an addon.

fn main() {
    napi_build::setup();
    // Node unloads an addon with the worker thread that loaded it; the threads that hash may still
    // be running its code then.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
