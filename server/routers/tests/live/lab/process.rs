//! A HAProxy or Redis process that ends with its test, however the test ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Becomes the program, with a watcher beside it that ends it when the pipe of standard input ends: when the test is done,
/// panics, or is itself killed with -9.
const WATCHED: &str = r#"exec 3<&0
( ( read -r _ <&3; kill -9 $$ ) >/dev/null 2>&1 & )
log=$0
exec "$@" </dev/null >>"$log" 2>&1 3<&-"#;

/// A process.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts HAProxy with the configuration in `file`.
    pub fn haproxy(file: &Path, dir: &Path) -> Self {
        Self::start("haproxy", &["-db", "-f", &file.display().to_string()], dir)
    }

    /// Starts HAProxy as a reload does: it takes the sockets over from `old`, which ends when its requests have.
    pub fn haproxy_after(old: &Self, file: &Path, dir: &Path) -> Self {
        Self::start("haproxy", &["-db", "-f", &file.display().to_string(), "-sf", &old.child.id().to_string()], dir)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts `program`, whose output goes to a file in `dir`.
    pub fn start(program: &str, args: &[&str], dir: &Path) -> Self {
        let log = dir.join(format!("{program}.log"));
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHED]).arg(&log).arg(binary(program)).args(args).stdin(Stdio::piped());
        Self { child: shell.spawn().unwrap(), log }
    }

    /// Ends it at once, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal to it, by name.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{name}");
    }

    /// Stops it, and waits until each of its threads stands still: the signal alone takes its time.
    pub fn stop(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.child.id());
        let stands =
            |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).is_ok_and(|stat| stat.contains(") T "));
        while !fs::read_dir(&tasks).unwrap().all(|task| stands(task.unwrap())) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Whether it runs (or is stopped).
    pub fn lives(&self) -> bool {
        lives(self.child.id())
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lives(pid: u32) -> bool {
    // The dead who wait to be buried do not count.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Debian puts HAProxy where an ordinary user's search path does not lead.
fn binary(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = places.map(|place| place.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("these tests need {program}: install it with apt-get, or run .ci/setup"))
}

/// As when the test is killed: nobody ends the process, but the pipe does.
async fn ends_with_its_pipe(mut process: Process) {
    drop(process.child.stdin.take());
    for _ in 0..500 {
        if !process.lives() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it outlives its test");
}

#[tokio::test]
async fn haproxy_ends_with_its_test_however_that_ends() {
    let lab = super::Lab::start().await;
    let pid = lab.process.child.id();
    lab.process.stop();
    assert!(lives(pid));
    drop(lab);
    assert!(!lives(pid));
    ends_with_its_pipe(super::Lab::start().await.process).await;
}

#[tokio::test]
async fn redis_ends_with_its_test_however_that_ends() {
    let lab = super::RedisLab::start().await;
    let pid = lab.process.child.id();
    lab.process.stop();
    drop(lab);
    assert!(!lives(pid));
    ends_with_its_pipe(super::RedisLab::start().await.process).await;
}
