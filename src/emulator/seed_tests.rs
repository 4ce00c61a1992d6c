use super::*;
use crate::emulator::state::{GOTHENBURG, PageRequest};
use proptest::prelude::*;

const SEED: &str = r#"
[[locations]]
name = "Umeå"
country = "SE"

[[locations]]
id = "00000000-0000-4000-8000-000000000001"
name = "Luleå"
city = "Luleå"

[[devices]]
name = "Till 1"
location = "Umeå"
metadata = { floor = "1" }

[[devices]]
id = "00000000-0000-4000-8000-000000000002"
name = "Till 2"
location = "00000000-0000-4000-8000-000000000001"
platform = "IOS"
offline = true
"#;

fn error(text: &str) -> String {
    State::from_seed(text).unwrap_err().to_string()
}

#[test]
fn a_seed_is_what_the_emulator_begins_with() {
    let state = State::from_seed(SEED).unwrap();
    let shown = serde_json::to_value(&state).unwrap();
    assert_eq!(shown["locations"][0]["name"], "Umeå");
    assert_eq!(shown["devices"][0]["location_id"], shown["locations"][0]["id"]);
    assert_eq!(shown["devices"][0]["metadata"]["floor"], "1");
    assert_eq!(shown["devices"][1]["location_id"], shown["locations"][1]["id"]);
    assert_eq!(
        (&shown["devices"][1]["platform"], &shown["devices"][1]["offline"]),
        (&"IOS".into(), &true.into())
    );
    assert_eq!(State::from_seed(SEED), Ok(state.clone()), "ids do not depend on the moment");
    assert_eq!(State::read(&state.write()), Ok(state));
}

#[test]
fn what_is_left_out_is_as_it_is_without_a_seed() {
    assert_eq!(State::from_seed(""), Ok(State::seed()));
    let state = State::from_seed("[[devices]]\nname = \"x\"\nlocation = \"Göteborg Haga\"").unwrap();
    let page = state.list_devices(Some(GOTHENBURG), PageRequest::default(), Timestamp::MAX);
    assert_eq!(page.total_elements, 1);
    let alone = State::from_seed("locations = [{ name = \"A\" }]\ndevices = [{ name = \"x\" }]").unwrap();
    assert_eq!(
        serde_json::to_value(&alone).unwrap()["devices"][0]["location_id"],
        serde_json::to_value(&alone).unwrap()["locations"][0]["id"]
    );
    assert_eq!(State::from_seed("locations = []"), Ok(State::with_locations(Vec::new())));
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (text, expected) in [
        ("x = 1", "line 1, column 5: there is no 'x': a seed has locations and devices"),
        ("locations = 5", "line 1, column 13: write each as a table: [[locations]]"),
        ("[locations]\nname = \"x\"", "line 1, column 1: write each as a table: [[locations]]"),
        ("\n[[devices]]\n", "line 2, column 1: it has no 'name'"),
        ("[[devices]]\nname = 5", "line 2, column 8: 'name' must be a text in quotation marks"),
        ("[[devices]]\nname = \"\"", "line 2, column 8: 'name' must not be empty"),
        ("[[devices]]\nname = \"å\"\nid = \"x\"", "line 3, column 6: 'id' must be a UUID"),
        (
            "[[devices]]\nname = \"x\"\n[[devices]]\nname = \"x\"",
            "line 3, column 1: 'x' has the id of one before it; give it an 'id' of its own",
        ),
        (
            "[[devices]]\nname = \"x\"\nlocation = \"Nowhere\"",
            "line 3, column 12: there is no location 'Nowhere'",
        ),
        (
            "locations = [{ name = \"A\" }, { name = \"A\", id = \"00000000-0000-4000-8000-000000000001\" }]\n\
                 devices = [{ name = \"x\", location = \"A\" }]",
            "line 2, column 37: there are several locations 'A': name one by its id",
        ),
        (
            "[[devices]]\nname = \"x\"\nplatform = \"TOASTER\"",
            "line 3, column 12: 'platform' must be IOS, ANDROID or TERMINAL",
        ),
        ("[[devices]]\nname = \"x\"\noffline = 1", "line 3, column 11: 'offline' must be true or false"),
        (
            "[[devices]]\nname = \"x\"\nmetadata = { a = 1 }",
            "line 3, column 18: 'metadata' must be a table of texts, such as { floor = \"1\" }",
        ),
        (
            "[[devices]]\nname = \"x\"\nplattform = \"IOS\"",
            "line 3, column 13: there is no 'plattform' in devices: there are id, name, location, platform, \
                 metadata, offline",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    assert!(error("[[devices]\nname").starts_with("line 1, column 1"), "{}", error("[[devices]\nname"));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\PC|\n|\\[\\[devices\\]\\]\n|name = \"é\"\n|locations = ){0,24}") {
        let _ = State::from_seed(&text);
    }
}
