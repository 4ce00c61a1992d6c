//! Runs the steps of the workflow in `docs/examples`, job by job, as GitHub Actions does.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kustom::emulator::{API_KEY, MERCHANT_ID};
use serde_json::Value;

use super::page::{ROOT, files_below};
use super::sandbox::Sandbox;

/// A CI runner with the examples checked out.
fn start_runner() -> Sandbox {
    let sandbox = Sandbox::new();
    let examples = Path::new("docs/examples");
    for path in files_below("docs/examples") {
        let text = fs::read_to_string(Path::new(ROOT).join(&path)).expect("an example");
        sandbox.write_file(&path.strip_prefix(examples).expect("an example").to_string_lossy(), &text);
    }
    sandbox.stub_program("cargo", "#!/bin/sh\n[ \"$*\" = 'install --locked kustom' ]\n");
    sandbox
}

/// Evaluates the expressions that GitHub would replace.
fn evaluate(text: &str) -> String {
    let filled = text
        .replace("${{ secrets.KUSTOM_API_KEY }}", API_KEY)
        .replace("${{ vars.KUSTOM_MERCHANT_ID }}", MERCHANT_ID);
    assert!(!filled.contains("${{"), "unknown expression in {filled}");
    filled
}

#[test]
fn every_step_of_the_workflow_works() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/examples/kustom.yml")).expect("the workflow");
    let workflow: Value = serde_yaml_ng::from_str(&text).expect("YAML");
    let mut run = 0;
    for (name, job) in workflow["jobs"].as_object().expect("jobs") {
        let sandbox = start_runner();
        for step in job["steps"].as_array().expect("steps") {
            let Some(script) = step["run"].as_str() else {
                assert!(step["uses"].as_str().is_some_and(|action| action.starts_with("actions/")), "{step}");
                continue;
            };
            let mut whole = String::from("(\nexport GITHUB_RUN_ID=1001\n");
            for (variable, value) in step["env"].as_object().into_iter().flatten() {
                let value = evaluate(value.as_str().expect("a text"));
                let _ = writeln!(whole, "export {variable}='{value}'");
            }
            let _ = write!(whole, "{}\n)", evaluate(script));
            let outcome = sandbox.run(&whole);
            assert_eq!(outcome.exit, 0, "{name}: {script}\n{}\n{}", outcome.stdout, outcome.stderr);
            run += 1;
        }
        let report = fs::read_to_string(sandbox.home().join("report.xml")).expect("the report");
        assert!(report.contains("A sale that is paid at the second try"), "{report}");
    }
    assert_eq!(run, 7, "steps that were run");
}

/// The page itself tests a successful payment.
#[test]
fn the_example_script_reports_failures() {
    let sandbox = Sandbox::with_store();
    let script =
        fs::read_to_string(Path::new(ROOT).join("docs/examples/take-payment.sh")).expect("the script");
    sandbox.write_file("take-payment.sh", &script);
    let nobody = sandbox.run("sh take-payment.sh 'Till 9' 5 receipt-1");
    assert_eq!(nobody.exit, 2);
    assert!(nobody.stderr.contains("failed (exit 4), see the error above"), "{nobody:?}");
    sandbox.stub.account.lose_next_response();
    let unknown = sandbox.run("sh take-payment.sh 'Till 1' 5 receipt-2");
    assert_eq!(unknown.exit, 2);
    assert!(unknown.stderr.contains("unknown whether receipt-2 is charged"), "{unknown:?}");
    let nowhere = "KUSTOM_API_KEY=kco_test_api_1 KUSTOM_MERCHANT_ID=M1 KUSTOM_BASE_URL=http://127.0.0.1:1 \
                   sh take-payment.sh 0b7c1f8e-52d4-4c39-a6b1-7f20d95e8a43 5 receipt-3";
    let nowhere = sandbox.run(nowhere);
    assert_eq!(nowhere.exit, 1, "{nowhere:?}");
    assert!(nowhere.stderr.contains("the service cannot be reached"), "{nowhere:?}");
}
