//! Gives the shared library of a plain `cargo build` the name that programs are linked to, and
//! pins it in memory. `cargo cbuild` sets the same name from `package.metadata.capi`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libkqueue.so.0");
    // After dlclose(3) functions of ours may still be called: signal handlers, handlers of
    // fork(2), destructors of thread-locals, and calls that were bound to our close(2).
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
