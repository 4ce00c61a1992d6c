//! Runs or parses every code block of every page, and compares the output that it shows with the real one.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use kustom::emulator::API_KEY;

use super::background::Act;
use super::output_pattern::normalize;
use super::page::{Block, Page, ROOT, pages};
use super::sandbox::Sandbox;

/// Whether documents are updated instead of compared; insta reads the same variable.
pub(crate) fn updates_documents() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|mode| mode == "always")
}

#[test]
fn every_code_block_works() {
    let pages = pages();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let checks: Vec<_> = pages.iter().map(|page| scope.spawn(|| check_page(page))).collect();
        checks.into_iter().flat_map(|check| check.join().expect("a check of a page")).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

fn check_page(page: &Page) -> Vec<String> {
    let mut check = PageCheck { page, sandbox: None, failures: vec![], updates: vec![] };
    for block in &page.blocks {
        check.check_block(block);
    }
    if updates_documents() && !check.updates.is_empty() {
        let mut text = page.text.clone();
        for (range, new) in check.updates.into_iter().rev() {
            text.replace_range(range, &new);
        }
        fs::write(Path::new(ROOT).join(&page.path), text).expect("the page is written");
    }
    check.failures
}

struct PageCheck<'a> {
    page: &'a Page,
    /// Shared by the blocks of the page.
    sandbox: Option<Sandbox>,
    failures: Vec<String>,
    updates: Vec<(Range<usize>, String)>,
}

impl PageCheck<'_> {
    fn fail(&mut self, block: &Block, message: impl AsRef<str>) {
        let place = format!("{}:{}", self.page.path.display(), block.line);
        self.failures.push(format!("{place}: {}", message.as_ref()));
    }

    fn replace_or_fail(&mut self, block: &Block, text: String, message: &str) {
        if updates_documents() {
            self.updates.push((block.range.clone(), text));
        } else {
            self.fail(block, message);
        }
    }

    fn check_block(&mut self, block: &Block) {
        for key in block.note.keys() {
            if !["account", "phone", "typed", "file", "program", "lost", "sold"].contains(&key.as_str()) {
                self.fail(block, format!("'{key}' is not a way to run a block"));
            }
        }
        if let Some(file) = block.note.get("file") {
            return self.check_file(block, file);
        }
        match block.language.as_str() {
            "sh" | "console" => {
                self.prepare(block);
                let calls = self.stub_programs(block);
                if block.language == "sh" {
                    self.run_script(block);
                } else {
                    self.compare_output(block);
                }
                self.check_program_calls(block, &calls);
            }
            "toml" => self.use_toml(block),
            "json" => {
                if let Err(error) = check_json(&block.text) {
                    self.fail(block, error.to_string());
                }
            }
            "yaml" => {
                if let Err(error) = serde_yaml_ng::from_str::<serde_json::Value>(&block.text) {
                    self.fail(block, error.to_string());
                }
            }
            "text" => {}
            other => self.fail(block, format!("unknown language '{other}'")),
        }
    }

    /// Creates the page's sandbox if needed, and sets up what the block's note requests.
    fn prepare(&mut self, block: &Block) {
        if let Some(account) = block.note.get("account") {
            assert_eq!(
                account, "none",
                "the only other account is that of a store, which a page starts with"
            );
            self.sandbox = Some(Sandbox::new());
        }
        let sandbox = self.sandbox.get_or_insert_with(Sandbox::with_store);
        sandbox.set_phone_acts(vec![Act::parse(block.note.get("phone").map_or("pay", String::as_str))]);
        if block.note.contains_key("sold") {
            sandbox.sell();
        }
        if block.note.contains_key("lost") {
            sandbox.stub.account.lose_next_response();
        }
    }

    fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("a sandbox")
    }

    /// Compares the block with a file of the repository, which later blocks of the page can use.
    fn check_file(&mut self, block: &Block, file: &str) {
        let path = self.page.path.with_file_name(file);
        let content = fs::read_to_string(Path::new(ROOT).join(&path)).expect("the file that the page shows");
        let name = path.file_name().expect("a file name").to_string_lossy().into_owned();
        self.prepare(block);
        self.sandbox().write_file(&name, &content);
        if content != block.text {
            self.replace_or_fail(block, content, &format!("this is not the content of {}", path.display()));
        }
    }

    /// Stubs the programs of a note such as `program="pass show x; pass ls"`, and returns the calls expected.
    fn stub_programs(&mut self, block: &Block) -> BTreeSet<String> {
        let expected = block.note.get("program").map_or("", String::as_str);
        let calls = expected.split(';').map(|call| call.trim().to_owned()).filter(|call| !call.is_empty());
        let calls: BTreeSet<String> = calls.collect();
        let log = self.sandbox().path("programs.log");
        let _ = fs::remove_file(&log);
        for call in &calls {
            let name = call.split(' ').next().expect("a program");
            let script = format!("#!/bin/sh\necho \"{name} $*\" >> '{}'\necho {API_KEY}\n", log.display());
            self.sandbox().stub_program(name, &script);
        }
        calls
    }

    fn check_program_calls(&mut self, block: &Block, expected: &BTreeSet<String>) {
        let log = fs::read_to_string(self.sandbox().path("programs.log")).unwrap_or_default();
        let calls: BTreeSet<_> = log.lines().map(str::to_owned).collect();
        if !expected.is_empty() && calls != *expected {
            self.fail(block, format!("expected the calls {expected:?}, but got {calls:?}"));
        }
    }

    fn run_script(&mut self, block: &Block) {
        let typed = block.note.contains_key("typed");
        let output =
            if typed { self.sandbox().type_in(&block.text) } else { self.sandbox().run(&block.text) };
        if output.exit != 0 {
            self.fail(block, format!("{}{output}", block.text));
        }
    }

    fn compare_output(&mut self, block: &Block) {
        let commands = commands(&block.text);
        let outputs = self.sandbox().run_each(&commands);
        let mut real = String::new();
        for (index, (command, (exit, output))) in commands.iter().zip(&outputs).enumerate() {
            real.extend(["$ ", command, "\n", output]);
            let shows_exit_code = commands.get(index + 1).is_some_and(|next| next == "echo $?");
            if *exit != 0 && !shows_exit_code {
                self.fail(block, format!("no `echo $?` shows the exit code {exit} of {command}\n{output}"));
            }
        }
        if normalize(&real) != normalize(&block.text) {
            let message = format!("the page shows\n{}but the output is\n{real}", block.text);
            self.replace_or_fail(block, real, &message);
        }
    }

    /// Lets kustom read the block as the kind of file that it is.
    fn use_toml(&mut self, block: &Block) {
        let table: toml_edit::DocumentMut = match block.text.parse() {
            Ok(table) => table,
            Err(error) => return self.fail(block, error.to_string()),
        };
        let uses = [
            ("step", "scenario.toml", "kustom dev run scenario.toml"),
            ("profiles", ".config/kustom/profiles.toml", "kustom profiles list && kustom profiles show"),
            ("locations", "seed.toml", "kustom dev emulator --seed seed.toml"),
            ("devices", "seed.toml", "kustom dev emulator --seed seed.toml"),
        ];
        if let Some((_, file, command)) = uses.into_iter().find(|(key, _, _)| table.contains_key(key)) {
            let sandbox = Sandbox::with_store();
            sandbox.write_file(file, &block.text);
            let output = sandbox.run(command);
            if output.exit != 0 {
                self.fail(block, format!("{command}: {output}"));
            }
        }
    }
}

/// Accepts one document, or one per line.
fn check_json(text: &str) -> serde_json::Result<()> {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).map(drop);
    parse(text).or_else(|_| text.lines().try_for_each(parse))
}

/// The commands of a console block. A backslash continues a command on the next line.
fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(command) = commands.last_mut().filter(|command| command.ends_with('\\')) {
            command.extend(["\n", line]);
        } else if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_owned());
        }
    }
    commands
}

#[test]
fn commands_and_output_are_distinguished() {
    assert_eq!(commands("$ ls \\\n    -l\nfile\n\n$ pwd\n/\n"), ["ls \\\n    -l", "pwd"]);
}
