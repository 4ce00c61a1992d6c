//! At the counter: somebody at a terminal logs in, chooses from lists and pairs phones; and a script does the same
//! without a terminal.

#[cfg(unix)]
mod choices;
#[cfg(unix)]
mod login;
mod pairing;
mod pairing_trouble;
#[cfg(unix)]
mod person;
#[cfg(unix)]
mod under_a_minute;
