//! Completions: the candidates that the program prints, and Tab in real shells.

mod account;
mod guards;
mod helpers;
mod scripts;
mod shells;
mod typing;
mod words;
