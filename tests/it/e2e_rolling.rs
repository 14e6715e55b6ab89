//! A rolling restart behind a real HAProxy with clients that never pause, which goes by itself after one word: no request is
//! lost, two of three servers carry the load all the time, and one that does not come back stops it.

use crate::bastion::Bastion;
use crate::harness::{is_skipped, said, stdout_of, wait_until};
use crate::services::ALICE;
use crate::tmux::Terminal;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const SERVERS: [&str; 3] = ["web1", "web2", "web3"];
/// Clients at once: enough that some request is under way whenever a server is taken out.
const CLIENTS: usize = 4;

/// Clients that ask the balancer for one page after the other.
struct Traffic {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<String>>>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    fn start(address: &str) -> Self {
        let mut traffic = Self {
            stop: Arc::default(),
            answered: Arc::default(),
            failed: Arc::default(),
            clients: Vec::new(),
        };
        for _ in 0..CLIENTS {
            let address = address.to_owned();
            let (stop, answered) = (Arc::clone(&traffic.stop), Arc::clone(&traffic.answered));
            let failed = Arc::clone(&traffic.failed);
            traffic.clients.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match page(&address) {
                        Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(why) => failed.lock().expect("nobody panics here").push(why),
                    }
                }
            }));
        }
        traffic
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it: every request was answered with a page.
    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.join().expect("it ends");
        }
        let failed = self.failed.lock().expect("nobody panics here");
        assert!(
            failed.is_empty(),
            "{} of {} requests failed: {:?}",
            failed.len(),
            self.answered(),
            failed.first()
        );
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The body of one page; why not, for whatever a user would have seen as an error.
fn page(address: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    match answer.split_once("\r\n\r\n") {
        // The servers speak HTTP/1.0, and HAProxy says so.
        Some((head, body)) if head.split(' ').nth(1) == Some("200") && body.starts_with("web") => {
            Ok(body.trim().to_owned())
        }
        _ => Err(answer),
    }
}

struct Rolling {
    bastion: Bastion,
    alice: Terminal,
    traffic: Traffic,
}

impl Rolling {
    /// Version 2 is installed on each server but this one, where what is installed does not start.
    fn begin(broken: Option<&str>) -> Self {
        let bastion = Bastion::new(&["prometheus", "haproxy"]);
        let runbook = bastion.runbook("rolling.md");
        for server in SERVERS {
            let installed = if broken == Some(server) {
                "broken"
            } else {
                "v2"
            };
            install(&bastion, server, installed);
        }
        let traffic = Traffic::start(bastion.services.get("HAPROXY_ADDRESS"));
        wait_until("clients to be answered", || traffic.answered() > 100);
        let alice = bastion.shell_in_tmux("alice", ALICE, (120, 40));
        alice.type_line(&format!("warroom run -t web {}", runbook.display()));
        alice.wait("BRIEFING");
        alice.press(&["B"]);
        alice.wait("begin");
        alice.press(&["y"]);
        alice.wait("RUNNING");
        Self {
            bastion,
            alice,
            traffic,
        }
    }

    /// One word, and from here on each next step begins by itself.
    fn run_on(&self) {
        self.alice.press(&["e"]);
        self.alice.wait("go by itself,");
        self.alice.press(&["y"]);
        self.alice.wait("goes by itself");
    }

    /// Completes it, and looks back: no request lost, and at no time fewer than two servers.
    fn end(self) {
        self.alice.press(&["E"]);
        self.alice.wait("complete the maintenance?");
        self.alice.press(&["y"]);
        self.alice.wait("COMPLETED");
        let before = self.traffic.answered();
        wait_until("clients to be answered", || {
            self.traffic.answered() > before + 50
        });
        self.traffic.end();
        let address = self.bastion.services.get("HAPROXY_ADDRESS");
        for _ in SERVERS {
            let body = page(address).expect("a page");
            assert!(body.ends_with(" v2"), "{body}");
        }
        assert_eq!(fewest_in_service(&self.bastion), 2);
        let verified = self.bastion.warroom_as(ALICE, "verify web");
        assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    }
}

fn install(bastion: &Bastion, server: &str, version: &str) {
    let dir = bastion.services.get("HAPROXY_DIR");
    fs::write(format!("{dir}/{server}/installed"), version).expect("writable");
}

/// The least number of servers that Prometheus has ever seen in service.
fn fewest_in_service(bastion: &Bastion) -> u8 {
    let url = format!("{}/api/v1/query", bastion.services.get("PROMETHEUS_URL"));
    let query = "query=min_over_time(haproxy_backend_active_servers{proxy=\"web\"}[1h])";
    let mut curl = Command::new("curl");
    curl.args(["-fsS", "-G", &url, "--data-urlencode", query]);
    let answer: serde_json::Value = serde_json::from_str(&stdout_of(&mut curl)).expect("JSON");
    let value = answer["data"]["result"][0]["value"][1].as_str();
    value
        .and_then(|value| value.parse().ok())
        .expect("a sample")
}

#[test]
fn a_rolling_restart_loses_no_request() {
    if is_skipped("e2e_rolling::a_rolling_restart_loses_no_request") {
        return;
    }
    let rolling = Rolling::begin(None);
    rolling.run_on();
    rolling.bastion.wait_step("web", "return.web3", "done");
    rolling.end();
}

#[test]
fn a_server_that_does_not_come_back_stops_the_rollout() {
    if is_skipped("e2e_rolling::a_server_that_does_not_come_back_stops_the_rollout") {
        return;
    }
    let rolling = Rolling::begin(Some("web2"));
    rolling.run_on();
    rolling.bastion.wait_step("web", "restart.web2", "failed");

    // It goes no further: web3 is the last but one that answers.
    rolling.alice.wait("STOPPED");
    rolling.bastion.wait_step("web", "drain.web3", "pending");
    let address = rolling.bastion.services.get("HAPROXY_ADDRESS");
    let seen: Vec<String> = (0..8).map(|_| page(address).expect("a page")).collect();
    assert!(
        !seen.iter().any(|body| body.starts_with("web2")),
        "{seen:?}"
    );
    rolling.alice.press(&["e"]);
    rolling.alice.wait("refused");

    // What is installed is mended, and the rollout goes on where it stopped.
    install(&rolling.bastion, "web2", "v2");
    rolling.alice.press(&["f", "T"]);
    rolling.bastion.wait_step("web", "restart.web2", "pending");
    rolling.run_on();
    rolling.bastion.wait_step("web", "return.web3", "done");
    rolling.end();
}
