//! The units, accounts and directories of `assets/`, read by the tools that will read them.

use crate::harness::{Place, checkout, run, said, set_mode};
use std::fs;
use std::process::Command;

/// Says in a line that `tests/run` counts why a tool did not judge.
fn is_missing(tool: &str, test: &str) -> bool {
    let is_there = Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("\nSKIP {test}: `{tool}` is not installed");
    }
    !is_there
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if is_missing(
        "systemd-analyze",
        "units::systemd_finds_nothing_wrong_with_the_units",
    ) {
        return;
    }
    // Programs that are not installed here would be the only complaint.
    let place = Place::new();
    let units = place.join("units");
    fs::create_dir(&units).expect("mkdir");
    let program = place.program().display().to_string();
    let runner = place.join("bin/warroom-runner");
    fs::copy(env!("CARGO_BIN_EXE_warroom-runner"), &runner).expect("the runner is built");
    set_mode(&runner, 0o755);
    for name in ["warroom-runner.service", "warroom@.service"] {
        let text = fs::read_to_string(checkout().join("assets/systemd").join(name)).expect("there");
        let text = text
            .replace("/usr/bin/warroom-runner", &runner.display().to_string())
            .replace("/usr/bin/warroom ", &format!("{program} "));
        place.write(&format!("units/{name}"), &text);
    }
    let output = run(Command::new("systemd-analyze")
        .env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()))
        .args(["verify", "--man=no"])
        .arg(units.join("warroom-runner.service"))
        .arg(units.join("warroom@x.service"))
        .arg(units.join("warroom@.service")));
    let text = said(&output);
    let about = |line: &&str| line.contains("warroom") && !line.contains("does not exist");
    let complaints: Vec<&str> = text.lines().filter(about).collect();
    assert!(complaints.is_empty(), "{complaints:#?}\n{text}");
}

#[test]
fn every_unit_gives_up_what_the_design_names() {
    for name in ["warroom-runner.service", "warroom@.service"] {
        let text = fs::read_to_string(checkout().join("assets/systemd").join(name)).expect("there");
        for line in [
            "ProtectSystem=strict",
            "ProtectHome=yes",
            "PrivateTmp=yes",
            "NoNewPrivileges=yes",
            "SystemCallFilter=@system-service",
            "MemoryDenyWriteExecute=yes",
            "UMask=0077",
            "LimitCORE=0",
        ] {
            assert!(text.lines().any(|l| l == line), "{name}: {line}");
        }
    }
}

#[test]
fn accounts_and_directories_are_made_by_the_tools_of_the_host() {
    let test = "units::accounts_and_directories_are_made_by_the_tools_of_the_host";
    if crate::harness::is_skipped(test)
        || is_missing("systemd-sysusers", test)
        || is_missing("systemd-tmpfiles", test)
    {
        return;
    }
    let root = Place::new();
    fs::create_dir(root.join("etc")).expect("mkdir");
    let assets = checkout().join("assets");
    let at = format!("--root={}", root.path().display());
    let made = run(Command::new("systemd-sysusers")
        .arg(&at)
        .arg(assets.join("sysusers.d/warroom.conf")));
    assert!(made.status.success(), "{}", said(&made));
    let passwd = fs::read_to_string(root.join("etc/passwd")).expect("accounts");
    for account in ["warroom:", "warroom-exec:"] {
        let line = passwd.lines().find(|line| line.starts_with(account));
        assert!(
            line.is_some_and(|line| line.ends_with("nologin")),
            "{passwd}"
        );
    }
    let made = run(Command::new("systemd-tmpfiles")
        .arg(&at)
        .arg("--create")
        .arg(assets.join("tmpfiles.d/warroom.conf")));
    assert!(made.status.success(), "{}", said(&made));
    assert!(root.join("run/warroom").is_dir() && root.join("etc/warroom/totp.d").is_dir());
}
