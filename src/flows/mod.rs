//! State machines without I/O: an observation in, the next state and what to show out. The command owns the
//! clock, the network and the terminal.

pub mod watch;
