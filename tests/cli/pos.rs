//! `kustom dev pos`: the phone, from the code to the payment.

use std::fs;

use kustom::emulator::{Emulator, State};

use crate::common::prelude::*;

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

fn code(env: &TestEnv, more: &[&str]) -> String {
    let args = ["enrollments", "create", "--location", "Stockholm City", "-o", "json"];
    text(&env.run(args.iter().chain(more)).json(), "enrollment_code")
}

fn phone(env: &TestEnv) -> String {
    let args = ["dev", "pos", "pair", &code(env, &[]), "--name", "Phone", "-o", "json"];
    text(&env.run(args).json(), "id")
}

fn session_on(env: &TestEnv, device: &str) -> String {
    let args =
        ["sessions", "create", "--device", device, "--amount", "249.50", "--currency", "SEK", "-o", "json"];
    text(&env.run(args).json(), "session_id")
}

fn session(env: &TestEnv) -> String {
    session_on(env, &phone(env))
}

pub(super) fn pos(env: &TestEnv, args: &[&str]) -> CommandOutput {
    env.run(["dev", "pos"].iter().chain(args))
}

fn status(env: &TestEnv, session: &str) -> String {
    text(&env.run(["sessions", "get", session, "-o", "json"]).json(), "status")
}

fn set_switch(env: &TestEnv, name: &str, value: &str) {
    let file = env.state_folder().join("local.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(state["switches"].get(name).is_some(), "{name} is a switch");
    state["switches"][name] = json!(value);
    fs::write(&file, state.to_string()).unwrap();
}

#[test]
fn from_the_code_to_the_payment() {
    let env = TestEnv::new().local();
    let code = code(&env, &["--metadata", "till=1"]);
    let paired = pos(&env, &["pair", &code, "--name", "Anna's phone"]);
    let table = "ID        <id-1>\nNAME      Anna's phone\nLOCATION  Stockholm City\n\
                 PLATFORM  ANDROID\nMETADATA  till=1\nMERCHANT  EMULATED\n\
                 HARDWARE  <id-2>\nCREATED   <time>\n";
    let said = "! The phone is paired and can take payments.\n\
                !   create a session: kustom sessions create --device <id-1> --amount 249.50 --currency SEK\n";
    assert_eq!(&paired.whole(), &format!("{table}{said}exit 0\n"));

    let device = text(&env.run(["devices", "list", "-o", "json"]).json()[0], "id");
    assert!(paired.stdout.contains(&device));
    let session = session_on(&env, "Anna's phone");
    let watching = env.command(["sessions", "watch", &session, "--interval", "20ms"]).spawn();
    let _ = watching.until_stdout(|seen| seen.contains("CREATED"));

    let table = |status: &str| {
        format!(
            "ID       <id-1>\nSTATUS   {status}\nAMOUNT   249.50 SEK\nDEVICE   Anna's phone\nSTARTED  <time>\n"
        )
    };
    assert_eq!(
        &pos(&env, &["choose", &session, "--method", "swish"]).whole(),
        &format!(
            "{}! The clerk chose Swish. The customer can pay now; after a decline the clerk may try again on the \
             phone.\n!   pay: kustom dev pos pay <id-1>\n!   decline: kustom dev pos decline <id-1>\nexit 0\n",
            table("ACTIVE")
        )
    );
    let _ = watching.until_stdout(|seen| seen.contains("ACTIVE"));
    insta::assert_snapshot!(&pos(&env, &["pay", &session]).whole(), @"ID         <id-1>\nSTATUS     FINALIZED\nAMOUNT     249.50 SEK\nDEVICE     Anna's phone\nORDER      <id-2>\n\
         STARTED    <time>\nCOMPLETED  <time>\n\
         ! The customer used Swish. Paid. Order <id-2>.\nexit 0\n");
    insta::assert_snapshot!(&watching.wait().whole(), @"<elapsed>  CREATED\n<elapsed>  ACTIVE\n<elapsed>  FINALIZED   order <id-1>\n\
         ! Paid. Order <id-1>. It took <elapsed>.\nexit 0\n");
}

#[test]
fn for_scripts_the_answer_is_the_device_or_the_session() {
    let env = TestEnv::new().local();
    let shown = |args: &[&str]| -> Value {
        let outcome = pos(&env, &[args, &["-o", "json"]].concat());
        assert_eq!(outcome.stderr, "");
        outcome.json()
    };
    let device = shown(&["pair", &code(&env, &[])]);
    assert_eq!(device.get("name"), None, "a phone has no name until it is given one");
    assert_eq!(device["credentials"]["bearer_token"], "[redacted]");
    let with = shown(&["pair", &code(&env, &[]), "--show-credentials"]);
    assert!(text(&with["credentials"], "bearer_token").starts_with("emulated_"));

    let session = session_on(&env, &text(&device, "id"));
    let get = || env.run(["sessions", "get", &session, "-o", "json"]).json();
    for (args, status) in [
        (&["choose", &session, "--method", "vipps"][..], "ACTIVE"),
        (&["decline", &session], "ACTIVE"),
        (&["pay", &session], "FINALIZED"),
    ] {
        let mut answer = shown(args);
        assert_eq!(answer["status"], status);
        assert_eq!(answer.as_object_mut().unwrap().shift_remove("method"), Some(json!("VIPPS")));
        assert_eq!(answer, get(), "but for the method, which the API does not tell, it is the session");
    }
}

#[test]
fn a_payment_without_a_choice_is_by_card_unless_told_otherwise() {
    let env = TestEnv::new().local();
    let device = phone(&env);
    for (args, used) in
        [(&[][..], "a card"), (&["--method", "klarna"], "Klarna"), (&["--method", "SWISH"], "Swish")]
    {
        let session = session_on(&env, &device);
        let paid = pos(&env, &[&["pay", &session][..], args].concat()).assert_code(0);
        assert!(paid.stderr.starts_with(&format!("The customer used {used}. Paid. ")), "{}", paid.stderr);
        assert_eq!(status(&env, &session), "FINALIZED");
    }
}

#[test]
fn after_a_decline_there_is_a_second_try() {
    let env = TestEnv::new().local();
    let session = session(&env);
    let said = |outcome: CommandOutput| outcome.assert_code(0).err();
    let next = "  pay: kustom dev pos pay <id-1>\n  decline: kustom dev pos decline <id-1>\n";
    let again = "The customer can pay now; after a decline the clerk may try again on the phone.\n";
    assert_eq!(
        &said(pos(&env, &["decline", &session])),
        &format!("The card was declined without a reason. {again}{next}")
    );
    let _ = pos(&env, &["choose", &session, "--method", "klarna"]).assert_code(0);
    assert_eq!(
        &said(pos(&env, &["decline", &session, "--outcome", "insufficient-funds"])),
        &format!("The payment with Klarna was declined: insufficient funds. {again}{next}")
    );
    assert_eq!(status(&env, &session), "ACTIVE");
    let _ = pos(&env, &["pay", &session]).assert_code(0);
    assert_eq!(env.run(["sessions", "watch", &session, "-o", "json"]).json()["status"], "FINALIZED");
}

#[test]
fn the_switch_says_where_a_decline_leaves_the_session() {
    let env = TestEnv::new().local();
    let device = phone(&env);
    let decline =
        |session: &str| pos(&env, &["decline", session, "--outcome", "LOST_CARD"]).assert_code(0).err();
    set_switch(&env, "status_after_decline", "created");
    let session = session_on(&env, &device);
    insta::assert_snapshot!(&decline(&session), @"The payment was declined: the card was reported lost. \
         Waiting on the device: no payment method has been chosen yet.\n  \
         choose: kustom dev pos choose <id-1> --method card\n");
    let _ = pos(&env, &["pay", &session]).assert_code(0);
    set_switch(&env, "status_after_decline", "failed");
    let session = session_on(&env, &device);
    insta::assert_snapshot!(&decline(&session), @"The card was declined: the card was reported lost. \
         Failed: the payment could not be processed. The sale needs a new session.\n  \
         new session: kustom sessions create\n");
    pos(&env, &["pay", &session]).assert_failure(5);
    let _ = env.run(["sessions", "watch", &session]).assert_code(12);
}

#[test]
fn a_cancel_and_a_payment_exclude_each_other() {
    let env = TestEnv::new().local();
    let device = phone(&env);
    let paid = session_on(&env, &device);
    let _ = pos(&env, &["pay", &paid]).assert_code(0);
    let ended = |status: &str| {
        format!(
            "error: Session <id-1> has ended: it is {status}. (HTTP 409)\n  \
             hint: check its status: kustom sessions get <id-1>\n"
        )
    };
    assert_eq!(&pos(&env, &["cancel", &paid]).assert_failure(5), &ended("FINALIZED"));
    env.run(["sessions", "cancel", &paid]).assert_failure_with(5, "was not canceled, it is FINALIZED");

    let cancelled = session_on(&env, &device);
    insta::assert_snapshot!(&pos(&env, &["cancel", &cancelled]).assert_code(0).err(), @"The clerk canceled the session on the phone. Canceled: nothing was charged.\n  \
         new session: kustom sessions create\n");
    for args in
        [&["pay", &cancelled][..], &["decline", &cancelled], &["choose", &cancelled, "--method", "card"]]
    {
        assert_eq!(&pos(&env, args).assert_failure(5), &ended("CANCELLED"));
    }
    let _ = env.run(["sessions", "watch", &cancelled]).assert_code(10);
}

#[test]
fn of_a_cancel_and_a_payment_at_once_one_wins() {
    let env = TestEnv::new().local();
    let device = phone(&env);
    for _ in 0..5 {
        let session = session_on(&env, &device);
        let run = |verb: &str| env.command(["dev", "pos", verb, &session]).spawn();
        let (paying, cancelling) = (run("pay"), run("cancel"));
        let (paid, cancelled) = (paying.wait(), cancelling.wait());
        let ends = (paid.code, cancelled.code, status(&env, &session));
        let one_of = [(Some(0), Some(5), "FINALIZED".to_owned()), (Some(5), Some(0), "CANCELLED".to_owned())];
        assert!(one_of.contains(&ends), "{ends:?}");
    }
}

#[test]
fn a_code_works_once() {
    let env = TestEnv::new().local();
    let refused = |code: &str, exit: i32, why: &str| {
        let hint = "  hint: create another code: kustom enrollments create\n";
        assert_eq!(pos(&env, &["pair", code]).assert_failure(exit), format!("error: {why}\n{hint}"));
    };
    refused("NOSUCHCODE", 4, "There is no such enrollment code. (HTTP 404)");
    let used = code(&env, &[]);
    let _ = pos(&env, &["pair", &used]).assert_code(0);
    refused(&used, 5, "This code was used before. (HTTP 409)");
    let withdrawn = code(&env, &[]);
    let list = env.run(["enrollments", "list", "-o", "json"]).json();
    env.run(["enrollments", "delete", &text(&list[1], "enrollment_id")]).ok();
    refused(&withdrawn, 4, "There is no such enrollment code. (HTTP 404)");
    assert_eq!(env.run(["devices", "list", "-o", "json"]).json().as_array().unwrap().len(), 1);
}

#[test]
fn what_is_not_there_cannot_be_paid() {
    let env = TestEnv::new().local();
    let device = phone(&env);
    let session = session_on(&env, &device);
    for args in [
        &["choose", &fixed_id(1), "--method", "card"][..],
        &["pay", &fixed_id(1)],
        &["decline", &fixed_id(1)],
        &["cancel", &fixed_id(1)],
    ] {
        assert_eq!(
            &pos(&env, args).assert_failure(4),
            &format!(
                "error: There is no session {}. (HTTP 404)\n  \
                 hint: list the sessions created on this machine: kustom sessions list\n",
                fixed_id(1)
            )
        );
    }
    env.run(["devices", "deregister", &device]).ok();
    insta::assert_snapshot!(&pos(&env, &["pay", &session]).assert_failure(5), @"error: Device <id-1> was deregistered. (HTTP 409)\n  \
         hint: check its status: kustom sessions get <id-2>\n");
}

#[test]
fn an_emulator_on_this_machine_is_asked_what_its_description_describes() {
    let proxy = ValidatingProxy::start(&Emulator::new(State::seed()));
    let env = TestEnv::new().at_emulator(&proxy.base_url());
    let device = phone(&env);
    let (paid, cancelled) = (session_on(&env, &device), session_on(&env, &device));
    let _ = pos(&env, &["choose", &paid, "--method", "vipps"]).assert_code(0);
    let _ = pos(&env, &["decline", &paid, "--outcome", "incorrect-cvc"]).assert_code(0);
    let _ = pos(&env, &["pay", &paid]).assert_code(0);
    let _ = pos(&env, &["pay", &session_on(&env, &device), "--method", "swish"]).assert_code(0);
    let _ = pos(&env, &["cancel", &cancelled]).assert_code(0);
    assert_eq!(proxy.violations(), []);
    let seen = proxy.operations_seen();
    for own in ["posPair", "posChoose", "posPay", "posDecline", "posCancel"] {
        assert!(seen.contains(own), "{own}");
    }
}
