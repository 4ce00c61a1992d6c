//! The routes for faults. What faults do is seen on a connection, so it is tested with the program.

use serde_json::{Value, json};

use crate::common::contract_emulator::{Ask, World};

fn list(world: &World, method: &'static str) -> Value {
    world.right(Ask::new(method, "/emulator/faults")).body["faults"].clone()
}

#[test]
fn faults_are_added_listed_and_cleared_as_described() {
    let world = World::new();
    let add = |fault: &str| world.right(Ask::new("POST", "/emulator/faults").json(&json!({"fault": fault})));
    assert_eq!(list(&world, "GET"), json!([]));
    let first = add("POST /ipp/v1/sessions: 503 x2");
    let second = add("* /*: drop");
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(list(&world, "GET"), json!([first.body, second.body]));
    assert_eq!(list(&world, "DELETE"), json!([first.body, second.body]));
    assert_eq!(list(&world, "GET"), json!([]));
    assert_eq!(add("POST /ipp/v1/sessions: nothing").status, 400);
    for _ in 0..100 {
        assert_eq!(add("* /*: drop").status, 201);
    }
    assert_eq!(add("* /*: drop").status, 409);
}
