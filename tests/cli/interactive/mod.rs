//! At the counter: somebody at a terminal logs in, chooses from lists and pairs phones; and a script does the same
//! without a terminal.

mod choices;
mod first_run;
mod login;
mod pairing;
mod pairing_events;
mod pairing_trouble;
