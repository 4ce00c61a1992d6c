//! At the counter: somebody at a terminal logs in, chooses from lists and pairs phones; and a script does the same
//! without a terminal.

#[cfg(unix)]
mod choices;
#[cfg(unix)]
mod first_run;
#[cfg(unix)]
mod login;
#[cfg(unix)]
mod pairing;
mod pairing_events;
mod pairing_trouble;
