//! The unit of the runner, started by a systemd of its own: the first process of a process namespace, with its own
//! cgroup and its own `/run` and `/var/lib`. What the unit takes away from commands, the runner must do without.

use crate::enforced::desk::{allowed_signers, people_toml};
use crate::enforced::{Rig, ended, hello, run};
use crate::harness::{Place, checkout, is_skipped, set_mode, wait_for};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use warroom::config::runner::RunnerLink;
use warroom::runner::Outcome;

/// The account of the runner here: one that every Linux has.
const ACCOUNT: &str = "daemon";
/// Where the system's own manager is.
const SYSTEMD: &str = "/usr/lib/systemd/systemd";

/// Makes the surroundings, and becomes the manager.
const BOOT: &str = "set -eu
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /var/lib
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /run/lock /run/systemd
cp -a \"$1\" /run/place
export container=warroom SYSTEMD_UNIT_PATH=/run/place/units
exec /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
";

/// What the command says of its surroundings.
const SCRIPT: &str = "#!/bin/sh
[ -t 1 ] && echo outputs=terminal
echo \"account=$(id -un)\"
grep '^0::' /proc/self/cgroup
for dir in /etc /usr /run /root; do touch \"$dir/x\" 2>/dev/null && echo \"writes $dir\"; done
grep -E '^(NoNewPrivs|CapBnd|Seccomp):' /proc/self/status | tr -s '\\t' ' '
echo over
";

/// A manager and its cgroup, which goes with it.
struct Booted {
    child: Child,
    cgroup: PathBuf,
}

impl Booted {
    fn start(place: &Place, cgroup: PathBuf) -> Self {
        fs::create_dir(&cgroup).expect("a cgroup");
        let log = fs::File::create(place.join("boot.log")).expect("a log");
        let enter = "echo $$ > \"$1/cgroup.procs\"; shift; exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", enter, "sh"]).arg(&cgroup);
        command.args(["unshare", "--pid", "--fork", "--kill-child", "--mount"]);
        command.args(["--uts", "--ipc", "--cgroup", "--mount-proc"]);
        command.args(["bash", "-c", BOOT, "bash"]).arg(place.path());
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("started");
        Self { child, cgroup }
    }

    /// Its first process, as it is seen from here.
    fn manager(&self) -> Option<String> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // The kernel needs a moment until nobody is in there.
        for _ in 0..200 {
            remove_below(&self.cgroup);
            if fs::remove_dir(&self.cgroup).is_ok() {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }
}

fn remove_below(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_below(&entry.path());
            fs::remove_dir(entry.path()).ok();
        }
    }
}

/// Where cgroups of version 2 are, when one can be made there.
fn cgroups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let line = mounts.lines().find(|line| line.starts_with("cgroup2 "))?;
    let own =
        Path::new(line.split(' ').nth(1)?).join(format!("warroom-boot-{}", std::process::id()));
    let probe = own.with_extension("probe");
    let can = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
    can.is_ok().then_some(own)
}

/// Says in a line that `tests/run` counts why nothing can be started here.
fn cannot(test: &str) -> Option<PathBuf> {
    if is_skipped(test) {
        return None;
    }
    let unshares = Command::new("unshare")
        .args([
            "--pid",
            "--fork",
            "--mount",
            "--cgroup",
            "--mount-proc",
            "true",
        ])
        .output()
        .is_ok_and(|output| output.status.success());
    let why = match cgroups() {
        _ if !Path::new(SYSTEMD).exists() => "systemd is not installed",
        _ if !unshares => "namespaces cannot be made",
        Some(cgroup) => return Some(cgroup),
        None => "cgroups of version 2 cannot be made",
    };
    eprintln!("\nSKIP {test}: {why}");
    None
}

/// The unit with its paths, and the few others that a manager wants.
fn lay_out(place: &Place) {
    let runner = place.join("bin/warroom-runner");
    fs::copy(env!("CARGO_BIN_EXE_warroom-runner"), &runner).expect("the runner is built");
    set_mode(&runner, 0o755);
    for dir in ["etc", "work", "units", "units/warroom-runner.service.d"] {
        fs::create_dir(place.join(dir)).expect("mkdir");
    }
    place.write("etc/people.toml", &people_toml());
    place.write("etc/allowed_signers", &allowed_signers());
    place.write(
        "etc/runner.toml",
        "servers = [\"0\"]\npeople = \"/run/place/etc/people.toml\"\n",
    );
    let unit = checkout().join("assets/systemd/warroom-runner.service");
    let unit = fs::read_to_string(unit).expect("there");
    let at = "/run/place/bin/warroom-runner --config /run/place/etc/runner.toml";
    let unit = unit
        .replace("/usr/bin/warroom-runner", at)
        .replace("=warroom-exec", &format!("={ACCOUNT}"));
    place.write("units/warroom-runner.service", &unit);
    place.write(
        "units/warroom-runner.service.d/log.conf",
        "[Service]\nStandardOutput=file:/run/place/runner.log\nStandardError=inherit\n",
    );
    for target in ["sysinit", "basic", "shutdown", "local-fs"] {
        let text = "[Unit]\nDefaultDependencies=no\n";
        place.write(&format!("units/{target}.target"), text);
    }
    place.write(
        "units/multi-user.target",
        "[Unit]\nRequires=warroom-runner.service\n",
    );
}

#[test]
fn the_unit_of_the_runner_starts_and_its_commands_have_what_they_need_and_no_more() {
    let test = "units_booted::the_unit_of_the_runner_starts";
    let Some(cgroup) = cannot(test) else {
        return;
    };
    let place = Place::new();
    lay_out(&place);
    let script = place.write("work/tool", SCRIPT);
    set_mode(&script, 0o755);
    let booted = Booted::start(&place, cgroup);
    let mut link = RunnerLink {
        socket: PathBuf::new(),
        account: ACCOUNT.to_owned(),
    };
    let facts = wait_for("the unit to answer", || {
        let root = format!("/proc/{}/root", booted.manager()?);
        link.socket = Path::new(&root).join("run/warroom-runner/sock");
        hello(&link)
    });
    assert_eq!(facts.account, ACCOUNT);
    assert_eq!(facts.reach, "cgroup", "`Delegate=yes` gives one to divide");
    let rig = Rig::over(link, facts, place);
    let mut desk = rig.desk(&script);
    let (_, digest) = desk.plan.exe.clone().expect("a script");
    desk.plan.exe = Some(("/run/place/work/tool".to_owned(), digest));
    desk.plan.cwd = "/run/place/work".to_owned();
    let (result, output) = ended(run(&rig, &desk.ticket()));
    assert_eq!(result.outcome, Outcome::Exited(0), "{output}");
    let own = format!(
        "0::/system.slice/warroom-runner.service/warroom-{}",
        desk.nonce
    );
    for line in [
        "outputs=terminal",
        "account=daemon",
        &own,
        "NoNewPrivs: 1",
        "CapBnd: 0000000000000000",
        "Seccomp: 2",
        "over",
    ] {
        assert!(output.lines().any(|l| l == line), "{line}\n{output}");
    }
    assert!(!output.contains("writes"), "{output}");
}
