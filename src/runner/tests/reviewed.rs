//! The file that people have reviewed, and no other, is executed.

use super::*;

#[tokio::test]
async fn the_reviewed_bytes_run_whatever_their_path_means_by_then() {
    let program = std::fs::read(resolve_exe("echo", PATH).unwrap()).unwrap();
    for bytes in [&b"#!/bin/sh\necho \"$1\"\n"[..], &program] {
        let mut bench = bench("");
        let directory = bench.directory.path();
        let path = tool(directory, "tool", bytes);
        bench.job.argv = ["tool", "what was reviewed"].map(str::to_owned).to_vec();
        bench.job.exe = reviewed(&path);
        let opened = exe::Program::open(&bench.job).unwrap();
        // Another file takes its place after the hash.
        let other = tool(directory, "other", b"#!/bin/sh\nexit 7\n");
        std::fs::rename(&other, &path).unwrap();
        let (_pty, _pts, child) = spawn::spawn(&bench.job, &opened).unwrap();
        let status = timeout(PATIENCE, child.wait_with_output()).await.unwrap();
        assert!(status.unwrap().status.success());
        // And from then on nothing starts.
        let end = bench.run().await;
        let Outcome::NotStarted(why) = end.outcome else {
            panic!("{end:?}")
        };
        let words = "tool` has other bytes than when it was reviewed";
        assert!(why.ends_with(words), "{why}");
        assert!(!bench.job.output_file.exists());
    }
}

#[tokio::test]
async fn a_reviewed_script_gets_its_arguments_and_its_terminal() {
    let mut bench = bench("");
    let text = b"#!/bin/sh\ntest -t 1 && echo \"got $1\"\n";
    let path = tool(bench.directory.path(), "tool", text);
    bench.job.argv = ["tool", "it"].map(str::to_owned).to_vec();
    bench.job.exe = reviewed(&path);
    assert_eq!(bench.run().await.outcome, Outcome::Exited(0));
    assert_eq!(bench.text(), "got it\r\n");
}
