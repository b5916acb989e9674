//! The header against the Rust side, by real compilers: sizes, offsets, every constant, `EV_SET`.
//!
//! The names are read from the header by the preprocessor, so neither side can have a constant
//! that the other lacks. Nothing here needs the library's functions.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kqueue::abi::constants::{Constant, TABLE};
use kqueue::abi::{FreebsdKevent, PortableKevent};

/// The languages that the header is for. Options come with those that have no extensions.
const STANDARDS: [&str; 12] = [
    "c89", "gnu89", "c99", "gnu99", "c11", "gnu11", "c17", "gnu17", "c++98", "c++11", "c++17",
    "gnu++20",
];
const SOME_STANDARDS: [&str; 4] = ["c89", "c99", "c11", "c++17"];
const STRICT: [&str; 5] = ["-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Werror"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Abi {
    Portable,
    Freebsd,
}

const ABIS: [Abi; 2] = [Abi::Portable, Abi::Freebsd];

impl Abi {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Portable => &[],
            Self::Freebsd => &["-DKEVENT_FREEBSD"],
        }
    }

    fn number(self, constant: &Constant) -> Option<i64> {
        match self {
            Self::Portable => constant.portable,
            Self::Freebsd => constant.freebsd,
        }
    }
}

/// The compiler of a standard's language, with the options that choose it.
fn compiler(standard: &str) -> Command {
    let (variable, default, language) = if standard.contains("++") {
        ("CXX", "c++", "c++")
    } else {
        ("CC", "cc", "c")
    };
    let program = std::env::var_os(variable).unwrap_or_else(|| default.into());
    let mut command = Command::new(program);
    command
        .arg(format!("-std={standard}"))
        .args(["-x", language, "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; a C and a C++ compiler are needed: install gcc and g++")
    });
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

/// Compiles and runs; what the program printed.
fn printed_by(standard: &str, options: &[&str], source: &Path) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    run(compiler(standard)
        .args(STRICT)
        .args(options)
        .arg(source)
        .arg("-o")
        .arg(&program));
    lines(&run(&mut Command::new(&program)))
}

fn in_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/c")
        .join(name)
}

/// What an expression of type long is, by name, to a program of this standard and interface.
fn values(
    standard: &str,
    abi: Abi,
    expressions: &BTreeMap<String, String>,
) -> BTreeMap<String, i64> {
    let mut source = String::from(
        "#include <sys/event.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{\n",
    );
    for (name, expression) in expressions {
        writeln!(
            source,
            "    printf(\"{name} %ld\\n\", (long)({expression}));"
        )
        .unwrap();
    }
    source.push_str("    return 0;\n}\n");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.c");
    std::fs::write(&file, source).unwrap();
    printed_by(standard, abi.options(), &file)
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The names that the header defines without arguments, as the preprocessor lists them.
fn names_in_the_header(abi: Abi) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("names.c");
    std::fs::write(&file, "#include <sys/event.h>\n").unwrap();
    let output = run(compiler("c11")
        .args(["-E", "-dM"])
        .args(abi.options())
        .arg(&file));
    let mut names: Vec<String> = lines(&output)
        .iter()
        .filter_map(|line| line.strip_prefix("#define ")?.split(' ').next())
        .filter(|name| {
            let families = ["EVFILT_", "EV_", "NOTE_", "VQ_", "KQUEUE_"];
            families.iter().any(|family| name.starts_with(family)) && !name.contains('(')
        })
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

fn layout(abi: Abi) -> BTreeMap<String, i64> {
    macro_rules! of {
        ($kevent:ty: $($field:ident)*) => {
            vec![
                ("size", size_of::<$kevent>()),
                $((stringify!($field), offset_of!($kevent, $field)),)*
            ]
        };
    }
    let numbers = match abi {
        Abi::Portable => of!(PortableKevent: ident filter flags fflags data udata),
        Abi::Freebsd => of!(FreebsdKevent: ident filter flags fflags data udata ext),
    };
    numbers
        .into_iter()
        .map(|(name, number)| (name.to_owned(), i64::try_from(number).unwrap()))
        .collect()
}

#[test]
fn q_c_01_the_structures_have_the_same_layout_in_every_language() {
    for abi in ABIS {
        let expected = layout(abi);
        let expressions = expected
            .keys()
            .map(|name| match name.as_str() {
                "size" => (name.clone(), "sizeof(struct kevent)".to_owned()),
                field => (name.clone(), format!("offsetof(struct kevent, {field})")),
            })
            .collect();
        for standard in SOME_STANDARDS {
            let found = values(standard, abi, &expressions);
            assert_eq!(found, expected, "{standard}, {abi:?}");
        }
    }
    let portable = layout(Abi::Portable);
    let fields = [
        "size", "ident", "filter", "flags", "fflags", "data", "udata",
    ];
    assert_eq!(
        fields.map(|field| portable[field]),
        [32, 0, 8, 10, 12, 16, 24]
    );
    let freebsd = layout(Abi::Freebsd);
    assert_eq!(
        (freebsd["size"], freebsd["udata"], freebsd["ext"]),
        (64, 24, 32)
    );
}

#[test]
fn q_c_01_the_fields_have_the_types_that_programs_expect() {
    let types = [
        ("ident", "uintptr_t"),
        ("filter", "short"),
        ("flags", "unsigned short"),
        ("fflags", "unsigned int"),
        ("udata", "void *"),
    ];
    for abi in ABIS {
        let data = match abi {
            Abi::Portable => ("data", "intptr_t"),
            Abi::Freebsd => ("data", "int64_t"),
        };
        let mut source = String::from("#include <sys/event.h>\n");
        for (field, kind) in types.into_iter().chain([data]) {
            writeln!(
                source,
                "{kind} *pointer_to_{field}(struct kevent *kev);\n\
                 {kind} *pointer_to_{field}(struct kevent *kev) {{ return &kev->{field}; }}"
            )
            .unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("types.c");
        std::fs::write(&file, source).unwrap();
        for standard in SOME_STANDARDS {
            let object = directory.path().join("types.o");
            let mut command = compiler(standard);
            command.args(STRICT).args(abi.options()).arg("-c");
            run(command.arg(&file).arg("-o").arg(&object));
        }
    }
}

#[test]
fn q_c_02_the_constants_are_those_of_the_other_library_and_of_freebsd() {
    for abi in ABIS {
        let expected: BTreeMap<String, i64> = TABLE
            .iter()
            .filter_map(|row| Some((row.name.to_owned(), abi.number(row)?)))
            .collect();
        let names: Vec<&String> = expected.keys().collect();
        assert_eq!(
            names_in_the_header(abi).iter().collect::<Vec<_>>(),
            names,
            "{abi:?}"
        );
        let expressions = names
            .iter()
            .map(|name| ((*name).clone(), (*name).clone()))
            .collect();
        for standard in SOME_STANDARDS {
            let found = values(standard, abi, &expressions);
            assert_eq!(found, expected, "{standard}, {abi:?}");
        }
    }
    for row in TABLE {
        let other = row.other.or(row.portable);
        assert_eq!(
            row.portable, other,
            "{}: the other library's number",
            row.name
        );
    }
    let common = TABLE.iter().filter(|row| row.other.is_some()).count();
    assert!(
        common > 60,
        "the other library's constants are in the table: {common}"
    );
}

#[test]
fn q_c_02_every_filter_can_be_asked_for_by_the_preprocessor() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ifdef.c");
    let mut source = String::from("#include <sys/event.h>\n");
    for row in TABLE.iter().filter(|row| row.portable.is_some()) {
        writeln!(source, "#ifndef {0}\n#error {0}\n#endif", row.name).unwrap();
        writeln!(
            source,
            "#if {0} != {1}\n#error {0}\n#endif",
            row.name,
            row.portable.unwrap()
        )
        .unwrap();
    }
    for absent in [
        "EVFILT_MACHPORT",
        "EVFILT_VM",
        "EVFILT_DEVICE",
        "NOTE_LEEWAY",
        "EV_POLL",
    ] {
        writeln!(source, "#ifdef {absent}\n#error {absent}\n#endif").unwrap();
    }
    std::fs::write(&file, source).unwrap();
    run(compiler("c99").args(["-E", "-o", "/dev/null"]).arg(&file));
}

#[test]
fn q_c_09_the_header_compiles_in_every_language_without_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("only.c");
    // Twice, and first of all, so that it stands on its own. An empty file is no program.
    std::fs::write(
        &file,
        "#include <sys/event.h>\n#include <sys/event.h>\nint kq(void);\n\
         int kq(void) { return kqueue() + kqueue1(0) + kqueuex(KQUEUE_CLOEXEC); }\n",
    )
    .unwrap();
    for abi in ABIS {
        for standard in STANDARDS {
            for option in [
                "-Wmissing-declarations",
                "-Wredundant-decls",
                "-Wundef",
                "-Wconversion",
                "-D_POSIX_C_SOURCE=200809L",
            ] {
                let mut command = compiler(standard);
                command.args(STRICT).args(abi.options());
                run(command.args([option, "-fsyntax-only"]).arg(&file));
            }
        }
    }
}

#[test]
fn q_c_09_both_interfaces_can_be_linked_into_one_program() {
    for standard in SOME_STANDARDS {
        for optimisation in ["-O0", "-O2"] {
            let directory = tempfile::tempdir().unwrap();
            let mut objects = Vec::new();
            for (name, source, abi) in [
                ("portable.o", "two_abis.c", Abi::Portable),
                ("freebsd.o", "two_abis.c", Abi::Freebsd),
                ("main.o", "two_abis_main.c", Abi::Portable),
            ] {
                let object = directory.path().join(name);
                let mut command = compiler(standard);
                command.args(STRICT).args(abi.options());
                command.args([optimisation, "-c"]).arg(in_tests(source));
                run(command.arg("-o").arg(&object));
                objects.push(object);
            }
            let program = directory.path().join("program");
            let mut link = compiler(standard);
            run(link.args(["-x", "none", "-o"]).arg(&program).args(&objects));
            let printed = lines(&run(&mut Command::new(&program)));
            assert_eq!(printed, ["32 64"], "{standard} {optimisation}");
        }
    }
}

#[test]
fn q_a_54_ev_set_evaluates_its_arguments_once_and_sets_every_field() {
    for abi in ABIS {
        for standard in ["c89", "c99", "c11", "gnu17", "c++98", "c++17"] {
            for optimisation in ["-O0", "-O2"] {
                let mut options = abi.options().to_vec();
                options.push(optimisation);
                let printed = printed_by(standard, &options, &in_tests("ev_set.c"));
                assert_eq!(
                    printed,
                    ["as it should be"],
                    "{standard} {abi:?} {optimisation}"
                );
            }
        }
    }
}

/// The programs between `.EX` and `.EE` of a manual page.
fn examples_of(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("\n.EX\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("\n.EE\n"))
        .map(|(example, _)| example.to_owned())
        .collect()
}

#[test]
fn the_manuals_examples_compile() {
    let of_kqueue = examples_of("kqueue.2");
    let program = of_kqueue.iter().find(|text| text.contains("int main"));
    let of_ev_set = &examples_of("EV_SET.3")[0];
    let statements = format!(
        "#include <sys/event.h>\nstruct kevent *f(int fd, void *client, struct kevent **end);\n\
         struct kevent *f(int fd, void *client, struct kevent **end) {{\nstatic {of_ev_set}\n\
         *end = next; return changes; }}\n"
    )
    .replace("*next = changes;\n", "*next; next = changes;\n");
    let directory = tempfile::tempdir().unwrap();
    for (name, source) in [("kqueue.c", program.unwrap()), ("ev_set.c", &statements)] {
        assert!(
            !source.contains('\\'),
            "{name}: the example needs no escapes"
        );
        let file = directory.path().join(name);
        std::fs::write(&file, source).unwrap();
        for standard in ["gnu89", "c99", "c11", "c++17"] {
            let mut command = compiler(standard);
            command.args(STRICT).args(["-O2", "-fsyntax-only"]);
            run(command.arg(&file));
        }
    }
    let structure = &of_kqueue[0];
    for field in ["ident", "filter", "flags", "fflags", "data", "udata"] {
        assert!(
            structure.contains(&format!("{field};")),
            "{field} is in the manual"
        );
    }
}
