//! Commands that messages suggest, for the profile that the user chose.

/// The commands that use a profile.
const PROFILE_COMMANDS: [&str; 12] = [
    "api",
    "dev",
    "devices",
    "doctor",
    "enrollments",
    "ledger",
    "locations",
    "orders",
    "payouts",
    "report",
    "sessions",
    "webhooks",
];

/// Adds `--profile` to the commands in a text, so that they use the same account. A command that has it keeps it.
pub(super) fn add(text: &str, profile: Option<&str>) -> String {
    const PROGRAM: &str = "kustom ";
    let Some(profile) = profile else { return text.to_owned() };
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PROGRAM) {
        let (before, after) = rest.split_at(at + PROGRAM.len());
        result.push_str(before);
        let word = after.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        if PROFILE_COMMANDS.contains(&word) && !after.starts_with("dev emulator") {
            result.extend(["--profile ", profile, " "]);
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::add as add_profile_flag;

    #[test]
    fn suggested_commands_keep_the_profile() {
        let add = |text| add_profile_flag(text, Some("shop"));
        assert_eq!(
            add("wait again: kustom sessions watch x, or `kustom doctor`"),
            "wait again: kustom --profile shop sessions watch x, or `kustom --profile shop doctor`"
        );
        for same in [
            "kustom --profile shop devices list",
            "kustom login",
            "new to kustom itself",
            "kustom help money",
        ] {
            assert_eq!(add(same), same);
        }
        assert_eq!(add_profile_flag("kustom devices list", None), "kustom devices list");
    }
}
