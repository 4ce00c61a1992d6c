//! Every block of every page is what it says it is: commands work, shown output is the real one, data can be read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use kustom::emulator::API_KEY;

use super::environment::World;
use super::output_pattern::shape;
use super::page::{Block, Page, ROOT, pages};
use super::phone::Act;
use super::shell::Shown;

/// The blocks that are not run, by page, with the reason that stands in front of them. A new one is added here on purpose.
const NOT_RUN: &[(&str, &str)] = &[];

/// What is wrong with a page, and what it would be if it were as the program is.
struct Verdict {
    troubles: Vec<String>,
    blessed: String,
    not_run: Vec<(String, String)>,
    run: usize,
}

/// Whether what has changed is to be written.
pub(crate) fn blesses() -> bool {
    std::env::var_os("KUSTOM_BLESS").is_some_and(|value| !value.is_empty())
}

#[test]
fn every_block_is_what_it_says() {
    let pages = pages();
    let verdicts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for page in &pages {
            let verdicts = &verdicts;
            scope.spawn(move || {
                let verdict = judge(page);
                verdicts.lock().expect("verdicts").push((page, verdict));
            });
        }
    });
    let mut troubles = Vec::new();
    let mut not_run = Vec::new();
    let mut run = 0;
    for (page, verdict) in verdicts.into_inner().expect("verdicts") {
        if blesses() && verdict.blessed != page.text {
            fs::write(Path::new(ROOT).join(&page.path), &verdict.blessed).expect("a page");
        }
        troubles.extend(verdict.troubles);
        not_run.extend(verdict.not_run);
        run += verdict.run;
    }
    not_run.sort();
    told(&format!("{run} blocks were run, {} were not: {not_run:#?}", not_run.len()));
    let known: Vec<_> = NOT_RUN.iter().map(|(page, why)| ((*page).to_owned(), (*why).to_owned())).collect();
    assert!(troubles.is_empty(), "\n{}", troubles.join("\n\n"));
    assert_eq!(not_run, known, "only these blocks may stay untried");
}

/// For whoever reads the output of the tests.
#[allow(clippy::print_stdout, reason = "the test's own output")]
fn told(text: &str) {
    println!("{text}");
}

fn judge(page: &Page) -> Verdict {
    let mut judge =
        Judge { page, world: None, troubles: vec![], replacements: vec![], not_run: vec![], run: 0 };
    for block in &page.blocks {
        judge.block(block);
    }
    let mut blessed = page.text.clone();
    for (range, text) in judge.replacements.into_iter().rev() {
        blessed.replace_range(range, &text);
    }
    Verdict { troubles: judge.troubles, blessed, not_run: judge.not_run, run: judge.run }
}

struct Judge<'a> {
    page: &'a Page,
    /// The page's blocks share it.
    world: Option<World>,
    troubles: Vec<String>,
    replacements: Vec<(std::ops::Range<usize>, String)>,
    not_run: Vec<(String, String)>,
    run: usize,
}

impl Judge<'_> {
    fn trouble(&mut self, block: &Block, what: impl AsRef<str>) {
        let place = format!("{}:{}", self.page.path.display(), block.line);
        self.troubles.push(format!("{place}: {}", what.as_ref()));
    }

    fn block(&mut self, block: &Block) {
        for key in block.note.keys() {
            if !["world", "phone", "typed", "not", "file", "program", "lost"].contains(&key.as_str()) {
                self.trouble(block, format!("'{key}' says nothing about how a block is run"));
            }
        }
        if let Some(why) = block.note.get("not") {
            let place = (self.page.path.display().to_string(), why.clone());
            self.not_run.push(place);
            return;
        }
        if let Some(file) = block.note.get("file") {
            return self.shows_file(block, file);
        }
        match block.language.as_str() {
            "sh" | "console" => {
                self.run += 1;
                self.prepare(block);
                let calls = self.stand_ins(block);
                if block.language == "sh" {
                    self.runs(block);
                } else {
                    self.shows(block);
                }
                self.were_called(block, &calls);
            }
            "toml" => self.toml(block),
            "json" => {
                for line in block
                    .text
                    .lines()
                    .filter(|_| serde_json::from_str::<serde_json::Value>(&block.text).is_err())
                {
                    if let Err(error) = serde_json::from_str::<serde_json::Value>(line) {
                        self.trouble(block, format!("{error} in {line}"));
                    }
                }
            }
            "yaml" => {
                if let Err(error) = serde_yaml_ng::from_str::<serde_json::Value>(&block.text) {
                    self.trouble(block, error.to_string());
                }
            }
            "text" => {}
            other => self.trouble(
                block,
                format!("'{other}' is not known here: sh, console, toml, json, yaml or text"),
            ),
        }
    }

    /// Sees to the world that a block begins in.
    fn prepare(&mut self, block: &Block) {
        match block.note.get("world").map(String::as_str) {
            Some("new") => self.world = Some(World::new()),
            Some("store") => self.world = Some(World::store()),
            Some(other) => self.trouble(block, format!("there is no world '{other}'")),
            None => {}
        }
        let world = self.world.get_or_insert_with(World::store);
        let phone = block.note.get("phone").map_or("pay", String::as_str);
        let acts: Option<Vec<_>> = match phone {
            "nobody" => Some(vec![]),
            acts => acts.split(',').map(Act::named).collect(),
        };
        world.phone_does(acts.unwrap_or_default());
        if block.note.contains_key("lost") {
            world.calls.desk.account.lose_the_next_answer();
        }
    }

    fn world(&self) -> &World {
        self.world.as_ref().expect("a world")
    }

    /// The block is a file of the repository, and those after it find it in their folder.
    fn shows_file(&mut self, block: &Block, file: &str) {
        let path = self.page.path.with_file_name(file);
        let content = fs::read_to_string(Path::new(ROOT).join(&path)).expect("a file that the page shows");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        self.prepare(block);
        self.world().file(&name, &content);
        if content != block.text {
            self.trouble(block, format!("this is not {}", path.display()));
            if blesses() {
                self.replacements.push((block.range.clone(), content));
            }
        }
    }

    /// Puts programs in place that are not at hand: `program="pass show x; pass ls"` are the calls that are expected.
    fn stand_ins(&mut self, block: &Block) -> Vec<String> {
        let expected = block.note.get("program").map_or("", String::as_str);
        let calls: Vec<_> = expected.split(';').map(|call| call.trim().to_owned()).collect();
        let calls: Vec<_> = calls.into_iter().filter(|call| !call.is_empty()).collect();
        let log = self.world().beside("programs.log");
        let _ = fs::remove_file(&log);
        for call in &calls {
            let name = call.split(' ').next().expect("a program");
            let script = format!("#!/bin/sh\necho \"{name} $*\" >> '{}'\necho {API_KEY}\n", log.display());
            self.world().stand_in(name, &script);
        }
        calls
    }

    /// The programs were called like that, and not otherwise.
    fn were_called(&mut self, block: &Block, expected: &[String]) {
        if expected.is_empty() {
            return;
        }
        let log = fs::read_to_string(self.world().beside("programs.log")).unwrap_or_default();
        let called: BTreeSet<_> = log.lines().map(str::to_owned).collect();
        let expected: BTreeSet<_> = expected.iter().cloned().collect();
        if called != expected {
            self.trouble(block, format!("called were {called:?}, and not {expected:?}"));
        }
    }

    fn runs(&mut self, block: &Block) {
        let typed = block.note.contains_key("typed");
        let outcome = if typed { self.world().type_in(&block.text) } else { self.world().run(&block.text) };
        if outcome.exit != 0 {
            let (exit, out, err) = (outcome.exit, outcome.stdout, outcome.stderr);
            self.trouble(block, format!("exit {exit} of\n{}stdout:\n{out}stderr:\n{err}", block.text));
        }
    }

    fn shows(&mut self, block: &Block) {
        let steps = steps(&block.text);
        let commands: Vec<_> = steps.iter().map(|(command, _)| command.clone()).collect();
        let shown = self.world().show(&commands);
        let mut real = String::new();
        for (index, ((command, _), Shown { exit, output })) in steps.iter().zip(&shown).enumerate() {
            real.extend(["$ ", command, "\n", output]);
            let told = commands.get(index + 1).is_some_and(|next| next == "echo $?");
            if *exit != 0 && !told {
                self.trouble(
                    block,
                    format!("exit {exit} is not shown with `echo $?` after {command}\n{output}"),
                );
            }
        }
        if shape(&real) != shape(&block.text) {
            if blesses() {
                self.replacements.push((block.range.clone(), real));
            } else {
                self.trouble(block, format!("shown is\n{}and real\n{real}", block.text));
            }
        }
    }

    /// Data in TOML is used for what it is.
    fn toml(&mut self, block: &Block) {
        let table: toml_edit::DocumentMut = match block.text.parse() {
            Ok(table) => table,
            Err(error) => return self.trouble(block, error.to_string()),
        };
        let world = World::store();
        let command = if table.contains_key("step") {
            world.file("scenario.toml", &block.text);
            "kustom dev run scenario.toml"
        } else if table.contains_key("profiles") {
            world.file(".config/kustom/profiles.toml", &block.text);
            "kustom profiles list && kustom profiles show"
        } else if table.contains_key("locations") || table.contains_key("devices") {
            world.file("seed.toml", &block.text);
            "kustom dev emulator --seed seed.toml"
        } else {
            return;
        };
        let outcome = world.run(command);
        if outcome.exit != 0 {
            self.trouble(block, format!("{command}: {outcome:?}"));
        }
    }
}

/// The commands of a console block, each with what is shown after it.
fn steps(text: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        if goes_on {
            let (command, _) = steps.last_mut().expect("a command");
            command.extend(["\n", line]);
            goes_on = line.ends_with('\\');
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push((command.to_owned(), String::new()));
            goes_on = command.ends_with('\\');
        } else {
            let (_, output) = steps.last_mut().expect("a console block begins with `$ `");
            output.extend([line, "\n"]);
        }
    }
    steps
}

#[test]
fn commands_and_output_are_told_apart() {
    let text = "$ ls \\\n    -l\nfile\n\n$ pwd\n/\n";
    let expected = [("ls \\\n    -l", "file\n\n"), ("pwd", "/\n")];
    assert_eq!(steps(text), expected.map(|(command, output)| (command.to_owned(), output.to_owned())));
}
