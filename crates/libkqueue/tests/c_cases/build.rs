//! Compiles the C and C++ programs and links them to the library beside this test.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// How a program is linked, and to which of the two binary interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linking {
    /// `-lkqueue`, and the interface that needs no define.
    Default,
    /// `-lkqueue`, with `KEVENT_FREEBSD`.
    Freebsd,
    /// `libkqueue.a`, and the libraries it needs.
    Static,
}

const THREAD_SANITIZER: &str = "-fsanitize=thread";

/// What cargo names for a static library: `cargo rustc -p libkqueue -- --print native-static-libs`.
const NATIVE_LIBRARIES: &[&str] = &[
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];

impl Linking {
    /// What the names of its cases begin with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Freebsd => "freebsd::",
            Self::Static => "static::",
        }
    }
}

/// A program that was built.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) linking: Linking,
}

impl Program {
    /// The names of its cases, as it lists them.
    pub(crate) fn cases(&self) -> Vec<String> {
        let output = Command::new(&self.path).output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} lists its cases: {}\n{complaints}",
            self.path.display(),
            output.status
        );
        let mut names: Vec<_> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        names.sort();
        assert!(!names.is_empty(), "{} has cases", self.path.display());
        names
    }
}

/// A directory with the library under the names that the linker and the loader look for.
#[derive(Debug)]
pub(crate) struct Workshop {
    directory: TempDir,
    archive: PathBuf,
    options: Vec<String>,
    /// Objects that every program is linked with.
    objects: Vec<PathBuf>,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        // Cargo puts the library that a test was built with beside the test.
        let beside = match env::var_os("KQUEUE_LIBRARY") {
            Some(directory) => fs::canonicalize(directory).unwrap(),
            None => env::current_exe().unwrap().parent().unwrap().to_owned(),
        };
        let library = beside.join("libkqueue.so");
        assert!(library.exists(), "no {}", library.display());
        symlink(&library, directory.path().join("libkqueue.so.0")).unwrap();
        symlink("libkqueue.so.0", directory.path().join("libkqueue.so")).unwrap();
        let options = env::var("KQUEUE_CFLAGS").unwrap_or_default();
        let mut workshop = Self {
            directory,
            archive: beside.join("libkqueue.a"),
            options: options.split_whitespace().map(str::to_owned).collect(),
            objects: Vec::new(),
        };
        if workshop.is_for(THREAD_SANITIZER) {
            workshop.compile_sanitizer_names();
        }
        workshop
    }

    /// Where the library is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn compile_sanitizer_names(&mut self) {
        let object = self.directory.path().join("tsan_names.o");
        run(Command::new("gcc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-c"])
            .arg(tests().join("tsan_names.c"))
            .arg("-o")
            .arg(&object));
        self.objects.push(object);
    }

    /// Whether the programs are built for a sanitizer, whose run-time library is not to be had
    /// twice in one program.
    pub(crate) fn is_sanitized(&self) -> bool {
        self.is_for("-fsanitize")
    }

    fn is_for(&self, option: &str) -> bool {
        self.options.iter().any(|given| given.starts_with(option))
    }

    /// Compiles and links a program of `tests/c`; a warning is an error.
    pub(crate) fn build(&self, source: &str, linking: Linking) -> Program {
        let path = self.path_of(source, linking);
        let object = path.with_extension("o");
        let is_cpp = source.ends_with(".cpp");
        let compiler = if is_cpp { "g++" } else { "gcc" };
        run(Command::new(compiler)
            .arg(if is_cpp { "-std=c++17" } else { "-std=c11" })
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread", "-I"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
            .args(&self.options)
            .args((linking == Linking::Freebsd).then_some("-DKEVENT_FREEBSD"))
            .arg("-c")
            .arg(tests().join(source))
            .arg("-o")
            .arg(&object));
        let mut linker = Command::new(compiler);
        linker.arg("-pthread").arg(object).arg("-o").arg(&path);
        self.link(&mut linker, source, linking);
        run(&mut linker);
        Program { path, linking }
    }

    fn path_of(&self, source: &str, linking: Linking) -> PathBuf {
        let directory = self.directory.path().join(format!("{linking:?}"));
        fs::create_dir_all(&directory).unwrap();
        directory.join(Path::new(source).file_stem().unwrap())
    }

    fn link(&self, compiler: &mut Command, source: &str, linking: Linking) {
        let stage = self.directory.path();
        if linking == Linking::Static {
            compiler.arg(&self.archive).args(NATIVE_LIBRARIES);
            return;
        }
        compiler.arg(format!("-Wl,-rpath,{}", stage.display()));
        // One program is not linked to the library, but loads it.
        if source == "loaded.c" {
            compiler.arg("-ldl");
        } else {
            compiler.arg("-L").arg(stage).arg("-lkqueue");
        }
        if self.is_for(THREAD_SANITIZER) {
            // Behind our library, not before it: the program's close(2) is ours, and ours calls
            // the sanitizer's, which ignores what happens within.
            compiler.args(&self.objects).args(["-rdynamic", "-ltsan"]);
        } else {
            compiler.args(&self.options);
        }
    }
}

/// The programs' sources.
fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c")
}

/// Runs a compiler, which must have nothing to say against it.
fn run(compiler: &mut Command) {
    let output = compiler.output().unwrap();
    assert!(
        output.status.success(),
        "{compiler:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
