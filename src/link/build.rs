//! Tells the linker to lay the functions that a session runs side by side.
//!
//! The kernel maps a program's file in windows of 64 KiB. A session runs a quarter of the program's code; spread over
//! all of it, as the compiler emits it, nearly every window comes into memory, and the rest with them. The list is
//! written by `tests/measure/layout`. A name that no longer fits costs memory, nothing else.
//!
//! Where the C library of this host knows packed relocations (2.36 and later), the program has them: 30 kB instead of
//! 800 kB are read at each start. Such a program needs a C library as young, as most that are built on a host do.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script what it is to do by the environment"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Prefixes of symbols, one a line; lines with `#` are comments.
const LIST: &str = "src/link/functions.txt";
/// The first C library that reads packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);
/// Where the list is for: `rustc` keeps the linker it uses there in a folder of its own.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-changed=src/link/build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if is_wanted() && links_with_lld()? {
        let path = PathBuf::from(env::var("OUT_DIR")?).join("layout.ld");
        fs::write(&path, script(&fs::read_to_string(LIST)?)?)?;
        println!(
            "cargo::rustc-link-arg-bin=warroom=-Wl,-T,{}",
            path.display()
        );
        if has_unwinder() {
            let place = PathBuf::from(env::var("OUT_DIR")?);
            fs::write(place.join("libgcc_s.so"), "INPUT(-lgcc_eh)\n")?;
            println!("cargo::rustc-link-arg-bin=warroom=-L{}", place.display());
        }
        if libc_version().is_some_and(|version| version >= PACKED_SINCE) {
            println!("cargo::rustc-link-arg-bin=warroom=-Wl,-z,pack-relative-relocs");
        }
    }
    Ok(())
}

/// Whether the compiler's unwinder is there to be linked in, as `-static-libgcc` would have it if the standard library did
/// not name the shared one: a library less to be mapped, relocated and initialised at each start.
fn has_unwinder() -> bool {
    let asked = Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    // What is not found is printed as it was asked for.
    asked.is_ok_and(|said| said.stdout.starts_with(b"/"))
}

/// Major and minor version of the C library of this host, where it is the GNU one.
fn libc_version() -> Option<(u32, u32)> {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = String::from_utf8(asked.ok()?.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// For the program that is kept, where nobody chose another linker.
fn is_wanted() -> bool {
    let var = |name: &str| env::var(name).unwrap_or_default();
    var("PROFILE") == "release"
        && var("TARGET") == TARGET
        && var("RUSTC_LINKER").is_empty()
        && !var("CARGO_ENCODED_RUSTFLAGS").contains("link")
}

/// Whether this compiler brings its own linker. GNU ld takes such a script too, and makes a program of it that
/// does not run; gold and mold refuse it.
fn links_with_lld() -> Result<bool, Box<dyn Error>> {
    let asked = Command::new(env::var("RUSTC")?)
        .args(["--print", "sysroot"])
        .output()?;
    let root = String::from_utf8(asked.stdout)?;
    let place = format!("lib/rustlib/{TARGET}/bin/gcc-ld/ld.lld");
    Ok(Path::new(root.trim()).join(place).exists())
}

/// A linker script that adds one section before the others.
fn script(list: &str) -> Result<String, Box<dyn Error>> {
    let mut script = String::from("SECTIONS {\n  .text.session : {\n");
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        // What is marked as seldom called lies in sections of that name; a list of what ran knows better.
        writeln!(script, "    *(.text.{line}* .text.unlikely.{line}*)")?;
    }
    script.push_str("  }\n}\nINSERT BEFORE .text;\n");
    Ok(script)
}
