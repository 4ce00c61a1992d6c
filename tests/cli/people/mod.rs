//! What people read and type: tables that fit, names instead of IDs, prompts, and commands that are suggested.

mod formats;
mod profiles;
mod screens;
mod suggestions;
mod words;
mod workday;
