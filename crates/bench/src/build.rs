//! The release builds of our own that are measured, brought up to date by cargo.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds a package in release form; returns where its `file` is.
pub(crate) fn release(package: &str, file: &str) -> io::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!(
            "cargo build --release -p {package}: {message}"
        )));
    }
    let path = directory()?.join("release").join(file);
    if path.exists() {
        return Ok(path);
    }
    let message = format!("cargo built {package}, but {} is not there", path.display());
    Err(io::Error::new(io::ErrorKind::NotFound, message))
}

/// cargo's target directory: this program lies one directory below it.
pub(crate) fn directory() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(std::path::Path::parent);
    let target = target.ok_or_else(|| io::Error::other("this program lies in no directory"))?;
    Ok(target.to_owned())
}
