use super::*;
use crate::emulator::state::{GOTHENBURG, PageRequest};

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

#[test]
fn a_seed_has_locations_and_devices() {
    let state = State::from_seed(SEED).unwrap();
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(json["locations"][0]["name"], "Umeå");
    assert_eq!(json["devices"][0]["location_id"], json["locations"][0]["id"]);
    assert_eq!(json["devices"][0]["metadata"]["floor"], "1");
    assert_eq!(json["devices"][1]["location_id"], json["locations"][1]["id"]);
    assert_eq!(json["devices"][1]["platform"], "IOS");
    assert_eq!(json["devices"][1]["offline"], true);
    assert_eq!(State::from_seed(SEED), Ok(state), "the IDs are the same each time");
}

#[test]
fn an_omitted_field_has_its_default() {
    assert_eq!(State::from_seed(""), Ok(State::seed()));
    let state = State::from_seed("[[devices]]\nname = \"x\"\nlocation = \"Göteborg Haga\"").unwrap();
    let page = state.list_devices(Some(GOTHENBURG), PageRequest::default(), jiff::Timestamp::MAX);
    assert_eq!(page.total_elements, 1);
    let alone = State::from_seed("locations = [{ name = \"A\" }]\ndevices = [{ name = \"x\" }]").unwrap();
    let json = serde_json::to_value(&alone).unwrap();
    assert_eq!(json["devices"][0]["location_id"], json["locations"][0]["id"]);
    assert_eq!(State::from_seed("locations = []"), Ok(State::with_locations(Vec::new())));
}

#[test]
fn an_error_has_its_line_and_column() {
    let same_name = "locations = [{ name = \"A\" }, { name = \"A\", id = \"00000000-0000-4000-8000-000000000001\" }]\n\
                     devices = [{ name = \"x\", location = \"A\" }]";
    let errors = [
        "locations = 5",
        "\n[[devices]]\n",
        "[[devices]]\nname = \"\"",
        "[[devices]]\nname = \"å\"\nid = \"x\"",
        "[[devices]]\nname = \"x\"\n[[devices]]\nname = \"x\"",
        "[[devices]]\nname = \"x\"\nlocation = \"Nowhere\"",
        same_name,
        "[[devices]]\nname = \"x\"\nplatform = \"TOASTER\"",
        "[[devices]]\nname = \"x\"\nplattform = \"IOS\"",
        "[[devices]\nname",
    ]
    .map(|text| {
        let errors: Vec<_> = State::from_seed(text).unwrap_err().iter().map(ToString::to_string).collect();
        errors.join("\n")
    });
    insta::assert_snapshot!(errors.join("\n"), @"
    line 1, column 13: invalid type: integer `5`, expected a sequence
    line 2, column 1: missing field `name`
    line 2, column 8: the name must not be empty
    line 3, column 6: UUID parsing failed: invalid character: found `x` at 0
    line 3, column 1: the ID of 'x' is not unique: give it an 'id' of its own
    line 3, column 12: there is no location 'Nowhere'
    line 2, column 37: 'A' is ambiguous: it matches 2 locations, so use an ID
    line 3, column 12: unknown variant `TOASTER`, expected one of `IOS`, `ANDROID`, `TERMINAL`
    line 3, column 1: unknown field `plattform`, expected one of `id`, `name`, `location`, `platform`, `metadata`, `offline`
    line 1, column 11: unclosed array table, expected `]`
    ");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "[[locations]]\nname = \"\"\ncountri = 5\n[[locations]]\ncity = 7\nname = \"A\"\n[[devices]]\nname = \"x\"\n\
                location = \"B\"\n[[devices]]\nid = \"x\"\nplatform = \"TOASTER\"\n";
    let errors: Vec<_> = State::from_seed(text).unwrap_err().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(errors.join("\n"), @"
    line 2, column 8: the name must not be empty
    line 3, column 1: unknown field `countri`, expected one of `id`, `name`, `street_address`, `postal_code`, `city`, `country`
    line 5, column 8: invalid type: integer `7`, expected a string
    line 9, column 12: there is no location 'B'
    line 10, column 1: missing field `name`
    line 11, column 6: UUID parsing failed: invalid character: found `x` at 0
    line 12, column 12: unknown variant `TOASTER`, expected one of `IOS`, `ANDROID`, `TERMINAL`
    ");
}
