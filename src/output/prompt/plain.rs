//! Questions on a terminal that can only write one character after the other: one line out, one line in.

use std::fmt::Write as _;
use std::io;

use dialoguer::console::Term;

use super::Question;
use crate::secret::Secret;

pub(super) fn confirm(term: &Term, prompt: &str, default: bool) -> io::Result<bool> {
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    loop {
        match line(term, &format!("{prompt} {choice} "))?.to_lowercase().as_str() {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => term.write_line("error: answer with y or n")?,
        }
    }
}

pub(super) fn ask(term: &Term, question: &Question) -> io::Result<String> {
    let default = question.default.as_ref().map(|default| format!(" [{default}]")).unwrap_or_default();
    loop {
        let typed = line(term, &format!("{}{default}: ", question.prompt))?;
        let typed = if typed.is_empty() { question.default.clone().unwrap_or(typed) } else { typed };
        match question.validate(&typed) {
            Ok(answer) => return Ok(answer),
            Err(why) => term.write_line(&format!("error: {why}"))?,
        }
    }
}

pub(super) fn ask_secret(
    term: &Term,
    prompt: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> io::Result<Secret> {
    loop {
        term.write_str(&format!("{prompt}: "))?;
        let typed = Secret::new(term.read_secure_line()?);
        match check(typed.expose()) {
            Ok(()) => return Ok(typed),
            Err(why) => term.write_line(&format!("error: {why}"))?,
        }
    }
}

pub(super) fn select(term: &Term, prompt: &str, lines: &[String]) -> io::Result<usize> {
    let mut list = String::new();
    for (index, line) in lines.iter().enumerate() {
        let _ = writeln!(list, "{:>4}  {line}", index + 1);
    }
    term.write_str(&list)?;
    loop {
        match find(&line(term, &format!("{prompt} (a number, or a part of the name): "))?, lines) {
            Ok(index) => return Ok(index),
            Err(why) => term.write_line(&format!("error: {why}"))?,
        }
    }
}

/// What somebody means by a number or by a part of a line.
fn find(typed: &str, lines: &[String]) -> Result<usize, String> {
    if let Ok(number) = typed.parse::<usize>()
        && (1..=lines.len()).contains(&number)
    {
        return Ok(number - 1);
    }
    let wanted = typed.to_lowercase();
    let found: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !wanted.is_empty() && line.to_lowercase().contains(&wanted))
        .map(|(index, _)| index)
        .collect();
    match found.as_slice() {
        [index] => Ok(*index),
        [] => Err(format!("choose a number from 1 to {}", lines.len())),
        several => Err(format!("that could be {} of them", several.len())),
    }
}

fn line(term: &Term, prompt: &str) -> io::Result<String> {
    term.write_str(prompt)?;
    let mut typed = String::new();
    if io::stdin().read_line(&mut typed)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(typed.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_number_or_a_part_of_one_line_chooses_it() {
        let lines = ["Stockholm City".to_owned(), "Göteborg Haga".to_owned(), "Stockholm 2".to_owned()];
        assert_eq!(find("2", &lines), Ok(1));
        assert_eq!(find("GÖTE", &lines), Ok(1));
        assert_eq!(find("stockholm", &lines), Err("that could be 2 of them".into()));
        assert_eq!(find("", &lines), Err("choose a number from 1 to 3".into()));
        assert_eq!(find("4", &lines), Err("choose a number from 1 to 3".into()));
    }
}
