//! Help topics: what is explained in addition to the commands.

pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) text: &'static str,
}

pub(super) const TOPICS: [Topic; 9] = [
    Topic { name: "exit-codes", about: "what each exit code means", text: include_str!("exit-codes.txt") },
    Topic {
        name: "environment",
        about: "variables, and which environment a key belongs to",
        text: include_str!("environment.txt"),
    },
    Topic {
        name: "ledger",
        about: "what prevents duplicate charges, and how machines share it",
        text: include_str!("ledger.txt"),
    },
    Topic { name: "pairing", about: "codes, and which phone used them", text: include_str!("pairing.txt") },
    Topic { name: "output", about: "formats, columns and filters", text: include_str!("output.txt") },
    Topic { name: "scenarios", about: "the steps of a sale in a file", text: include_str!("scenarios.txt") },
    Topic {
        name: "emulator",
        about: "phones, options, faults and seeds",
        text: include_str!("emulator.txt"),
    },
    Topic { name: "money", about: "amounts, rates and carts", text: include_str!("money.txt") },
    Topic {
        name: "callbacks",
        about: "events, signatures and deliveries",
        text: include_str!("callbacks.txt"),
    },
];
