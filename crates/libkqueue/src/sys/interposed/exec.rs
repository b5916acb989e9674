//! execve(2) and its relatives: a signal that the program ignores, and that a knote counts, is
//! ignored in the program that is executed, as on BSD.
//!
//! A forked child needs none of this: there the program's own actions are in force again. These
//! are for a child of vfork(2), and for a program that is replaced. execl(3) and the like cannot be
//! among them: Rust has no variadic functions. All of this may be called in a child of vfork(2),
//! and changes none of its parent's memory.

use std::ffi::{CStr, c_char, c_int};
use std::mem::transmute;
use std::ptr;

use kevent::binding;

use crate::interpose;
use crate::sys::real::Real;
use crate::sys::{environment, errno};

/// An array of strings that ends with NULL.
type Strings = *const *const c_char;

static EXECVE: Real = Real::new(c"execve");
static FEXECVE: Real = Real::new(c"fexecve");
static EXECVPE: Real = Real::new(c"execvpe");

pub(super) fn find_all() {
    for real in [&EXECVE, &FEXECVE, &EXECVPE] {
        real.find();
    }
}

/// Executes, with what the program ignores ignored. Returns only if that failed.
fn with_dispositions(execute: impl FnOnce() -> c_int) -> c_int {
    if !interpose::is_on() {
        return execute();
    }
    let ignored = errno::keep(binding::ignore_for_exec);
    let result = execute();
    errno::keep(|| binding::undo_ignore_for_exec(ignored));
    result
}

/// execve(2).
///
/// # Safety
/// As execve(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn execve(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    // SAFETY: the caller's promise.
    with_dispositions(|| unsafe { real_execve(path, argv, envp) })
}

/// execv(3).
///
/// # Safety
/// As execv(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn execv(path: *const c_char, argv: Strings) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { execve(path, argv, environment::all()) }
}

/// execvp(3).
///
/// # Safety
/// As execvp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(file: *const c_char, argv: Strings) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { execvpe(file, argv, environment::all()) }
}

/// execvpe(3).
///
/// # Safety
/// As execvpe(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn execvpe(file: *const c_char, argv: Strings, envp: Strings) -> c_int {
    type Execvpe = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;
    let address = EXECVPE.address();
    with_dispositions(|| {
        if address.is_null() {
            // SAFETY: the caller's promise.
            return unsafe { search(file, argv, envp) };
        }
        // SAFETY: the address is that of the C library's execvpe, which has this type.
        let execvpe: Execvpe = unsafe { transmute(address) };
        // SAFETY: the caller's promise.
        unsafe { execvpe(file, argv, envp) }
    })
}

/// fexecve(3).
///
/// # Safety
/// As fexecve(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn fexecve(fd: c_int, argv: Strings, envp: Strings) -> c_int {
    type Fexecve = unsafe extern "C" fn(c_int, Strings, Strings) -> c_int;
    let address = FEXECVE.address();
    with_dispositions(|| {
        if address.is_null() {
            let (empty, flag) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
            // SAFETY: the caller's promise.
            let result = unsafe { libc::syscall(libc::SYS_execveat, fd, empty, argv, envp, flag) };
            return c_int::try_from(result).unwrap_or(-1);
        }
        // SAFETY: the address is that of the C library's fexecve, which has this type.
        let fexecve: Fexecve = unsafe { transmute(address) };
        // SAFETY: the caller's promise.
        unsafe { fexecve(fd, argv, envp) }
    })
}

/// # Safety
/// As execve(2).
unsafe fn real_execve(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    type Execve = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;
    let address = EXECVE.address();
    if address.is_null() {
        // SAFETY: the caller's promise.
        let result = unsafe { libc::syscall(libc::SYS_execve, path, argv, envp) };
        return c_int::try_from(result).unwrap_or(-1);
    }
    // SAFETY: the address is that of the C library's execve, which has this type.
    let execve: Execve = unsafe { transmute(address) };
    // SAFETY: the caller's promise.
    unsafe { execve(path, argv, envp) }
}

/// execvpe(3) where the C library's cannot be reached: in a static program.
///
/// # Safety
/// As execvpe(3).
unsafe fn search(file: *const c_char, argv: Strings, envp: Strings) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(file) }.to_bytes_with_nul();
    if name.contains(&b'/') {
        // SAFETY: the caller's promise.
        return unsafe { execute_or_interpret(file, argv, envp) };
    }
    let path = environment::get(c"PATH").unwrap_or(b"/bin:/usr/bin");
    let mut is_forbidden = false;
    errno::set(libc::ENOENT);
    for directory in path.split(|&byte| byte == b':') {
        let mut room = [0_u8; libc::PATH_MAX as usize];
        let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let parts = [directory, separator, name];
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if name.len() == 1 || length > room.len() {
            continue;
        }
        for (place, byte) in room.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *byte;
        }
        // SAFETY: the path ends with 0; the rest is the caller's promise.
        unsafe { execute_or_interpret(room.as_ptr().cast(), argv, envp) };
        match errno::get() {
            libc::EACCES => is_forbidden = true,
            libc::ENOENT | libc::ESTALE | libc::ENOTDIR | libc::ENODEV | libc::ETIMEDOUT => {}
            _ => return -1,
        }
    }
    if is_forbidden {
        errno::set(libc::EACCES);
    }
    -1
}

/// Executes a file, or has the shell interpret it.
///
/// # Safety
/// As execve(2).
unsafe fn execute_or_interpret(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { real_execve(path, argv, envp) };
    if errno::get() != libc::ENOEXEC {
        return result;
    }
    let shell = c"/bin/sh".as_ptr();
    let mut arguments = [ptr::null(); 1024];
    let last = arguments.len() - 1;
    for (at, place) in arguments.iter_mut().take(last).enumerate() {
        *place = match at {
            0 => shell,
            1 => path,
            _ => {
                // SAFETY: the array ends with NULL, where this ends too.
                let argument = unsafe { argv.add(at - 1) };
                // SAFETY: as above.
                unsafe { argument.read() }
            }
        };
        if place.is_null() {
            // SAFETY: the arguments end with NULL; the rest is the caller's promise.
            return unsafe { real_execve(shell, arguments.as_ptr(), envp) };
        }
    }
    errno::set(libc::E2BIG);
    -1
}
