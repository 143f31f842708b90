//! The real program, run as a shell runs it.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// `admin-tool` in a folder of its own.
pub struct Program {
    pub folder: TempDir,
    variables: Vec<(String, String)>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Program {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, variables: Vec::new() }
    }

    /// With a configuration file.
    pub fn with_file(text: &str) -> Self {
        let program = Self::new();
        std::fs::write(program.folder.path().join("unstick.toml"), text).unwrap();
        program
    }

    /// With a variable.
    pub fn set(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin-tool"));
        let inherited = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("UNSTICK_"));
        for name in inherited {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(arguments).envs(self.variables.iter().cloned());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, "")
    }

    /// Runs with `input` on standard input.
    pub fn feed(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    /// Runs and fails unless it ends with `code`.
    #[track_caller]
    pub fn expect(&self, arguments: &[&str], code: i32) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}\nout: {}\nerr: {}", ran.out, ran.err);
        ran
    }
}

/// Exactly one JSON document.
#[track_caller]
pub fn json(text: &str) -> serde_json::Value {
    let mut all = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let first =
        all.next().unwrap_or_else(|| panic!("no document in {text:?}")).unwrap_or_else(|e| panic!("{e} in {text}"));
    assert!(all.next().is_none(), "more than one document in {text}");
    first
}
