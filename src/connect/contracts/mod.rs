//! For tests: recorded answers and published examples of the systems, which live beside this repository.

pub(crate) mod openapi;

use std::io::Write as _;
use std::path::PathBuf;

/// Folder of the contracts: `WARROOM_CONTRACTS`, or `../shared/contracts` beside the package.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where the recordings are"
)]
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("WARROOM_CONTRACTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    let text = format!(
        "SKIP: no recorded answers at {}; set WARROOM_CONTRACTS\n",
        folder.display()
    );
    // Past the test harness, which keeps the output of tests that pass to itself.
    std::io::stderr()
        .write_all(text.as_bytes())
        .expect("standard error");
    None
}

/// One file below the folder. None, loudly, when there is no folder; a missing file in it fails the test.
pub(crate) fn read(path: &str) -> Option<Vec<u8>> {
    let file = folder()?.join(path);
    Some(std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}
